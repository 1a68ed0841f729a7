"""What computes embeddings: PyTorch or OpenVINO."""
