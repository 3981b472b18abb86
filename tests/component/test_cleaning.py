"""A clean-up of a stack: by a command, by a daemon that is asked, by schedule; and what keeps it from going on."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from controller.engines.simulated_shelf import Shelf
from controller.engines.simulated_world import Simulation
from controller.loop import daemon
from controller.loop.cleanup import Hand, Plot, clean_up, list_rubbish, plot_of
from controller.loop.cleanup_schedule import Cleaning, _version, is_calm, is_due
from controller.loop.codec import decode, encode
from controller.loop.ground import Ground
from controller.loop.imagebook import ImageBook
from controller.loop.lock import Lock, try_lock
from controller.loop.memory import StackRecords
from controller.loop.session import Session
from controller.loop.store import Store
from controller.model.cleanup import (
    CleanupReport,
    ContainerSeen,
    Done,
    Fate,
    ImageSeen,
    Inventory,
    Item,
    Kept,
    Layers,
    NetworkSeen,
    Rubbish,
)
from controller.model.decision import Hold
from controller.model.errors import ControllerError, Transient
from controller.model.names import ImageId, ReplicaId
from controller.model.observed import Observed, ReplicaPhase, ServiceView
from controller.model.phases import Phase
from controller.model.resources import CleanupPolicy
from controller.model.wish import Wish
from tests.builders import replica
from tests.component.house import Ear, House, Reading
from tests.component.waiting import eventually
from tests.past import had_once

pytestmark = pytest.mark.unit

DAY = 86400.0
CLEANUP = Wish("cleanup")


def one_off(name: str, project: str = "shop", days: float = 30, image: str | None = None) -> ContainerSeen:
    then = time.time() - days * DAY
    return ContainerSeen(
        ReplicaId(f"id-{name}"), name, None if image is None else ImageId(image), ReplicaPhase.EXITED, project, "db",
        one_off=True, exit_code=0, bytes=2048, created_at=then, ended_at=then,
    )  # fmt: skip


def built(name: str, project: str = "shop") -> ImageSeen:
    then = time.time() - 30 * DAY
    return ImageSeen(
        ImageId(f"sha256:{name}"), parent=ImageId("sha256:base"), project=project, service="db", bytes=4096, shared=0,
        created_at=then,
    )  # fmt: skip


def put(house: House, *containers: ContainerSeen, images: tuple[ImageSeen, ...] = ()) -> None:
    def add(shelf: Shelf) -> Shelf:
        return replace(
            shelf,
            containers=(*shelf.containers, *containers),
            images=(*shelf.images, *images),
            volumes=("shop_data", "a" * 64),
        )

    house.engine.shelve(add)


def left(house: House) -> list[str]:
    """Containers and images beside what the stacks have now, and the volumes."""
    found: list[Shelf] = []
    house.engine.shelve(lambda shelf: found.append(shelf) or shelf)  # type: ignore[func-returns-value]
    known = [one.id for one in found[0].images if not one.names]
    return [*(one.name for one in found[0].containers), *known, *found[0].volumes]


def clean(house: House, wish: Wish = CLEANUP, *, dry_run: bool = False) -> tuple[CleanupReport, Ear]:
    """What the command would do, in another process."""
    ear = Ear()
    with closing(Session(Unclosed(house.engine), house.asked("shop"), lambda _: None, Simulation)) as session:  # type: ignore[arg-type]
        (report,) = session.cleanup(wish, ear, dry_run=dry_run)
    return report, ear


class Unclosed:
    """The house's engine, which outlives the session."""

    def __init__(self, engine: Reading) -> None:
        self._engine = engine

    def close(self) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)


VOLUMES = ["shop_data", "a" * 64]


@pytest.fixture
def shop(house: House) -> House:
    """A stack that has converged, with leftovers of its own and of somebody's."""
    house.write("shop")
    with closing(Store(Ground(house.engine, house.asked("shop")).folder("shop"))) as store:
        had_once(store, "db", ImageId("sha256:old"), time.time() - 30 * DAY)
    assert house.ask("apply", "shop").ok
    put(house, one_off("shop-run-1"), one_off("other-run-1", "other"), images=(built("old"), built("mine", "other")))
    return house


def fates(report: CleanupReport) -> dict[str, str]:
    return {one.item.name: str(one.fate) for one in report.done}


