"""Holds the served snapshot and answers queries."""
