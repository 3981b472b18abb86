"""The audit log on a real disk: written by several hands, rotated, pruned, cut short, and gone on with."""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from controller.loop.auditfiles import KEY_FILE, Place, find_key, known_logs, place_of, read_key, segment_of
from controller.loop.auditlog import AuditLog, Pace
from controller.loop.auditor import KEEP_EVERY, AuditBook
from controller.loop.auditproofs import prove
from controller.model.auditing import AuditPolicy
from controller.model.errors import ControllerError
from controller.security.audit import Act, Via, act_data, split_lines
from controller.security.auditproof import Fault, State, Verdict

pytestmark = pytest.mark.unit

NOW = 1_790_000_000.0


class Bench:
    """One log, and a clock that goes on by a second with each record."""

    def __init__(self, root: Path, pace: Pace | None = None, policy: AuditPolicy | None = None) -> None:
        self.root, self.now = root, NOW
        self.place = place_of(root, "engine", "shop")
        self.log = AuditLog(self.place, find_key(root), policy or AuditPolicy(), lambda: self.now, pace)

    def act(self, verb: str = "start", times: int = 1) -> None:
        for _ in range(times):
            self.now += 1
            self.log.append([act_data(Act("alice", Via.CLI, verb, "service", "web", "shop", detail={"at": self.now}))])

    @property
    def verdict(self) -> Verdict:
        return prove(self.root, "engine", "shop")

    @property
    def records(self) -> list[dict[str, object]]:
        closed = [one.path for one in self.place.closed()]
        return [json.loads(line) for path in (*closed, self.place.current) for line in segment_of(path).read()]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_what_was_written_can_be_proven(bench: Bench) -> None:
    bench.act(times=5)
    assert bench.verdict.state is State.OK and bench.verdict.last == 5
    assert [record["seq"] for record in bench.records] == [1, 2, 3, 4, 5]


def test_only_the_owner_can_read_any_of_it(bench: Bench) -> None:
    bench.act(times=2)
    files = [bench.root / KEY_FILE, bench.place.current, bench.place.head, bench.place.lock]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert {stat.S_IMODE(file.parent.stat().st_mode) for file in files[1:]} == {0o700}


def test_a_log_is_known_by_any_of_its_files(bench: Bench) -> None:
    assert known_logs(bench.root, "engine") == ()
    bench.act()
    AuditLog(place_of(bench.root, "engine", ""), find_key(bench.root), AuditPolicy()).append([{"v": 1}])
    assert known_logs(bench.root, "engine") == ("", "shop")
    bench.place.current.unlink()
    assert known_logs(bench.root, "engine") == ("", "shop")


# --- the key


def test_the_key_is_made_once(tmp_path: Path) -> None:
    assert read_key(tmp_path) is None
    assert find_key(tmp_path).secret == find_key(tmp_path).secret
    assert len({find_key(tmp_path / name).secret for name in "ab"}) == 2


@pytest.mark.parametrize("left", ["current", "head", "closed"])
def test_no_key_is_made_anew_where_there_is_a_log(tmp_path: Path, left: str) -> None:
    bench = Bench(tmp_path, Pace(size=1))
    bench.act(times=3)
    keep = {"current": bench.place.current, "head": bench.place.head, "closed": bench.place.closed()[0].path}[left]
    for path in (bench.place.current, bench.place.head, *(one.path for one in bench.place.closed())):
        if path != keep:
            path.unlink()
    (tmp_path / KEY_FILE).unlink()
    with pytest.raises(ControllerError, match="gone, though there are audit logs") as caught:
        find_key(tmp_path)
    assert caught.value.hint is not None and not (tmp_path / KEY_FILE).exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    find_key(tmp_path)
    (tmp_path / KEY_FILE).chmod(mode)
    with pytest.raises(ControllerError, match="others can read or write it"):
        find_key(tmp_path)


def test_what_is_no_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).write_bytes(b"short")
    (tmp_path / KEY_FILE).chmod(0o600)
    with pytest.raises(ControllerError, match="not the 32 bytes of a key"):
        find_key(tmp_path)


# --- segments


