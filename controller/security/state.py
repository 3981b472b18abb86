"""What is known of a stack's protection at one moment: what a scan found, what it bars, who reaches whom. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from controller.model.certified import CertificateState
from controller.model.names import Instant
from controller.model.reach import Reach
from controller.model.scanning import FindingSeverity, FindingSource, ScanFinding, by_severity
from controller.security.anchor import Anchor
from controller.security.published import Published
from controller.security.rules.daemon import RULES
from controller.security.waivers import EXPIRED, IDLE, Waived

_ENGINES = frozenset(rule.id for rule in RULES)
_OF_WAIVERS = frozenset({EXPIRED.id, IDLE.id})


class WaiverState(NamedTuple):
    """A waiver today. `days_left`: 0 on its last day, below that when it is over; `findings`: how many it is for."""

    waiver: Waived
    days_left: int
    findings: int


@dataclass(frozen=True, slots=True)
class Scanned:
    """One scan. `looked_at`: when what runs was looked at last, None: never; `trouble`: why not this time."""

    at: Instant
    findings: tuple[ScanFinding, ...] = ()
    waivers: tuple[WaiverState, ...] = ()
    looked_at: Instant | None = None
    trouble: str = ""

    @property
    def own(self) -> tuple[ScanFinding, ...]:
        """Those of the stack."""
        return tuple(one for one in self.findings if not is_engines(one))

    @property
    def engine(self) -> tuple[ScanFinding, ...]:
        """Those of the engine, which all its stacks have in common."""
        return tuple(one for one in self.findings if is_engines(one))

    @property
    def running(self) -> tuple[ScanFinding, ...]:
        """Those of what runs otherwise than its files say."""
        return tuple(one for one in self.own if one.source is FindingSource.RUNNING)


@dataclass(frozen=True, slots=True)
class SecurityState:
    """`scanned` None: not scanned yet, or nobody asks for it. `barred`: who may not be started, and why.

    `enforced`: `networkPolicy: dependencies`; `reach`: the last check of the whole stack, None: there was none.
    """

    stack: str
    scanned: Scanned | None = None
    fail_on: FindingSeverity | None = None
    barred: Mapping[str, str] = field(default_factory=dict)
    enforced: bool = False
    published: tuple[Published, ...] = ()
    reach: Reach | None = None
    asked: bool = True
    """The manifest asks for scans."""
    certificates: tuple[CertificateState, ...] = ()
    """Of the controller's own authority, as they are now."""
    keys: tuple[str, ...] = ()
    """Ids of the encryption keys that something of it is under."""
    audit: Anchor | None = None
    """Where its audit log ends; None: nothing was recorded yet, or that is not known."""


def is_engines(finding: ScanFinding) -> bool:
    """Whether it is about the engine, and no stack's."""
    return finding.rule.id in _ENGINES and finding.source is FindingSource.RUNNING


def judge_waivers(waivers: Sequence[Waived], findings: Iterable[ScanFinding], today: date) -> tuple[WaiverState, ...]:
    """Each waiver as it stands today, the first to end first."""
    found = [one for one in findings if one.rule.id not in _OF_WAIVERS]
    told = [WaiverState(waiver, (waiver.expires - today).days, sum(map(waiver.covers, found))) for waiver in waivers]
    return tuple(sorted(told, key=lambda one: (one.days_left, one.waiver.id, one.waiver.service)))


class Told(NamedTuple):
    """Several findings in one sentence. `service`: whose they are, where they are one's; `bad`: some are high."""

    message: str
    service: str | None
    bad: bool


def compare(before: Scanned | None, after: Scanned) -> tuple[tuple[ScanFinding, ...], tuple[ScanFinding, ...]]:
    """What came and what went of a stack's own; nothing where there is nothing to compare with."""
    if before is None:
        return (), ()
    blind = before.looked_at is None or after.looked_at is None
    old, new = (_by_sameness(one, blind) for one in (before, after))
    came = [one for same, one in new.items() if same not in old]
    gone = [one for same, one in old.items() if same not in new]
    return tuple(by_severity(came)), tuple(by_severity(gone))


def _by_sameness(scanned: Scanned, blind: bool) -> Mapping[object, ScanFinding]:
    """Those that count; `blind`: only of the files."""
    return {
        (one.source, *one.key, one.message): one
        for one in scanned.own
        if one.accepted is None and not (blind and one.source is FindingSource.RUNNING)
    }


def tell_findings(findings: Sequence[ScanFinding]) -> Told:
    """`3 findings: 1 critical, 2 high; the worst: web: H03 it runs privileged`; the worst comes first."""
    counted = Counter(one.severity for one in findings)
    parts = ", ".join(f"{counted[one]} {one}" for one in reversed(FindingSeverity) if counted[one])
    worst = findings[0]
    ran = " (running)" if worst.source is FindingSource.RUNNING else ""
    what = f"{worst.service or 'project'}{ran}: {worst.rule.id} {worst.message}"
    number = len(findings)
    message = f"{number} findings: {parts}; the worst: {what}" if number > 1 else f"{worst.severity}: {what}"
    services = {one.service for one in findings}
    return Told(message, services.pop() if len(services) == 1 else None, worst.severity.reaches(FindingSeverity.HIGH))
