"""A stack whose files cannot be used and whom nobody keeps: who runs is told by a look, the rest by what was known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controller.decide.unread import tell_unread
from controller.model.observed import Health, Replica, ReplicaPhase
from controller.model.phases import Phase
from controller.model.status import Condition, ServiceStatus, StackStatus
from tests.builders import NOW, exited, healthy, observed, replica, view

pytestmark = pytest.mark.unit

WHY = "compose.yaml:3:7: an unfinished list"


def told(*replicas: Replica, phase: Phase = Phase.READY, desired: int | None = None) -> ServiceStatus:
    count = len(replicas) if desired is None else desired
    ready = Condition("Ready", "True", "Ready", f"{count} of {count} ready", 1.0)
    return ServiceStatus("web", phase, "", "", count, count, count, replicas, 1.0, conditions=(ready,))


def look(before: ServiceStatus, *seen: Replica, conditions: tuple[Condition, ...] = ()) -> StackStatus:
    is_converged = Condition("Converged", "True", "Converged", "", 1.0)
    stack = StackStatus("shop", "Converged", 3, (is_converged, *conditions), (before,), 1.0, "compose.yaml")
    return tell_unread(stack, observed(web=view(*seen)), WHY, NOW)


def bare(one: Replica) -> Replica:
    """As an engine shows it: no verdict comes with it."""
    return replace(one, health=Health.NONE, ready_since=None)


def test_who_runs_as_it_was_told_is_as_well_as_it_was_told_and_the_fault_of_the_files_is_said() -> None:
    status = look(told(healthy(1), healthy(2)), bare(healthy(1)), bare(healthy(2)))
    (web,) = status.services
    assert (status.phase, status.generation, status.taken_at) == ("Converged", 3, NOW)
    assert (web.phase, web.ready, web.since) == ("Ready", 2, 1.0)
    said = {c.type: (c.status, c.reason, c.message, c.transitioned_at) for c in status.conditions}
    assert said["GenerationHeld"] == ("True", "InvalidInput", WHY, NOW)
    assert said["Converged"] == ("False", "Converged", "its files cannot be used", NOW)


@pytest.mark.parametrize(
    ("seen", "ready"), [((), 0), ((exited(1),), 0), ((bare(healthy(1)),), 1), ((bare(healthy(1)), exited(2)), 1)]
)
def test_who_does_not_run_makes_it_degraded(seen: tuple[Replica, ...], ready: int) -> None:
    status = look(told(healthy(1), healthy(2)), *seen)
    (web,) = status.services
    assert status.phase == "Degraded"
    assert (web.phase, web.reason, web.ready, web.desired, web.since) == ("Degraded", "NotReady", ready, 2, NOW)
    assert "nobody mends it" in web.message and web.replicas[: len(seen)] == web.replicas
    assert [(c.status, c.message) for c in web.conditions if c.type == "Ready"] == [("False", f"{ready} of 2 ready")]


def test_of_another_life_no_verdict_is_known_where_there_are_probes() -> None:
    (web,) = look(told(healthy(1)), replace(bare(healthy(1)), started_at=NOW - 1)).services
    assert (web.phase, web.ready, web.replicas[0].health) == ("Degraded", 0, Health.STARTING)
    assert "not probed" in web.message


def test_of_another_life_it_is_enough_that_it_runs_where_there_are_none() -> None:
    (web,) = look(told(replica(1)), replace(replica(1), started_at=NOW - 1)).services
    assert (web.phase, web.ready) == ("Ready", 1)


def test_who_has_ended_is_not_called_healthy() -> None:
    ended = replace(bare(healthy(1)), phase=ReplicaPhase.EXITED)
    (web,) = look(told(healthy(1)), ended).services
    assert web.replicas == (ended,)


@pytest.mark.parametrize("phase", [Phase.STOPPED, Phase.COMPLETED])
def test_what_is_not_to_serve_stays_as_it_was_told(phase: Phase) -> None:
    status = look(told(phase=phase, desired=int(phase is Phase.COMPLETED)), exited(1, exit_code=0))
    assert status.services[0].phase is phase and len(status.services[0].replicas) == 1


def test_who_was_sick_is_no_better_for_running_and_waits_for_nobody() -> None:
    before = replace(told(healthy(1), phase=Phase.CRASH_LOOP), wake_at=NOW + 5)
    status = look(before, bare(healthy(1)))
    assert (status.phase, status.services[0].phase) == ("Degraded", "CrashLoopBackOff")
    assert status.services[0].wake_at is None


def test_of_what_was_in_the_way_only_that_stays_which_no_look_can_tell() -> None:
    conditions = tuple(Condition(kind, "True", kind, "", 1.0) for kind in ("Pinned", "EngineUnavailable", "Drifted"))
    status = look(told(healthy(1)), bare(healthy(1)), conditions=conditions)
    assert {c.type for c in status.conditions} == {"Converged", "GenerationHeld", "Pinned"}