def test_a_dry_run_lists_what_would_go_and_touches_nothing(shop: House) -> None:
    before = left(shop)
    report, ear = clean(shop, dry_run=True)
    assert fates(report) == {"shop-run-1": "unused", "sha256:old": "unused"} and report.dry_run and report.ok
    assert left(shop) == before and not ear.events
    assert memory(shop).cleaned_at is None


def memory(house: House) -> Any:
    with closing(Store(Ground(house.engine, house.asked("shop")).folder("shop"))) as store:
        return store.stack.load()


def test_what_is_unused_goes_and_is_told_and_nothing_else_is_touched(shop: House) -> None:
    report, ear = clean(shop)
    assert fates(report) == {"shop-run-1": "removed", "sha256:old": "removed"} and report.ok
    assert left(shop) == ["other-run-1", "sha256:mine", *VOLUMES]
    assert ear.said("CleanedUp") == [
        "removed container shop-run-1, 2Ki: one-off of db, exited (0)",
        "removed image sha256:old, 4Ki: superseded image of db",
    ]
    assert ear.said("Cleanup") == ["asked for: cleanup", "2 removed, 6Ki freed"]
    assert memory(shop).cleaned_at == report.at
    again, _ = clean(shop)
    assert again.done == () and again.ok


def test_what_a_person_asks_for_counts_over_the_manifest(shop: House) -> None:
    put(shop, one_off("young", days=1))
    report, _ = clean(shop, Wish("cleanup", images=False, older_than=3600.0), dry_run=True)
    assert fates(report) == {"shop-run-1": "unused", "young": "unused"}
    report, _ = clean(shop, dry_run=True)
    assert (report.younger, report.younger_bytes, report.older_than) == (1, 2048, 7 * DAY)


def test_a_daemon_that_is_asked_does_it_with_the_same_report(shop: House) -> None:
    def script() -> None:
        eventually(lambda: "Converged" in shop.ear.conditions("shop"))
        report, ear = clean(shop)
        assert fates(report) == {"shop-run-1": "removed", "sha256:old": "removed"}
        assert (report.ok, report.done[0].bytes) == (True, 2048)
        assert len(ear.said("CleanedUp")) == 2, "who asked hears of it, too"
        eventually(lambda: memory(shop).cleaned_at == report.at)

    assert shop.run(script, shop.asked("shop")) == 0
    assert len(shop.ear.said("CleanedUp")) == 2
    assert left(shop) == ["other-run-1", "sha256:mine", *VOLUMES]


def test_by_schedule_it_is_done_once_and_not_again_after_a_restart(
    shop: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon, "Cleaning", partial(Cleaning, look_every=0.02))
    shop.write("shop", spec=", resources: {cleanup: {enabled: true}}")
    shop.run(lambda: eventually(lambda: memory(shop).cleaned_at), shop.asked("shop"))
    assert left(shop) == ["other-run-1", "sha256:mine", *VOLUMES]
    assert shop.ear.said("Cleanup") == ["2 removed, 6Ki freed"]
    put(shop, one_off("shop-run-2"))
    first = memory(shop).cleaned_at

    def script() -> None:
        eventually(lambda: "Converged" in shop.ear.conditions("shop"))
        report, _ = clean(shop)  # goes through the same thread, after many looks at the schedule
        assert fates(report) == {"shop-run-2": "removed"}

    assert shop.run(script, shop.asked("shop")) == 0
    assert shop.ear.said("Cleanup")[0] == "asked for: cleanup" and memory(shop).cleaned_at > first


@pytest.mark.parametrize(
    ("enabled", "last", "due"),
    [(False, None, False), (True, None, True), (True, 900.0, False), (True, 899.0, True), (True, 1001.0, True)],
)
def test_when_it_is_due(enabled: bool, last: float | None, due: bool) -> None:
    assert is_due(CleanupPolicy(enabled=enabled, every=101.0), last, 1000.0) is due


CALM: dict[str, Any] = {"unavailable": None, "is_current": True}


