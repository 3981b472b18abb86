"""Why: the chain to the root, the evidence there, and what to do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controller.model.generation import Cause, Generation
from controller.model.names import Revision
from controller.model.observed import Health
from controller.model.phases import Phase
from controller.render.paint import age
from controller.render.why import find_cause, stack_troubles, why_data, why_lines, with_change
from tests.builders import NOW, exited, healthy, replica
from tests.unit.cli.statuses import condition, service_status, stack_status

pytestmark = pytest.mark.unit

DEAD = exited(
    1, service="db", exit_code=127, finished_at=NOW - 12, restarts=2, last_output="starting\nsh: postgress: not found\n"
)
CHAIN = stack_status(
    service_status("web", Phase.WAITING, message="waits for api to be healthy", waits_for="api"),
    service_status("api", Phase.WAITING, message="waits for db to be healthy", waits_for="db"),
    service_status("db", Phase.CRASH_LOOP, DEAD, message="db-1 exited with 127", wake_at=NOW + 4),
)


def test_the_chain_is_followed_to_the_root() -> None:
    cause = find_cause(CHAIN, "web", NOW)
    assert [item.name for item in cause.chain] == ["web", "api", "db"]
    assert why_lines(cause) == [
        "web is Waiting: waits for api to be healthy",
        "   └─ api is Waiting: waits for db to be healthy",
        "      └─ db is CrashLoopBackOff: db-1 exited with 127",
        "",
        "Root cause: db is CrashLoopBackOff: db-1 exited with 127",
        "  shop-db-1 is exited (127), 12s ago",
        "  shop-db-1 was restarted 2 times by Docker",
        "  the next look or try is in 4s",
        "  Last output:",
        "    | starting",
        "    | sh: postgress: not found",
        "",
        "What to do:",
        "  exit code 127: its command was not found in the image; look at `command` and `entrypoint`",
        "  controller logs db",
        "  controller retry db, once it is mended",
    ]


def test_a_circle_of_waits_ends() -> None:
    circle = stack_status(
        service_status("a", Phase.WAITING, waits_for="b"), service_status("b", Phase.WAITING, waits_for="a")
    )
    assert [item.name for item in find_cause(circle, "a", NOW).chain] == ["a", "b"]


def test_a_dependency_that_is_not_there_ends_the_chain() -> None:
    alone = stack_status(service_status("a", Phase.WAITING, waits_for="ghost"))
    assert find_cause(alone, "a", NOW).root.name == "a"


def test_memory_is_named_before_everything_else() -> None:
    killed = exited(1, service="db", exit_code=137, oom_killed=True)
    cause = find_cause(stack_status(service_status("db", Phase.CRASH_LOOP, killed)), "db", NOW)
    assert "memory limit" in cause.advice[0]
    assert why_data(cause)["oomKilled"] is True


@pytest.mark.parametrize(
    ("phase", "advice"),
    [
        (Phase.PAUSED, ("controller resume db",)),
        (Phase.STOPPED, ("controller start db",)),
        (Phase.READY, ()),
    ],
)
def test_advice_fits_the_phase(phase: Phase, advice: tuple[str, ...]) -> None:
    assert find_cause(stack_status(service_status("db", phase)), "db", NOW).advice == advice


def test_a_start_that_takes_no_longer_than_usual_needs_no_advice() -> None:
    usual = service_status("db", Phase.STARTING, replica(1, service="db"), since=NOW - 2, usually=1.5)
    late = service_status("db", Phase.STARTING, replica(1, service="db"), since=NOW - 20, usually=1.5)
    assert find_cause(stack_status(usual), "db", NOW).advice[0].startswith("nothing")
    assert find_cause(stack_status(late), "db", NOW).advice[0] == "controller logs db"


def test_the_sick_replica_is_the_witness_not_the_healthy_one() -> None:
    sick = replica(2, service="db", health=Health.UNHEALTHY, last_output="refused")
    cause = find_cause(stack_status(service_status("db", Phase.DEGRADED, healthy(1, service="db"), sick)), "db", NOW)
    assert cause.witness is sick
    assert "shop-db-2 fails its health check" in cause.evidence


def test_a_hold_of_the_stack_is_evidence() -> None:
    held = stack_status(
        service_status("db", Phase.PENDING),
        conditions=(condition("AdoptionHeld", "True", "AdoptionHeld", "ask first"),),
    )
    assert "AdoptionHeld: ask first" in find_cause(held, "db", NOW).evidence


def test_output_of_containers_is_harmless() -> None:
    evil = exited(1, service="db", last_output="\x1b]0;owned\x07\x1b[2J")
    text = "\n".join(why_lines(find_cause(stack_status(service_status("db", Phase.FAILED, evil)), "db", NOW)))
    assert "\x1b" not in text and "\x07" not in text


def test_what_holds_a_whole_stack_is_told_even_where_every_service_runs() -> None:
    held = stack_status(
        service_status("db"),
        conditions=(condition("Converged", "False"), condition("AdoptionHeld", "True", "AdoptionHeld", "ask first")),
    )
    assert stack_troubles([held]) == ({"stack": "shop", "reason": "AdoptionHeld", "message": "ask first"},)


def test_the_change_before_it_is_evidence() -> None:
    made = [
        Generation(
            number, str(number), NOW - ago, revisions={"db": Revision(revision), "web": Revision("w1")}, cause=cause
        )
        for number, ago, revision, cause in (
            (1, 900, "r1", Cause("ada", "apply")),
            (2, 600, "r2", Cause("run --watch", "compose.yaml changed")),
            (3, 500, "r2", Cause("run --watch", "compose.yaml changed")),
        )
    ]
    cause = with_change(find_cause(CHAIN, "web", NOW), made)
    since = cause.root.since
    told = f"db was changed {age(since - NOW + 600)} before, in revision 2, by run --watch (compose.yaml changed)"
    assert cause.evidence[-1] == told
    assert why_data(cause)["change"]["revision"] == 2
    assert with_change(find_cause(CHAIN, "web", NOW), made[1:]).change is None, "what was the first changed nothing"
    late = [made[0], replace(made[1], at=NOW + 100)]
    assert with_change(find_cause(CHAIN, "web", NOW), late).change is None, "it came afterwards"


def test_of_one_that_docker_put_up_again_already_is_told_that_it_was_killed_for_want_of_memory() -> None:
    runs = replica(1, service="db", restarts=3, started_at=NOW - 0.2)
    killed = condition("Stable", "False", "OutOfMemory", "shop-db-1 was started again 3 times")
    stack = stack_status(service_status("db", Phase.CRASH_LOOP, runs, message="not ready", conditions=(killed,)))
    told = "\n".join(why_lines(find_cause(stack, "db", NOW)))
    assert "raise its memory limit" in told and "out of memory" in told
