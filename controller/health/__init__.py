"""Readiness: probes sense, the verdict judges, the prober schedules."""
