"""A stack whose files cannot be used: who runs is told by a look, the rest by what was known of that very life."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controller.decide.unread import tell_unread
from controller.model.observed import Health, Replica, ReplicaPhase
from controller.model.phases import Phase, StackPhase
from controller.model.status import Condition, ServiceStatus, StackStatus
from tests.builders import NOW, exited, healthy, observed, replica, view

pytestmark = pytest.mark.unit

WHY = "compose.yaml:3:7: an unfinished list"
BAD, GOOD, YET = Health.UNHEALTHY, Health.HEALTHY, Health.STARTING


def told(*replicas: Replica, phase: Phase = Phase.READY, reason: str = "", **more: object) -> ServiceStatus:
    desired = len(replicas)
    made = ServiceStatus("web", phase, reason, "as it was", desired, desired, desired, replicas, 1.0)
    said = (
        Condition("Ready", "True", "Ready", f"{desired} of {desired} ready", 1.0),
        Condition("Stable", "True", "Stable", "", 1.0),
    )
    return replace(made, conditions=said, **more)  # type: ignore[arg-type]


def look(before: ServiceStatus, *seen: Replica, conditions: tuple[Condition, ...] = ()) -> StackStatus:
    is_converged = Condition("Converged", "True", "Converged", "", 1.0)
    stack = StackStatus("shop", StackPhase.CONVERGED, 3, (is_converged, *conditions), (before,), 1.0, "compose.yaml")
    return tell_unread(stack, observed(web=view(*seen)), WHY, NOW)


def service(before: ServiceStatus, *seen: Replica) -> ServiceStatus:
    (found,) = look(before, *seen).services
    return found


def shown(number: int = 1, word: Health = Health.NONE, **more: object) -> Replica:
    """As an engine shows `healthy(number)`: with Docker's own word at most, and of no known revision."""
    return replace(healthy(number), health=word, ready_since=None, revision="", **more)  # type: ignore[arg-type]


def words(status: ServiceStatus) -> tuple[str, str, int, int]:
    return status.phase, status.reason, status.ready, status.desired


def is_ready(status: ServiceStatus) -> tuple[str, str]:
    return next((one.status, one.reason) for one in status.conditions if one.type == "Ready")


def test_who_runs_as_it_was_told_is_as_well_as_it_was_told_and_the_fault_of_the_files_is_said() -> None:
    before = told(healthy(1), healthy(2))
    status = look(before, shown(1), shown(2))
    assert (status.phase, status.generation, status.taken_at) == ("Converged", 3, NOW)
    assert status.services == (before,)
    said = {c.type: (c.status, c.reason, c.message, c.transitioned_at) for c in status.conditions}
    assert said["GenerationHeld"] == ("True", "InvalidInput", WHY, NOW)
    assert said["Converged"] == ("False", "Converged", "its files cannot be used", NOW)


@pytest.mark.parametrize(
    ("seen", "ready"), [((), 0), ((exited(1),), 0), ((shown(1),), 1), ((shown(1), exited(2)), 1)], ids=str
)
def test_who_does_not_run_makes_it_degraded(seen: tuple[Replica, ...], ready: int) -> None:
    status = look(told(healthy(1), healthy(2)), *seen)
    (web,) = status.services
    assert status.phase == "Degraded"
    assert words(web) == ("Degraded", "NotRunning", ready, 2) and web.since == NOW
    assert [one.id for one in web.replicas] == [one.id for one in seen]
    assert web.message == f"{ready} of 2 run" and is_ready(web) == ("False", "NotRunning")
    assert [one.type for one in web.conditions] == ["Ready"], "of another state nothing else is known"


@pytest.mark.parametrize(
    ("before", "seen", "verdict"),
    [
        (GOOD, Health.NONE, GOOD),
        (GOOD, YET, GOOD),
        (GOOD, GOOD, GOOD),
        (GOOD, BAD, BAD),
        (BAD, Health.NONE, BAD),
        (BAD, GOOD, GOOD),
        (YET, Health.NONE, YET),
    ],
)
def test_of_the_same_life_dockers_certain_word_counts_and_then_ours(
    before: Health, seen: Health, verdict: Health
) -> None:
    known = replace(healthy(1), health=before, ready_since=NOW - 9 if before is GOOD else None)
    (found,) = service(told(known), shown(1, seen)).replicas
    assert (found.health, found.ready, found.revision) == (verdict, verdict is GOOD, known.revision)


@pytest.mark.parametrize(
    ("word", "reason", "verdict"), [(Health.NONE, "NotProbed", YET), (BAD, "Unhealthy", BAD), (YET, "NotProbed", YET)]
)
def test_of_another_life_no_verdict_is_known_where_there_are_probes(word: Health, reason: str, verdict: Health) -> None:
    web = service(told(healthy(1)), shown(1, word, started_at=NOW - 1))
    assert words(web) == ("Degraded", reason, 0, 1) and web.replicas[0].health is verdict


def test_of_another_life_dockers_good_word_is_enough() -> None:
    web = service(told(healthy(1)), shown(1, GOOD, started_at=NOW - 1))
    assert words(web)[0] == "Ready" and web.replicas[0].ready_since == NOW - 1


