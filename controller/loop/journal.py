"""Which replicas are ours: an intent before each create, a confirmation after it."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from controller.loop.database import Database
from controller.model.names import HALF_MADE, Instant, ReplicaId, Revision
from controller.model.observed import Replica

CLOCK_SLACK = 2.0
"""Seconds that the engine's clock, shifted to ours, may be behind."""

LATEST_EFFECT = 300.0
"""Seconds after which a create that was asked for does not land any more; several times its deadline."""


@dataclass(frozen=True, slots=True)
class OpenIntent:
    """A create that was begun and of which the end is unknown."""

    id: int
    service: str
    number: int
    revision: Revision
    at: Instant


class ReplicaJournal:
    """The journal of one stack's creates. A replica that it does not know was made by somebody else."""

    def __init__(self, database: Database, clock: Callable[[], Instant] = time.time) -> None:
        self._database = database
        self._clock = clock

    def intend(self, service: str, number: int, revision: Revision) -> int:
        """Note, durably, that a create is about to be sent; the number by which to confirm or abandon it.

        An open intent for the same number is superseded, but of the same revision its first instant still counts: that
        create may land yet, and then the engine refuses ours.
        """
        with self._database.write():
            earlier = self._database.row(
                "SELECT min(intended_at) FROM replicas"
                " WHERE service = ? AND number = ? AND revision = ? AND replica IS NULL",
                (service, number, revision),
            )
            self._database.execute(
                "DELETE FROM replicas WHERE service = ? AND number = ? AND replica IS NULL", (service, number)
            )
            return self._database.insert(
                "INSERT INTO replicas (service, number, revision, intended_at) VALUES (?, ?, ?, ?)",
                (service, number, revision, earlier[0] if earlier and earlier[0] is not None else self._clock()),
            )

    def confirm(self, intent: int, replica: ReplicaId) -> None:
        """The create succeeded and made this replica."""
        with self._database.write():
            self._database.execute("DELETE FROM replicas WHERE replica = ? AND intent <> ?", (replica, intent))
            self._database.execute(
                "UPDATE replicas SET replica = ?, intended_at = ? WHERE intent = ?", (replica, self._clock(), intent)
            )

    def abandon(self, intents: Iterable[int]) -> None:
        """These creates made nothing, for certain."""
        with self._database.write():
            for intent in intents:
                self._database.execute("DELETE FROM replicas WHERE intent = ? AND replica IS NULL", (intent,))

    def known(self) -> Mapping[ReplicaId, Revision]:
        """Every replica that we made or took over and have not forgotten, and what it was made from."""
        rows = self._database.rows("SELECT replica, revision FROM replicas WHERE replica IS NOT NULL")
        return {ReplicaId(replica): Revision(revision) for replica, revision in rows}

    def made(self) -> frozenset[ReplicaId]:
        """The replicas that we made ourselves."""
        rows = self._database.rows("SELECT replica FROM replicas WHERE replica IS NOT NULL AND NOT adopted")
        return frozenset(ReplicaId(replica) for (replica,) in rows)

    def open_intents(self) -> tuple[OpenIntent, ...]:
        """Creates whose end is unknown, oldest first."""
        rows = self._database.rows(
            "SELECT intent, service, number, revision, intended_at FROM replicas WHERE replica IS NULL ORDER BY intent"
        )
        return tuple(OpenIntent(*row) for row in rows)

    def settle(
        self,
        replicas: Iterable[Replica],
        is_half: Callable[[Replica], bool] = lambda _: False,
        unseen: Collection[str] = (),
    ) -> Mapping[ReplicaId, Revision]:
        """Confirm open intents by what a look shows; what was newly recognised as ours.

        A container with our number, made soon after we asked for it, is ours: the engine lets nobody else make that
        name. An intent that nothing answers stays open while a late create may still land, and those of services that
        were not wholly seen (`unseen`) until they were. `is_half`: whether its maker may have died before it was whole.
        """
        known = self.known()
        strangers = {(seen.service, seen.number): seen for seen in replicas if seen.id not in known}
        found: dict[ReplicaId, Revision] = {}
        with self._database.write():
            for intent in self.open_intents():
                if intent.service in unseen:
                    continue
                seen = strangers.get((intent.service, intent.number))
                if seen is not None and -CLOCK_SLACK <= seen.created_at - intent.at <= LATEST_EFFECT:
                    found[seen.id] = HALF_MADE if is_half(seen) else intent.revision
                    self._recognise(intent.id, seen.id, found[seen.id])
                elif self._clock() - intent.at > LATEST_EFFECT:
                    self.abandon((intent.id,))
        return found

    def _recognise(self, intent: int, replica: ReplicaId, revision: Revision) -> None:
        with self._database.write():
            self.confirm(intent, replica)
            self._database.execute("UPDATE replicas SET revision = ? WHERE intent = ?", (revision, intent))

    def adopt(self, replicas: Mapping[ReplicaId, tuple[str, int, Revision]]) -> None:
        """Remember what replicas that somebody else made are taken to be: service, number, revision.

        What the engine does not show, as the contents of their files, is thereby taken as current.
        """
        with self._database.write():
            for replica, (service, number, revision) in replicas.items():
                self._database.execute(
                    "INSERT INTO replicas (service, number, revision, replica, adopted, intended_at)"
                    " VALUES (?, ?, ?, ?, 1, ?)"
                    " ON CONFLICT (replica) DO UPDATE SET revision = excluded.revision",
                    (service, number, revision, replica, self._clock()),
                )

    def forget(self, gone: Collection[ReplicaId], *, before: Instant | None = None) -> None:
        """These containers no longer exist; `before`: an observation from then does not show them.

        What was confirmed since that observation began is not missing, only newer.
        """
        with self._database.write():
            for replica in gone:
                self._database.execute(
                    "DELETE FROM replicas WHERE replica = ?1 AND (?2 IS NULL OR intended_at < ?2)", (replica, before)
                )
