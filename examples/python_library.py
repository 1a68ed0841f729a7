"""Search a folder of snapshots: python examples/python_library.py [SNAPSHOTS] [TEXT]."""

import sys

import embeddings

folder = sys.argv[1] if len(sys.argv) > 1 else "snapshots"
text = sys.argv[2] if len(sys.argv) > 2 else "federated learning on small devices"

searcher = embeddings.open_searcher(folder)
for hit in searcher.search(text, embeddings.SearchOptions(top_k=5)).hits:
    print(f"{hit.score:.2f}  {hit.paper.id[:8]}  {hit.paper.label}")
