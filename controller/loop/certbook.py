"""The authority of a stack and what is kept of its certificates, in the folder of its state.

Private keys of authorities lie there encrypted, each in a file of its own; those of services only in the folders that
their containers mount. What is kept is replaced as a whole by a rename. One process at a time writes (`held`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from controller.loop.codec import decode, encode
from controller.loop.mounts import MountedFile, put_files, read_files, remove_files
from controller.loop.whole import alone_in, clear_unfinished, explained, remove_whole, write_whole
from controller.model.certified import FOLDER, INGRESS, MOUNTS, Certified
from controller.model.errors import ControllerError
from controller.model.names import Instant
from controller.security.authority import Pair
from controller.security.issuing import Files, Kept
from controller.security.leaves import BUNDLE, CHAIN, KEY

_BOOK = "certificates.json"
_SEALED = ".key.sealed"
_OWNERS, _GROUPS, _ALL = 0o400, 0o440, 0o444
"""Modes of a key whose user is known, whose group alone is, and of which nothing is known: the folders above it are
closed, so that only its own container sees it."""


class Vault(NamedTuple):
    """Encrypts and decrypts; the first argument says what it is, and only for that it can be decrypted again.

    `sealing`: around encrypting and writing, within which no key goes.
    """

    sealing: Callable[[], AbstractContextManager[Callable[[str, bytes], bytes]]]
    unseal: Callable[[str, bytes], bytes]


class CertBook:
    """Of one stack, whose state is in `folder`. Raises ControllerErrors for what cannot be read or written."""

    def __init__(self, folder: Path, project: str) -> None:
        self.folder, self.project = folder / FOLDER, project
        self._mounts = folder / MOUNTS

    @property
    def changed_at(self) -> float:
        """Another number after each change."""
        try:
            return (self.folder / _BOOK).stat().st_mtime_ns
        except OSError:
            return 0.0

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nobody else changes it meanwhile. Not to be nested."""
        with alone_in(self.folder):
            clear_unfinished(self.folder)
            yield

    def load(self) -> Kept:
        path = self.folder / _BOOK
        with explained(path):
            try:
                text = path.read_text(encoding="utf-8")
            except FileNotFoundError:
                return Kept()
        try:
            return decode(Kept, text)
        except ValueError:
            hint = "put it back from a backup, or remove it for a new authority: services then change over at once"
            raise ControllerError(f"{path}: damaged, and not written over", hint=hint) from None

    def save(self, kept: Kept) -> Kept:
        write_whole(self.folder / _BOOK, encode(kept).encode(), "certificate")
        return kept

    def change(self, make: Callable[[Kept], Kept]) -> Kept:
        """What is kept, changed by that; written only where it is another."""
        with self.held():
            kept = self.load()
            made = make(kept)
            return kept if made == kept else self.save(made)

    # --- authorities

    def put_authority(self, pair: Pair, vault: Vault) -> None:
        """Its key is on the disk, encrypted, before anybody hears of it. Raises ControllerErrors."""
        with vault.sealing() as seal:
            write_whole(self._key_of(pair.id), seal(self._context(pair.id), pair.key) + b"\n", "certificate")

    def open_authority(self, kept: Kept, one: str, vault: Vault) -> Pair:
        """Raises ControllerErrors where its key is gone or cannot be decrypted."""
        path = self._key_of(one)
        with explained(path):
            sealed = path.read_bytes()
        return Pair(kept.authorities[one].encode(), vault.unseal(self._context(one), sealed.strip()))

    def forget_authorities(self, kept: Kept) -> Kept:
        """Those that nobody needs any more go, with their keys."""
        needed = kept.rotation.needed if kept.rotation is not None else ()
        left = {one: pem for one, pem in kept.authorities.items() if one in needed}
        kept = self.save(replace(kept, authorities=left)) if left != kept.authorities else kept
        for path in self.folder.glob(f"*{_SEALED}"):
            if path.name.removesuffix(_SEALED) not in needed:
                remove_whole(path, "certificate")
        return kept

    def _key_of(self, one: str) -> Path:
        return self.folder / f"{one}{_SEALED}"

    def _context(self, one: str) -> str:
        return f"{self.project}|authority|{one}"

    # --- what is mounted

    def files_of(self, service: str) -> Files:
        """Empty where there is nothing, or nothing that can be read."""
        with suppress(ControllerError):
            return read_files(self._mounts / service)
        return {}

    def deliver(self, service: str, files: Files, one: Certified, now: Instant) -> bool:
        """Have its containers find these from now on, all three at once; whether anything changed."""
        mode = _OWNERS if one.uid is not None else _GROUPS if one.gid is not None else _ALL
        mounted = {
            BUNDLE: MountedFile(files[BUNDLE]),
            CHAIN: MountedFile(files[CHAIN]),
            KEY: MountedFile(files[KEY], mode, one.uid, one.gid),
        }
        return put_files(self._mounts / service, mounted, datetime.fromtimestamp(now, UTC))

    def prepare(self, service: str, now: Instant) -> None:
        """Its folder is there, so that it can be started, also where there is nothing to put into it."""
        if not (self._mounts / service).is_dir():
            put_files(self._mounts / service, {}, datetime.fromtimestamp(now, UTC))

    def forget_ingress(self) -> None:
        """Its files go: no container mounts them."""
        if (self._mounts / INGRESS).is_dir():
            remove_files(self._mounts / INGRESS)

    def delivered(self) -> tuple[str, ...]:
        """Services that have a folder."""
        return tuple(sorted(path.name for path in self._mounts.iterdir())) if self._mounts.is_dir() else ()
