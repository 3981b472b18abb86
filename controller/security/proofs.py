"""Reads what other tools say of images: reports of Trivy and Grype, results of cosign. Pure; text in, values out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from controller.model.quantities import tell_seconds
from controller.model.scanning import FindingSeverity
from controller.security.subject import Report

_SEVERITIES = {
    "NEGLIGIBLE": FindingSeverity.INFO,
    "LOW": FindingSeverity.LOW,
    "MEDIUM": FindingSeverity.MEDIUM,
    "HIGH": FindingSeverity.HIGH,
    "CRITICAL": FindingSeverity.CRITICAL,
}


def read_report(
    text: str, age: float, max_age: float, fail_on: FindingSeverity
) -> tuple[tuple[str, ...], Report] | None:
    """The names of the image that a report is on, and what it says; None: it is no report. `age`: seconds."""
    try:
        document = json.loads(text)
    except ValueError:
        return None
    if not isinstance(document, dict):
        return None
    if "ArtifactName" in document:
        names = (str(document["ArtifactName"]), *_strings(document.get("Metadata", {}), "RepoTags", "RepoDigests"))
        words = [
            one.get("Severity")
            for result in document.get("Results") or ()
            for one in result.get("Vulnerabilities") or ()
        ]
    elif "matches" in document:
        target = (document.get("source") or {}).get("target") or {}
        named = target if isinstance(target, dict) else {}
        names = tuple(filter(None, (str(named.get("userInput") or ""), *_strings(named, "tags", "repoDigests"))))
        words = [(one.get("vulnerability") or {}).get("severity") for one in document["matches"]]
    else:
        return None
    found = [severity for word in words if (severity := _SEVERITIES.get(str(word).upper())) is not None]
    bad = [severity for severity in found if severity.reaches(fail_on)]
    worst = max(bad, key=lambda one: one.rank, default=None)
    stale = tell_seconds(age) if age > max_age else ""
    return names, Report(stale, worst, sum(severity is worst for severity in bad))


def _strings(document: Any, *keys: str) -> Iterator[str]:
    for key in keys:
        for one in (document.get(key) or ()) if isinstance(document, dict) else ():
            yield str(one)


def read_signatures(texts: Iterable[str]) -> frozenset[str]:
    """Names and digests of the images that cosign says it verified."""
    return frozenset(name for text in texts for name in _signed(text) if name)


def _signed(text: str) -> Iterator[str]:
    try:
        document = json.loads(text)
    except ValueError:
        return
    for one in document if isinstance(document, list) else [document]:
        critical: Mapping[str, Any] = (one.get("critical") or {}) if isinstance(one, dict) else {}
        yield str((critical.get("image") or {}).get("docker-manifest-digest") or "")
