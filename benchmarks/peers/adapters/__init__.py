"""One module a peer, run in the peer's own environment: see `worker`."""
