"""Engines: whatever runs containers, behind one port."""
