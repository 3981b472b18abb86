"""The encryption keys of a state folder: given ones, one that was made here, and the next one while it takes over.

A key is made only where nothing is encrypted yet and none is given. Where the key is missing or wrong nothing is made
and nothing is written: `Opened.locked` says why, and all that needs no key goes on. Keys are read each time, so that a
running controller knows the next one as soon as it is there.
"""

from __future__ import annotations

import os
import re
import resource
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from controller.loop.folders import BOOK
from controller.loop.tokenfile import FILE as TOKENS
from controller.loop.tokenfile import seals_in
from controller.loop.whole import alone_in, clear_unfinished, explained, remove_whole, write_whole
from controller.model.errors import ControllerError
from controller.security.vault import (
    HINT,
    Key,
    RecordDamaged,
    Ring,
    VaultLocked,
    is_for,
    key_of,
    make_canary,
    make_key,
    read_key,
)

GIVEN, GIVEN_FILE = "ENCRYPTION_KEY", "ENCRYPTION_KEY_FILE"
KEY, NEXT, CANARY = "encryption.key", "encryption.key.next", "encryption.canary"
"""In the state folder: the key that was made here, the one that takes over, and what tells a wrong one."""
SEALED = ".sealed"
"""What else is encrypted in the folders of stacks ends so."""

_MEND = "give the key that it was encrypted with in ENCRYPTION_KEY_FILE; without it, what is encrypted stays as it is"
_MOST = 4096


@dataclass(frozen=True, slots=True)
class Opened:
    """The keys at hand. `ring` None: there are none; `locked`: why what is encrypted cannot be opened.

    `given`: where the first of them comes from is not ours to write.
    """

    ring: Ring | None
    locked: str | None = None
    given: bool = False

    def use(self) -> Ring:
        """Raises VaultLocked."""
        if self.ring is None or self.locked is not None:
            raise VaultLocked(self.locked or "there is no encryption key yet", hint=_MEND)
        return self.ring


def open_ring(root: Path, environment: Mapping[str, str]) -> Opened:
    """What there is; changes nothing, raises nothing: a key that cannot be read is a reason to be locked."""
    _leave_no_core()
    try:
        given, own, following = _given(environment), _own(root / KEY), _own(root / NEXT)
        keys = tuple(dict.fromkeys(key for key in (following, given, own) if key is not None))
        locked = _find_lock(root, keys)
    except ControllerError as error:
        return Opened(None, error.message)
    except OSError as error:
        return Opened(None, f"{error.filename or root}: {error.strerror}")
    return Opened(Ring(keys) if keys else None, locked, given is not None)


def ready_ring(root: Path, environment: Mapping[str, str]) -> Ring:
    """Keys to encrypt with; one is made where there may be one. Raises VaultLocked, ControllerError."""
    with held_ring(root, environment) as ring:
        return ring


@contextmanager
def held_ring(root: Path, environment: Mapping[str, str]) -> Iterator[Ring]:
    """The same, and none of these keys goes inside: what is encrypted with them and on the disk by then is not lost.

    Not to be nested, nor to be used around the turn of a key.
    """
    with alone_in(root):
        clear_unfinished(root)
        opened = open_ring(root, environment)
        if opened.ring is None and opened.locked is None:
            write_whole(root / KEY, f"{make_key()}\n".encode(), "key")
            opened = open_ring(root, environment)
        ring = opened.use()
        _settle(root, environment, ring)
        yield ring


@contextmanager
def held_at_hand(root: Path, environment: Mapping[str, str]) -> Iterator[Opened]:
    """The same with what keys there are: none is made, and where they are locked that is no error."""
    with alone_in(root):
        opened = open_ring(root, environment)
        if opened.ring is not None and opened.locked is None:
            clear_unfinished(root)
            _settle(root, environment, opened.ring)
        yield opened


def _settle(root: Path, environment: Mapping[str, str], ring: Ring) -> None:
    """The first key is known by its canary, and the one before it goes where it is given by now."""
    if not (root / CANARY).exists():
        write_whole(root / CANARY, make_canary(ring).encode(), "canary")
    if (root / NEXT).exists() and _given(environment) == ring.first and _is_in_use(root, ring.first):
        remove_whole(root / KEY, "key")  # it took over, and is given by now
        remove_whole(root / NEXT, "key")


def begin_turn(root: Path, environment: Mapping[str, str], new: Path | None) -> Ring:
    """The ring with the key that is to take over in front; that key is on the disk. One that began to before goes on.

    `new`: its file; None: the one that is given, where another one is in use, or else one that is made.
    """
    ready_ring(root, environment)
    with alone_in(root):
        opened = open_ring(root, environment)
        first, wanted = opened.use().first, read_key_file(new) if new is not None else None
        if (root / NEXT).exists():
            _check_going_on(root, environment, first, wanted)
            return opened.use()
        text = make_key()
        if new is not None:
            text = _text_of(new)
        elif opened.given and not _is_in_use(root, first):
            text = _given_text(environment) or text
        if _is_in_use(root, read_key(text, "the new key")):
            message = f"the key {first.id} is in use already"
            raise ControllerError(message, hint="leave --new-key-file out for a new one")
        write_whole(root / NEXT, f"{text}\n".encode(), "key")
        return open_ring(root, environment).use()


