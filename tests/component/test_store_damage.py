"""A store that is damaged, gone, newer, not ours to write, full or locked: mended, or said in one line."""

import os
import sqlite3
from contextlib import contextmanager

import pytest

from controller.loop.database import Database, StoreDamaged
from controller.loop.memory import StackMemory
from controller.loop.schema import MIGRATIONS, mark_of
from controller.loop.store import Store
from controller.model.decision import History
from controller.model.errors import ControllerError

pytestmark = pytest.mark.unit


@contextmanager
def _without_privileges():
    """Root may write everywhere, so as root the body runs as nobody."""
    uid = os.geteuid()
    if uid == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(uid)


@pytest.mark.parametrize("wreck", ["garbage", "truncated", "middle"])
def test_a_damaged_file_is_moved_aside_and_begun_anew(store, folder, wreck):
    with store.transaction():
        for turn in range(400):
            store.histories.record({f"s{turn}": History(good="r" * 200)})
    store.close()
    path = folder / "state.db"
    data = path.read_bytes()
    match wreck:
        case "garbage":
            path.write_bytes(b"not a database " * 1000)
        case "truncated":
            path.write_bytes(data[: len(data) // 2])
        case "middle":
            path.write_bytes(data[:4096] + os.urandom(len(data) - 4096))
    fresh = Store(folder)
    assert fresh.histories.load() == {}
    assert "moved to state.db.damaged-" in fresh.mended
    assert [file for file in folder.iterdir() if file.name.startswith("state.db.damaged-")]
    fresh.histories.record({"a": History(good="r1")})
    assert Store(folder).histories.load() == {"a": History(good="r1")}


def test_damage_in_the_middle_of_work_is_said_once_and_work_goes_on(store, folder):
    store.histories.record({f"s{turn}": History(good="r" * 200) for turn in range(400)})
    store._database._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = (folder / "state.db").read_bytes()
    (folder / "state.db").write_bytes(data[:4096] + b"\xff" * (len(data) - 4096))
    store._database._connection.execute("PRAGMA cache_size = 0")
    with pytest.raises(StoreDamaged, match="begun anew"):
        for _ in range(3):
            store.histories.load()
            store.histories.record({f"s{turn}": History(good="x") for turn in range(400)})
    store.histories.record({"a": History(good="r1")})
    assert store.histories.load() == {"a": History(good="r1")}


def test_who_still_has_the_old_file_open_follows_to_the_new_one(store, folder):
    other = Store(folder)
    for file in folder.glob("state.db*"):
        file.rename(folder / f"aside-{file.name}")
    number = other.intents.add("stop", {}, "anna")
    assert store.intents.claim().id == number


def test_a_removed_folder_is_made_again(store, folder):
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    store.histories.record({"a": History(good="r1")})
    assert store.histories.load() == {"a": History(good="r1")}


def test_a_newer_schema_is_refused_and_left_as_it_is(store, folder):
    store.histories.record({"a": History(good="r1")})
    newer = len(MIGRATIONS) + 1
    store._database._connection.execute(f"PRAGMA user_version = {newer}")
    store._database._connection.execute(f"PRAGMA application_id = {mark_of(newer)}")
    store.close()
    before = (folder / "state.db").read_bytes()
    with pytest.raises(ControllerError, match="newer version") as caught:
        Store(folder)
    assert "upgrade" in caught.value.hint
    assert (folder / "state.db").read_bytes() == before


def test_no_permission_is_one_clear_line(tmp_path):
    folder = tmp_path / "other" / "s"
    folder.parent.mkdir(mode=0o500)
    with _without_privileges(), pytest.raises(ControllerError, match="no permission") as caught:
        Store(folder)
    assert "CONTROLLER_STATE_DIR" in caught.value.hint


def test_a_place_that_is_a_file_is_one_clear_line(tmp_path):
    (tmp_path / "e").write_text("")
    with pytest.raises(ControllerError) as caught:
        Store(tmp_path / "e" / "s")
    assert "CONTROLLER_STATE_DIR" in caught.value.hint


def test_a_full_disk_is_said_and_nothing_is_half_written(store):
    store.histories.record({"a": History(good="r1")})
    pages = store._database.row("PRAGMA page_count")[0]
    store._database._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(ControllerError, match="full") as caught:
        store.histories.record({f"s{turn}": History(good="r" * 500) for turn in range(400)})
    assert "disk space" in caught.value.hint
    assert store.histories.load() == {"a": History(good="r1")}


def test_another_programs_lock_is_waited_for_and_then_said(tmp_path, monkeypatch):
    monkeypatch.setattr("controller.loop.database.BUSY_SECONDS", 0.05)
    database = Database(tmp_path / "state.db")
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(ControllerError, match="locked") as caught:
        database.execute("DELETE FROM memory")
    assert "try again" in caught.value.hint
    other.close()
    database.close()


def test_a_ctrl_c_while_a_row_is_sealed_is_one(store, monkeypatch):
    """SQLite makes an error of its own of what is raised in a function that it calls."""

    def interrupted(_: bytes) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("controller.loop.seal.zlib.crc32", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store.stack.save(StackMemory())
