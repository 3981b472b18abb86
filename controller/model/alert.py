"""Alerts: the rules that raise them, what each has come to, and who wants to hear no more of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from controller.model.names import Instant
from controller.model.phases import Phase


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for the least."""
        return tuple(Severity).index(self)


class Comparison(StrEnum):
    ABOVE = ">"
    AT_LEAST = ">="
    BELOW = "<"
    AT_MOST = "<="
    EQUAL = "=="
    OTHER = "!="


MEASURED = (
    "cpu", "cpu_ratio", "memory", "memory_ratio", "network_received", "network_sent", "disk_read", "disk_written",
    "processes",
)  # fmt: skip
"""Of what a service uses, its replicas together: cores, bytes, bytes a second; ratios are of their limits."""

FOLLOWING = ("replicas_desired", "replicas_ready", "replicas_missing", "ready_ratio", "restarts")
"""What follows from the status, measured or not."""

METRICS = (*FOLLOWING, *MEASURED)
"""What rules may compare, of every service; beside these the stack's own."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """A metric that passes a value."""

    metric: str
    op: Comparison
    value: float


@dataclass(frozen=True, slots=True)
class Rule:
    """What a user asks to be told of: a phase, or a metric that passes a value. `lasting`: seconds that it must hold.

    `services` (): all. `channels` (): the stack's.
    """

    name: str
    when: Phase | Threshold
    lasting: float = 0.0
    severity: Severity = Severity.WARNING
    services: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    channels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AlertPolicy:
    """What a stack wants to be told. `channels` (): all that there are.

    `builtin`: the rules that come with the controller count too. `repeat`: seconds after which one that lasts is told
    again; 0: never.
    """

    builtin: bool = True
    channels: tuple[str, ...] = ()
    repeat: float = 14400.0
    rules: tuple[Rule, ...] = ()

    @property
    def measures(self) -> bool:
        """Whether some rule is of what a service uses, or tells of itself."""
        return any(isinstance(rule.when, Threshold) and rule.when.metric not in FOLLOWING for rule in self.rules)


TELL_FOR = 86400.0
"""Seconds after its end for which it is still tried to tell of it."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a channel was told last of an alert, and when."""

    severity: Severity
    at: Instant
    resolved: bool = False


@dataclass(frozen=True, slots=True)
class Alert:
    """One trouble and all that follows from it. `service` None: the stack as a whole.

    `affects`: other services that suffer from it. `also`: names of the other rules that it fulfils. `quiet_since`: when
    nothing spoke for it any more; it counts as resolved a while after that.
    """

    id: str
    stack: str
    service: str | None
    rule: str
    severity: Severity
    message: str
    since: Instant
    fired_at: Instant
    affects: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    channels: tuple[str, ...] = ()
    keep: float = 0.0
    """Seconds for which it must be quiet before it counts as resolved."""
    quiet_since: Instant | None = None
    resolved_at: Instant | None = None
    told: Mapping[str, Told] = field(default_factory=dict)
    """By channel."""


@dataclass(frozen=True, slots=True)
class Ack:
    """Somebody knows of an alert: no repeats of it, as long as it gets no worse."""

    alert: str
    who: str
    at: Instant
    severity: Severity = Severity.CRITICAL
    """How bad it was then."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing is told of what it matches, until then. Empty `services` or `rules`: any."""

    id: int
    until: Instant
    who: str
    at: Instant
    services: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    comment: str = ""

    def covers(self, alert: Alert) -> bool:
        """Whether the alert is one of those."""
        return (not self.services or alert.service in self.services) and (not self.rules or alert.rule in self.rules)


@dataclass(frozen=True, slots=True)
class Book:
    """All that must be remembered of a stack's alerts. Losing it means that what lasts is told again.

    `open` by subject: the service, `SERVICE/RULE` of a rule of the user's, else the rule.
    """

    open: Mapping[str, Alert] = field(default_factory=dict)
    closed: tuple[Alert, ...] = ()