def test_fifty_rotations_and_a_retention_delete_verify(tmp_path: Path) -> None:
    bench, seen = Bench(tmp_path, Pace(size=1500), AuditPolicy(max_size=20_000)), set[int]()
    for _ in range(60):
        bench.act(times=5)
        seen |= {one.first for one in bench.place.closed()}
    assert len(seen) >= 50 and len(bench.place.closed()) < len(seen)
    verdict = bench.verdict
    assert verdict.state is State.OK and verdict.first == bench.place.closed()[0].first > 1
    assert "pruned" in [record["verb"] for record in bench.records]


def test_a_segment_is_closed_by_its_age(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Pace(age=60.0))
    bench.act(times=59)
    assert not bench.place.closed()
    bench.act(times=4)
    assert len(bench.place.closed()) == 1 and bench.verdict.state is State.OK


def test_what_is_too_old_goes_and_what_is_not_stays(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Pace(size=2000), AuditPolicy(retention=1000.0))
    bench.act(times=10)
    bench.now += 900
    bench.act(times=20)
    first, *_, last = (one.path for one in bench.place.closed())
    bench.now += 150
    bench.act(times=5)
    assert not first.exists() and last.exists()
    assert bench.verdict.state is State.OK and bench.verdict.first == bench.place.closed()[0].first
    pruned = [record for record in bench.records if record["verb"] == "pruned"]
    assert {record["detail"]["why"] for record in pruned} == {"age"}  # type: ignore[index]


def test_a_log_in_which_nobody_writes_forgets_by_the_clock_and_can_be_proven(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Pace(age=86400.0), AuditPolicy(retention=1000 * 86400.0))
    bench.act(times=5)
    bench.now += 86000
    bench.log.keep()
    assert not bench.place.closed(), "before its time nothing is done"
    bench.now += 400
    bench.log.keep()
    (first,) = bench.place.closed()
    assert bench.verdict.state is State.OK and bench.verdict.last == bench.verdict.signed == 6
    before = sorted(bench.place.folder.iterdir())
    for _ in range(3):
        bench.now += 300 * 86400
        bench.log.keep()
    assert sorted(bench.place.folder.iterdir()) == before and first.path.exists(), "it is not due yet"
    bench.now += 101 * 86400
    bench.log.keep()
    assert not first.path.exists() and bench.verdict.state is State.OK and bench.verdict.first == 7
    assert [(r["verb"], r["detail"]["why"]) for r in bench.records] == [("pruned", "age")]  # type: ignore[index]
    bench.act(times=3)
    assert bench.verdict.state is State.OK and bench.verdict.last == 10


def test_a_clock_that_is_wrong_for_a_moment_takes_one_segment_at_most(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Pace(size=1500), AuditPolicy(retention=1e6))
    bench.act(times=20)
    count = len(bench.place.closed())
    bench.now += 2e6
    bench.log.keep()
    assert len(bench.place.closed()) == count, "one was closed, one has gone"
    assert bench.verdict.state is State.OK and bench.verdict.first > 1


