"""The generation in force, and what becomes of it: written down when it is seen, and only where that is news."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from controller.decide.world import World
from controller.loop.ending import judge, moved_images, rests, settled_releases
from controller.loop.memory import Definitions, StackRecords
from controller.model.generation import Cause, Ending, Generation
from controller.model.names import Instant, Release


class Annals:
    """Of one stack. Only its one writer calls it."""

    def __init__(self, records: StackRecords) -> None:
        self._records = records
        self.present: Generation | None = records.last_generation()
        self.asker = "run"
        """Who asked last that moved tags count."""

    def read(self) -> None:
        """Another generation came in force."""
        self.present = self._records.last_generation()

    def begin(self, cause: Cause, now: Instant, definitions: Definitions | None = None) -> Generation | None:
        """A new generation of the same files: somebody went back, or asked for new replicas, or a tag has moved."""
        if self.present is None:
            return None
        seen = replace(
            self.present,
            at=now,
            cause=cause,
            ending=Ending.PROGRESSING,
            ended_at=None,
            failed={},
            unrestarted={},
            releases={},
        )
        given = self._records.definitions(self.present.number) if definitions is None else definitions
        self.present = self._records.begin_generation(seen, given)
        return self.present

    def note_failed_restarts(self, found: Mapping[str, str]) -> None:
        """Before it is forgotten that they were asked for. Why, by service; mostly there are none."""
        if found and self.present is not None:
            self.present = replace(self.present, unrestarted={**self.present.unrestarted, **found})
            self._records.amend(self.present)

    def note(self, world: World, now: Instant) -> bool:
        """After a look at everything: what settled, and how it ended. Whether a new generation began by itself."""
        present = self.present
        if present is None:
            return False
        moved = moved_images(world, present) if present.ending is Ending.CONVERGED else ()
        if moved:
            self.begin(Cause(self.asker, f"new image of {', '.join(moved)}"), now)
            return True
        if not rests(world):
            return False
        verdict = judge(world, present)
        ended = present
        if verdict is not None and (verdict.ending, verdict.failed) != (present.ending, present.failed):
            ended = replace(present, ending=verdict.ending, ended_at=now, failed=verdict.failed)
        releases = _merged(world, present.releases, ended)
        if releases != present.releases:
            ended = replace(ended, releases=releases)
        if ended is not present:
            self.present = ended
            self._records.amend(ended)
        return False


def _merged(world: World, known: Mapping[str, Release], ended: Generation) -> Mapping[str, Release]:
    """What settled once counts, though it falls over later; what was rolled back does not."""
    found = {**known, **dict(settled_releases(world, known))}
    return {name: release for name, release in found.items() if name not in ended.failed}
