"""A model taught another language. Nothing is imported here, so that its recipe stays light to import."""
