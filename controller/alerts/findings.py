"""What of a scan somebody has to hear of: what runs worse than its files say, and waivers that are over. Pure.

What the files say was told when they were applied, and whoever gates on it hears of who is barred.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from controller.alerts.rules import Symptom
from controller.model.alert import Severity
from controller.model.scanning import FindingSeverity, FindingSource, ScanFinding, by_severity

RULE, WAIVER = "Findings", "WaiverExpired"

_SUM = "X01"
"""Says of a service that it has others of these: those have the words."""
_OVER = "A01"


def find_findings(findings: Iterable[ScanFinding]) -> tuple[Symptom, ...]:
    """Of one stack; nothing of what is accepted. One for each service, and one for what is no service's."""
    counts = [one for one in findings if one.accepted is None]
    return (*_of_running(counts), *_of_waivers(counts))


def _of_running(findings: Iterable[ScanFinding]) -> Iterator[Symptom]:
    bad = [
        one for one in findings if one.source is FindingSource.RUNNING and one.severity.reaches(FindingSeverity.HIGH)
    ]
    groups: dict[str | None, list[ScanFinding]] = defaultdict(list)
    for one in by_severity(bad):
        groups[one.service].append(one)
    for service, found in groups.items():
        severity = Severity.CRITICAL if found[0].severity is FindingSeverity.CRITICAL else Severity.WARNING
        yield Symptom(RULE, service, severity, _tell(found), follows=False, alone=True)


def _tell(found: Sequence[ScanFinding]) -> str:
    """The worst of them, and its mend."""
    named = [one for one in found if one.rule.id != _SUM] or found
    first, more = named[0], len(named) - 1
    rest = f"; and {more} more, see controller scan" if more else ""
    return f"what runs: {first.rule.id} {first.message}; mend: {first.fix}{rest}"


def _of_waivers(findings: Iterable[ScanFinding]) -> Iterator[Symptom]:
    """All of them in one: the manifest is one file."""
    over = by_severity(one for one in findings if one.rule.id == _OVER)
    if not over:
        return
    bad = over[0].severity.reaches(FindingSeverity.HIGH)
    told = "; ".join(f"{one.service or 'project'}: {one.message}" for one in over)
    severity = Severity.WARNING if bad else Severity.INFO
    yield Symptom(WAIVER, None, severity, f"{told}; mend: {over[0].fix}", follows=False, alone=True)
