"""Kubernetes-style reconciliation for Docker Compose."""
