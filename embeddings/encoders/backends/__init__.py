"""Computation backends: PyTorch and OpenVINO."""
