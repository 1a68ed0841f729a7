"""Texts into embeddings: models, backends, the vector cache."""
