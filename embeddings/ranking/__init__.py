"""Candidates into ranked hits."""
