"""Folders that containers mount, whose files change all together or not at all, as Kubernetes' AtomicWriter makes them.

The files lie in a folder of their own beside the link `..data`, which a rename turns to the next such folder; the names
that a container reads are links through it. A file that is mounted alone would never be seen to change.
One writer at a time; readers need no lock. What a killed writer left goes at the next write.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from controller import failpoints
from controller.loop.disk import sync_folder
from controller.model.errors import Rejected

DATA = "..data"
_OURS = ".."
"""What begins so is ours and is no file of a set."""
_NEXT = "..data_next"
_OPEN = 0o755
"""Of the folders, which containers' users have to pass; what lies above them is for our eyes only."""
_ALL = 0o444


@dataclass(frozen=True, slots=True)
class MountedFile:
    """Content, mode and owner of one file; None: whoever writes it."""

    content: bytes = field(repr=False)
    mode: int = _ALL
    uid: int | None = None
    gid: int | None = None


def put_files(folder: Path, files: Mapping[str, MountedFile], now: datetime) -> bool:
    """These and no others are in that folder afterwards, each by its name; whether anything had to change.

    Until then, and where it fails, readers find what was there. The set before stays beside it for readers that are
    just at it: `sweep` takes it away, as does the next change. Who may not give files to others lets all read them:
    the folder above has to be closed. Raises Rejected where it cannot be written, ValueError for a name of no file.
    """
    for name in files:
        _check(name)
    with _told(folder):
        _make_folder(folder)
        changed = not _is_there(folder, files)
        if changed:
            _turn(folder, _write_set(folder, files, now))
        _link(folder, files)
        return changed


def read_files(folder: Path) -> dict[str, bytes]:
    """What is there, all of one set; empty where there is nothing. Raises Rejected where it cannot be read."""
    with _told(folder, "read"):
        current = _current(folder)
        return {} if current is None else {path.name: path.read_bytes() for path in sorted(current.iterdir())}


def sweep(folder: Path) -> None:
    """Takes away what is no longer of use: former sets, and what a killed writer left."""
    with _told(folder):
        _clear(folder, keep={_current(folder)})


def remove_files(folder: Path) -> None:
    """Takes the folder away, with all in it; nothing where there is none."""
    with _told(folder), suppress(FileNotFoundError), failpoints.around("disk.mount"):
        shutil.rmtree(folder)


def _check(name: str) -> None:
    if not name or "/" in name or "\0" in name or name.startswith(_OURS) or name == ".":
        raise ValueError(f"{name!r} cannot be a file of a mount")


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    with failpoints.around("disk.mount"):
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(exist_ok=True)
        folder.chmod(_OPEN)  # whatever the umask says


def _current(folder: Path) -> Path | None:
    try:
        found = folder / (folder / DATA).readlink()
    except FileNotFoundError:
        return None
    return found if found.is_dir() else None


def _is_there(folder: Path, files: Mapping[str, MountedFile]) -> bool:
    current = _current(folder)
    if current is None or {path.name for path in current.iterdir()} != set(files):
        return False
    return all(_is_as(current / name, wanted) for name, wanted in files.items())


def _is_as(path: Path, wanted: MountedFile) -> bool:
    found = path.stat()
    return path.read_bytes() == wanted.content and (
        (found.st_mode & 0o7777, found.st_uid, found.st_gid) == _access(wanted)
    )


def _access(wanted: MountedFile) -> tuple[int, int, int]:
    """Mode, user and group that this process can give it."""
    mine = os.geteuid(), os.getegid()
    uid, gid = wanted.uid if wanted.uid is not None else mine[0], wanted.gid if wanted.gid is not None else mine[1]
    if mine[0] == 0 or (uid == mine[0] and (gid == mine[1] or gid in os.getgroups())):
        return wanted.mode, uid, gid
    return wanted.mode | _ALL, *mine


def _write_set(folder: Path, files: Mapping[str, MountedFile], now: datetime) -> Path:
    """A new folder with all of it, on the disk."""
    _clear(folder, keep={_current(folder)})
    made = _name_set(folder, now)
    try:
        with failpoints.around("disk.mount"):
            made.mkdir()
            made.chmod(_OPEN)
        for name, wanted in files.items():
            _write(made / name, wanted)
        sync_folder(made)
    except OSError:
        with failpoints.around("disk.mount"):
            shutil.rmtree(made, ignore_errors=True)
        raise
    return made


def _name_set(folder: Path, now: datetime) -> Path:
    """By its time; two of one time, as a clock that is set back makes them, get different names."""
    first = f"{_OURS}{now:%Y_%m_%d_%H_%M_%S}.{now.microsecond:06d}"
    names = (first, *(f"{first}_{more}" for more in range(2, 10)))
    return next(path for name in names if not (path := folder / name).exists())


def _write(path: Path, wanted: MountedFile) -> None:
    mode, uid, gid = _access(wanted)
    with failpoints.around("disk.mount"):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(wanted.content)
            file.flush()
            os.fchown(handle, uid, gid)
            os.fchmod(handle, mode)
            os.fsync(handle)


def _turn(folder: Path, made: Path) -> None:
    """From here on readers find the new set."""
    before, beside = _current(folder), folder / _NEXT
    with failpoints.around("disk.mount"):
        beside.symlink_to(made.name)
    with failpoints.around("disk.mount"):
        beside.replace(folder / DATA)
    sync_folder(folder)
    _clear(folder, keep={before, made})


def _link(folder: Path, files: Mapping[str, MountedFile]) -> None:
    found = {path.name for path in folder.iterdir() if not path.name.startswith(_OURS)}
    for name in sorted(set(files) - found):
        with failpoints.around("disk.mount"):
            (folder / name).symlink_to(f"{DATA}/{name}")
    for name in sorted(found - set(files)):
        with failpoints.around("disk.mount"):
            (folder / name).unlink()
    if found != set(files):
        sync_folder(folder)


def _clear(folder: Path, keep: set[Path | None]) -> None:
    """What is ours in that folder and neither kept nor the link itself."""
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if path.name.startswith(_OURS) and path.name != DATA and path not in keep:
            with failpoints.around("disk.mount"):
                path.unlink() if path.is_symlink() else shutil.rmtree(path)


@contextmanager
def _told(folder: Path, verb: str = "written") -> Iterator[None]:
    try:
        yield
    except OSError as error:
        hint = "the state folder has to be ours to write"
        raise Rejected(f"{folder}: cannot be {verb} ({error.strerror})", hint=hint) from error
