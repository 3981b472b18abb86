"""A simulated engine's state as a JSON file, so that it outlives the process and several processes share it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from controller.engines.simulated_process import Coming
from controller.engines.simulated_record import Happening, Nature, Record, record_of
from controller.engines.simulated_shelf import NO_SHELF, Shelf
from controller.engines.simulated_stack import Settings, SimulatedStack
from controller.model.desired import Template
from controller.model.errors import Rejected
from controller.model.names import Instant, ReplicaId, Revision
from controller.model.observed import Replica

FILE = "simulated.json"


@dataclass(frozen=True, slots=True)
class SavedRecord:
    """One container, with what is not seen of it."""

    replica: Replica
    nature: Nature
    life: int
    run: int
    deferred: tuple[Happening, ...]
    pause: float


@dataclass(frozen=True, slots=True)
class SavedStack:
    """One project."""

    name: str
    working_dir: str
    config_files: tuple[str, ...]
    templates: tuple[tuple[Template, Revision], ...]
    records: tuple[SavedRecord, ...]
    coming: tuple[Coming, ...]
    lives: tuple[tuple[str, Revision, int], ...]
    made: int
    made_from: dict[ReplicaId, str]
    fetched: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SavedState:
    stacks: tuple[SavedStack, ...]
    shelf: Shelf = NO_SHELF


def save_stack(stack: SimulatedStack) -> SavedStack:
    containers, processes = stack.simulation.containers, stack.simulation.processes
    return SavedStack(
        name=stack.name,
        working_dir=stack.working_dir,
        config_files=stack.config_files,
        templates=tuple(stack.templates.values()),
        records=tuple(_save_record(record) for record in containers.all()),
        coming=processes.export(),
        lives=tuple((service, revision, count) for (service, revision), count in processes.lives.items()),
        made=containers.made,
        made_from=dict(stack.made_from),
        fetched=tuple(sorted(stack.fetched)),
    )


def restore_stack(saved: SavedStack, settings: Settings, now: Instant) -> SimulatedStack:
    """The stack as it was; what was to happen since then happens at the next look."""
    stack = SimulatedStack(saved.name, settings, now)
    stack.working_dir, stack.config_files = saved.working_dir, saved.config_files
    stack.fetched.update(saved.fetched)
    for template, revision in saved.templates:
        stack.learn(template, revision, now)
    records = {record.replica.id: _restore_record(record) for record in saved.records}
    stack.simulation.containers.restore(records.values(), saved.made)
    lives = {(service, revision): count for service, revision, count in saved.lives}
    stack.simulation.processes.restore(saved.coming, {str(key): value for key, value in records.items()}, lives)
    stack.made_from.update(saved.made_from)
    stack.simulation.look_again()
    return stack


class StateFile:
    """`simulated.json` in a folder. Every use holds its lock, so that processes take turns."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._stamp: tuple[int, int, int] | None = None
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        lock = os.open(self._path.with_suffix(".lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def has_changed(self) -> bool:
        """Whether somebody else wrote since we read or wrote."""
        return self._read_stamp() != self._stamp

    def read(self) -> SavedState:
        """Raises Rejected where the file is not one of ours."""
        self._stamp = self._read_stamp()
        if self._stamp is None:
            return SavedState(())
        try:
            state: SavedState = _codec().validate_json(self._path.read_bytes())
        except ValueError as error:
            raise Rejected(f"{self._path} is not a simulated engine's state", hint="remove it to begin anew") from error
        return state

    def write(self, state: SavedState) -> None:
        """The whole file or nothing."""
        temporary = self._path.with_suffix(".tmp")
        with open(os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(_codec().dump_json(state))
        temporary.replace(self._path)
        self._stamp = self._read_stamp()

    def _read_stamp(self) -> tuple[int, int, int] | None:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size


@cache
def _codec() -> Any:
    """Made when it is needed, and once: pydantic costs a tenth of a second to import."""
    from pydantic import TypeAdapter

    return TypeAdapter(SavedState)


def _save_record(record: Record) -> SavedRecord:
    return SavedRecord(record.freeze(), record.nature, record.life, record.run, record.deferred, record.pause)


def _restore_record(saved: SavedRecord) -> Record:
    record = record_of(saved.replica, saved.nature)
    record.life, record.run, record.deferred = saved.life, saved.run, saved.deferred
    record.pause = saved.pause
    return record
