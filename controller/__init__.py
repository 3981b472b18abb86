"""Kubernetes-style reconciliation for Docker Compose."""

__version__ = "0.1.0"
"""Here, and not asked of the installed package: that takes longer than all else that `controller version` does."""