@pytest.mark.parametrize(
    ("changed", "world", "phase", "calm"),
    [
        ({}, {}, Phase.READY, True),
        ({}, {}, Phase.CRASH_LOOP, True),
        ({}, {}, Phase.UPDATING, False),
        ({}, {"hold": "AdoptionHeld"}, Phase.READY, False),
        ({}, {"busy": {"db"}}, Phase.READY, False),
        ({}, {"fetching": {("db", "db:2")}}, Phase.READY, False),
        ({}, {}, Phase.PAUSED, False),
        ({"unavailable": "no answer"}, {}, Phase.READY, False),
        ({"is_current": False}, {}, Phase.READY, False),
        ({}, {}, None, False),
    ],
)
def test_what_is_held_updating_or_not_to_be_seen_is_left_alone(
    changed: dict[str, Any], world: dict[str, Any], phase: Phase | None, calm: bool
) -> None:
    services = () if phase is None else (told("web", phase, "Updating"),)
    around = {"hold": None, "busy": set(), "fetching": set(), **world}
    assert seems_calm(services, around, changed, seen=phase is not None) is calm


def told(name: str, phase: Phase, reason: str, waits_for: str | None = None) -> SimpleNamespace:
    return SimpleNamespace(name=name, phase=phase, reason=reason, waits_for=waits_for)


def seems_calm(
    services: tuple[SimpleNamespace, ...],
    world: Mapping[str, Any] = {"hold": None, "busy": set(), "fetching": set()},
    changed: Mapping[str, Any] = {},
    *,
    seen: bool = True,
) -> bool:
    chronicle = SimpleNamespace(status=SimpleNamespace(services=services) if seen else None)
    stack = SimpleNamespace(chronicle=chronicle, world=SimpleNamespace(**world), **{**CALM, **changed})
    return is_calm(stack)  # type: ignore[arg-type]


@pytest.mark.parametrize("phase", [Phase.WAITING, Phase.UPDATING, Phase.ROLLING_BACK, Phase.STARTING])
@pytest.mark.parametrize("reason", ["InsufficientDisk", "InsufficientMemory"])
def test_who_waits_for_room_holds_no_clean_up_up(phase: Phase, reason: str) -> None:
    """A full disk would never be cleaned up."""
    short = told("db", phase, reason)
    behind = told("web", Phase.WAITING, "DependencyNotReady", "db")
    assert seems_calm((short, behind, told("ui", Phase.WAITING, "DependencyNotReady", "web")))
    assert not seems_calm((short, told("other", Phase.STARTING, "Starting")))
    assert not seems_calm((behind, told("db", Phase.READY, "Ready"))), "it is about to start"
    for beaten in (Phase.CRASH_LOOP, Phase.FAILED, Phase.STOPPED):
        assert seems_calm((behind, told("db", beaten, "Crashed"))), "that may last for ever"
    assert not seems_calm((told("web", Phase.WAITING, "", "ui"), told("ui", Phase.WAITING, "", "web"))), "a ring ends"


def test_what_another_users_controller_keeps_is_left_alone(shop: House) -> None:
    ground = Ground(shop.engine, shop.asked("shop"))
    with closing(ground.store("shop")):
        lock = try_lock(ground.lock_path("shop"), shop.folder, ground.now)
        assert isinstance(lock, Lock)
        before = left(shop)
        with lock:
            report, _ = clean(shop)
    assert not report.ok and "the stack is kept by" in report.message and report.hint
    assert left(shop) == before


# --- what keeps it from going on


class Odd(Unclosed):
    """The house's engine, which answers otherwise in one thing."""

    def __init__(self, engine: Reading, **answers: Any) -> None:
        super().__init__(engine)
        for name, answer in answers.items():
            setattr(self, name, answer)


def plot(house: House, **changed: Any) -> Plot:
    ground = Ground(house.engine, house.asked("shop"))
    pairs, _ = ground.load_all(ground.targets())
    return replace(plot_of(ground, pairs[0][1]), **changed)


def hand(ear: list[str], goes_on: Any = lambda: True) -> Hand:
    tell = lambda reason, message, warning: ear.append(f"{reason}: {message}")  # noqa: E731
    return Hand(tell, lambda images: None, goes_on, time.time)


def test_where_the_stack_changes_meanwhile_the_rest_is_left(shop: House) -> None:
    answers = iter([True, False])
    report = clean_up(plot(shop), hand([], lambda: next(answers)))
    assert fates(report) == {"shop-run-1": "removed"} and not report.ok
    assert "the stack changed meanwhile" in report.message and "sha256:old" in left(shop)


