"""The turn from one encryption key to the next, while a controller runs.

The next key is on the disk first; then each record is brought under it, one write each; at the end, once none is under
another key, the one before goes. Every record names its key and both keys open in between, so a turn that was broken
off anywhere goes on when it is asked for again, and nothing is ever without its key.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from controller.loop.acting import who
from controller.loop.auditfiles import CONTROLLER
from controller.loop.auditor import AuditBook, caller
from controller.loop.folders import BOOK
from controller.loop.keyring import begin_turn, encrypted_files, encrypted_in, end_turn, keys_in
from controller.loop.secretbook import SecretBook
from controller.loop.tokenfile import FILE as TOKENS
from controller.loop.tokenfile import seals_in
from controller.loop.whole import alone_in, explained, write_whole
from controller.security.audit import Act, Via
from controller.security.vault import Ring, key_of, rewrap


class Turned(NamedTuple):
    """What a turn came to: the key in use, records brought under it now, how many are under it and under others."""

    key_id: str
    brought: int
    under: int
    left: int
    still: str | None = None
    """What a person has to do."""


def turn_keys(root: Path, environment: Mapping[str, str], new: Path | None = None) -> Turned:
    """Bring everything under the next key. Raises VaultLocked, ControllerErrors."""
    ring = begin_turn(root, environment, new)
    brought = sum(_turn_file(path, ring) for path in encrypted_files(root))
    keys = [key for path in encrypted_files(root) for key in _keys_of(path)]
    under = keys.count(ring.first.id)
    return Turned(ring.first.id, brought, under, len(keys) - under, end_turn(root, environment))


def turn_recorded(root: Path, environment: Mapping[str, str], new: Path | None = None) -> Turned:
    """The same, in the audit logs of all stacks that it concerns. Raises as `turn_keys` does."""
    with ExitStack() as recorded:
        for engine, stacks in _kept(root).items():
            book = AuditBook(root, partial(str, engine))
            for stack in stacks:
                recorded.enter_context(book.acting(Act(who(), Via.CLI, "rotate-key", "key", "", stack, caller())))
        return turn_keys(root, environment, new)


def keys_below(folder: Path) -> tuple[str, ...]:
    """Ids of the keys that what is encrypted in a stack's folder is under; what cannot be read is told elsewhere."""
    found: set[str] = set()
    for path in encrypted_in(folder):
        with suppress(OSError):
            found.update(keys_in(path))
    return tuple(sorted(found))


def _kept(root: Path) -> Mapping[str, list[str]]:
    """Stacks in whose folders something is encrypted, by engine: their logs tell of it."""
    found: dict[str, list[str]] = {}
    for engine, stack in sorted({path.relative_to(root).parts[:2] for path in encrypted_files(root)}):
        found.setdefault(engine, []).append("" if stack == CONTROLLER else stack)
    return found


def _turn_file(path: Path, ring: Ring) -> int:
    if path.name == BOOK:
        return SecretBook(path.parent, path.parent.name).turn(ring)
    if path.name == TOKENS:
        from controller.loop.tokenbook import TokenBook  # with all that signs: few turn a key

        return TokenBook(path.parent).turn(lambda sealed: rewrap(ring, sealed))
    with alone_in(path.parent), explained(path):
        sealed = path.read_text(encoding="utf-8").strip()
        if key_of(sealed) == ring.first.id:
            return 0
        write_whole(path, f"{rewrap(ring, sealed)}\n".encode(), "secrets")
        return 1


def _keys_of(path: Path) -> list[str]:
    if path.name == BOOK:
        return [record.key_id for record in SecretBook(path.parent, path.parent.name).load().values()]
    with explained(path):
        if path.name == TOKENS:
            return [key_of(sealed) for sealed in seals_in(path.read_text("utf-8"))]
        return [key_of(path.read_text(encoding="utf-8").strip())]
