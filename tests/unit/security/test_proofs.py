"""Reports of Trivy and Grype, and results of cosign, in the shapes in which those print them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from controller.model.scanning import FindingSeverity
from controller.security.proofs import read_report, read_signatures
from controller.security.subject import Report

pytestmark = pytest.mark.unit

DAY = 86400.0
TRIVY = {
    "SchemaVersion": 2,
    "ArtifactName": "acme/web:1.4",
    "Metadata": {"RepoTags": ["acme/web:1.4", "acme/web:1"], "RepoDigests": ["acme/web@sha256:aa"]},
    "Results": [
        {"Target": "os", "Vulnerabilities": [{"Severity": "HIGH"}, {"Severity": "CRITICAL"}, {"Severity": "CRITICAL"}]},
        {"Target": "app", "Vulnerabilities": None},
        {"Target": "none"},
    ],
}
GRYPE = {
    "matches": [{"vulnerability": {"severity": "High"}}, {"vulnerability": {"severity": "Negligible"}}],
    "source": {"type": "image", "target": {"userInput": "acme/web:1.4", "tags": ["acme/web:1.4"], "repoDigests": []}},
}


def read(document: Any, fail_on: FindingSeverity = FindingSeverity.HIGH, age: float = DAY) -> Any:
    found = read_report(json.dumps(document))
    return None if found is None else (found.names, found.judge(age, 30 * DAY, fail_on))


def test_trivy() -> None:
    names, report = read(TRIVY)
    assert {*names} == {"acme/web:1.4", "acme/web:1", "acme/web@sha256:aa"}
    assert report == Report("", FindingSeverity.CRITICAL, 2)


def test_grype() -> None:
    names, report = read(GRYPE)
    assert {*names} == {"acme/web:1.4"}
    assert report == Report("", FindingSeverity.HIGH, 1)
    assert read(GRYPE, FindingSeverity.CRITICAL)[1] == Report()


def test_old_one() -> None:
    assert read(GRYPE, FindingSeverity.CRITICAL, 31 * DAY)[1].stale


@pytest.mark.parametrize(
    ("said", "made"),
    [
        ("2026-01-01T00:00:00Z", 1767225600.0),
        ("2026-01-01T01:00:00.123456789+01:00", 1767225600.0),
        ("2026-13-01T00:00:00Z", None),
        ("yesterday", None),
        (5, None),
    ],
)
def test_when_it_was_made(said: Any, made: float | None) -> None:
    """As it says itself, whatever the file's time is."""
    for document in (TRIVY | {"CreatedAt": said}, GRYPE | {"descriptor": {"timestamp": said}}):
        found = read_report(json.dumps(document))
        assert found is not None and found.made == made


def test_names_in_one_spelling() -> None:
    found = read_report(json.dumps({"ArtifactName": "docker.io/library/nginx:1@sha256:aa", "Results": []}))
    assert found is not None and found.names == ("nginx@sha256:aa",)


@pytest.mark.parametrize(
    "document",
    [{}, [], 5, "x", {"ArtifactName": None}, {"matches": []}, {"matches": None}, {"ArtifactName": "a", "Results": None},
     {"ArtifactName": "a", "Metadata": [], "Results": [None, 5, {"Vulnerabilities": [None, 5, {"Severity": 7}]}]},
     {"ArtifactName": "a", "Results": 5}, {"ArtifactName": "a", "Metadata": {"RepoTags": 5}, "Results": {"a": 1}},
     {"matches": [None, 5, {"vulnerability": 7}], "source": 5}, {"matches": 5, "source": {"target": "x"}}],
)  # fmt: skip
def test_what_is_no_report(document: Any) -> None:
    """Or one with nothing in it: it says nothing bad, and breaks nothing."""
    found = read(document)
    assert found is None or found[1].worst is None


def test_what_is_not_even_json() -> None:
    assert read_report("{") is None
    assert (
        read_signatures(["{", "[]", "5", "[5, null]", '{"critical": 5}', '[{"critical": {"image": []}}]'])
        == frozenset()
    )


def test_cosign() -> None:
    printed = [
        {
            "critical": {
                "identity": {"docker-reference": "acme/web"},
                "image": {"docker-manifest-digest": "sha256:aa"},
                "type": "cosign container image signature",
            },
            "optional": None,
        }
    ]
    assert read_signatures([json.dumps(printed), json.dumps(printed[0])]) == {"sha256:aa"}