def _check_going_on(root: Path, environment: Mapping[str, str], first: Key, wanted: Key | None) -> None:
    given = _given(environment)
    if given is not None and given != first and _is_in_use(root, first):
        raise ControllerError(f"the key {first.id} took over, and another one is given", hint=_give(root))
    if wanted is not None and wanted != first:
        message = f"the key {first.id} is taking over already"
        raise ControllerError(message, hint="let that end first: controller secrets rotate-key")


def _is_in_use(root: Path, key: Key) -> bool:
    """It is the key that has taken over last."""
    return is_for(Ring((key,)), _canary(root))


def _give(root: Path) -> str:
    return f"give the new key in {GIVEN_FILE}; until then it is kept in {root / NEXT}"


def end_turn(root: Path, environment: Mapping[str, str]) -> str | None:
    """All is under the first key now: the one before goes where it is ours to remove. What a person has still to do.

    Each step leaves a state that opens: the canary first, then the key in the place of the one before.
    """
    with alone_in(root):
        opened = open_ring(root, environment)
        first = opened.use().first
        if left := [path for path in encrypted_files(root) if keys_in(path) - {first.id}]:
            message = f"{left[0]}: something is on an old key yet"
            raise ControllerError(message, hint="it was written meanwhile; ask again: controller secrets rotate-key")
        write_whole(root / CANARY, make_canary(Ring((first,))).encode(), "canary")
        given = _given(environment)
        if given is not None and given != first:
            return _give(root)
        if given is None and not (root / NEXT).exists():
            return None  # somebody else has ended this turn
        if given is None:
            write_whole(root / KEY, (root / NEXT).read_bytes(), "key")
        else:
            remove_whole(root / KEY, "key")
        remove_whole(root / NEXT, "key")
        return None


def read_key_file(path: Path) -> Key:
    """Of a file that nobody else can read. Raises ControllerError."""
    return read_key(_text_of(path), str(path))


def encrypted_files(root: Path) -> Iterator[Path]:
    """Everything below the state folder that holds something encrypted, but for the canary."""
    for folder in sorted(root.glob("*/*")):
        yield from encrypted_in(folder)


def encrypted_in(folder: Path) -> Iterator[Path]:
    """The same in the folder of one stack, or of what has none."""
    tokens = [path for path in folder.glob(TOKENS) if keys_in(path)]  # it may keep its keys in clear
    yield from sorted((*folder.glob(BOOK), *folder.glob(f"**/*{SEALED}"), *tokens))


def _leave_no_core() -> None:
    """Keys and values in memory are not to lie on a disk when this process falls over.

    One byte: of zero Linux asks nobody who takes cores through a pipe, as systemd does.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    if hard != 0:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_CORE, (1, hard))


def _find_lock(root: Path, keys: tuple[Key, ...]) -> str | None:
    canary = _canary(root)
    if not keys:
        known = bool(canary) or any(encrypted_files(root))
        return f"{root}: there are encrypted secrets, and no key to open them" if known else None
    if canary and not is_for(Ring(keys), canary):
        have = ", ".join(key.id for key in keys)
        try:
            return f"{root}: its secrets are encrypted under key {key_of(canary)}, and not under {have}"
        except RecordDamaged:
            return f"{root / CANARY}: damaged; put it back, or remove it where the key is the right one"
    if not canary:
        return _find_stranger(root, frozenset(key.id for key in keys))
    return None


def _find_stranger(root: Path, known: frozenset[str]) -> str | None:
    """Without a canary each record says under which key it is."""
    for path in encrypted_files(root):
        if found := keys_in(path) - known:
            return f"{path}: encrypted under key {', '.join(sorted(found))}, which is not at hand"
    return None


def keys_in(path: Path) -> frozenset[str]:
    """The ids of the keys that what is encrypted there is under."""
    text = path.read_text("utf-8", "replace")
    if path.name == TOKENS:  # names of users are anything
        text = "\n".join(seals_in(text))
    return frozenset(re.findall(r"v1:([0-9a-f]{8}):", text))


def _canary(root: Path) -> str:
    try:
        return (root / CANARY).read_text("utf-8", "replace").strip()
    except FileNotFoundError:
        return ""


def _given(environment: Mapping[str, str]) -> Key | None:
    text = _given_text(environment)
    return None if text is None else read_key(text, GIVEN if environment.get(GIVEN) else environment[GIVEN_FILE])


def _given_text(environment: Mapping[str, str]) -> str | None:
    text, file = environment.get(GIVEN), environment.get(GIVEN_FILE)
    if text and file:
        raise ControllerError(f"{GIVEN} and {GIVEN_FILE} are both set", hint="keep the file alone")
    return _text_of(Path(file)) if file else text or None


def _own(path: Path) -> Key | None:
    try:
        return read_key_file(path) if path.exists() else None
    except PermissionError:
        raise ControllerError(f"{path}: no permission", hint="run as the user who owns it") from None


def _text_of(path: Path) -> str:
    with explained(path):
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as file:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise ControllerError(f"{path}: no regular file", hint=HINT)
            if status.st_mode & 0o077 or status.st_uid not in (0, os.geteuid()):
                message = f"{path}: others can read or write it"
                raise ControllerError(message, hint=f"chown it to yourself, chmod 600 {path}")
            return file.read(_MOST).decode("utf-8", "replace").strip()
