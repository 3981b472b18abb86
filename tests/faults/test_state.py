"""The store on disk under harm: flipped bits, cut files, lost logs, kills in the middle of writing, newer versions."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from controller.loop.database import Database, StoreDamaged
from controller.loop.folders import DATABASE
from controller.loop.memory import StackMemory
from controller.loop.schema import MIGRATIONS, mark_of
from controller.loop.store import Store
from controller.model.decision import History
from controller.model.errors import ControllerError
from controller.model.names import ReplicaId, Revision
from tests.component.stage import SHOP, Stage, load

pytestmark = pytest.mark.unit

SEED = 20261125


def filled(folder: Path) -> bytes:
    """A store with some of everything that decisions follow from; its file, with nothing left in the log."""
    store = Store(folder, lambda: 100.0)
    store.histories.record({f"s{number}": History(good=f"r{number}") for number in range(12)})
    for number in range(12):
        store.replicas.confirm(store.replicas.intend(f"s{number}", 1, Revision("r")), ReplicaId(f"{number:064x}"))
    store.stack.save(StackMemory(adopted=True, source="compose.yaml"))
    store.intents.add("stop", {"services": ["s1"]}, "anna")
    store.close()
    return (folder / DATABASE).read_bytes()


def content(store: Store) -> tuple[object, ...]:
    known = dict(store.replicas.known())
    return (dict(store.histories.load()), known, store.replicas.made(), store.stack.load(), store.intents.get(1))


def record_in_spite_of_damage(store: Store) -> None:
    """What only shows at the first write is told then; the next try finds a file begun anew."""
    try:
        store.histories.record({"a": History(good="new")})
    except StoreDamaged:
        store.histories.record({"a": History(good="new")})


@pytest.mark.fault("S1")
def test_text_that_is_none_is_damage_and_not_a_ctrl_c(tmp_path: Path) -> None:
    """SQLite says the same of both: its function, the seal, was broken off."""
    whole = filled(tmp_path)
    place = whole.index(b'"good"')
    (tmp_path / DATABASE).write_bytes(whole[:place] + bytes([whole[place] ^ 0x80]) + whole[place + 1 :])
    store = Store(tmp_path)
    assert store.mended and not store.histories.load()
    store.close()


@pytest.mark.fault("S1")
@pytest.mark.parametrize("part", range(4))
def test_a_flipped_bit_is_never_believed(part: int, tmp_path: Path) -> None:
    """Every byte of the header, and bytes all over the file: it is opened, and holds what was written or nothing."""
    whole = filled(tmp_path / "good")
    good, empty = Store(tmp_path / "good"), Store(tmp_path / "empty")
    expected = (content(good), content(empty))
    chance = random.Random(SEED + part)
    places = [*range(part, 100, 4), *chance.sample(range(100, len(whole)), 50)]
    kept = 0
    for place in places:
        folder = tmp_path / f"flip{place}"
        folder.mkdir()
        wrong = whole[place] ^ (1 << chance.randrange(8))
        (folder / DATABASE).write_bytes(whole[:place] + bytes([wrong]) + whole[place + 1 :])
        store = Store(folder)
        found = content(store)
        assert found in expected, f"seed {SEED + part}, byte {place}: {found}"
        assert found == expected[0] or store.mended, f"seed {SEED + part}, byte {place}: lost without a word"
        kept += found == expected[0]
        record_in_spite_of_damage(store)
        assert store.histories.load()["a"].good == "new"
        store.close()
    assert 0 < kept < len(places)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip_all_over(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    for place in range(200, len(raw), 97):
        raw[place] ^= 0xFF
    path.write_bytes(raw)


def flip_the_schema(path: Path) -> None:
    """What SQLite then says of the damage quotes bytes that are no text."""
    raw = path.read_bytes()
    for word in (b"histories", b"replicas", b"service"):
        raw = raw.replace(word, word[:3] + b"\xdf" + word[4:])
    path.write_bytes(raw)


def lose_log(path: Path) -> None:
    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


WRECKS: dict[str, Callable[[Path], object]] = {
    "deleted": lambda path: path.unlink(),
    "emptied": lambda path: path.write_bytes(b""),
    "cut in half": cut,
    "text instead": lambda path: path.write_text("no database\n" * 500),
    "bytes flipped all over": flip_all_over,
    "names in its schema flipped": flip_the_schema,
    "its log lost": lose_log,
}


@pytest.mark.fault("S1")
@pytest.mark.parametrize("wreck", WRECKS)
def test_a_controller_that_lost_its_state_takes_the_running_stack_as_it_is(wreck: str, tmp_path: Path) -> None:
    """Nothing is removed, created, started or stopped: the world is the truth. History is lost, no service is."""
    stage = Stage(tmp_path, load(SHOP))
    stage.settle()
    before = stage.replicas()
    copied = {file.name: file.read_bytes() for file in tmp_path.iterdir() if file.is_file()}
    stage.die()
    for name, raw in copied.items():  # as a kill leaves it, with its log
        (tmp_path / name).write_bytes(raw)
    WRECKS[wreck](tmp_path / DATABASE)
    stage.begin(load(SHOP))
    stage.settle(120)
    assert stage.phases == {"db": "Ready", "web": "Ready"}
    assert stage.actions() == []
    assert [replica.life for replica in stage.replicas()] == [replica.life for replica in before]
    stage.meddle(lambda hands, now: hands.remove(before[0].id, now))
    stage.settle(120)
    assert stage.phases == {"db": "Ready", "web": "Ready"}


@pytest.mark.fault("S1")
def test_damage_is_told_as_a_warning_of_the_stack(tmp_path: Path) -> None:
    stage = Stage(tmp_path, load(SHOP))
    stage.settle()
    stage.die()
    cut(tmp_path / DATABASE)
    stage.begin(load(SHOP))
    assert stage.said("StoreMended") == 1


WRITER = textwrap.dedent("""
    import sys
    from pathlib import Path
    from controller.loop.store import Store
    from controller.model.decision import History
    store = Store(Path(sys.argv[1]))
    turn = int(max((h.good for h in store.histories.load().values()), default="0"))
    while True:
        turn += 1
        with store.transaction():
            for name in "abcd":
                store.histories.record({name: History(good=f"{turn:08d}")})
            store.replicas.confirm(store.replicas.intend("a", turn % 7 + 1, f"{turn:08d}"), f"id{turn % 7}")
        print(turn, flush=True)
