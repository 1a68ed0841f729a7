"""Scripts that measure; each answers one question."""
