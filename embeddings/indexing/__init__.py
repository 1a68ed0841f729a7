"""Vectors and terms into indexes, nearest rows out."""
