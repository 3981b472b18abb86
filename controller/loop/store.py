"""The store of one stack: where it lies, and the records in it. Losing it loses history, never services."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from controller.loop.alertbook import AlertRecords
from controller.loop.codec import Texts, decode
from controller.loop.database import Database
from controller.loop.folders import DATABASE, folder_name, state_root
from controller.loop.imagebook import ImageBook
from controller.loop.intents import IntentBox
from controller.loop.journal import ReplicaJournal
from controller.loop.learned import TimingRecords
from controller.loop.limitbook import AdjustmentRecords
from controller.loop.memory import StackRecords
from controller.loop.renderings import RenderingCache
from controller.loop.reports import EventLog, StatusSnapshot
from controller.model.decision import History
from controller.model.errors import ControllerError
from controller.model.names import Instant


def state_dir(env: Mapping[str, str], uid: int) -> Path:
    """The folder of all state of one user; it need not exist yet."""
    return Path(state_root(env, uid))


def stack_dir(root: Path, engine_id: str, stack: str) -> Path:
    """The folder of one stack on one engine."""
    return root / folder_name(engine_id) / folder_name(stack)


def known_stacks(root: Path, engine_id: str) -> tuple[str, ...]:
    """The stacks that have a store on this engine, by name."""
    folder = root / folder_name(engine_id)
    try:
        return tuple(sorted(found.parent.name for found in folder.glob(f"*/{DATABASE}")))
    except PermissionError as error:
        raise ControllerError(
            f"{folder}: no permission", hint="run as the user who owns it, or set CONTROLLER_STATE_DIR"
        ) from error


class Store:
    """All records of one stack, in one file. Safe from several threads, and beside other processes.

    Each call is one transaction, durable when it returns; calls inside `transaction()` are one together.
    """

    def __init__(self, folder: Path, clock: Callable[[], Instant] = time.time) -> None:
        self.folder = folder
        self._database = Database(folder / DATABASE)
        self.histories = Histories(self._database)
        self.replicas = ReplicaJournal(self._database, clock)
        self.stack = StackRecords(self._database)
        self.renderings = RenderingCache(self._database, clock)
        self.timings = TimingRecords(self._database)
        self.events = EventLog(self._database)
        self.status = StatusSnapshot(self._database)
        self.intents = IntentBox(self._database, clock)
        self.alerts = AlertRecords(self._database)
        self.images = ImageBook(self._database)
        self.adjustments = AdjustmentRecords(self._database)

    @property
    def mended(self) -> str | None:
        """The sentence to tell where the file was damaged and begun anew; None: it was not."""
        return self._database.mended

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing for the writes inside, and no other writer between them."""
        with self._database.write():
            yield

    def close(self) -> None:
        self._database.close()


class Histories:
    """What `decide` must remember of each service."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._texts = Texts()

    def load(self) -> Mapping[str, History]:
        """Every service's history; a service that is missing has none."""
        rows = self._database.rows("SELECT service, body FROM histories")
        return {service: decode(History, body) for service, body in rows}

    def record(self, changed: Mapping[str, History]) -> None:
        """Write these in one transaction; one that equals what is kept is not written again."""
        with self._database.write():
            for service, history in changed.items():
                self._database.execute(
                    "INSERT INTO histories (service, body) VALUES (?, ?)"
                    " ON CONFLICT (service) DO UPDATE SET body = excluded.body WHERE body <> excluded.body",
                    (service, self._texts.encode(service, history)),
                )

    def drop(self, services: frozenset[str]) -> None:
        """These services are gone for good."""
        with self._database.write():
            for service in services:
                self._database.execute("DELETE FROM histories WHERE service = ?", (service,))
