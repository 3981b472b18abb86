"""What is remembered of a stack as a whole, and of the generations that it went through."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from controller.loop.codec import decode, encode
from controller.loop.database import Database
from controller.loop.returnable import RETURNABLE, find_returnable
from controller.model.desired import DesiredService
from controller.model.generation import Ending, Generation
from controller.model.names import Instant, Release, Revision, split_release

KEPT_GENERATIONS = 50

Definitions = Mapping[str, Mapping[str, Any]]
"""Each service as Compose renders it. They may hold secrets: never printed unmasked."""


@dataclass(frozen=True, slots=True)
class ProjectPlace:
    """Where the stack's files are, so that `-s NAME` finds it from any directory; all paths absolute."""

    manifest: str | None = None
    """The Stack document's file; None: a bare Compose project."""
    directory: str = ""
    files: tuple[str, ...] = ()
    env_files: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StackMemory:
    """What holds until somebody changes it. `source` is for people: `manifests/rag.yaml`."""

    adopted: bool = False
    """The stack has converged once, or adopting it changed nothing: changes no longer ask."""
    adoption_granted: str | None = None
    """The digest for which a person said `adopt`."""
    removal_granted: str | None = None
    """The digest for which a person confirmed a mass removal."""
    not_started: bool = False
    """`autoStart: false`, or a bare project that did not run at first sight; ended by `start`."""
    released: bool = False
    profile: str | None = None
    source: str = ""
    place: ProjectPlace = ProjectPlace()
    variables: tuple[str, ...] = ()
    """Names of the variables that were set and used by interpolation at the last convergence."""
    settled: Mapping[str, Release] = field(default_factory=dict)
    """The release of each service when the stack last converged as a whole: where it goes back to as a whole."""
    cleaned_at: Instant | None = None
    """When what is unused was last cleaned up as a whole, by whomever."""


class StackRecords:
    """The stack's memory, its generations and the desired services of the revisions in use."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load(self) -> StackMemory:
        """What is remembered; all defaults for a stack that was never seen."""
        row = self._database.row("SELECT body FROM memory")
        return decode(StackMemory, row[0]) if row else StackMemory()

    def save(self, memory: StackMemory) -> None:
        """Remember this from now on; writes nothing where nothing changed."""
        self._database.execute(
            "INSERT INTO memory (id, body) VALUES (1, ?)"
            " ON CONFLICT (id) DO UPDATE SET body = excluded.body WHERE body <> excluded.body",
            (encode(memory),),
        )

    def generation_of(self, seen: Generation, definitions: Definitions | None = None) -> Generation:
        """The generation of a digest: the present one where the digest is the same, else a new one, numbered next.

        `seen.number` is ignored. Going back to an older digest is a new generation, as in Kubernetes.
        """
        with self._database.write():
            last = self.last_generation()
            if last is not None and last.digest == seen.digest:
                return last
            return self.begin_generation(seen, definitions or {})

    def begin_generation(self, seen: Generation, definitions: Definitions) -> Generation:
        """A new generation, numbered next, whatever its digest; the one before it comes to an end, if it had none."""
        with self._database.write():
            last = self.last_generation()
            if last is not None and last.ending is Ending.PROGRESSING:
                self.amend(replace(last, ending=Ending.SUPERSEDED, ended_at=seen.at))
            made = replace(seen, number=last.number + 1 if last else 1)
            self._database.execute(
                "INSERT INTO generations (generation, at, body, definitions) VALUES (?, ?, ?, ?)",
                (made.number, seen.at, encode(made), _text(definitions)),
            )
            self._database.execute("DELETE FROM generations WHERE generation <= ?", (made.number - KEPT_GENERATIONS,))
            return made

    def amend(self, generation: Generation) -> None:
        """What became of it meanwhile; writes nothing where nothing changed."""
        self._database.execute(
            "UPDATE generations SET body = ?1 WHERE generation = ?2 AND body <> ?1",
            (encode(generation), generation.number),
        )

    def definitions(self, number: int) -> Definitions:
        """What Compose rendered for that generation; empty where it is not kept, or an older version kept it."""
        row = self._database.row("SELECT definitions FROM generations WHERE generation = ?", (number,))
        found = json.loads(row[0]) if row else {}
        return found if isinstance(found, dict) else {}

    def last_generation(self) -> Generation | None:
        row = self._database.row("SELECT body FROM generations ORDER BY generation DESC LIMIT 1")
        return decode(Generation, row[0]) if row else None

    def generations(self) -> tuple[Generation, ...]:
        """The kept generations, oldest first."""
        rows = self._database.rows("SELECT body FROM generations ORDER BY generation")
        return tuple(decode(Generation, body) for (body,) in rows)

    def keep_revisions(self, services: Iterable[DesiredService]) -> None:
        """Keep what these revisions were made from, so that one can go back to them; holds secrets, never printed."""
        with self._database.write():
            for service in services:
                self._database.execute(
                    "INSERT INTO revisions (service, revision, body) VALUES (?, ?, ?)"
                    " ON CONFLICT (service, revision) DO UPDATE SET body = excluded.body WHERE body <> excluded.body",
                    (service.name, service.revision, encode(service)),
                )

    def revisions(
        self, only: Iterable[tuple[str, Revision]] | None = None
    ) -> Mapping[tuple[str, Revision], DesiredService]:
        """Every kept revision by service and revision, or those `only`."""
        rows = self._database.rows("SELECT service, revision, body FROM revisions")
        wanted = None if only is None else frozenset(only)
        return {
            (service, Revision(name)): decode(DesiredService, body)
            for service, name, body in rows
            if wanted is None or (service, name) in wanted
        }

    def drop_revisions(self, in_use: Iterable[tuple[str, Revision]]) -> None:
        """Forget every revision that is not in use any more, nor part of a generation that can be gone back to."""
        kept, generations = set(in_use), self.generations()
        for generation in generations[-RETURNABLE:]:
            kept.update(generation.revisions.items())
        kept.update((service, split_release(release)[0]) for service, release in find_returnable(generations))
        with self._database.write():
            for service, revision in self._database.rows("SELECT service, revision FROM revisions"):
                if (service, revision) not in kept:
                    self._database.execute(
                        "DELETE FROM revisions WHERE service = ? AND revision = ?", (service, revision)
                    )


def _text(definitions: Definitions) -> str:
    return json.dumps(definitions, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