def test_where_another_stack_cannot_be_read_images_stay_and_that_is_said(shop: House) -> None:
    def unreadable() -> Any:
        raise ControllerError("images and networks stay: what stack 'blog' needs cannot be read: no permission")

    report = list_rubbish(plot(shop, neighbours=unreadable), time.time())
    assert fates(report) == {"shop-run-1": "unused"}
    assert report.notes == ("images and networks stay: what stack 'blog' needs cannot be read: no permission",)


def test_where_another_stack_cannot_be_read_networks_stay_and_the_schedule_comes_again(shop: House) -> None:
    def unreadable() -> Any:
        raise ControllerError("images and networks stay: what stack 'blog' needs cannot be read: no permission")

    heard: list[str] = []
    given = plot(shop, neighbours=unreadable, engine=Odd(shop.engine, inventory=with_network(shop)))
    assert "network" in {item.kind for item in judged(plot(shop, engine=given.engine))}
    report = clean_up(given, hand(heard))
    assert fates(report) == {"shop-run-1": "removed"} and not report.whole
    assert heard[0].startswith("CleanupFailed: images and networks stay")


def with_network(shop: House) -> Any:
    def inventory(stack: str, known: Collection[ImageId], **options: Any) -> Inventory:
        seen = shop.engine.inventory(stack, known, **options)
        return replace(seen, networks=(*seen.networks, NetworkSeen("n1", "shop_old", "shop")))

    return inventory


def judged(given: Plot) -> tuple[Item, ...]:
    return tuple(one.item for one in list_rubbish(given, time.time()).done)


def test_a_list_that_leaves_out_a_replica_is_not_believed(shop: House) -> None:
    def inventory(stack: str, known: Collection[ImageId], **options: Any) -> Inventory:
        seen = shop.engine.inventory(stack, known, **options)
        return replace(seen, containers=tuple(one for one in seen.containers if one.one_off))

    told: list[str] = []
    report = clean_up(plot(shop, engine=Odd(shop.engine, inventory=inventory)), hand(told))
    assert not report.ok and "Docker's list leaves out 1 of the stack's containers" in report.message
    assert told == [f"CleanupFailed: {report.message}"] and "shop-run-1" in left(shop)


def test_what_fails_is_told_and_the_others_go_all_the_same(shop: House) -> None:
    def clear(item: Any, policy: CleanupPolicy) -> int | None:
        if item.name == "shop-run-1":
            raise Transient("too slow", hint="wait")
        return shop.engine.clear(item, policy)

    told: list[str] = []
    report = clean_up(plot(shop, engine=Odd(shop.engine, clear=clear)), hand(told))
    assert fates(report) == {"shop-run-1": "failed", "sha256:old": "removed"}
    assert (report.ok, report.message, report.hint) == (False, "container shop-run-1: too slow", "wait")
    assert told[0] == "CleanupFailed: container shop-run-1 is still there: too slow"
    assert told[-1] == "Cleanup: 1 removed, 4Ki freed, 1 left"


def test_what_somebody_has_come_to_need_since_the_look_is_left(shop: House) -> None:
    """A neighbour that has just gone back to it has no container of it yet: the engine would not refuse."""
    answers = iter([Kept(), Kept(images=frozenset({ImageId("sha256:old")}))])
    report = clean_up(plot(shop, neighbours=lambda: next(answers)), hand([]))
    [_, image] = report.done
    assert (image.fate, image.message, report.ok) == (Fate.LEFT, "something needs it by now", True)
    assert "sha256:old" in left(shop)


def test_where_the_disk_is_too_full_to_note_what_went_it_goes_all_the_same(shop: House) -> None:
    def forget(images: Any) -> None:
        raise ControllerError("no space left")

    report = clean_up(plot(shop), replace(hand([]), forget=forget))
    assert fates(report) == {"shop-run-1": "removed", "sha256:old": "removed"} and report.ok


