"""Folders that change all at once: whoever reads, and whenever the writer dies, finds one set whole."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from controller.loop import mounts
from controller.loop.mounts import MountedFile, put_files, read_files, remove_files, sweep
from controller.model.errors import Rejected
from tests.crash.mortal import KILLED, in_child

pytestmark = [pytest.mark.unit, pytest.mark.fault("C1")]

NOW = datetime(2026, 11, 22, 18, 0, 0, 5, UTC)


def files(**texts: str) -> Mapping[str, MountedFile]:
    return {name.replace("_", "."): MountedFile(text.encode()) for name, text in texts.items()}


OLD, NEW = files(tls_crt="old", tls_key="old", gone="old"), files(tls_crt="new", tls_key="new", come="new")


def contents(wanted: Mapping[str, MountedFile]) -> dict[str, bytes]:
    return {name: file.content for name, file in wanted.items()}


def through_links(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith("..")}


def ours(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith(".."))


def test_files_are_there_by_their_names_through_one_link(folder: Path) -> None:
    at = folder / "mounts" / "db"
    assert put_files(at, OLD, NOW)
    assert through_links(at) == contents(OLD) == read_files(at)
    assert {os.readlink(path) for path in at.iterdir() if not path.name.startswith("..")} == {
        f"..data/{name}" for name in OLD
    }
    assert ours(at) == ["..2026_11_22_18_00_00.000005", "..data"]
    assert stat.S_IMODE(at.stat().st_mode) == 0o755 and stat.S_IMODE(at.parent.stat().st_mode) == 0o700


def test_a_set_takes_the_place_of_another_whole_and_nothing_changes_where_it_is_the_same(folder: Path) -> None:
    put_files(folder, OLD, NOW)
    assert put_files(folder, NEW, NOW)  # of the same moment, as a clock that was set back makes it
    assert through_links(folder) == contents(NEW) == read_files(folder)
    before = ours(folder)
    assert not put_files(folder, NEW, NOW) and ours(folder) == before


def test_the_set_before_stays_until_it_is_swept_or_the_next_change(folder: Path) -> None:
    for step in range(5):
        put_files(folder, files(tls_crt=str(step)), NOW)
        assert len(ours(folder)) == (2 if step == 0 else 3)
    sweep(folder)
    assert len(ours(folder)) == 2 and read_files(folder) == {"tls.crt": b"4"}


def test_mode_and_owner_are_as_asked_whatever_the_umask_says(folder: Path) -> None:
    before = os.umask(0o077)
    try:
        put_files(
            folder, {"tls.key": MountedFile(b"", 0o400, os.geteuid(), os.getegid()), "ca.crt": MountedFile(b"")}, NOW
        )
    finally:
        os.umask(before)
    found = {name: stat.S_IMODE((folder / name).stat().st_mode) for name in ("tls.key", "ca.crt")}
    assert found == {"tls.key": 0o400, "ca.crt": 0o444}
    assert stat.S_IMODE((folder / "..data").stat().st_mode) == 0o755


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_belongs_to_whom_it_is_given_and_another_owner_is_a_change(folder: Path) -> None:
    put_files(folder, {"tls.key": MountedFile(b"k", 0o440, 999, 998)}, NOW)
    found = (folder / "tls.key").stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (999, 998, 0o440)
    assert put_files(folder, {"tls.key": MountedFile(b"k", 0o440, 1000, 998)}, NOW)


def test_who_may_not_give_files_away_lets_all_read_them(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    assert mounts._access(MountedFile(b"", 0o400, 999, 999)) == (0o444, 4711, os.getegid())
    assert mounts._access(MountedFile(b"", 0o400, 4711, os.getegid())) == (0o400, 4711, os.getegid())


@pytest.mark.parametrize("name", ["", ".", "..", "..data", "a/b", "/etc/passwd", "a\0b"])
def test_a_name_that_leads_elsewhere_is_refused(name: str, folder: Path) -> None:
    with pytest.raises(ValueError, match="cannot be a file"):
        put_files(folder / "new", {name: MountedFile(b"")}, NOW)
    assert not (folder / "new").exists()


def test_a_write_that_fails_leaves_the_old_set(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_files(folder, OLD, NOW)

    def full(handle: int, *_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fchown", full)
    with pytest.raises(Rejected, match="No space left"):
        put_files(folder, NEW, NOW)
    assert through_links(folder) == contents(OLD) and len(ours(folder)) == 2


def test_content_is_in_no_text_of_it() -> None:
    assert "secret" not in repr(MountedFile(b"secret"))


def test_nothing_is_read_of_and_nothing_removed_of_what_is_not_there(folder: Path) -> None:
    assert read_files(folder / "none") == {}
    remove_files(folder / "none")
    put_files(folder / "some", OLD, NOW)
    remove_files(folder / "some")
    assert not (folder / "some").exists()


def points(folder: Path) -> list[str]:
    """Every point that a change of a set passes, as often as it is passed."""
    at, record = folder / "undisturbed", folder / "passed"
    put_files(at, OLD, NOW)
    assert in_child(lambda: put_files(at, NEW, NOW), folder, record=record) == 0
    counts = Counter(record.read_text().split())
    return [f"{name}:{times}" for name, most in counts.items() for times in range(1, most + 1)]


def test_killed_at_each_write_one_set_is_found_whole_and_the_next_write_leaves_nothing_behind(folder: Path) -> None:
    found = Counter()
    for number, point in enumerate(points(folder)):
        at = folder / str(number)
        put_files(at, OLD, NOW)
        assert in_child(lambda at=at: put_files(at, NEW, NOW), folder, point) == KILLED
        seen = read_files(at)
        found[seen == contents(NEW)] += 1
        assert seen in (contents(OLD), contents(NEW)), point
        linked = {name: (at / name).read_bytes() for name in ("tls.crt", "tls.key")}
        assert linked.items() <= seen.items(), point
        put_files(at, NEW, NOW)
        assert through_links(at) == contents(NEW), point
        put_files(at, OLD, NOW)
        assert len(ours(at)) == 3, point
    assert found[True] > 4 and found[False] > 4


def test_killed_at_each_write_of_the_first_set_it_is_there_whole_or_not_at_all(folder: Path) -> None:
    record = folder / "passed"
    assert in_child(lambda: put_files(folder / "undisturbed", NEW, NOW), folder, record=record) == 0
    most = Counter(record.read_text().split())
    for number, point in enumerate(f"{name}:{n}" for name, times in most.items() for n in range(1, times + 1)):
        at = folder / str(number)
        assert in_child(lambda at=at: put_files(at, NEW, NOW), folder, point) == KILLED
        assert read_files(at) in ({}, contents(NEW)), point
        put_files(at, NEW, NOW)
        assert through_links(at) == contents(NEW), point
