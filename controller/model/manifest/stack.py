"""The `Stack`: policy beside a Compose project, which itself stays untouched."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from controller.model.manifest.operations import (
    Alerting,
    Compose,
    Ingress,
    Metrics,
    Optimization,
    Reconcile,
    Resources,
    Startup,
    StartupProfile,
)
from controller.model.manifest.security import Security
from controller.model.manifest.values import Section
from controller.model.manifest.workload import Service

API_VERSION = "controller/v1"


class EngineKind(StrEnum):
    COMPOSE = "compose"
    SWARM = "swarm"


class Metadata(Section):
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=63)]
    """Name of the stack: the Compose project's name."""
    labels: Mapping[str, str] = Field(default_factory=dict)
    """For people and tools; the controller does not use them."""
    annotations: Mapping[str, str] = Field(default_factory=dict)
    """For people and tools; the controller does not use them."""


class StackSpec(Section):
    compose: Compose = Field(default_factory=Compose)
    """Which Compose project."""
    engine: EngineKind = EngineKind.COMPOSE
    """Who runs the containers."""
    profile: str | None = None
    """The startup profile that is chosen. Default: all services."""
    auto_start: bool = True
    """`run` starts what does not run; false: it waits for `controller start`."""
    startup_profiles: Mapping[str, StartupProfile] = Field(default_factory=dict)
    """Named selections of services."""
    startup: Startup = Field(default_factory=Startup)
    """How services start."""
    reconcile: Reconcile = Field(default_factory=Reconcile)
    """How the stack is kept as it is to be."""
    services: Mapping[str, Service] = Field(default_factory=dict)
    """Policy of single services, by name."""
    ingress: Ingress = Field(default_factory=Ingress)
    """A proxy in front of published ports."""
    resources: Resources = Field(default_factory=Resources)
    """What may start, how limits follow use, what is cleaned up."""
    security: Security = Field(default_factory=Security)
    """Scan, network policy, TLS, secrets."""
    alerting: Alerting = Field(default_factory=Alerting)
    """Rules of alerts."""
    metrics: Metrics = Field(default_factory=Metrics)
    """What is measured."""
    optimization: Optimization = Field(default_factory=Optimization)
    """What makes starts quicker."""


class Stack(Section):
    """A stack: a Compose project and the policy that keeps it running."""

    api_version: Literal["controller/v1"]
    """Version of the manifest's format."""
    kind: Literal["Stack"]
    """What the document describes."""
    metadata: Metadata
    """Who it is."""
    spec: StackSpec = Field(default_factory=StackSpec)
    """What is wanted."""
