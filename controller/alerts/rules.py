"""What is wrong with a stack that somebody may want to know: by the rules that come with us, and the user's. Pure."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from controller.model.alert import AlertPolicy, Comparison, Rule, Severity, Threshold
from controller.model.decision import ON_ITS_WAY, Freeze
from controller.model.names import Instant
from controller.model.phases import SICK, Phase
from controller.model.quantities import tell_octets
from controller.model.status import Condition, ServiceStatus, StackStatus
from controller.model.usage import Figures, ServiceUsage

COMING = frozenset({Phase.PENDING, Phase.WAITING, Phase.STARTING})
CHANGING = frozenset({Phase.UPDATING, Phase.ROLLING_BACK})
AT_WILL = frozenset({Phase.STOPPED, Phase.PAUSED})

DOWN_AFTER, NOT_READY_AFTER, FETCH_AFTER = 60.0, 300.0, 1800.0
"""Seconds without any ready replica; the same while it is being started, and while its image is fetched or built."""

SHORT_AFTER = 120.0
"""Seconds with some of its replicas only."""

WORSE_AFTER = 900.0
"""Seconds in a crash loop after which its pauses are at their longest (1 + 2 + 4 … + 300 s)."""

KEEP = 30.0
"""Seconds for which a trouble must be gone before its alert is."""

KEEP_CRASH = 600.0
"""The same of what falls over: as long as the count of its restarts is kept."""

FLAPS, FLAP_WINDOW = 4, 600.0
"""A service that stops being ready so often within so many seconds is flapping."""

_FINAL = frozenset({"RollbackFailed", "JobFailed"})
"""Reasons of services on which nothing more will be tried."""

_NOT_ITS_OWN = frozenset({str(Freeze.HELD), "WaitingForSlot"})
"""Reasons of services that are as they are because the whole stack is, which is told of the stack."""

_CONDITIONS: Mapping[str, tuple[Severity, float]] = {
    "EngineUnavailable": (Severity.CRITICAL, 60.0),
    "IngressUnavailable": (Severity.CRITICAL, 60.0),
    "AuditDegraded": (Severity.CRITICAL, 0.0),
    "VaultLocked": (Severity.CRITICAL, 0.0),
    "RolledBack": (Severity.WARNING, 0.0),
    "GenerationHeld": (Severity.WARNING, 60.0),
    "ForeignUp": (Severity.WARNING, 60.0),
    "AdoptionHeld": (Severity.WARNING, 120.0),
    "MassRemovalHeld": (Severity.WARNING, 120.0),
    "EnvironmentIncomplete": (Severity.WARNING, 120.0),
    "Drifted": (Severity.WARNING, 120.0),
    "Insecure": (Severity.CRITICAL, 0.0),
    "Unconfined": (Severity.WARNING, 120.0),
    "Stuck": (Severity.WARNING, 120.0),
    "InsufficientRoom": (Severity.WARNING, 60.0),
    "Overcommitted": (Severity.WARNING, 600.0),
    "ImageUnverified": (Severity.INFO, 600.0),
    "CertificateExpiring": (Severity.CRITICAL, 0.0),
    "CertificateRenewFailed": (Severity.WARNING, 0.0),
    "CertificateNotServed": (Severity.WARNING, 60.0),
}
"""Conditions of a stack: how bad each is, and after how many seconds."""

_MEASURES: Mapping[str, Callable[[ServiceStatus], float]] = {
    "replicas_desired": lambda service: float(service.desired),
    "replicas_ready": lambda service: float(service.ready),
    "replicas_missing": lambda service: float(max(0, service.desired - service.ready)),
    "ready_ratio": lambda service: service.ready / service.desired if service.desired else 1.0,
    "restarts": lambda service: float(service.restarts),
}
"""How each metric of `FOLLOWING` is had."""

_USED: Mapping[str, Callable[[Figures], float | None]] = {
    "cpu": lambda total: total.cpu,
    "cpu_ratio": lambda total: _ratio(total.cpu, total.cpu_limit),
    "memory": lambda total: total.memory,
    "memory_ratio": lambda total: _ratio(total.memory, total.memory_limit),
    "network_received": lambda total: total.received,
    "network_sent": lambda total: total.sent,
    "disk_read": lambda total: total.read,
    "disk_written": lambda total: total.written,
    "processes": lambda total: total.processes,
}
"""The same of `MEASURED`; None: not known now."""

NOT_MEASURED: Mapping[str, ServiceUsage] = MappingProxyType({})
NO_ADVICE: Mapping[str, str] = MappingProxyType({})
RAISE_IT = "raise its memory limit"
"""What is said of one that was killed for want of memory, where nothing better is known."""

_BYTES = frozenset({"memory", "network_received", "network_sent", "disk_read", "disk_written"})

_OPERATORS: Mapping[Comparison, Callable[[float, float], bool]] = {
    Comparison.ABOVE: operator.gt,
    Comparison.AT_LEAST: operator.ge,
    Comparison.BELOW: operator.lt,
    Comparison.AT_MOST: operator.le,
    Comparison.EQUAL: operator.eq,
    Comparison.OTHER: operator.ne,
}


class Symptom(NamedTuple):
    """Something wrong now. `after`: seconds that it must last before anybody is told.

    `follows`: it may follow from what is wrong with a dependency, or from a change that we are making. `alone`: it is
    an alert of its own, whatever else is wrong with the service.
    """

    rule: str
    service: str | None
    severity: Severity
    message: str
    after: float = 0.0
    keep: float = KEEP
    follows: bool = True
    alone: bool = False
    labels: Mapping[str, str] = {}
    channels: tuple[str, ...] = ()


def find_symptoms(
    status: StackStatus,
    policy: AlertPolicy,
    lapses: Mapping[str, tuple[Instant, ...]],
    fault: str = "",
    usage: Mapping[str, ServiceUsage] = NOT_MEASURED,
    advice: Mapping[str, str] = NO_ADVICE,
) -> tuple[Symptom, ...]:
    """All that is wrong with the stack, by the built-in rules if they count, and by the stack's own.

    `fault`: why nothing can be decided, as where the disk is full. `usage`: by service. `advice`: what is to be said of
    those that were killed for want of memory.
    """
    found: list[Symptom] = []
    if policy.builtin:
        if fault:
            found.append(Symptom("PassFailed", None, Severity.CRITICAL, fault, DOWN_AFTER, follows=False, alone=True))
        found += _of_conditions(status.conditions)
        for service in status.services:
            found += _of_service(service, advice.get(service.name, RAISE_IT))
            found += _of_lapses(service, lapses.get(service.name, ()))
    for rule in policy.rules:
        found += _of_rule(rule, status.services, usage)
    return tuple(found)


def _of_conditions(conditions: Iterable[Condition]) -> Iterator[Symptom]:
    for condition in conditions:
        if condition.type in _CONDITIONS and condition.status == "True":
            severity, after = _CONDITIONS[condition.type]
            yield Symptom(condition.type, None, severity, condition.message, after, follows=False, alone=True)


def _of_service(service: ServiceStatus, advice: str) -> Iterator[Symptom]:
    name, said = service.name, _tell(service)
    if service.reason in _FINAL:
        yield Symptom(service.reason, name, Severity.CRITICAL, said, follows=False, alone=service.ready > 0)
    if service.phase is Phase.CRASH_LOOP:
        yield Symptom("CrashLoop", name, Severity.WARNING, said, DOWN_AFTER, KEEP_CRASH)
        yield Symptom("CrashLoopLasting", name, Severity.CRITICAL, said, WORSE_AFTER, KEEP_CRASH)
    killed = [replica.name for replica in service.replicas if replica.oom_killed]
    if killed and service.phase not in AT_WILL:
        message = f"the kernel killed {', '.join(killed)} for want of memory; {advice}"
        yield Symptom("OutOfMemory", name, Severity.WARNING, message, keep=KEEP_CRASH, follows=False)
    yield from _of_strength(service)


def _of_strength(service: ServiceStatus) -> Iterator[Symptom]:
    """How many serve; not while a person wants none, nor while an update is on its way."""
    if service.ready >= service.desired or service.phase not in SICK | COMING or service.reason in _NOT_ITS_OWN:
        return
    if service.ready:
        message = f"{service.ready} of {service.desired} replicas are ready"
        yield Symptom("ReplicasMissing", service.name, Severity.WARNING, _join(message, _tell(service)), SHORT_AFTER)
        return
    after = DOWN_AFTER if service.phase in SICK else NOT_READY_AFTER
    after = FETCH_AFTER if service.reason in ON_ITS_WAY else after
    message = "no replica is ready" if service.phase in SICK else f"still {service.phase}"
    yield Symptom("ServiceDown", service.name, Severity.CRITICAL, _join(message, _tell(service)), after)


def _of_lapses(service: ServiceStatus, lapses: tuple[Instant, ...]) -> Iterator[Symptom]:
    if len(lapses) >= FLAPS:
        message = f"stopped being ready {len(lapses)} times within {FLAP_WINDOW / 60:g} minutes"
        yield Symptom("Flapping", service.name, Severity.WARNING, message)


def _of_rule(rule: Rule, services: Iterable[ServiceStatus], usage: Mapping[str, ServiceUsage]) -> Iterator[Symptom]:
    for service in services:
        if (rule.services and service.name not in rule.services) or service.reason in _NOT_ITS_OWN:
            continue
        if (message := _fulfils(rule, service, usage.get(service.name))) is not None:
            yield Symptom(
                rule.name, service.name, rule.severity, message, rule.lasting,
                follows=rule.when not in CHANGING | AT_WILL, alone=True, labels=rule.labels, channels=rule.channels,
            )  # fmt: skip


def _fulfils(rule: Rule, service: ServiceStatus, usage: ServiceUsage | None) -> str | None:
    """What to say of it; None: the rule does not hold."""
    if not isinstance(rule.when, Threshold):
        return _join(str(service.phase), _tell(service)) if service.phase is rule.when else None
    if service.phase in AT_WILL:
        return None
    metric, value = rule.when.metric, _measure(rule.when.metric, service, usage)
    if value is None or not _OPERATORS[rule.when.op](value, rule.when.value):
        return None
    return f"{metric} is {_amount(metric, value)} ({rule.when.op} {_amount(metric, rule.when.value)})"


def _measure(metric: str, service: ServiceStatus, usage: ServiceUsage | None) -> float | None:
    """None: nobody measures it, or it is not known now."""
    if metric in _MEASURES:
        return _MEASURES[metric](service)
    if usage is None:
        return None
    return _USED[metric](usage.total) if metric in _USED else usage.custom.get(metric)


def _ratio(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None


def _amount(metric: str, value: float) -> str:
    return tell_octets(value) if metric in _BYTES else f"{value:.4g}"


def _tell(service: ServiceStatus) -> str:
    """Its own words, but for one in a crash loop that just runs: what it says then is no trouble."""
    if service.phase is Phase.CRASH_LOOP and any(replica.running for replica in service.replicas):
        return "keeps falling over, and was just started again"
    return service.message


def _join(first: str, more: str) -> str:
    return f"{first}: {more}" if more else first
