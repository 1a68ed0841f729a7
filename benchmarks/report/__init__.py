"""Write docs/benchmarks.md, and the claims of the README, from the result files."""
