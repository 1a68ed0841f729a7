"""The vector index on FAISS."""