""")


@pytest.mark.fault("S2")
def test_a_writer_that_is_killed_at_any_moment_leaves_whole_transactions_and_all_that_it_told(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    for round_ in range(12):
        words = [sys.executable, "-c", WRITER, str(tmp_path)]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            told = int(child.stdout.readline())
            time.sleep(chance.uniform(0.0, 0.05))
            child.send_signal(signal.SIGKILL)
            told = int(([str(told), *child.stdout.read().split("\n")[:-1]])[-1])
        store = Store(tmp_path)
        goods = {history.good for history in store.histories.load().values()}
        known = dict(store.replicas.known())
        assert store.mended is None, f"seed {SEED}, round {round_}"
        assert len(goods) == 1, f"seed {SEED}, round {round_}: half a transaction: {goods}"
        (good,) = goods
        assert good is not None and told <= int(good) <= told + 1, f"seed {SEED}, round {round_}: {told} told, {good}"
        assert known[ReplicaId(f"id{int(good) % 7}")] == good
        assert not store.replicas.open_intents()
        store.close()


@pytest.mark.fault("S2")
def test_what_is_told_as_written_is_on_the_disk(tmp_path: Path) -> None:
    """A power cut loses what was not synchronised: each commit is."""
    database = Database(tmp_path / DATABASE)
    assert database.row("PRAGMA journal_mode") == ("wal",)
    assert database.row("PRAGMA synchronous") == (2,)  # FULL
    database.close()


@pytest.mark.fault("S5")
def test_a_file_of_a_newer_version_is_only_read_and_said_so(tmp_path: Path) -> None:
    filled(tmp_path)
    database = Database(tmp_path / DATABASE)
    newer = len(MIGRATIONS) + 1
    database.row(f"PRAGMA user_version = {newer}")
    database.row(f"PRAGMA application_id = {mark_of(newer)}")
    database.close()
    before = (tmp_path / DATABASE).read_bytes()
    with pytest.raises(ControllerError, match=rf"newer version of controller \(schema {newer}") as caught:
        Store(tmp_path)
    assert caught.value.hint == "upgrade controller; the file was only read"
    assert (tmp_path / DATABASE).read_bytes() == before
    assert not [file for file in os.listdir(tmp_path) if "damaged" in file]


@pytest.mark.fault("S5")
def test_a_file_of_the_first_version_is_brought_up_to_date_and_keeps_everything(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    old = sqlite3.connect(tmp_path / DATABASE)
    for statement in MIGRATIONS[0]:
        old.execute(statement)
    old.execute("PRAGMA user_version = 1")
    old.execute("INSERT INTO histories VALUES ('a', '{\"good\":\"r1\"}')")
    old.commit()
    old.close()
    store = Store(tmp_path)
    assert store.histories.load() == {"a": History(good="r1")} and store.mended is None
    store.close()
    assert Store(tmp_path).histories.load() == {"a": History(good="r1")}
