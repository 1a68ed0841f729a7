"""The same work done by what people would take instead of this project: `python -m benchmarks.peers`."""
