"""Killed at each write, and started again: the same end as the undisturbed run, with as many creates and removes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark import ParameterSet

from controller.failpoints import BEFORE
from tests.component.stage import service
from tests.crash.mortal import LATE, Scenario, fault_of, in_child, killed, passed

pytestmark = [pytest.mark.unit, pytest.mark.fault("C1"), pytest.mark.timeout(600)]


def shop(**changed: dict[str, Any]) -> dict[str, Any]:
    """Five services, of which two wait for others."""
    services = {
        "db": service(),
        "cache": service(),
        "web": service("db"),
        "worker": service("db", "cache"),
        "wide": service(deploy={"replicas": 2}),
    }
    return {**services, **changed}


SHOP = shop()
JOB = {"migrate": service("db", restart="no", labels={"controller.simulated.run": "1"})}
AFTER_JOB = {"condition": "service_completed_successfully", "required": True}
PROFILES = {"startupProfiles": {"some": {"services": ["db", "web"]}, "full": {"services": ["*"]}}}
SCALED = {"services": {"wide": {"replicas": 3}}}
STARTS_FIRST = {"order": "start-first", "monitor": "1s"}
RELEASED = {"services": {"wide": {"replicas": 3, "update": STARTS_FIRST, "preStopDelay": "300ms"}}}


THREE_WEBS = shop(web=service("db", deploy={"replicas": 3}))
WITH_JOB = {"db": service(), **JOB, "web": service(depends_on={"migrate": AFTER_JOB})}


def with_network(name: str) -> dict[str, Any]:
    return shop(web=service("db", networks={name: None}))


OFF, POLICY = ({"security": {"networkPolicy": word}} for word in ("off", "dependencies"))
OTHER = service("db", image="other")
EDGES = frozenset({("web", "db"), ("worker", "db"), ("worker", "cache")})

SCENARIOS = (
    Scenario("five services are put up", {}, SHOP),
    Scenario("an image changes", SHOP, shop(web=service("db", image="other"))),
    Scenario("an environment changes", SHOP, shop(wide=service(environment={"V": "2"}, deploy={"replicas": 2}))),
    Scenario("a service is scaled up", SHOP, THREE_WEBS),
    Scenario("a service is scaled down", THREE_WEBS, SHOP),
    Scenario("a service is pruned", shop(old=service()), SHOP, spec={"reconcile": {"prune": True}}),
    Scenario("a network is renamed", with_network("front"), with_network("face")),
    Scenario("all is stopped", SHOP, SHOP, verb="stop"),
    Scenario("the stack is given back", SHOP, SHOP, verb="release", spec_before=SCALED, spec=SCALED),
    Scenario("the profile is switched", SHOP, SHOP, spec_before=PROFILES, spec={**PROFILES, "profile": "some"}),
    Scenario("a job runs before its dependent", {}, WITH_JOB),
    Scenario("the new one first", SHOP, shop(wide=service(image="other")), spec_before=RELEASED, spec=RELEASED),
    Scenario("networks by edges", SHOP, SHOP, spec_before=OFF, spec=POLICY, needed=EDGES),
    Scenario("networks by edges in an update", SHOP, shop(web=OTHER), spec_before=OFF, spec=POLICY, needed=EDGES),
    Scenario("and no longer", SHOP, SHOP, spec_before=POLICY, spec=OFF, needed=EDGES),
    Scenario("given back with them", SHOP, SHOP, verb="release", spec_before=POLICY, spec=POLICY, needed=EDGES),
)


def all_points(counts: Counter[str]) -> list[str]:
    return [f"{point}:{times}" for point, most in sorted(counts.items()) for times in range(1, most + 1)]


def first_and_last(counts: Counter[str]) -> list[str]:
    return [f"{point}:{times}" for point, most in sorted(counts.items()) for times in sorted({1, most})]


def calls(counts: Counter[str]) -> Counter[str]:
    """Every call of the engine, as one that was on its way when its sender died."""
    found = {point: most for point, most in counts.items() if point.startswith("engine.") and point.endswith(BEFORE)}
    return Counter({f"{point.removesuffix(BEFORE)}{LATE}": most for point, most in found.items()})


def differences(scenario: Scenario, folder: Path, choose: Any) -> tuple[int, dict[str, Any]]:
    """How many lives were killed, and what was different in the end after which of them."""
    saved = folder / "saved"
    saved.mkdir()
    assert in_child(lambda: scenario.prepare(saved), saved) == 0, fault_of(saved)
    undisturbed, counts = passed(scenario, folder)
    dead, different = 0, {}
    for point in choose(counts):
        found = killed(scenario, folder, point)
        dead += found is not None
        if found is not None and found != undisturbed:
            different[point] = {key: (found[key], undisturbed[key]) for key in found if found[key] != undisturbed[key]}
    return dead, different


def scenarios(*fast: str) -> list[ParameterSet]:
    """All, those that are not named where there is time for all."""
    marks = {scenario.name: [] if scenario.name in fast else [pytest.mark.slow] for scenario in SCENARIOS}
    return [pytest.param(scenario, id=scenario.name, marks=marks[scenario.name]) for scenario in SCENARIOS]


@pytest.mark.parametrize("scenario", scenarios("a service is scaled down", "the new one first"))
def test_killed_at_the_first_and_last_of_each_write_it_comes_to_the_same_end(scenario: Scenario, folder: Path) -> None:
    dead, different = differences(scenario, folder, first_and_last)
    assert dead > 10 and not different, different


@pytest.mark.parametrize("scenario", scenarios("a service is scaled up", "networks by edges"))
def test_what_a_dead_controller_had_asked_for_may_come_late(scenario: Scenario, folder: Path) -> None:
    dead, different = differences(scenario, folder, lambda counts: all_points(calls(counts)))
    assert dead and not different, different


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_killed_at_every_write_it_comes_to_the_same_end(scenario: Scenario, folder: Path) -> None:
    dead, different = differences(scenario, folder, all_points)
    assert dead > 30 and not different, different