def test_what_was_closed_late_is_as_old_as_what_it_tells(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.act(times=5)
    bench.now += 400 * 86400  # nobody was there to close it
    bench.log.keep()
    assert [record["verb"] for record in bench.records] == ["pruned"] and bench.verdict.state is State.OK


def test_of_a_log_that_is_not_there_nothing_is_made(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.log.keep()
    assert not bench.place.folder.exists() and not bench.place.head.exists()


def test_each_log_of_the_engine_is_kept_one_at_a_time(tmp_path: Path) -> None:
    now = [NOW]
    book = AuditBook(tmp_path, lambda: "engine", lambda: now[0])
    for name in ("shop", "bank", ""):
        book.record(Act("alice", Via.CLI, "start", stack=name))
    places = [place_of(tmp_path, "engine", name) for name in ("shop", "bank", "")]

    def keep(times: int, *stacks: str) -> list[bool]:
        """Which have closed segments after so many looks at all of them."""
        for _ in range(times):
            now[0] += KEEP_EVERY
            for _ in places:
                book.keep(now[0], stacks)
        return [bool(place.closed()) for place in places]

    book.keep(now[0], ("shop", "bank"))
    now[0] += 90_000
    for closed in range(3):
        assert sum(bool(place.closed()) for place in places) == closed
        book.keep(now[0], ("shop", "bank"))
    now[0] += 366 * 86400
    assert keep(2, "shop", "bank") == [True] * 3, "nobody has read how long they are to be kept"
    book.policy = AuditPolicy()
    assert keep(3, "shop") == [False, True, False], "the bank's are another's"
    keep(3, "shop", "bank")
    assert all(prove(tmp_path, "engine", name).first > 1 for name in ("shop", "bank", ""))
    assert all(prove(tmp_path, "engine", name).state is State.OK for name in ("shop", "bank", ""))
    other = AuditBook(tmp_path, lambda: "engine", lambda: now[0])
    for _ in range(3):
        now[0] += KEEP_EVERY
        other.keep(now[0], ("shop", "bank"))
    shutil.rmtree(places[0].folder)
    other.sign("end")
    assert not places[0].folder.exists(), "of what it has not written it signs nothing, and makes nothing"
    book.policy = AuditPolicy(enabled=False)
    before = [place.closed() for place in places]
    now[0] += 800 * 86400
    keep(3, "shop", "bank")
    assert [place.closed() for place in places] == before, "switched off it writes nothing"


def test_who_dates_files_back_or_puts_some_beside_has_nothing_pruned(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Pace(size=2000), AuditPolicy(retention=1000.0, max_size=50_000))
    bench.act(times=20)
    for one in bench.place.closed():
        os.utime(one.path, (0, 0))
    (tmp_path / "engine" / "shop" / "audit-9999999999.jsonl.gz").write_bytes(b"x" * 60_000)
    bench.act(times=10)
    (tmp_path / "engine" / "shop" / "audit-9999999999.jsonl.gz").unlink()
    assert bench.verdict.state is State.OK and bench.verdict.first == 1


def test_a_line_that_was_changed_before_it_was_signed_is_told_to_who_has_no_key(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Pace())
    bench.act(times=5)
    lines = bench.place.current.read_bytes()
    changed = lines.replace(b'"seq":3', b'"seq":9', 1)
    assert changed != lines
    bench.place.current.write_bytes(changed)
    bench.log.sign("export")
    assert [record["verb"] for record in bench.records][-2:] == ["broken", "checkpoint"]


def test_checkpoints_come_by_count_and_at_the_end(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Pace(signs=10))
    bench.act(times=25)
    assert bench.verdict.checkpoints == 2
    bench.log.sign("end")
    bench.log.sign("end")
    verdict = bench.verdict
    assert verdict.checkpoints == 3 and verdict.signed == verdict.last


def test_a_segment_that_cannot_be_packed_is_one_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path) -> Path:
        raise OSError(errno.ENOSPC, "No space left on device")

    bench = Bench(tmp_path, Pace(size=2000))
    monkeypatch.setattr("controller.loop.auditlog.pack", full)
    bench.act(times=12)
    assert {one.path.suffix for one in bench.place.closed()} == {".jsonl"} and bench.verdict.state is State.OK
    monkeypatch.undo()
    bench.act(times=6)
    assert {one.path.suffix for one in bench.place.closed()} == {".gz"} and bench.verdict.state is State.OK


# --- an end that is not as it was noted


def test_a_torn_line_is_taken_off_and_noted(bench: Bench) -> None:
    bench.act(times=3)
    with bench.place.current.open("ab") as file:
        file.write(b'{"v":1,"act')
    finding = bench.verdict.finding
    assert finding is not None and (finding.state, finding.fault, finding.seq) == (State.INCOMPLETE, Fault.TORN, 4)
    bench.act()
    assert [record["verb"] for record in bench.records] == ["start", "start", "start", "mended", "start"]
    assert bench.verdict.state is State.OK and bench.verdict.mended == 1


def test_a_line_that_was_written_and_not_noted_counts(bench: Bench) -> None:
    bench.act(times=3)
    head = bench.place.head.read_bytes()
    bench.act(times=2)
    bench.place.head.write_bytes(head)
    assert bench.verdict.state is State.OK and bench.verdict.last == 5
    bench.act()
    assert bench.verdict.state is State.OK and bench.verdict.last == 6


@pytest.mark.parametrize("lines", [1, 2, 5])
def test_a_tail_that_was_cut_off_is_missed_and_no_later_line_hides_it(bench: Bench, lines: int) -> None:
    bench.act(times=5)
    kept = split_lines(bench.place.current.read_bytes())[:-lines]
    bench.place.current.write_bytes(b"".join(kept))
    first = bench.verdict.finding
    assert first is not None and (first.fault, first.seq) == (Fault.TRUNCATED, 6 - lines)
    bench.act(times=3)
    bench.log.sign("end")
    after = bench.verdict.finding
    assert after is not None and (after.state, after.fault) == (State.TAMPERED, Fault.REMOVED)
    assert after.seq == (6 - lines)


def test_a_log_that_is_gone_altogether_is_missed_ever_after(bench: Bench) -> None:
    bench.act(times=5)
    bench.log.sign("end")
    bench.place.current.unlink()
    assert bench.verdict.state is State.TAMPERED
    bench.act()
    found = bench.verdict.finding
    assert found is not None and (found.state, found.fault, found.seq) == (State.TAMPERED, Fault.REMOVED, 1)


@pytest.mark.parametrize("head", [None, b"", b"nonsense"])
def test_a_note_of_the_end_that_is_gone_is_tampering(bench: Bench, head: bytes | None) -> None:
    bench.act(times=3)
    bench.place.head.unlink()
    if head is not None:
        bench.place.head.write_bytes(head)
    assert bench.verdict.state is State.TAMPERED
    bench.act()
    found = bench.verdict.finding
    assert found is not None and found.state is State.TAMPERED and found.seq == 4
    assert [record["seq"] for record in bench.records] == [1, 2, 3, 4, 5]


def test_a_line_that_is_torn_does_not_hide_that_the_note_of_the_end_is_gone(bench: Bench) -> None:
    bench.act(times=3)
    bench.place.head.unlink()
    with bench.place.current.open("ab") as file:
        file.write(b'{"v"')
    found = bench.verdict.finding
    assert found is not None and (found.state, found.fault) == (State.TAMPERED, Fault.REMOVED)


def test_lines_of_others_at_the_end_are_found_and_gone_on_after(bench: Bench) -> None:
    bench.act(times=3)
    with bench.place.current.open("ab") as file:
        file.write(b'{"v":1}\n{"v":2}\n{"v"')
    bench.act()
    found = bench.verdict.finding
    assert found is not None and found.state is State.TAMPERED and found.line == 4


# --- who cannot write


def test_a_full_disk_is_one_clear_error_and_leaves_no_half_line(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.act(times=2)

    def short(handle: int, data: bytes) -> None:
        os.write(handle, data[:20])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("controller.loop.auditlog.write_all", short)
    with pytest.raises(ControllerError, match=r"audit.jsonl: the audit log cannot be written: No space left") as caught:
        bench.act()
    assert caught.value.hint == "free some disk space; nothing was done that is not recorded"
    monkeypatch.undo()
    assert bench.verdict.state is State.OK and bench.verdict.last == 2
    bench.act()
    assert bench.verdict.last == 3 and bench.verdict.mended == 0


def test_a_folder_where_the_log_should_be_is_a_clear_error(bench: Bench) -> None:
    bench.place.current.mkdir(parents=True)
    with pytest.raises(ControllerError, match="the audit log cannot be written: Is a directory"):
        bench.act()


def test_a_link_in_place_of_the_log_is_not_followed(bench: Bench, tmp_path: Path) -> None:
    bench.act()
    target = tmp_path / "target"
    target.write_bytes(b"")
    bench.place.current.unlink()
    bench.place.current.symlink_to(target)
    with pytest.raises(ControllerError):
        bench.act()
    assert target.read_bytes() == b""


# --- several hands

WRITER = """
import sys
from pathlib import Path
from controller.loop.auditfiles import find_key, place_of
from controller.loop.auditlog import AuditLog, Pace
from controller.model.auditing import AuditPolicy
from controller.security.audit import Act, Via, act_data
root, who, times = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
log = AuditLog(place_of(root, "engine", "shop"), find_key(root), AuditPolicy(), pace=Pace(size=6000, signs=16))
for number in range(times):
    log.append([act_data(Act(who, Via.CLI, "start", name=str(number), stack="shop"))])
"""


def test_several_processes_write_one_log_and_lose_nothing(tmp_path: Path) -> None:
    words = [sys.executable, "-c", WRITER, str(tmp_path)]
    hands = [subprocess.Popen([*words, who, "25"]) for who in "abc"]
    assert [hand.wait() for hand in hands] == [0, 0, 0]
    bench = Bench(tmp_path)
    assert bench.verdict.state is State.OK
    written = [(r["actor"], r["object"]["name"]) for r in bench.records if r["verb"] == "start"]  # type: ignore[index]
    for who in "abc":
        assert [name for of, name in written if of == who] == [str(number) for number in range(25)]
    assert len(bench.place.closed()) > 3


POINTS = [
    f"disk.{write}.{when}:{times}"
    for write, most in {
        "auditkey": 1,
        "auditlock": 1,
        "auditfile": 4,
        "audithead": 40,
        "auditline": 40,
        "auditrotated": 3,
        "auditpacked": 3,
        "auditunpacked": 3,
        "auditpruned": 2,
    }.items()
    for when in ("before", "after")
    for times in sorted({1, 2, 3, most // 2, most - 1, most} & set(range(1, most + 1)))
]

LIFE = """
import sys
from pathlib import Path
from controller.loop.auditfiles import find_key, place_of
from controller.loop.auditlog import AuditLog, Pace
from controller.model.auditing import AuditPolicy
from controller.security.audit import Act, Via, act_data
root = Path(sys.argv[1])
policy, pace = AuditPolicy(max_size=1500), Pace(size=3000, signs=4)
log = AuditLog(place_of(root, "engine", "shop"), find_key(root), policy, pace=pace)
for number in range(30):
    log.append([act_data(Act("alice", Via.CLI, "start", name=str(number), stack="shop"))])
    print(number, flush=True)
"""


def lives() -> list[ParameterSet]:
    """All, those after a first write fast."""
    return [pytest.param(at, marks=[] if at.endswith("after:1") else [pytest.mark.slow]) for at in POINTS]


@pytest.mark.fault("C1")
@pytest.mark.parametrize("point", lives())
def test_killed_at_a_write_nothing_that_was_told_is_lost_and_nothing_is_torn(tmp_path: Path, point: str) -> None:
    environment = {**os.environ, "CONTROLLER_CRASH_AT": point}
    done = subprocess.run(
        [sys.executable, "-c", LIFE, str(tmp_path)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == -9, done.stderr
    told = [int(line) for line in done.stdout.split()]
    bench = Bench(tmp_path, Pace(size=3000, signs=4), AuditPolicy(max_size=1500))
    assert bench.verdict.state is State.OK, bench.verdict
    names = [r["object"]["name"] for r in bench.records if r["verb"] == "start"]  # type: ignore[index]
    assert names == [str(number) for number in range(int(names[0]) if names else 0, len(told))] or names[:-1] == [
        str(number) for number in range(int(names[0]), len(told))
    ], "what was told is there; one more may be"
    bench.act(times=20)
    assert bench.verdict.state is State.OK, bench.verdict
    assert not list(bench.place.folder.glob(".*")), "nothing is left over"


QUIET = """
import sys
from pathlib import Path
from controller.loop.auditfiles import find_key, place_of
from controller.loop.auditlog import AuditLog, Pace
from controller.model.auditing import AuditPolicy
from controller.security.audit import Act, Via, act_data
root, now = Path(sys.argv[1]), [1_790_000_000.0]
log = AuditLog(place_of(root, "engine", "shop"), find_key(root), AuditPolicy(), lambda: now[0])
log.append([act_data(Act("alice", Via.CLI, "start", name=str(number), stack="shop")) for number in range(3)])
for days in (2, 400):
    now[0] += days * 86400
    log.keep()
"""


@pytest.mark.fault("C1")
@pytest.mark.parametrize("write", ["auditrotated", "auditpacked", "auditunpacked", "auditpruned"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_while_a_quiet_log_forgets_it_is_seen_through(tmp_path: Path, write: str, when: str) -> None:
    environment = {**os.environ, "CONTROLLER_CRASH_AT": f"disk.{write}.{when}"}
    done = subprocess.run([sys.executable, "-c", QUIET, str(tmp_path)], env=environment, check=False)
    assert done.returncode == -9
    bench = Bench(tmp_path)
    assert bench.verdict.state is State.OK, bench.verdict
    for days in (402, 404):
        bench.now = NOW + days * 86400
        bench.log.keep()
    assert bench.verdict.state is State.OK, bench.verdict
    assert "start" not in [record["verb"] for record in bench.records]


def test_places_are_those_of_the_contract(tmp_path: Path) -> None:
    assert place_of(tmp_path, "e", "shop") == Place(tmp_path / "e" / "shop", tmp_path / "e" / "_controller/heads/shop")
    assert place_of(tmp_path, "e", "").current == tmp_path / "e" / "_controller" / "audit.jsonl"
