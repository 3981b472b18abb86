"""Deciding, pure: values and `now` in, values out. No clock, no Docker, no files, no randomness, no log."""
