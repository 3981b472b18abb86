"""Findings that are known and accepted until a day; a waiver that is over, or serves nothing, is told itself. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from difflib import get_close_matches
from typing import NamedTuple

from controller.model.scanning import Acceptance, FindingSeverity, ScanFinding
from controller.security.scan import all_rules
from controller.security.subject import rule

EXPIRED = rule(
    "A01", "medium", "waiver that is over",
    "What was accepted for a while is accepted no longer, and still there.",
    "mend the finding, or decide anew and give it another day",
)  # fmt: skip
IDLE = rule(
    "A02", "info", "waiver without a finding",
    "It hides the same finding when that comes back.",
    "remove it",
)  # fmt: skip

PROJECT = "*"
"""In the place of a service: of all, and of what is no service's."""
ALONE = "-"
"""In the place of a service: of the project and the machine alone, and of no service."""


class Waived(NamedTuple):
    """One waiver of a manifest, and where it stands."""

    id: str
    service: str
    reason: str
    expires: date
    file: str | None = None
    line: int | None = None
    column: int | None = None
    path: str | None = None
    only: str | None = None
    """The one place that is meant, by its path or from its service on: `volumes[0]`; None: each."""

    def covers(self, finding: ScanFinding) -> bool:
        if finding.rule.id != self.id or self.service not in (PROJECT, finding.service or ALONE):
            return False
        own = f"services.{finding.service}." if finding.service else ""
        return self.only is None or self.only in (finding.path or "", (finding.path or "").removeprefix(own))

    def is_of(self, rule: str, service: str, path: str | None = None) -> bool:
        """It covers what this rule finds in this service at a path below that (`volumes[0]`); None: wherever it is."""
        place = path is None or self.only in (None, path, f"services.{service}.{path}")
        return place and rule == self.id and self.service in (PROJECT, service)


def accept(findings: Iterable[ScanFinding], waivers: Sequence[Waived], today: date) -> tuple[ScanFinding, ...]:
    """The findings, those that are waived marked so; and what is to be said of the waivers."""
    seen = list(findings)
    accepted = [_accepted(one, waivers, today) for one in seen]
    return (*accepted, *_told(waivers, seen, today))


def _accepted(finding: ScanFinding, waivers: Sequence[Waived], today: date) -> ScanFinding:
    for one in waivers:
        if one.covers(finding) and today <= one.expires:
            return replace(finding, accepted=Acceptance(one.reason, one.expires))
    return finding


def _told(waivers: Sequence[Waived], findings: Sequence[ScanFinding], today: date) -> Iterator[ScanFinding]:
    for one in waivers:
        needed = [finding for finding in findings if one.covers(finding)]
        service = None if one.service in (PROJECT, ALONE) else one.service
        if today > one.expires:
            message = f"the waiver of {one.id} ended on {one.expires}"
            # As bad as what it hid, and no other one hides: who gates on that is to notice.
            needed = [finding for finding in needed if _accepted(finding, waivers, today).accepted is None]
            worst = max(
                (finding.severity for finding in needed), key=lambda found: found.rank, default=EXPIRED.severity
            )
            worst = max(worst, EXPIRED.severity, key=lambda found: found.rank) if needed else FindingSeverity.INFO
            yield _of(one, service, message, worst)
        elif not needed:
            why = _why_idle(one.id)
            message = f"the waiver of {one.id} is for nothing: {why}"
            yield replace(_of(one, service, message, FindingSeverity.INFO), rule=IDLE, fix=IDLE.fix)


def _why_idle(id_: str) -> str:
    if id_ in (EXPIRED.id, IDLE.id):
        return "what is said of waivers cannot be waived"
    return "there is no such finding" if id_ in all_rules() else _no_rule(id_)


def _no_rule(word: str) -> str:
    """With the one that may be meant: another way of writing it, or what another scanner calls it."""
    letter, number = word[:1].upper(), word[1:].lstrip("0-")
    near = [id_ for id_ in all_rules() if id_ == f"{letter}{number:>02}"]
    near += [id_ for id_, known in all_rules().items() if {word, f"KICS {word}"} & set(known.references)]
    near += get_close_matches(word.upper(), all_rules(), n=1)
    return f"there is no rule {word}" + (f"; did you mean {near[0]}?" if near else ", docs/security.md lists them")


def _of(one: Waived, service: str | None, message: str, severity: FindingSeverity) -> ScanFinding:
    return ScanFinding(EXPIRED, severity, message, EXPIRED.fix, service, one.path, one.file, one.line, one.column)
