"""Texts into vectors: models, who computes them, vectors kept."""
