"""Judges what a stack lets others do to it, and to the machine it runs on."""
