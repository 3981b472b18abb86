"""What was laid over the limits of a stack's services, kept: only its one writer changes it."""

from __future__ import annotations

from collections.abc import Mapping

from controller.loop.codec import decode, encode
from controller.loop.database import Database
from controller.model.adjustment import Adjustment


class AdjustmentRecords:
    """By service. One that is not there was never adjusted."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load(self) -> Mapping[str, Adjustment]:
        """What another version wrote in a form that is not known is as if it were not there."""
        found: dict[str, Adjustment] = {}
        for service, body in self._database.rows("SELECT service, body FROM adjustments ORDER BY service"):
            try:
                found[service] = decode(Adjustment, body)
            except ValueError:
                continue
        return found

    def record(self, changed: Mapping[str, Adjustment | None]) -> None:
        """Durable when it returns; None: forget what there was."""
        with self._database.write():
            for service, adjustment in changed.items():
                if adjustment is None:
                    self._database.execute("DELETE FROM adjustments WHERE service = ?", (service,))
                    continue
                self._database.execute(
                    "INSERT INTO adjustments (service, body) VALUES (?, ?)"
                    " ON CONFLICT (service) DO UPDATE SET body = excluded.body WHERE body <> excluded.body",
                    (service, encode(adjustment)),
                )
