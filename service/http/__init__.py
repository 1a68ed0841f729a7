"""ASGI middleware and JSON."""
