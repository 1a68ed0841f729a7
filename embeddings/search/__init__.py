"""Queries into hits."""
