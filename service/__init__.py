"""A snapshot over HTTP. Read `app` first: it is the only wiring. Nothing is imported here: `--help` stays quick."""
