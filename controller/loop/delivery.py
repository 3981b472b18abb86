"""Secrets on their way to containers: files below the stack's state, and the override by which Compose mounts them.

The values lie in `mounts/SERVICE/`, which only we can enter, since containers are to find them after a reboot at which
no controller runs. A file is called after its secret and the tag of its value: who was made with an older value finds
that one as long as such a container, or a release that can be gone back to, is known. What is there needs no key; so
without the key everything goes on, and only what is lacking cannot be had.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from controller.engines.base import Engine
from controller.intake.findings import at, locate
from controller.intake.managed import (
    OURS,
    File,
    Given,
    Use,
    check_managed,
    file_name,
    find_uses,
    lacking,
    managed_by,
    override_text,
    taken_up,
    users_of,
    warn_managed,
)
from controller.intake.targets import Target
from controller.loop.codec import decode, encode
from controller.loop.folders import folder_name
from controller.loop.keyring import Opened
from controller.loop.mounts import MountedFile, put_files, remove_files
from controller.loop.secretbook import Record, SecretBook
from controller.loop.whole import alone_in, clear_unfinished, explained, remove_whole, write_whole
from controller.model.delivered import MOUNTED, NO_DELIVERY, Delivery
from controller.model.errors import ControllerError, Finding, InvalidInput
from controller.model.project import RenderedProject
from controller.security.vault import Ring

if TYPE_CHECKING:
    from controller.model.manifest.security import Reload

OVERRIDE, OVERRIDES = "override.yaml", "overrides"
"""What is laid over the user's files: for people; for Compose by its digest, so that nobody changes what it reads."""
_LEFT_FOR = 600.0
"""Seconds for which an override that is not in force any more may still be read by somebody."""
FILES, FOLDER, TAGS = "secrets", "run-secrets", "run-secrets.tags"
"""In the folder of a service: its secrets as files; as a folder of which all changes at once; and what is in that."""

_PLACE = ("spec", "security", "secrets", "managed")

Keys = Callable[[], Opened]


def deliver(
    engine: Engine, target: Target, rendered: RenderedProject, folder: Path, keys: Keys | None = None
) -> tuple[Target, Delivery]:
    """The target with its secrets in their places and the override laid over its files.

    `rendered`: of the user's files alone. Raises InvalidInput for what a service cannot be made without.
    """
    if not managed_by(target.manifest):
        return target, NO_DELIVERY
    if not engine.capabilities.leads_traffic:
        message = "the engine is not on this machine, as the files of secrets are"
        finding = at(_PLACE, message, hint="run the controller where the engine is")
        raise InvalidInput(locate((finding,), target.documents))
    return _Deliverer(target, rendered, folder, keys or (lambda: Opened(None))).deliver()


