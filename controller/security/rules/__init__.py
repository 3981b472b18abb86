"""The rules of the scan, one module a chapter."""
