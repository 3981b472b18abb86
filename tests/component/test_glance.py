"""What is known of a stack without asking anybody: which stacks are meant, and whether their word still holds."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from pathlib import Path
from types import SimpleNamespace

import pytest

from controller.loop.folders import DATABASE
from controller.loop.glance import glance
from controller.loop.lock import Lock, lock_path, try_lock
from controller.loop.memory import ProjectPlace, StackMemory
from controller.loop.store import Store, stack_dir
from controller.model.phases import Phase, StackPhase
from controller.model.status import Condition, ServiceStatus, StackStatus

ENGINE = "ABCD:EFGH"


def keep(root: Path, name: str, *, place: ProjectPlace | None = None, engine: str = ENGINE, at: float = 5.0) -> Path:
    folder = stack_dir(root, engine, name)
    store = Store(folder)
    services = tuple(ServiceStatus(one, Phase.READY, "", "", 1, 1, 1, (), 0.0) for one in ("db", "web"))
    told = (Condition("Converged", "True", "Converged", "all is well", 1.0),)
    store.status.save(StackStatus(name, StackPhase.CONVERGED, 3, told, services, at))
    store.stack.save(StackMemory(place=place or ProjectPlace()))
    store.close()
    return folder


def hold(folder: Path, name: str, locks: Path, state: Path | None = None) -> Lock:
    held = try_lock(lock_path(ENGINE, name, folder, locks), state or folder, lambda: 1.0)
    assert isinstance(held, Lock)
    return held


@pytest.fixture
def locks(tmp_path: Path) -> Path:
    made = tmp_path / "locks"
    made.mkdir()
    return made


def test_the_kept_status_is_read_and_a_dead_controllers_word_does_not_count(tmp_path: Path, locks: Path) -> None:
    folder = keep(tmp_path / "state", "rag")
    with hold(folder, "rag", locks):
        (seen,) = glance(str(tmp_path / "state"), ["rag"], (), shared=str(locks))
        assert seen.phase is StackPhase.CONVERGED and seen.told_at == 5.0 and not seen.blind
        assert seen.services == [(Phase.READY, 1), (Phase.READY, 1)]
        assert seen.keeper is not None and seen.keeper[2] == os.getpid()
    (seen,) = glance(str(tmp_path / "state"), ["rag"], (), shared=str(locks))
    assert seen.keeper is None and seen.phase is StackPhase.CONVERGED


def test_no_byte_of_a_store_changes_and_no_lock_is_taken(tmp_path: Path, locks: Path) -> None:
    folder = keep(tmp_path / "state", "rag")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    glance(str(tmp_path / "state"), ["rag"], (), shared=str(locks))
    after = {path: path.read_bytes() for path in folder.iterdir()}
    beside = {folder / f"{DATABASE}{end}" for end in ("-wal", "-shm")}  # SQLite's own, which its next writer clears
    assert {path: raw for path, raw in after.items() if path not in beside - set(before)} == before
    assert not (folder / f"{DATABASE}-wal").exists() or not (folder / f"{DATABASE}-wal").read_bytes()
    assert not list(locks.iterdir())
    hold(folder, "rag", locks).release()


def test_stacks_are_those_of_the_nearest_folder_above(tmp_path: Path, locks: Path) -> None:
    root, home, shop = tmp_path / "state", tmp_path / "home", tmp_path / "home/shop"
    keep(root, "home", place=ProjectPlace(directory=str(home), files=(str(home / "compose.yaml"),)))
    manifest = ProjectPlace(manifest=str(shop / "manifests/a.yaml"), directory=str(shop / "compose"))
    keep(root, "a", place=manifest)
    keep(root, "b", place=ProjectPlace(directory=str(shop), files=(str(shop / "compose.yaml"),)))

    def found(*places: Path) -> list[str]:
        return [one.name for one in glance(str(root), (), [str(one) for one in places], shared=str(locks))]

    assert found(shop) == found(shop / "src/deep") == found(shop / "manifests") == ["a", "b"]
    assert found(home) == found(home / "other") == ["home"]
    assert found(tmp_path / "home-of-others") == found(Path("/")) == []
    assert found(home, shop / "src") == ["a", "b", "home"]  # of each place its own nearest
    assert found(shop / "manifests/a.yaml") == ["a"] and found(shop / "compose") == ["a"]


def test_of_two_engines_the_one_that_is_kept_counts_and_else_the_newest_word(tmp_path: Path, locks: Path) -> None:
    root = tmp_path / "state"
    folder = keep(root, "rag")
    keep(root, "rag", engine="OTHER", at=9.0)
    assert [one.told_at for one in glance(str(root), ["rag"], (), shared=str(locks))] == [9.0]
    with hold(folder, "rag", locks):
        assert [one.told_at for one in glance(str(root), ["rag"], (), shared=str(locks))] == [5.0]


def test_the_simulated_engine_is_another_world(tmp_path: Path, locks: Path) -> None:
    keep(tmp_path, "rag", engine="simulated-1")
    assert not glance(str(tmp_path), ["rag"], (), shared=str(locks))
    assert glance(str(tmp_path), ["rag"], (), simulated=True, shared=str(locks))


def test_another_users_controller_keeps_its_word_elsewhere(tmp_path: Path, locks: Path) -> None:
    mine, theirs = keep(tmp_path / "mine", "rag"), keep(tmp_path / "theirs", "rag", at=7.0)
    with hold(mine, "rag", locks, state=theirs):
        (seen,) = glance(str(tmp_path / "mine"), ["rag"], (), shared=str(locks))
        assert seen.told_at == 7.0
    with hold(mine, "rag", locks, state=tmp_path / "nowhere"):
        (seen,) = glance(str(tmp_path / "mine"), ["rag"], (), shared=str(locks))
        assert seen.phase is None and seen.keeper is not None


@pytest.mark.parametrize("words", ["", "{", '{"user": "a", "uid": 1, "pid": 1, "since": 0, "state": ""}'])
def test_a_lock_that_nobody_signed_makes_no_old_word_look_alive(tmp_path: Path, locks: Path, words: str) -> None:
    """Everybody may hold it, without a word: what lies here is not what its holder says."""
    folder = keep(tmp_path / "state", "rag")
    path = lock_path(ENGINE, "rag", folder, locks)
    path.write_text(words)
    with path.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        (seen,) = glance(str(tmp_path / "state"), ["rag"], (), shared=str(locks))
    assert seen.kept is True and seen.phase is None


def test_a_keeper_who_cannot_write_is_not_believed(
    tmp_path: Path, locks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = keep(tmp_path / "state", "rag")
    full = SimpleNamespace(f_files=0, f_ffree=0, f_flag=0, f_bfree=0, f_frsize=4096)
    with hold(folder, "rag", locks):
        monkeypatch.setattr(os, "statvfs", lambda _: full)
        (seen,) = glance(str(tmp_path / "state"), ["rag"], (), shared=str(locks))
    assert seen.kept is True and seen.phase is None


def test_of_a_lock_that_cannot_be_read_nobody_knows(tmp_path: Path, locks: Path) -> None:
    folder = keep(tmp_path / "state", "rag")
    lock_path(ENGINE, "rag", folder, locks).symlink_to("/dev/null")
    (seen,) = glance(str(tmp_path / "state"), ["rag"], (), shared=str(locks))
    assert seen.kept is None and seen.keeper is None and seen.phase is StackPhase.CONVERGED


@pytest.mark.parametrize("body", ["", "{", "[]", "null", '{"place": null}', '{"place": {"files": 1}}'])
def test_one_memory_that_cannot_be_read_hides_no_other_stack(tmp_path: Path, locks: Path, body: str) -> None:
    root, shop = tmp_path / "state", tmp_path / "shop"
    place = ProjectPlace(directory=str(shop), files=(str(shop / "compose.yaml"),))
    keep(root, "good", place=place)
    overwrite(keep(root, "odd", place=place), "memory", body)
    assert [one.name for one in glance(str(root), (), [str(shop)], shared=str(locks))] == ["good"]


def overwrite(folder: Path, table: str, body: str) -> None:
    connection = sqlite3.connect(folder / DATABASE)
    connection.create_function("seal_of", -1, lambda *_: 0, deterministic=True)
    connection.execute(f"UPDATE {table} SET body = ?", (body,))
    connection.commit()
    connection.close()


def test_where_a_lock_leads_is_not_trusted(tmp_path: Path, locks: Path) -> None:
    """Anybody may write into a lock that he holds: a pipe would hold us for ever."""
    mine, trap = keep(tmp_path / "mine", "rag"), tmp_path / "trap"
    trap.mkdir()
    os.mkfifo(trap / DATABASE)
    with hold(mine, "rag", locks, state=trap):
        (seen,) = glance(str(tmp_path / "mine"), ["rag"], (), shared=str(locks))
        assert seen.phase is None


@pytest.mark.parametrize("body", ["", "{", '{"phase": "Wonderful", "services": []}', "[]"])
def test_what_cannot_be_read_is_unknown_and_no_fault(tmp_path: Path, locks: Path, body: str) -> None:
    folder = keep(tmp_path / "state", "rag")
    overwrite(folder, "status", body)
    (seen,) = glance(str(tmp_path / "state"), ["rag"], (), shared=str(locks))
    assert seen.phase is None
    (folder / DATABASE).write_bytes(b"no database at all" * 100)
    (seen,) = glance(str(tmp_path / "state"), ["rag"], (), shared=str(locks))
    assert seen.phase is None
