"""Reads what other tools say of images: reports of Trivy and Grype, results of cosign. Pure; text in, values out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from controller.model.images import normalise_image
from controller.model.names import Instant
from controller.model.quantities import tell_seconds
from controller.model.scanning import FindingSeverity
from controller.security.reading import items, mapping, text, texts
from controller.security.subject import Report

_SEVERITIES = {
    "NEGLIGIBLE": FindingSeverity.INFO,
    "LOW": FindingSeverity.LOW,
    "MEDIUM": FindingSeverity.MEDIUM,
    "HIGH": FindingSeverity.HIGH,
    "CRITICAL": FindingSeverity.CRITICAL,
}


class Scanned(NamedTuple):
    """A report of a scanner. `names`: all that it calls the image, normalised; `made`: when, where it says so; `found`:
    each severity that it tells."""

    names: tuple[str, ...]
    made: Instant | None
    found: tuple[FindingSeverity, ...]

    def judge(self, age: float, max_age: float, fail_on: FindingSeverity) -> Report:
        """What it comes to. Ages in seconds."""
        bad = [severity for severity in self.found if severity.reaches(fail_on)]
        worst = max(bad, key=lambda one: one.rank, default=None)
        stale = tell_seconds(age) if age > max_age else ""
        return Report(stale, worst, sum(severity is worst for severity in bad))


def read_report(report: str) -> Scanned | None:
    """None: it is no report."""
    try:
        document = json.loads(report)
    except ValueError:
        return None
    if not isinstance(document, dict):
        return None
    if "ArtifactName" in document:
        names = (text(document["ArtifactName"]), *_names(document.get("Metadata"), "RepoTags", "RepoDigests"))
        words = [
            one.get("Severity") for result in _each(document, "Results") for one in _each(result, "Vulnerabilities")
        ]
        made = document.get("CreatedAt")
    elif "matches" in document:
        target = mapping(document.get("source")).get("target")
        names = (text(mapping(target).get("userInput")), *_names(target, "tags", "repoDigests"))
        words = [mapping(one.get("vulnerability")).get("severity") for one in _each(document, "matches")]
        made = mapping(document.get("descriptor")).get("timestamp")
    else:
        return None
    found = (severity for word in words if (severity := _SEVERITIES.get(str(word).upper())) is not None)
    return Scanned(tuple(map(normalise_image, filter(None, names))), _instant(text(made)), tuple(found))


def _instant(said: str) -> Instant | None:
    """Of RFC 3339, with any number of digits after the second."""
    match = re.match(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.\d{1,12})?(Z|[+-]\d\d:\d\d)$", said)
    try:
        zone = "+00:00" if match is not None and match[3] == "Z" else match[3] if match is not None else ""
        return datetime.fromisoformat(f"{match[1]}T{match[2]}{zone}").timestamp() if match is not None else None
    except (ValueError, OverflowError):
        return None


def _each(document: object, key: str) -> Iterator[Mapping[str, Any]]:
    """The mappings of a list."""
    return (one for one in items(mapping(document).get(key)) if isinstance(one, Mapping))


def _names(document: object, *keys: str) -> Iterator[str]:
    return (one for key in keys for one in texts(mapping(document).get(key)))


def read_signatures(printed: Iterable[str]) -> frozenset[str]:
    """Names and digests of the images that cosign says it verified."""
    return frozenset(name for one in printed for name in _signed(one) if name)


def _signed(printed: str) -> Iterator[str]:
    try:
        document = json.loads(printed)
    except ValueError:
        return
    for one in document if isinstance(document, list) else [document]:
        image = mapping(mapping(mapping(one).get("critical")).get("image"))
        yield text(image.get("docker-manifest-digest"))
