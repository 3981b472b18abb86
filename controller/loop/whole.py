"""Small files that are there as a whole or as they were before, whenever their writer dies; for our eyes only."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from glob import escape
from pathlib import Path

from controller import failpoints
from controller.loop.database import make_private
from controller.loop.disk import exclusive, sync_folder
from controller.model.errors import ControllerError

PRIVATE = 0o600
_UNFINISHED = ".unfinished"
_HINT = "the state folder has to be ours to read and write, with room on its disk"


def write_whole(path: Path, content: bytes, point: str, mode: int = PRIVATE, owner: tuple[int, int] = (-1, -1)) -> None:
    """In the place of what was there; on the disk when it returns. `point`: of the disk, around each step.

    Who may not give files away lets all read them: the folder above has to be closed. Raises ControllerError.
    """
    with explained(path):
        make_private(path.parent)
        beside = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}{_UNFINISHED}")
        try:
            _write(beside, content, point, mode, owner)
            with failpoints.around(f"disk.{point}"):
                beside.replace(path)
        except BaseException:
            with suppress(FileNotFoundError), failpoints.around("disk.unfinished"):
                beside.unlink()
            raise
        sync_folder(path.parent)


def clear_unfinished(folder: Path, name: str = "") -> None:
    """What a killed writer left in that folder, of the file of that name alone where one is given, goes; nobody may be
    writing there. Raises ControllerError."""
    with explained(folder):
        for path in folder.glob(f".{escape(name)}*{_UNFINISHED}"):
            with failpoints.around("disk.unfinished"):
                path.unlink(missing_ok=True)


def remove_whole(path: Path, point: str) -> None:
    """It is gone, on the disk, when this returns; nothing where there is none. Raises ControllerError."""
    with explained(path):
        with suppress(FileNotFoundError), failpoints.around(f"disk.{point}"):
            path.unlink()
        if path.parent.is_dir():
            sync_folder(path.parent)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """One process, and one thread of it, at a time is in here for this folder, which is made. Not to be nested."""
    with ExitStack() as held:
        with explained(folder):
            make_private(folder)
            held.enter_context(exclusive(folder))
        yield


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """What the system says, in one line with the place."""
    try:
        yield
    except OSError as error:
        raise ControllerError(f"{error.filename or path}: {error.strerror}", hint=_HINT) from error


def _write(path: Path, content: bytes, point: str, mode: int, owner: tuple[int, int]) -> None:
    with failpoints.around(f"disk.{point}"):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(handle, mode if _give(handle, owner) else mode | 0o444)
            os.fsync(handle)


def _give(handle: int, owner: tuple[int, int]) -> bool:
    try:
        os.fchown(handle, *owner)
    except PermissionError:
        return False
    return True