def test_of_another_life_it_is_enough_that_it_runs_where_nothing_is_probed() -> None:
    web = service(told(replica(1)), replica(1, started_at=NOW - 1))
    assert words(web) == ("Ready", "", 1, 1) and [one.type for one in web.conditions] == ["Ready"]


def test_a_container_that_nobody_was_told_of_and_that_is_checked_has_no_verdict() -> None:
    web = service(told(phase=Phase.WAITING, desired=1, waits_for="db"), shown(1))
    assert words(web) == ("Degraded", "NotProbed", 0, 1) and web.waits_for is None


def test_who_has_ended_is_not_called_healthy_and_its_last_words_stay() -> None:
    ended = shown(1, GOOD, phase=ReplicaPhase.EXITED)
    (found,) = service(told(replace(healthy(1), last_output="bye")), ended).replicas
    assert (found.health, found.last_output) == (Health.NONE, "bye")


@pytest.mark.parametrize("desired", [0, 1])
def test_what_is_not_to_serve_stays_as_it_was_told(desired: int) -> None:
    before = told(phase=Phase.COMPLETED if desired else Phase.STOPPED, desired=desired, ready=desired)
    web = service(before, exited(1, exit_code=0))
    assert words(web) == words(before) and len(web.replicas) == 1 and is_ready(web) == is_ready(before)


@pytest.mark.parametrize("seen", [(), (shown(1),)], ids=["gone", "there"])
def test_what_is_paused_stays_so(seen: tuple[Replica, ...]) -> None:
    web = service(told(healthy(1), phase=Phase.PAUSED, reason="Paused"), *seen)
    assert words(web) == ("Paused", "Paused", len(seen), 1)


@pytest.mark.parametrize(
    ("seen", "phase", "reason", "ready"),
    [
        (replica(1), "Starting", "Running", ("False", "Running")),
        (exited(1, exit_code=0), "Completed", "Completed", ("True", "Completed")),
        (exited(1, exit_code=3), "Degraded", "NotRunning", ("False", "NotRunning")),
    ],
    ids=["runs", "done", "failed"],
)
def test_a_job_that_had_not_ended(seen: Replica, phase: str, reason: str, ready: tuple[str, str]) -> None:
    web = service(told(replica(1), phase=Phase.STARTING, reason="Running", ready=0), seen)
    assert words(web) == (phase, reason, int(phase == "Completed"), 1) and is_ready(web) == ready


@pytest.mark.parametrize(
    ("phase", "updated", "becomes"),
    [
        (Phase.STARTING, 1, ("Ready", "Ready")),
        (Phase.UPDATING, 1, ("Ready", "Ready")),
        (Phase.UPDATING, 0, ("Degraded", "NotUpdated")),
        (Phase.ROLLING_BACK, 0, ("Degraded", "NotUpdated")),
    ],
)
def test_nothing_is_under_way_any_more(phase: Phase, updated: int, becomes: tuple[str, str]) -> None:
    web = service(told(healthy(1), phase=phase, updated=updated), shown(1))
    assert words(web)[:2] == becomes


def test_who_was_sick_is_no_better_for_running_and_waits_for_nobody() -> None:
    before = told(healthy(1), phase=Phase.CRASH_LOOP, reason="CrashLoopBackOff", wake_at=NOW + 5)
    status = look(before, shown(1))
    (web,) = status.services
    assert (status.phase, words(web)) == ("Degraded", ("CrashLoopBackOff", "CrashLoopBackOff", 1, 1))
    assert web.wake_at is None and is_ready(web) == ("True", "Ready")


def test_who_was_sick_and_is_worse_now_is_told_anew() -> None:
    before = told(healthy(1), healthy(2), phase=Phase.DEGRADED, reason="InsufficientMemory", desired=3)
    assert words(service(before, shown(1), shown(2)))[1] == "InsufficientMemory"
    assert words(service(before, shown(1))) == ("Degraded", "NotRunning", 1, 3)


def test_who_was_sick_and_serves_again_is_well() -> None:
    before = told(healthy(1), healthy(2), phase=Phase.DEGRADED, reason="Unhealthy", ready=1)
    assert words(service(before, shown(1), shown(2))) == ("Ready", "Ready", 2, 2)
    former = replace(before, updated=0, reason="RolledBack")
    assert words(service(former, shown(1), shown(2))) == ("Degraded", "NotUpdated", 2, 2)


def test_a_life_is_the_same_though_the_clocks_were_compared_anew() -> None:
    (one,) = told(healthy(1)).replicas
    started = one.started_at or 0.0
    assert words(service(told(one), shown(1, started_at=started + 0.02)))[0] == "Ready"
    assert words(service(told(one), shown(1, started_at=started + 0.02, restarts=1)))[0] == "Degraded"


def test_of_what_was_in_the_way_only_that_stays_which_no_look_can_tell() -> None:
    kinds = ("Pinned", "Released", "EngineUnavailable", "Drifted")
    conditions = tuple(Condition(kind, "True", kind, "", 1.0) for kind in kinds)
    status = look(told(healthy(1)), shown(1), conditions=conditions)
    assert {c.type for c in status.conditions} == {"Converged", "GenerationHeld", "Pinned", "Released"}
