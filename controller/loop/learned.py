"""Learned times, kept: measured spans go in, the model's `Timings` come out. May be lost at any time."""

from __future__ import annotations

from controller.loop.database import Database
from controller.model.names import Revision
from controller.model.timings import KEPT, Sample, Span, Timings

_SPANS = frozenset(span.value for span in Span)


class TimingRecords:
    """Measured seconds by service and span; only the newest few of each are kept."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, service: str, span: Span, sample: Sample) -> None:
        """Learn from one more measured time, in seconds."""
        with self._database.write():
            self._database.execute(
                "INSERT INTO timings (service, kind, revision, seconds) VALUES (?, ?, ?, ?)",
                (service, span, sample.revision, sample.seconds),
            )
            self._database.execute(
                "DELETE FROM timings WHERE service = ?1 AND kind = ?2 AND seq <="
                " (SELECT seq FROM timings WHERE service = ?1 AND kind = ?2 ORDER BY seq DESC LIMIT 1 OFFSET ?3)",
                (service, span, KEPT),
            )

    def load(self, only: Span | None = None) -> Timings:
        """All that was learned, or of one span; those that this version does not know are left out."""
        samples: dict[tuple[str, Span], tuple[Sample, ...]] = {}
        for service, kind, revision, seconds in self._database.rows(
            "SELECT service, kind, revision, seconds FROM timings WHERE ?1 IS NULL OR kind = ?1 ORDER BY seq", (only,)
        ):
            if kind in _SPANS:
                key = (service, Span(kind))
                samples[key] = (*samples.get(key, ()), Sample(seconds, Revision(revision)))
        return Timings(samples)
