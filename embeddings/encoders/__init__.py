"""Encoders: models, computation backends and the vector cache."""
