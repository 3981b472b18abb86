"""One writer for a stack on this machine, whatever the user: an flock that the kernel releases at death."""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from controller import failpoints
from controller.loop.database import make_private
from controller.loop.folders import LOCK_FOLDER, lock_file
from controller.loop.holding import read_words, who_holds
from controller.model.errors import ControllerError
from controller.model.names import Instant

_TRIES = 5
_PAUSE = 0.02


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the stack, as he wrote it down: for people, and to find his store. Never a proof of anything."""

    user: str
    uid: int
    pid: int
    since: Instant
    state: str
    """His state folder of this stack."""

    def __str__(self) -> str:
        return f"{self.user} (pid {self.pid})" if self.pid else self.user


class Lock:
    """A held lock. Let go by `release`, at the end of a `with` block, or by the kernel when the process dies."""

    def __init__(self, handle: int, path: Path) -> None:
        self._handle = handle
        self.path = path

    def release(self) -> None:
        """Let go. The file stays: removing it would let two processes hold two files of one name."""
        if self._handle >= 0:
            with suppress(OSError), failpoints.around("disk.holder"):
                os.ftruncate(self._handle, 0)
            os.close(self._handle)
            self._handle = -1

    def __enter__(self) -> Lock:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def lock_path(engine_id: str, stack: str, state: Path, folder: Path = Path(LOCK_FOLDER)) -> Path:
    """Where the lock of a stack lies: at a place that all users share, in the state folder where there is none."""
    return Path(lock_file(engine_id, stack, str(state), str(folder)))


def try_lock(path: Path, state: Path, now: Callable[[], Instant]) -> Lock | Holder:
    """Take the lock for the process that keeps its state in `state`, or say who has it. Takes 0.1 s at most."""
    handle = _open(path)
    try:
        taken = _take(handle)
        holder = None if taken else Holder(*read_words(handle))
    except BaseException:
        os.close(handle)
        raise
    if holder is not None:
        os.close(handle)
        return holder
    _write(handle, Holder(_user_name(os.getuid()), os.getuid(), os.getpid(), now(), str(state)))
    return Lock(handle, path)


def read_holder(path: Path) -> Holder | None:
    """Who holds the lock now; None: nobody."""
    try:
        words = who_holds(str(path))
    except OSError as error:
        raise _unusable(path, error) from error
    return None if words is None else Holder(*words)


def _take(handle: int) -> bool:
    """A reader that looks whether the lock is held keeps it for an instant: hence several tries."""
    for attempt in range(_TRIES):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            time.sleep(_PAUSE if attempt < _TRIES - 1 else 0)
    return False


def _open(path: Path) -> int:
    """The file may be another user's, in a sticky folder: never follow a link, never create over what is there."""
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        if path.parent != Path(LOCK_FOLDER):
            make_private(path.parent)
        handle = _open_existing(path, flags)
        if handle is None:
            with failpoints.around("disk.lock"):
                handle = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o666)
                os.fchmod(handle, 0o666)
    except FileExistsError:
        return _open(path)
    except OSError as error:
        raise _unusable(path, error) from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise ControllerError(f"{path}: not a regular file", hint="remove it")
    return handle


def _unusable(path: Path, error: OSError) -> ControllerError:
    hint = f"remove {path} if no controller runs, or ask who made it"
    return ControllerError(f"{path}: the stack's lock cannot be opened: {error.strerror}", hint=hint)


def _open_existing(path: Path, flags: int) -> int | None:
    try:
        return os.open(path, flags)
    except FileNotFoundError:
        return None
    except PermissionError:
        # Whoever made it forbade writing; flock needs no right to write.
        return os.open(path, (flags & ~os.O_RDWR) | os.O_RDONLY)


def _write(handle: int, holder: Holder) -> None:
    text = json.dumps({name: getattr(holder, name) for name in Holder.__slots__})
    with suppress(OSError), failpoints.around("disk.holder"):
        os.ftruncate(handle, 0)
        os.pwrite(handle, text.encode(), 0)


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