class _Deliverer:
    """Of one stack, once."""

    def __init__(self, target: Target, rendered: RenderedProject, folder: Path, keys: Keys) -> None:
        self._target, self._model, self._folder = target, rendered.model, folder
        self._book = SecretBook(folder, rendered.name)
        self._keys = keys
        self._ring: Ring | None = None
        self._locked: str | None = None
        self._uses = find_uses(target.manifest, rendered.model)
        self._held: Mapping[str, Record] = {}

    def deliver(self) -> tuple[Target, Delivery]:
        manifest = self._target.manifest
        self._refuse(tuple(check_managed(manifest, self._model)))
        self._held = self._told(self._book.load)
        missing = tuple(lacking(self._uses, self._held, self._model))
        self._refuse(tuple(finding for finding, keeps in missing if keeps))
        reloads, opened = taken_up(manifest), self._keys()
        self._locked = opened.locked
        self._ring = None if opened.locked else opened.ring
        given = {name: self._give(name, name in reloads) for name in self._users()}
        override = self._write_override(override_text(given, self._model))
        unkept = (finding for finding, keeps in missing if not keeps)
        told = (*warn_managed(manifest, self._model), *unkept, *self._tell_locked())
        return self._laid_over(override, locate(told, self._target.documents)), self._delivery(override, given, reloads)

    def _users(self) -> Iterable[str]:
        return dict.fromkeys(use.service for use in self._uses if use.secret in self._held)

    def _mine(self, service: str) -> tuple[Use, ...]:
        return tuple(use for use in self._uses if use.service == service and use.secret in self._held)

    def _give(self, service: str, takes_up: bool) -> Given:
        place = self._folder / MOUNTED / folder_name(service)
        with alone_in(place):  # commands that only look find their way here, too
            if takes_up:
                return Given(folder=str(self._give_folder(place, self._mine(service))))
            return Given(tuple(self._give_files(place / FILES, self._mine(service))))

    def _give_files(self, place: Path, uses: tuple[Use, ...]) -> Iterator[File]:
        for use in uses:
            record = self._held[use.secret]
            name = file_name(use, record.tag)
            path = place / name
            if not path.is_file():
                content = self._value(record)
                write_whole(path, content, "delivery", use.mode, (_or_same(use.uid), _or_same(use.gid)))
            yield File(f"{OURS}{use.service}.{name}", use, str(path))

    def _give_folder(self, place: Path, uses: tuple[Use, ...]) -> Path:
        """Where it cannot be opened, what is in it stays."""
        wanted, tags = {use.target: self._held[use.secret].tag for use in uses}, place / TAGS
        is_there = (place / FOLDER).is_dir()
        if not is_there or (self._locked is None and _tags_in(tags) != wanted):
            put_files(place / FOLDER, {use.target: self._file(use) for use in uses}, datetime.now(UTC))
            write_whole(tags, encode(wanted).encode(), "delivery")
        return place / FOLDER

    def _file(self, use: Use) -> MountedFile:
        return MountedFile(self._value(self._held[use.secret]), use.mode, use.uid, use.gid)

    def _value(self, record: Record) -> bytes:
        """Raises InvalidInput: a service cannot be made without it."""
        if self._ring is None:
            self._refuse((self._lack(record, self._locked or "there is no encryption key"),))
        try:
            return self._book.open_record(self._ring or Ring(()), record)
        except ControllerError as error:
            self._refuse((self._lack(record, error.message),))
            raise

    def _lack(self, record: Record, why: str) -> Finding:
        hint = "give the key that it was encrypted with in ENCRYPTION_KEY_FILE"
        return at(_PLACE, f"secret '{record.name}' cannot be opened: {why}", hint=hint)

    def _tell_locked(self) -> Iterator[Finding]:
        if self._locked is not None:
            hint = "what containers have already stays; give the right key in ENCRYPTION_KEY_FILE"
            yield at(_PLACE, f"VaultLocked: {self._locked}", hint=hint)

    def _told(self, load: Callable[[], Mapping[str, Record]]) -> Mapping[str, Record]:
        try:
            return load()
        except ControllerError as error:
            self._refuse((at(_PLACE, error.message, hint=error.hint),))
            raise

    def _refuse(self, findings: tuple[Finding, ...]) -> None:
        if findings:
            raise InvalidInput(locate(findings, self._target.documents))

    def _write_override(self, text: str) -> Path:
        content = text.encode()
        path = self._folder / OVERRIDES / f"{hashlib.sha256(content).hexdigest()[:16]}.yaml"
        for place in (path, self._folder / OVERRIDE):
            with explained(place):
                present = place.read_bytes() if place.is_file() else b""
            if present != content:
                write_whole(place, content, "override")
        return path

    def _laid_over(self, override: Path, told: tuple[Finding, ...]) -> Target:
        target = self._target
        digest = hashlib.sha256(f"{target.inputs.digest} {override.name}".encode()).hexdigest()
        inputs = replace(target.inputs, digest=digest, remarks=(*target.inputs.remarks, *told))
        project = replace(target.project, files=(*target.project.files, override))
        return replace(target, inputs=inputs, project=project)

    def _delivery(self, override: Path, given: Mapping[str, Given], reloads: Mapping[str, Reload]) -> Delivery:
        sets = {
            name: (self._folder / MOUNTED / folder_name(name) / TAGS).read_text("utf-8")
            for name, one in given.items()
            if one.folder is not None
        }
        files = frozenset(Path(file.path).name for one in given.values() for file in one.files)
        ways = {name: one for name, one in reloads.items() if name in sets}
        return Delivery(users_of(self._uses), sets, ways, files, override.name, self._locked)


def sweep(folder: Path, delivery: Delivery, known: Iterable[str]) -> None:
    """Values that nobody is to have any more go: those of no file in use, and in none of these texts.

    `known`: what is kept of revisions that run or may be gone back to. Only the stack's one writer calls it.
    """
    mounts = folder / MOUNTED
    if not mounts.is_dir():
        return
    _sweep_overrides(folder, delivery.override)
    texts = tuple(known)
    named = {folder_name(service) for service in delivery.sets}
    with explained(mounts):
        for place in mounts.iterdir():
            with alone_in(place):
                _sweep_files(place / FILES, lambda name: name in delivery.files or any(name in text for text in texts))
                if place.name not in named and not any(f"{place}/{FOLDER}" in text for text in texts):
                    _forget_folder(place)


def _sweep_overrides(folder: Path, kept: str) -> None:
    with explained(folder):
        for path in (folder / OVERRIDES).glob("*.yaml"):
            if path.name != kept and time.time() - path.stat().st_mtime > _LEFT_FOR:
                remove_whole(path, "override")
        if not kept:
            remove_whole(folder / OVERRIDE, "override")


def _sweep_files(place: Path, stays: Callable[[str], bool]) -> None:
    if place.is_dir():
        clear_unfinished(place)
        for path in place.iterdir():
            if not stays(path.name):
                remove_whole(path, "delivery")


def _forget_folder(place: Path) -> None:
    if (place / FOLDER).is_dir():
        remove_files(place / FOLDER)
        remove_whole(place / TAGS, "delivery")


def _or_same(number: int | None) -> int:
    return -1 if number is None else number


def _tags_in(path: Path) -> Mapping[str, str]:
    try:
        found: Mapping[str, str] = decode(dict[str, str], path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found