def test_a_command_cleans_up_though_when_it_did_cannot_be_noted(shop: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def save(self: Any, memory: Any) -> None:
        raise ControllerError("no space left")

    monkeypatch.setattr(StackRecords, "save", save)
    report, _ = clean(shop)
    assert fates(report) == {"shop-run-1": "removed", "sha256:old": "removed"} and report.ok


def test_a_pass_goes_on_though_what_it_saw_cannot_be_noted(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def note(self: Any, *args: Any, **options: Any) -> None:
        raise ControllerError("no space left")

    monkeypatch.setattr(ImageBook, "note", note)
    house.write("shop")
    assert house.ask("apply", "shop").ok


@pytest.mark.parametrize(
    ("wish", "counts"),
    [
        (Wish("cleanup"), True),
        (Wish("cleanup", images=False), False),
        (Wish("cleanup", older_than=30 * DAY), False),
        (Wish("cleanup", build_cache=True, older_than=DAY), True),
    ],
)
def test_only_a_whole_clean_up_counts_for_the_schedule(shop: House, wish: Wish, counts: bool) -> None:
    clean(shop, wish)
    assert (memory(shop).cleaned_at is not None) is counts


WRITER = Hold("ForeignWriter", "somebody else is changing containers of this stack; waits until that is over", 9.0)


def test_while_somebody_else_writes_nothing_is_removed(shop: House) -> None:
    told: list[str] = []
    report = clean_up(plot(shop), replace(hand(told), writer=lambda: WRITER))
    assert (report.ok, report.whole, report.done, report.message) == (False, False, (), WRITER.message)
    assert told == [f"CleanupFailed: {WRITER.message}"] and "shop-run-1" in left(shop)


def test_a_command_sees_by_itself_that_somebody_else_writes(shop: House) -> None:
    half = replica(service="db", temporary=True, created_at=time.time())
    seen = Observed("shop", {"db": ServiceView((half,))}, time.time())
    ear = Ear()
    odd = Odd(shop.engine, observe=lambda scope, **options: seen)
    with closing(Session(odd, shop.asked("shop"), lambda _: None, Simulation)) as session:  # type: ignore[arg-type]
        (report,) = session.cleanup(CLEANUP, ear, dry_run=False)
    assert not report.ok and report.message == WRITER.message and report.hint
    assert "shop-run-1" in left(shop)


def test_a_daemon_that_is_asked_removes_nothing_while_somebody_else_writes(
    shop: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controller.loop.reconcile.find_hold", lambda *args: WRITER)

    def script() -> None:
        eventually(lambda: "ForeignWriter" in shop.ear.conditions("shop"))
        report, _ = clean(shop)
        assert not report.ok and report.message == WRITER.message

    assert shop.run(script, shop.asked("shop")) == 0
    assert "shop-run-1" in left(shop)


def test_another_policy_is_another_version_of_the_stack(shop: House) -> None:
    one = plot(shop).loaded
    other = replace(one, resources=replace(one.resources, cleanup=CleanupPolicy(images=False)))
    assert _version(one) == _version(replace(one)) != _version(other)


def test_what_somebody_has_come_to_use_is_left_and_that_is_no_failure(shop: House) -> None:
    def clear(item: Any, policy: CleanupPolicy) -> int | None:
        put(shop, one_off("late", "other", image="sha256:old"))
        return shop.engine.clear(item, policy)

    report = clean_up(plot(shop, engine=Odd(shop.engine, clear=clear)), hand([]))
    [_, image] = report.done
    assert (image.fate, image.message, report.ok) == (Fate.LEFT, "image is being used by container late", True)


def test_what_another_stack_of_ours_needs_or_used_lately_stays(shop: House) -> None:
    shop.write("blog")
    assert shop.ask("apply", "blog").ok
    ground = Ground(shop.engine, shop.asked("blog"))
    with closing(ground.store("blog")) as store:
        seen = ServiceView((replica(image_id=ImageId("sha256:old"), image="db:1"),))
        store.images.note({"web": seen}, time.time() - 60, whole=False)
    report, _ = clean(shop)
    assert fates(report) == {"shop-run-1": "removed"}


def test_a_report_outlives_the_way_through_the_store() -> None:
    along = (Layers(ImageId("s"), 3),)
    item = Item(Rubbish.IMAGE, "sha256:1", "web:1", None, "why", 5.0, True, True, ("web:1",), along)
    report = CleanupReport("shop", (Done(item, Fate.LEFT, None, "used", "hint"),), at=7.0, notes=("a",), younger=2)
    assert decode(CleanupReport, encode(report)) == report
