"""The stable shapes for programs (docs/cli.md): values to plain dictionaries. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from controller.decide.touched import find_differences
from controller.model.errors import Finding
from controller.model.names import Instant
from controller.model.observed import Replica
from controller.model.plan import Plan, Row
from controller.model.routes import RouteSeen
from controller.model.status import Condition, Event, ServiceStatus, StackStatus
from controller.render.phases import next_try
from controller.render.published import published_data
from controller.render.status import addresses, exposed, published

Data = dict[str, Any]


def timestamp(instant: Instant) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    return datetime.fromtimestamp(instant, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def status_data(stacks: Sequence[StackStatus]) -> Data:
    """`status -o json`."""
    return {"stacks": [stack_data(stack) for stack in stacks]}


def stack_data(stack: StackStatus, *, words: bool = False) -> Data:
    """`words`: with the last output of replicas, which is long."""
    return {
        "name": stack.name,
        "phase": str(stack.phase),
        "generation": stack.generation,
        "conditions": [_condition(condition) for condition in stack.conditions],
        "services": [service_data(service, words=words) for service in stack.services],
    }


def _condition(condition: Condition) -> Data:
    return {
        "type": condition.type,
        "status": condition.status,
        "reason": condition.reason,
        "message": condition.message,
        "lastTransitionTime": timestamp(condition.transitioned_at),
    }


def service_data(service: ServiceStatus, *, words: bool = False) -> Data:
    tried = next_try(service)
    return {
        "name": service.name,
        "phase": str(service.phase),
        "reason": service.reason,
        "message": service.message,
        "desired": service.desired,
        "ready": service.ready,
        "updated": service.updated,
        "restarts": service.restarts,
        "since": timestamp(service.since),
        "waitsFor": service.waits_for,
        "nextTry": None if tried is None else timestamp(tried),
        "conditions": [_condition(condition) for condition in service.conditions],
        "replicas": [replica_data(replica, words=words) for replica in service.replicas],
    }


def replica_data(replica: Replica, *, words: bool = False) -> Data:
    return {
        "id": replica.id,
        "name": replica.name,
        "phase": str(replica.phase),
        "health": str(replica.health),
        "restarts": replica.restarts,
        "configHash": replica.config_hash,
        "image": replica.image,
        "drift": _drift_data(replica),
        "exitCode": None if replica.running else replica.exit_code,
        "oomKilled": replica.oom_killed and not replica.running,
        **({"lastOutput": replica.last_output} if words else {}),
        **({} if replica.route is None else {"route": _route_data(replica.route)}),
    }


def _drift_data(replica: Replica) -> list[Data]:
    """What a hand changed; of what is not ours, in which fields it is other than it would be made now."""
    found = find_differences(replica)
    told: list[Data] = [{"path": one.path, "wanted": one.wanted, "seen": one.seen} for one in found]
    return told or [{"path": path, "wanted": None, "seen": None} for path in replica.drift or ()]


def _route_data(route: RouteSeen) -> Data:
    figures = route.figures
    return {
        "state": str(route.state),
        "connections": route.connections,
        "requests": figures.requests,
        "errors": figures.errors,
        "latencySeconds": round(figures.latency, 6),
    }


def endpoints_data(stacks: Sequence[StackStatus]) -> Data:
    """`get endpoints -o json`."""
    return {
        "endpoints": [
            {
                "stack": stack.name,
                "service": service.name,
                "addresses": list(addresses(service)),
                "published": list(published(service)),
                "exposed": published_data(exposed(service)),
            }
            for stack in stacks
            for service in stack.services
        ]
    }


def plan_data(plans: Sequence[Plan]) -> Data:
    """`plan -o json`: several stacks are reconciled side by side, so the longest one gives the time."""
    known = [plan.seconds for plan in plans if plan.seconds is not None]
    return {
        "changes": sum(len(plan.steps) for plan in plans),
        "steps": [
            {
                "stack": step.stack,
                "at": _rounded(step.at),
                "action": step.action,
                "service": step.service,
                "replica": step.replica,
                "because": step.because,
                "seconds": _rounded(step.seconds),
            }
            for plan in plans
            for step in plan.steps
        ],
        "held": [
            {"stack": held.stack, "service": held.service, "reason": held.reason, "message": held.message}
            for plan in plans
            for held in plan.held
        ],
        "waits": [
            {
                "stack": wait.stack,
                "at": _rounded(wait.at),
                "service": wait.service,
                "waitsFor": wait.waits_for,
                "seconds": _rounded(wait.seconds),
            }
            for plan in plans
            for wait in plan.waits
        ],
        "updates": [
            {
                "stack": update.stack,
                "service": update.service,
                "order": str(update.order),
                "because": update.because,
                "parallelism": update.parallelism,
                "drainSeconds": update.drain,
                "handsOver": update.hands_over,
                "preStopSeconds": update.pre_stop_delay,
            }
            for plan in plans
            for update in plan.updates
        ],
        "timeline": [_row_data(row) for plan in plans for row in plan.timeline],
        "predictedSeconds": _rounded(max(known, default=0.0)) if len(known) == len(plans) else None,
        "predictedDowntime": {plan.stack: _downtime(plan.downtime) for plan in plans},
        "settles": all(plan.settles for plan in plans),
    }


def _row_data(row: Row) -> Data:
    return {
        "stack": row.stack,
        "service": row.service,
        "critical": row.critical,
        "unknownFrom": _rounded(row.unknown_from),
        "unknownDoing": row.unknown_doing and str(row.unknown_doing),
        "unknownAfter": row.unknown_after or None,
        "lack": row.lack or None,
        "bars": [
            {
                "doing": str(bar.doing),
                "at": _rounded(bar.at),
                "seconds": _rounded(bar.seconds),
                "replica": bar.replica,
                "waitsFor": bar.of or None,
                "lack": bar.lack or None,
            }
            for bar in row.bars
        ],
    }


def _downtime(downtime: Mapping[str, float | None]) -> Data:
    return {service: _rounded(seconds) for service, seconds in downtime.items()}


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def event_data(event: Event) -> Data:
    return {
        "seq": event.seq,
        "time": timestamp(event.at),
        "stack": event.stack,
        "service": event.service,
        "type": event.kind,
        "reason": event.reason,
        "message": event.message,
        "count": event.count,
        "firstTime": timestamp(event.at if event.first_at is None else event.first_at),
    }


def events_data(events: Sequence[Event]) -> Data:
    """`events -o json`."""
    return {"events": [event_data(event) for event in events]}


def findings_data(findings: Sequence[Finding]) -> Data:
    """`validate -o json`."""
    return {
        "errors": [
            {
                "file": item.file,
                "line": item.line,
                "column": item.column,
                "path": item.path,
                "message": item.message,
                "hint": item.hint,
            }
            for item in findings
        ]
    }
