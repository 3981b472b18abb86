"""What a scan finds: rules, findings with their places, and those that are known and accepted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple


class FindingSeverity(StrEnum):
    """How bad it is, by the model of compose-lint's docs/severity.md: precondition of the attack times its reach."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Higher is worse."""
        return _RANKS[self]

    def reaches(self, threshold: FindingSeverity | None) -> bool:
        """Whether it is at least as bad; nothing reaches None."""
        return threshold is not None and self.rank >= threshold.rank


_RANKS = {severity: rank for rank, severity in enumerate(FindingSeverity)}


class FindingSource(StrEnum):
    """Where it was found: in what the files say, or in what runs and is otherwise than that."""

    COMPOSE = "compose"
    RUNNING = "running"


class Rule(NamedTuple):
    """One thing that a scan looks for. `why`: one sentence on what comes of it; `fix`: the mend.

    `references`: ids of the same in the CIS Docker Benchmark (`CIS 5.5`), Kubernetes' Pod Security Standards (`PSS
    baseline`), OWASP's Docker cheat sheet (`OWASP 3`), and other scanners (`CL-0002`, `KICS ae5b6871`).
    """

    id: str
    severity: FindingSeverity
    title: str
    why: str
    fix: str
    references: tuple[str, ...] = ()


class Acceptance(NamedTuple):
    """Of a finding that is known: why, and the last day on which that counts."""

    reason: str
    expires: date


@dataclass(frozen=True, slots=True)
class ScanFinding:
    """One finding. `service` None: the project's, or the machine's. Places are 1-based, None where there is none.

    `message` says what is there, with the values that matter and never a secret. `path`: `services.web.privileged`.
    """

    rule: Rule
    severity: FindingSeverity
    message: str
    fix: str
    service: str | None = None
    path: str | None = None
    file: str | None = None
    line: int | None = None
    column: int | None = None
    source: FindingSource = FindingSource.COMPOSE
    accepted: Acceptance | None = None

    @property
    def key(self) -> tuple[str, str | None, str | None]:
        """What makes it the same finding: rule, service and path."""
        return (self.rule.id, self.service, self.path)

    @property
    def place(self) -> str:
        """`compose.yaml:12`; "" where there is none."""
        return ":".join(str(part) for part in (self.file, self.line) if part is not None)


def by_severity(findings: Iterable[ScanFinding]) -> list[ScanFinding]:
    """The worst first; then by service, file, line and rule."""
    return sorted(
        findings,
        key=lambda one: (
            -one.severity.rank,
            one.service or "",
            one.file or "",
            one.line or 0,
            one.rule.id,
            one.path or "",
        ),
    )


def gated(findings: Iterable[ScanFinding], threshold: FindingSeverity | None) -> list[ScanFinding]:
    """Those that keep a service from starting: as bad as that, and not accepted."""
    return [one for one in findings if one.accepted is None and one.severity.reaches(threshold)]
