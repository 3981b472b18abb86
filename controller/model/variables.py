"""Variables that are the controller's own, and nobody else's."""

from __future__ import annotations

OWN = ("CONTROLLER_", "ENCRYPTION_KEY", "JWT_SECRET_KEY")
"""Prefixes of our own settings and secrets."""
