"""The vector index, implemented with FAISS."""
