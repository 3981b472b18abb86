"""What a scan found, as text, as data and as SARIF (docs/cli.md). Pure."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from controller.model.errors import Finding
from controller.model.scanning import FindingSeverity, FindingSource, Rule, ScanFinding, by_severity, gated
from controller.render.data import findings_data as errors_data
from controller.render.paint import Paint, clean, plain
from controller.render.text import count

_ROLES = {
    FindingSeverity.CRITICAL: "bad",
    FindingSeverity.HIGH: "bad",
    FindingSeverity.MEDIUM: "warn",
    FindingSeverity.LOW: "dim",
    FindingSeverity.INFO: "dim",
}
_LEVELS = {
    FindingSeverity.CRITICAL: "error",
    FindingSeverity.HIGH: "error",
    FindingSeverity.MEDIUM: "warning",
    FindingSeverity.LOW: "note",
    FindingSeverity.INFO: "note",
}
_SCORES = {
    FindingSeverity.CRITICAL: "9.5",
    FindingSeverity.HIGH: "8.0",
    FindingSeverity.MEDIUM: "5.5",
    FindingSeverity.LOW: "3.0",
    FindingSeverity.INFO: "0.0",
}
"""Within the ranges by which GitHub sorts `security-severity`."""


def findings_data(findings: Sequence[ScanFinding]) -> dict[str, Any]:
    """What was found."""
    shown = by_severity(findings)
    return {"findings": [_finding_data(one) for one in shown], "summary": summary_data(shown)}


def scan_data(findings: Sequence[ScanFinding], errors: Sequence[Finding]) -> dict[str, Any]:
    """`scan -o json`. `errors`: what could not be scanned, or not as it would run."""
    return {**findings_data(findings), **errors_data(errors)}


def summary_data(findings: Iterable[ScanFinding]) -> dict[str, int]:
    """How many of each severity count, and how many are accepted."""
    found = list(findings)
    counted = Counter(one.severity for one in found if one.accepted is None)
    told = {str(severity): counted[severity] for severity in reversed(FindingSeverity)}
    return {**told, "waived": sum(one.accepted is not None for one in found)}


def _finding_data(one: ScanFinding) -> dict[str, Any]:
    return {
        "rule": one.rule.id,
        "severity": str(one.severity),
        "service": one.service,
        "path": one.path,
        "file": one.file,
        "line": one.line,
        "column": one.column,
        "title": one.rule.title,
        "message": one.message,
        "why": one.rule.why,
        "fix": one.fix,
        "references": list(one.rule.references),
        "source": str(one.source),
        "waived": None
        if one.accepted is None
        else {"reason": one.accepted.reason, "expires": one.accepted.expires.isoformat()},
    }


def findings_lines(findings: Sequence[ScanFinding], *, paint: Paint = plain, why: bool = True) -> list[str]:
    """The worst first: what, where, why it matters, the mend; what is the same in several services once explained."""
    lines: list[str] = []
    shown = [one for one in by_severity(findings) if one.accepted is None]
    for _, same in _grouped(shown):
        first = same[0]
        word = paint(str(first.severity).upper().ljust(8), _ROLES[first.severity])
        lines.append(f"{word} {paint(first.rule.id, 'bold')} {first.rule.title}")
        lines += [f"  {_where(one, paint)}{clean(one.message)}" for one in same]
        if why:
            lines += [paint(f"  why: {first.rule.why}", "dim"), f"  fix: {first.fix}", ""]
    return [*lines, *_waived_lines(findings, paint)]


def _grouped(findings: Iterable[ScanFinding]) -> Iterable[tuple[object, list[ScanFinding]]]:
    groups: dict[object, list[ScanFinding]] = {}
    for one in findings:
        groups.setdefault((-one.severity.rank, one.rule.id, one.fix), []).append(one)
    return groups.items()


def _where(one: ScanFinding, paint: Paint) -> str:
    place = clean(one.place)
    ran = " (running)" if one.source is FindingSource.RUNNING else ""
    who = f"{clean(one.service)}{ran}" if one.service else "the engine" if ran and one.path is None else ran.strip()
    told = ": ".join(part for part in (place, who) if part)
    return f"{paint(told, 'bold')}: " if told else ""


def _waived_lines(findings: Sequence[ScanFinding], paint: Paint) -> list[str]:
    return [
        paint(
            f"waived   {one.rule.id} {clean(one.service or 'project')}: {clean(one.accepted.reason)}"
            f" (until {one.accepted.expires})",
            "dim",
        )
        for one in by_severity(findings)
        if one.accepted is not None
    ]


def summary_line(
    findings: Sequence[ScanFinding], threshold: FindingSeverity | None, services: int, *, paint: Paint = plain
) -> str:
    """`12 findings in 3 services: 1 critical, 2 high, 9 medium; 3 reach --fail-on high`."""
    told = summary_data(findings)
    waived = told.pop("waived")
    total = sum(told.values())
    parts = [paint(f"{number} {word}", _ROLES[FindingSeverity(word)]) for word, number in told.items() if number]
    text = f"{count(total, 'finding')} in {count(services, 'service')}" + (f": {', '.join(parts)}" if parts else "")
    if waived:
        text += f"; {waived} waived"
    if threshold is not None and (reached := len(gated(findings, threshold))):
        text += f"; {reached} of {threshold} or above"
    return text


# --- SARIF 2.1.0, as code scanning of GitHub and GitLab reads it


def sarif(
    findings: Sequence[ScanFinding],
    rules: Mapping[str, Rule],
    version: str,
    root: str,
    errors: Sequence[Finding] = (),
) -> dict[str, Any]:
    """`root`: the folder that files are told relative to, as an absolute path; `errors`: what could not be scanned."""
    used = sorted({one.rule.id for one in findings})
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "controller",
                        "semanticVersion": version,
                        "rules": [_sarif_rule(rules.get(id_) or _of(findings, id_)) for id_ in used],
                    }
                },
                "invocations": [_invocation(errors, root)],
                "originalUriBaseIds": {"ROOT": {"uri": f"file://{root.rstrip('/')}/"}},
                "results": [_sarif_result(one, used.index(one.rule.id), root) for one in by_severity(findings)],
            }
        ],
    }


def _invocation(errors: Sequence[Finding], root: str) -> dict[str, Any]:
    """Whether all was scanned: else fewer results are no sign that something was mended."""
    told = [_notification(one, root) for one in errors]
    return {"executionSuccessful": not errors, **({"toolExecutionNotifications": told} if told else {})}


def _notification(one: Finding, root: str) -> dict[str, Any]:
    said: dict[str, Any] = {"level": "error", "message": {"text": ". ".join(filter(None, (one.message, one.hint)))}}
    if one.file is not None:
        region = {"region": {"startLine": one.line}} if one.line else {}
        said["locations"] = [{"physicalLocation": {"artifactLocation": _uri(one.file, root), **region}}]
    return said


def _of(findings: Iterable[ScanFinding], id_: str) -> Rule:
    return next(one.rule for one in findings if one.rule.id == id_)


def _sarif_rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in rule.title.replace("-", " ").replace("'", "").split()),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.why},
        "help": {"text": rule.fix},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {"security-severity": _SCORES[rule.severity], "tags": ["security", *rule.references]},
    }


def _sarif_result(one: ScanFinding, index: int, root: str) -> dict[str, Any]:
    who = f"{one.service}: " if one.service else ""
    result: dict[str, Any] = {
        "ruleId": one.rule.id,
        "ruleIndex": index,
        "level": _LEVELS[one.severity],
        "message": {"text": f"{who}{one.message}. {one.rule.why} Mend: {one.fix}"},
        "partialFingerprints": {"controller/v1": f"{one.rule.id}/{one.service or ''}/{one.path or ''}"},
        "properties": {"source": str(one.source), "security-severity": _SCORES[one.severity]},
    }
    if one.file is not None:
        region = {"startLine": one.line or 1} | ({"startColumn": one.column} if one.column else {})
        result["locations"] = [{"physicalLocation": {"artifactLocation": _uri(one.file, root), "region": region}}]
    elif one.service is not None:
        result["locations"] = [{"logicalLocations": [{"fullyQualifiedName": one.path or f"services.{one.service}"}]}]
    if one.accepted is not None:
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": one.accepted.reason}]
    return result


def _uri(file: str, root: str) -> dict[str, str]:
    relative = posixpath.relpath(file, root) if file.startswith("/") else file
    if relative.startswith(".."):
        return {"uri": f"file://{file}"}
    return {"uri": relative, "uriBaseId": "ROOT"}
