"""Papers in, searchable snapshot out. Knows nothing of HTTP.

Read `build` first: it is the table of contents. Nothing is imported here, so that light modules stay light.
"""
