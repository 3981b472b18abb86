"""A machine that is too small, under the loop: who waits starts by itself once there is room, and all of it is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from controller.decide.shortage import is_hopeless, report_room
from controller.decide.world import make_world
from controller.loop.rooms import Rooms
from controller.model.names import ReplicaId
from controller.model.resources import NOTHING, Amount, Limit, Reserve, Room
from controller.model.room import Facts, Source
from controller.model.steps import Start, Stop
from controller.resources.room import make_room
from controller.resources.survey import Surveyed
from tests.component.stage import NOW, Stage, converged, load, service

pytestmark = pytest.mark.unit

MIB = 2**20
MACHINE = Facts(NOW, Source.HOST, cores=4, memory_total=1024 * MIB, memory_available=400 * MIB)
ENFORCE = {"admission": "enforce", "reserve": {"memory": "100Mi"}}


def needing(mib: int, *needs: str, **keys: Any) -> dict[str, Any]:
    return service(*needs, deploy={"resources": {"reservations": {"memory": str(mib * MIB)}}}, **keys)


PAIR = {"db": needing(200), "web": needing(200)}


def stage(folder: Path, services: dict[str, Any], machine: Facts = MACHINE, **resources: Any) -> Stage:
    made = Stage(folder, load(services, resources={**ENFORCE, **resources}), machine=machine)
    made.settle(20)
    return made


def condition(given: Stage, kind: str) -> str | None:
    told = [one for one in given.statuses[-1].conditions if one.type == kind]
    return told[0].message if told else None


def test_who_has_no_room_waits_and_starts_by_itself(tmp_path: Path) -> None:
    given = stage(tmp_path, PAIR)
    assert (given.running("db"), given.running("web")) == (1, 0)
    message = "needs 200Mi of memory, 100Mi is free beside the 100Mi kept for the host: short 100Mi"
    assert condition(given, "InsufficientRoom") == f"web {message}"
    assert given.statuses[-1].phase == "Progressing"
    given.machine = replace(MACHINE, memory_available=500 * MIB)
    given.settle(10)
    assert given.running() == 2 and converged(given)
    assert condition(given, "InsufficientRoom") is None


def test_who_is_told_first_is_let_start_first(tmp_path: Path) -> None:
    services = {"a": needing(300), "b": needing(50), "web": needing(100, "b"), "z": needing(100)}
    given = Stage(tmp_path, load(services, resources=ENFORCE, services={"z": {"priority": 7}}), machine=MACHINE)
    given.settle(20)
    report = report_room(given.reconciler.world, MACHINE)
    assert [one.name for one in report.services] == ["z", "b", "a", "web"]
    assert [one.name for one in report.services if one.waits] == ["a"]


def test_it_is_looked_again_now_and_then_only(tmp_path: Path) -> None:
    given = stage(tmp_path, PAIR)
    turns = len(given.statuses)
    given.settle(20)
    assert 5 <= len(given.statuses) - turns <= 15


def test_what_is_stopped_makes_room(tmp_path: Path) -> None:
    given = stage(tmp_path, PAIR)
    given.wish("stop", "db")
    given.settle(20)
    assert (given.running("db"), given.running("web")) == (0, 1)


def test_an_apply_says_what_is_short_and_ends(tmp_path: Path) -> None:
    given = Stage(tmp_path, load(PAIR, resources=ENFORCE), machine=MACHINE)
    result = given.follow(given.wish("apply"), 60)
    assert result is not None and not result.ok
    assert result.message.startswith("web is Waiting: needs 200Mi of memory, 100Mi is free")


def test_an_apply_does_not_wait_for_the_room_of_who_never_becomes_ready(tmp_path: Path) -> None:
    """It is left to live, and will be like that for ever."""
    sick = needing(200, labels={"controller.simulated.becomes-ready": "false"})
    keys = {"db": {"startTimeout": "20s", "onUnhealthy": "notify"}}
    given = Stage(tmp_path, load({"db": sick, "web": needing(200)}, resources=ENFORCE, services=keys), machine=MACHINE)
    result = given.follow(given.wish("apply", "web", timeout=600.0), 120)
    assert result is not None and not result.ok


def test_one_that_comes_is_told_at_once_what_its_services_usually_use(tmp_path: Path) -> None:
    learned = {"shop": {"web": 77 * MIB}, "late": {"api": 88 * MIB}}
    rooms = Rooms(lambda _: Surveyed(MACHINE, {}), lambda: NOW, learned.__getitem__)
    first, late = (make_world(replace(load(PAIR, resources=ENFORCE).desired, name=name)) for name in learned)
    rooms.add(first)
    rooms.before(first)
    rooms.add(late)
    assert late.learned == {"api": 88 * MIB}


@pytest.mark.parametrize(("needed", "hopeless"), [(200, False), (2000, True)])
def test_what_no_waiting_helps_is_looked_for_seldom(tmp_path: Path, needed: int, hopeless: bool) -> None:
    given = stage(tmp_path, {"db": needing(200), "web": needing(needed)})
    assert given.reconciler.world.short == {"web"}
    assert is_hopeless(given.reconciler.world) is hopeless


def test_an_update_that_has_no_room_waits_with_what_serves(tmp_path: Path) -> None:
    """However long that takes: it is no fault of the release."""
    web = {"web": needing(200, image="web:1")}
    given = Stage(tmp_path, load(web, resources=ENFORCE, services=FIRST), machine=MACHINE)
    given.settle(20)
    newer = {"web": needing(200, image="web:2")}
    given.change(newer, resources=ENFORCE, services=FIRST)
    given.settle(1200, step=5.0)
    assert given.running("web") == 1 and not given.said("UpdateFailed")
    decided = given.reconciler.world.decisions["web"]
    assert decided.message.endswith("short 100Mi; fits with order: stop-first")
    given.machine = replace(MACHINE, memory_available=500 * MIB)
    given.settle(60)
    assert converged(given)
    steps = [type(step) for step in given.bench.steps if isinstance(step, Start | Stop)]
    assert steps == [Start, Start, Stop]


FIRST = {"web": {"update": {"order": "start-first", "progressDeadline": "1m"}}}


def test_what_is_only_told_is_told(tmp_path: Path) -> None:
    given = stage(tmp_path, PAIR, admission="warn")
    assert given.running() == 2 and converged(given)
    message = "what runs may use 400Mi of memory, 300Mi is there beside the 100Mi kept for the host: short 100Mi"
    assert condition(given, "Overcommitted") == message


def test_who_wants_none_of_it_hears_nothing(tmp_path: Path) -> None:
    given = stage(tmp_path, PAIR, admission="off")
    assert given.running() == 2 and converged(given)
    assert condition(given, "Overcommitted") is None


def test_a_controller_that_comes_back_counts_what_runs(tmp_path: Path) -> None:
    given = stage(tmp_path, PAIR)
    given.die()
    given.machine = replace(MACHINE, memory_available=400 * MIB)
    given.begin(load(PAIR, resources=ENFORCE))
    given.settle(20)
    assert (given.running("db"), given.running("web")) == (1, 0)


ROOMS = {
    "what is available, and what ours use of it": (
        MACHINE,
        {"a": 50 * MIB},
        NOTHING,
        Room(350 * MIB, 3.5, None, Limit(924 * MIB, 3.5), {ReplicaId("a"): 50 * MIB}, Reserve(100 * MIB, 0.5)),
    ),
    "what others were promised": (
        MACHINE,
        {},
        Amount(250 * MIB, 2.0),
        Room(50 * MIB, 1.5, None, Limit(924 * MIB, 3.5), {}, Reserve(100 * MIB, 0.5)),
    ),
    "an engine of which only the whole is known": (
        Facts(NOW, Source.ENGINE, cores=2, memory_total=1024 * MIB),
        {},
        NOTHING,
        Room(924 * MIB, 1.5, None, Limit(924 * MIB, 1.5), {}, Reserve(100 * MIB, 0.5)),
    ),
    "nothing is known": (
        Facts(NOW, Source.ENGINE),
        {},
        NOTHING,
        Room(None, None, None, Limit(), {}, Reserve(100 * MIB, 0.5)),
    ),
    "a disk without inodes is full": (
        replace(MACHINE, disk_free=10**9, inodes_free=0),
        {},
        NOTHING,
        Room(300 * MIB, 3.5, 0, Limit(924 * MIB, 3.5), {}, Reserve(100 * MIB, 0.5)),
    ),
}


@pytest.mark.parametrize("case", ROOMS)
def test_what_there_is_for_one_stack(case: str) -> None:
    facts, used, others, room = ROOMS[case]
    made = make_room(facts, {ReplicaId(name): size for name, size in used.items()}, others, Reserve(100 * MIB, 0.5))
    assert made == room and made.used == room.used
