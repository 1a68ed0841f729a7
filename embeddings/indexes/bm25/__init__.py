"""The lexical index: BM25 on memory-mapped postings."""
