"""What Compose made of a project, kept by the content of its inputs, so that nothing is rendered twice."""

from __future__ import annotations

import time
from collections.abc import Callable

from controller.loop.codec import decode, encode
from controller.loop.database import Database
from controller.model.names import Instant
from controller.model.project import Recording, RenderedProject

KEPT_RENDERINGS = 6
"""A few, so that going back and forth between two versions of a file finds both."""


class RenderingCache:
    """Renderings and recordings by key. They hold interpolated values: the file is for its owner alone."""

    def __init__(self, database: Database, clock: Callable[[], Instant] = time.time) -> None:
        self._database = database
        self._clock = clock

    def load(self, key: str) -> tuple[RenderedProject, Recording | None] | None:
        """What was kept for these inputs; the recording is None where none could be made then."""
        row = self._database.row("SELECT project, recording FROM renderings WHERE key = ?", (key,))
        if row is None:
            return None
        try:
            return decode(RenderedProject, row[0]), decode(Recording, row[1]) if row[1] else None
        except ValueError:
            return None

    def save(self, key: str, project: RenderedProject, recording: Recording | None) -> None:
        """Keep this rendering; the ones that were kept longest ago go."""
        with self._database.write():
            self._database.execute(
                "INSERT OR REPLACE INTO renderings (key, used_at, project, recording) VALUES (?, ?, ?, ?)",
                (key, self._clock(), encode(project), encode(recording) if recording else None),
            )
            self._database.execute(
                "DELETE FROM renderings WHERE key NOT IN (SELECT key FROM renderings ORDER BY used_at DESC, rowid DESC"
                " LIMIT ?)",
                (KEPT_RENDERINGS,),
            )
