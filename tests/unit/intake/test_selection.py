"""Which services a stack has now: startup profiles and what they require, and what is gone from the files."""

from __future__ import annotations

from typing import Any

import pytest

from controller.model.desired import Leaving
from tests.unit.intake.builders import needs, resolved

pytestmark = pytest.mark.unit

PROFILES = {
    "minimal": {"services": ["app"]},
    "full": {"services": ["*"]},
    "testing": {"services": ["app"], "overrides": {"app": {"replicas": 3, "update": {"parallelism": 2}}}},
}
FOUR = {"app": {**needs("db"), "scale": 2}, "db": {}, "cache": {}, "web": needs("app", "cache", required=False)}


@pytest.mark.parametrize(
    ("profile", "running"),
    [(None, ["app", "cache", "db", "web"]), ("minimal", ["app", "db"]), ("full", ["app", "cache", "db", "web"])],
)
def test_a_profile_brings_what_it_requires(profile: str | None, running: list[str]) -> None:
    found = resolved(FOUR, {"startupProfiles": PROFILES, "profile": profile}).stack
    assert found is not None
    assert [name for name, one in found.services.items() if one.leaving is None] == running
    out = [one for one in found.services.values() if one.leaving is not None]
    assert {(one.replicas, one.leaving) for one in out} <= {(0, Leaving.OUT_OF_PROFILE)}


def test_the_command_line_chooses_over_the_manifest() -> None:
    found = resolved(FOUR, {"startupProfiles": PROFILES, "profile": "full"}, profile="minimal").stack
    assert found is not None
    assert (found.profile, found.services["web"].leaving) == ("minimal", Leaving.OUT_OF_PROFILE)


def test_overrides_are_laid_over_the_policy_key_by_key() -> None:
    spec = {
        "startupProfiles": PROFILES,
        "services": {"app": {"priority": 5, "update": {"delay": "3s", "parallelism": 1}}},
    }
    found = resolved(FOUR, spec, profile="testing").stack
    assert found is not None
    app = found.services["app"]
    assert (app.replicas, app.priority, app.update.delay, app.update.parallelism) == (3, 5, 3.0, 2)


def test_optional_dependencies_outside_the_profile_are_not_waited_for() -> None:
    profiles = {"startupProfiles": {"p": {"services": ["web"]}}}
    found = resolved(FOUR, profiles, profile="p")
    assert found.stack is not None
    assert found.stack.services["web"].needs == {}
    assert found.stack.services["app"].needs.keys() == {"db"}


def test_who_leaves_keeps_its_edges_for_the_order_of_stopping() -> None:
    found = resolved(FOUR, {"startupProfiles": PROFILES}, profile="minimal")
    assert found.edges["web"] == ("app", "cache")


GONE: dict[str, Any] = {
    "without prune": ({}, {}, Leaving.ORPHANED),
    "with prune": ({"reconcile": {"prune": True}}, {}, Leaving.REMOVED),
    "in another Compose profile": (
        {"reconcile": {"prune": True}},
        {"declared": frozenset({"old"})},
        Leaving.OUT_OF_PROFILE,
    ),
}


@pytest.mark.parametrize("case", GONE)
def test_gone_from_the_model(case: str) -> None:
    spec, sources, leaving = GONE[case]
    before = resolved({"web": {}, "old": needs("web")}).stack
    assert before is not None
    found = resolved({"web": {}}, spec, before.services, **sources).stack
    assert found is not None
    old = found.services["old"]
    assert (old.leaving, old.replicas, old.needs.keys()) == (leaving, 0, {"web"})


@pytest.mark.parametrize("declared", [frozenset(), frozenset({"stranger"})])
def test_a_container_of_no_known_service_is_an_orphan(declared: frozenset[str]) -> None:
    found = resolved({"web": {}}, present=frozenset({"web", "stranger"}), declared=declared).stack
    assert found is not None
    assert found.services["stranger"].leaving is Leaving.ORPHANED
    again = resolved({"web": {}}, None, found.services, present=frozenset({"stranger"}), declared=declared).stack
    assert again is not None
    assert again.services["stranger"].leaving is Leaving.ORPHANED


def test_what_left_and_has_no_container_is_forgotten_without_a_new_generation() -> None:
    before = resolved({"web": {}, "old": {}}).stack
    assert before is not None
    leaving = resolved({"web": {}}, None, before.services, present=frozenset({"old"})).stack
    assert leaving is not None
    assert "old" in leaving.services
    after = resolved({"web": {}}, None, leaving.services).stack
    assert after is not None
    assert after.services.keys() == {"web"}
    assert after.digest == leaving.digest != before.digest


def test_the_same_sources_give_the_same_stack() -> None:
    spec = {"startupProfiles": PROFILES, "services": {"web": {"dependsOn": ["db", "cache"]}}}
    turned = dict(reversed(FOUR.items()))
    first, second = resolved(FOUR, spec), resolved(turned, spec)
    assert first == second
    assert repr(first) == repr(second)
