"""Which changes are a new revision, which only a new generation, and which none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from controller.model.desired import Template
from controller.model.project import ImageDefaults, Recording
from tests.unit.intake.builders import needs, resolved

pytestmark = pytest.mark.unit


def revision(definition: dict[str, Any], **sources: Any) -> str:
    found = resolved({"web": definition, "db": {}}, **sources).stack
    assert found is not None
    return found.services["web"].revision


REPLACES = {
    "environment": {"environment": {"A": "1"}},
    "image": {"image": "other"},
    "limits": {"deploy": {"resources": {"limits": {"memory": "1g"}}}},
}
KEEPS = {
    "depends_on": needs("db"),
    "scale": {"scale": 3},
    "deploy.replicas": {"deploy": {"replicas": 3}},
    "update_config": {"deploy": {"update_config": {"parallelism": 2}}},
    "another order": {"deploy": {"update_config": {"order": "start-first"}}},
    "rollback_config": {"deploy": {"rollback_config": {"delay": "1s"}}},
    "profiles": {"profiles": ["x"]},
    "build": {"build": {"context": "."}},
}


@pytest.mark.parametrize("case", REPLACES)
def test_a_changed_definition_is_a_new_revision(case: str) -> None:
    assert revision(REPLACES[case]) != revision({})


@pytest.mark.parametrize("case", KEEPS)
def test_what_replaces_nothing_keeps_the_revision_and_makes_a_generation(case: str) -> None:
    assert revision(KEEPS[case]) == revision({})
    if case not in ("profiles",):
        before, after = resolved({"web": {}, "db": {}}).stack, resolved({"web": KEEPS[case], "db": {}}).stack
        assert before is not None
        assert after is not None
        assert before.digest != after.digest


KEPT_BY_THE_MANIFEST: dict[str, dict[str, Any]] = {
    "replicas": {"replicas": 3},
    "dependsOn": {"dependsOn": ["db"]},
    "update": {"update": {"delay": "1s"}},
    "another order": {"update": {"order": "stop-first"}},
    "rollback": {"rollback": {"parallelism": 2}},
    "irreversible": {"irreversible": True},
}


@pytest.mark.parametrize("case", KEPT_BY_THE_MANIFEST)
def test_policy_alone_keeps_the_revision_and_makes_a_generation(case: str) -> None:
    brings = {"image_defaults": lambda image: ImageDefaults()}
    before = resolved({"web": {}, "db": {}}, {}, **brings).stack
    after = resolved({"web": {}, "db": {}}, {"services": {"web": KEPT_BY_THE_MANIFEST[case]}}, **brings).stack
    assert before is not None and after is not None
    assert after.services["web"].revision == before.services["web"].revision
    assert after.digest != before.digest


def test_contents_count_where_they_roll() -> None:
    changed = {"contents": {"web": "c1"}}
    assert revision({}, **changed) != revision({})
    assert revision({}, image_ids={"web": "sha256:1"}) != revision({})


@pytest.mark.parametrize(("says", "told"), [("roll", False), ("report", True), ("ignore", False)])
def test_new_contents_roll_are_told_or_ignored(says: str, told: bool) -> None:
    spec = {"reconcile": {"contents": says}}
    before = resolved({"web": {}}, contents={"web": "c1"}).stack
    assert before is not None
    same = resolved({"web": {}}, spec, before.services, contents={"web": "c1"}).stack
    resolution = resolved({"web": {}}, spec, before.services, contents={"web": "c2"})
    changed = resolution.stack
    assert same is not None and changed is not None
    assert any("new contents" in finding.message for finding in resolution.warnings) == told
    # Another policy alone replaces nothing, in either direction.
    assert same.services["web"].revision == before.services["web"].revision
    assert (changed.services["web"].revision != before.services["web"].revision) == (says == "roll")
    assert (same.services["web"].contents_changed, changed.services["web"].contents_changed) == (False, told)
    again = resolved({"web": {}}, None, changed.services, contents={"web": "c1"}).stack
    assert again is not None
    assert again.services["web"].revision == before.services["web"].revision


def test_a_new_definition_takes_the_present_contents_along() -> None:
    spec = {"reconcile": {"contents": "report"}}
    before = resolved({"web": {}}, spec, contents={"web": "c1"}).stack
    assert before is not None
    edited = resolved({"web": {"user": "1"}}, spec, before.services, contents={"web": "c2"}).stack
    assert edited is not None
    assert edited.services["web"].revision != before.services["web"].revision
    assert not edited.services["web"].contents_changed


def test_unreadable_contents_are_unknown_never_changed() -> None:
    before = resolved({"web": {}}, contents={"web": "c1"}).stack
    assert before is not None
    same = resolved({"web": {}}, None, before.services, contents={"web": None}).stack
    assert same is not None
    assert same.services["web"].revision == before.services["web"].revision
    edited = resolved({"web": {"user": "1"}}, None, before.services, contents={"web": None}).stack
    assert edited is not None
    assert edited.services["web"].revision != before.services["web"].revision


def test_recorded_templates_say_what_replaces() -> None:
    recording = Recording({"web": Template("web", "hash", "print", body="{}", namespace_of="db")})
    found = resolved({"web": {"environment": {"A": "1"}}, "db": {}}, recording=recording).stack
    other = resolved({"web": {}, "db": {}}, recording=recording).stack
    assert found is not None
    assert other is not None
    assert found.services["web"].template.config_hash == "hash"
    assert found.services["web"].namespace_of == "db"
    assert found.services["web"].revision == other.services["web"].revision
    changed = replace(recording, templates={"web": replace(recording.templates["web"], fingerprint="other")})
    third = resolved({"web": {}, "db": {}}, recording=changed).stack
    assert third is not None
    assert third.services["web"].revision != other.services["web"].revision
