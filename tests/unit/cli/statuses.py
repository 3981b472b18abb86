"""Statuses with defaults, for tests of screens."""

from __future__ import annotations

from typing import Any

from controller.model.observed import Replica
from controller.model.phases import Phase, StackPhase
from controller.model.status import Condition, Event, ServiceStatus, StackStatus
from tests.builders import NOW, healthy


def service_status(name: str = "web", phase: Phase = Phase.READY, *replicas: Replica, **others: Any) -> ServiceStatus:
    """Ready with one healthy replica unless told otherwise; in its phase since 60 s before `NOW`."""
    present = replicas or ((healthy(1, service=name),) if phase is Phase.READY else ())
    fields: dict[str, Any] = {
        "reason": str(phase),
        "message": "",
        "desired": 1,
        "ready": sum(replica.ready_since is not None for replica in present),
        "updated": len(present),
        "since": NOW - 60,
        "restarted": {replica.id: replica.restarts for replica in present if replica.restarts},
    }
    return ServiceStatus(name=name, phase=phase, replicas=tuple(present), **{**fields, **others})


def stack_status(*services: ServiceStatus, **others: Any) -> StackStatus:
    fields: dict[str, Any] = {
        "name": "shop",
        "phase": StackPhase.CONVERGED,
        "generation": 3,
        "conditions": (),
        "taken_at": NOW,
        "source": "manifests/shop.yaml",
    }
    return StackStatus(services=services, **{**fields, **others})


def condition(type_: str, status: str, reason: str = "Because", message: str = "a sentence.") -> Condition:
    return Condition(type_, status, reason, message, NOW - 30)


def event(reason: str = "Started", message: str = "web-1 runs", **others: Any) -> Event:
    fields: dict[str, Any] = {"at": NOW - 5, "stack": "shop", "service": "web", "kind": "Normal", "seq": 1}
    return Event(reason=reason, message=message, **{**fields, **others})
