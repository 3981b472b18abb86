"""A small retrieval server: documents in, the passages nearest to a question out."""
