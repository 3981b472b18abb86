"""Logs that are taken away as a whole, with the note of their end: missed by what the controller's own says of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from controller.loop import auditmissed, auditproofs
from controller.loop.auditfiles import CONTROLLER, Place, place_of
from controller.loop.auditmissed import end_log, open_shelf
from controller.loop.auditor import KEEP_EVERY, AuditBook
from controller.loop.auditproofs import Copy
from controller.loop.auditread import Query, find, prove_all
from controller.model.auditing import AuditPolicy
from controller.model.errors import ControllerError
from controller.security.audit import Act, KeyRing, Spot, Via
from controller.security.auditbegun import END, Begun, find_missing
from controller.security.auditproof import Fault, State, Verdict

pytestmark = pytest.mark.unit

DAY = 86400.0
ACT = Act("ada", Via.CLI, "stop", "stack", "shop", "shop")
ENDED = Act("ada", Via.CLI, END, "audit", "shop")


class Bench:
    def __init__(self, root: Path) -> None:
        self.root, self.now = root, 1_790_000_000.0
        self.book = AuditBook(root, lambda: "engine", lambda: self.now)
        self.book.policy = AuditPolicy()
        self.place = place_of(root, "engine", "shop")

    def act(self, times: int = 1) -> None:
        for _ in range(times):
            self.now += 1
            self.book.record(ACT)

    def take_away(self) -> None:
        for path in (*self.place.folder.glob("audit*"), self.place.head):
            path.unlink()

    def end(self) -> None:
        end_log(open_shelf(self.root, "engine"), "shop", self.book, ENDED)

    @property
    def verdict(self) -> Verdict:
        return prove_all(self.root, "engine")["shop"]

    @property
    def states(self) -> set[State]:
        return {one.state for one in prove_all(self.root, "engine").values()}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path)
    made.act(5)
    return made


def told(bench: Bench) -> int:
    return len([r for r in find(bench.root, "engine", Query(checkpoints=True)) if r.data["verb"] == "begun"])


def test_each_segment_is_told_of_once(bench: Bench) -> None:
    assert told(bench) == 1 and bench.states == {State.OK}
    assert not [r for r in find(bench.root, "engine", Query()) if r.data["verb"] == "begun"], (
        "only where it is asked for"
    )
    bench.now += DAY
    bench.act(3)
    AuditBook(bench.root, lambda: "engine", lambda: bench.now).record(ACT)
    assert told(bench) == 2 and bench.states == {State.OK}


def test_one_that_is_taken_away_is_missed_also_when_it_was_begun_anew(bench: Bench) -> None:
    bench.take_away()
    for state in ("gone", "begun anew", "longer than it was"):
        found = bench.verdict.finding
        assert found is not None and (found.state, found.fault, found.seq) == (State.TAMPERED, Fault.REMOVED, 1), state
        assert found.file == "shop/audit.jsonl" and "record 1 of the controller's log" in found.message
        bench.act(1 if state == "gone" else 10)


def test_one_that_was_ended_lawfully_is_not_missed_and_may_be_begun_anew(bench: Bench) -> None:
    with pytest.raises(ControllerError, match="is there yet"):
        bench.end()
    bench.take_away()
    bench.end()
    assert bench.states == {State.OK} and "shop" not in prove_all(bench.root, "engine")
    with pytest.raises(ControllerError, match="ended already"):
        bench.end()
    bench.act(3)
    assert bench.states == {State.OK} and bench.verdict.last == 3
    bench.take_away()
    assert bench.verdict.state is State.TAMPERED, "what was begun since is missed as before"


def test_an_end_that_a_crash_may_have_taken_hides_no_log_that_was_taken_away(bench: Bench) -> None:
    bench.take_away()
    bench.act(3)
    with bench.place.current.open("ab") as file:
        file.write(b'{"v"')
    found = bench.verdict.finding
    assert found is not None and (found.state, found.fault, found.seq) == (State.TAMPERED, Fault.REMOVED, 1)


def test_an_end_that_a_crash_may_have_taken_is_told_where_nothing_was_taken_away(bench: Bench) -> None:
    with bench.place.current.open("ab") as file:
        file.write(b'{"v"')
    found = bench.verdict.finding
    assert found is not None and (found.state, found.fault) == (State.INCOMPLETE, Fault.TORN)


def test_what_was_pruned_is_not_missed(bench: Bench) -> None:
    for _ in range(4):
        bench.now += 100 * DAY
        bench.act(2)
        for _ in range(3):
            bench.book.keep(bench.now, ("shop",))
    bench.now += 300 * DAY
    for _ in range(12):
        bench.now += KEEP_EVERY
        bench.book.keep(bench.now, ("shop",))
    assert bench.states == {State.OK} and bench.verdict.first > 5


def test_one_that_a_running_controller_began_anew_is_ended_as_it_was_and_missed_as_it_is(bench: Bench) -> None:
    bench.take_away()
    bench.act(3)
    assert bench.verdict.state is State.TAMPERED
    bench.end()
    assert bench.states == {State.OK} and bench.verdict.last == 3
    with pytest.raises(ControllerError, match="is there yet"):
        bench.end()
    bench.now += DAY
    bench.act(2)
    bench.take_away()
    bench.act(1)
    assert bench.verdict.state is State.TAMPERED, "what was begun since is missed as before"
    bench.end()
    assert bench.states == {State.OK}


def test_what_was_begun_while_somebody_ends_it_is_not_forgotten(bench: Bench) -> None:
    bench.take_away()
    plain = bench.book.record

    def record(*acts: Act) -> None:
        plain(*acts)
        bench.book.record = plain  # type: ignore[method-assign]
        bench.act(1)

    bench.book.record = record  # type: ignore[method-assign]
    bench.end()
    assert bench.states == {State.OK} and bench.verdict.last == 1
    bench.take_away()
    assert bench.verdict.state is State.TAMPERED


def test_one_that_was_begun_anew_and_harmed_is_not_ended(bench: Bench) -> None:
    bench.take_away()
    bench.act(3)
    whole = bench.place.current.read_bytes()
    bench.place.current.write_bytes(whole.replace(b'"ada"', b'"eve"', 1))
    with pytest.raises(ControllerError, match="is there yet"):
        bench.end()


def test_one_that_is_an_older_copy_of_what_was_taken_away_is_not_ended(bench: Bench) -> None:
    kept = {path: path.read_bytes() for path in (bench.place.current, bench.place.head)}
    bench.now += DAY
    bench.act(2)
    assert told(bench) == 2
    bench.take_away()
    for path, data in kept.items():
        path.write_bytes(data)
    assert bench.verdict.state is State.TAMPERED
    with pytest.raises(ControllerError, match="is there yet"):
        bench.end()


@pytest.mark.parametrize("signed", [False, True])
def test_of_a_stack_whose_folder_was_removed_the_note_of_the_end_goes_with_it(bench: Bench, signed: bool) -> None:
    if signed:
        bench.book.sign("end")
    shutil.rmtree(bench.place.folder)
    assert bench.verdict.state is State.TAMPERED and bench.place.head.exists()
    bench.end()
    assert bench.states == {State.OK} and not bench.place.head.exists() and not bench.place.folder.exists()


def test_the_controllers_own_is_never_ended(bench: Bench) -> None:
    own = place_of(bench.root, "engine", "")
    own.current.unlink()
    for name in ("", CONTROLLER):
        with pytest.raises(ControllerError, match="no log of"):
            end_log(open_shelf(bench.root, "engine"), name, bench.book, ENDED)
    assert own.head.exists()


def test_what_was_ended_before_ends_named_a_record_stays_ended(bench: Bench) -> None:
    bench.take_away()
    with bench.book.acting(ENDED):
        pass
    assert bench.states == {State.OK} and "shop" not in prove_all(bench.root, "engine")


@pytest.mark.parametrize("looked", range(1, 6))
def test_what_is_pruned_while_it_is_proven_is_not_missed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, looked: int
) -> None:
    """At each moment at which one who proves has a copy and has not read it yet."""
    bench.now += 30 * DAY
    bench.act(2)
    bench.now += 30 * DAY
    bench.act(2)
    bench.now += 330 * DAY
    plain, copies = auditproofs.copy_of, [0]

    def copy_of(place: Place, ring: KeyRing) -> Copy:
        copy = plain(place, ring)
        copies[0] += place == bench.place
        if place == bench.place and copies[0] == looked:
            for _ in range(8):
                bench.now += KEEP_EVERY
                bench.book.keep(bench.now, ("shop",))
        return copy

    monkeypatch.setattr(auditproofs, "copy_of", copy_of)
    monkeypatch.setattr(auditmissed, "copy_of", copy_of)
    for _ in range(3):
        assert prove_all(bench.root, "engine")["shop"].finding is None
    assert copies[0] >= looked and bench.verdict.first > 5


def test_somebody_elses_words_end_nothing(bench: Bench) -> None:
    bench.take_away()
    bench.book.note(Act("ada", Via.CLI, END, "audit", "shop", outcome="failed"))
    with place_of(bench.root, "engine", "").current.open("ab") as file:
        file.write(b'{"object":{"kind":"audit","name":"shop"},"outcome":"done","verb":"end-log"}\n')
    assert bench.verdict.state is State.TAMPERED


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_processes_may_tell_of_one_segment_in_either_order(order: tuple[int, int]) -> None:
    macs = {1: "a", 2: "b"}
    begun = [Begun(at, Spot(1 + which, "ab"[which])) for at, which in enumerate(order)]
    assert find_missing(begun, 1, macs.get, "f") is None
    assert find_missing(begun, 1, {1: "a", 2: "c"}.get, "f") is not None
    assert find_missing([*begun, Begun(9, Spot(1, "x"))], 2, macs.get, "f") is not None, "one number, two records"


LIFE = """
import sys
from pathlib import Path
from controller.loop.auditor import KEEP_EVERY, AuditBook
from controller.security.audit import Act, Via
AuditBook(Path(sys.argv[1]), lambda: "engine").record(Act("ada", Via.CLI, "stop", "stack", "shop", "shop"))
"""


@pytest.mark.fault("C1")
@pytest.mark.parametrize(
    "point", ["auditline.after:1", "auditline.before:2", "auditline.after:2", "audithead.before:7"]
)
def test_killed_while_it_is_told_nothing_is_missed_that_is_there(tmp_path: Path, point: str) -> None:
    environment = {**os.environ, "CONTROLLER_CRASH_AT": f"disk.{point}"}
    assert subprocess.run([sys.executable, "-c", LIFE, str(tmp_path)], env=environment, check=False).returncode == -9
    bench = Bench(tmp_path)
    assert bench.states == {State.OK}
    bench.act(2)
    assert bench.states == {State.OK} and told(bench) in (1, 2)
    bench.take_away()
    assert bench.verdict.state is State.TAMPERED


def test_who_asks_for_a_verb_of_ours_hides_nothing(bench: Bench) -> None:
    """A method of HTTP may be any word."""
    bench.book.record(Act("-", Via.API, "begun", "path", "/v1/stacks", allowed=False, outcome="denied"))
    found = find(bench.root, "engine", Query(outcome="denied"))
    assert [one.data["verb"] for one in found] == ["begun"]
