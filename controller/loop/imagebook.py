"""Which images a stack's replicas were seen with, and until when: clean-up takes nothing that it does not know."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from controller.loop.database import Database
from controller.model.names import ImageId, Instant
from controller.model.observed import ServiceView

KEPT_SIGHTINGS = 1000
"""Of what is in use no more: an image that is forgotten stays, since nobody knows any more whose it was."""


class Sighting(NamedTuple):
    """An image, and the name by which a service had it."""

    service: str
    image: ImageId
    name: str


class Seen(NamedTuple):
    """`at`: when it was last known to be used; meaningless while `in_use`."""

    at: Instant
    in_use: bool


class ImageBook:
    """Of one stack. Written by one thread, where something is new: what is in use, and what is so no more.

    Whoever was not there when a use ended takes the next look for its end.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[Sighting, bool] | None = None

    def load(self) -> Mapping[Sighting, Seen]:
        rows = self._database.rows("SELECT service, image, name, seen_at, in_use FROM images")
        return {
            Sighting(service, ImageId(image), name): Seen(at, bool(in_use)) for service, image, name, at, in_use in rows
        }

    def note(self, views: Mapping[str, ServiceView], now: Instant, *, whole: bool) -> None:
        """What these views show. `whole`: a service without a view has no replica."""
        if self._known is None:
            self._known = {sighting: seen.in_use for sighting, seen in self.load().items()}
        present = {one for view in views.values() for one in _sightings(view)}
        begun = {one for one in present if not self._known.get(one, False)}
        ended = {
            one
            for one, in_use in self._known.items()
            if in_use and one not in present and _is_over(one.service, views, whole)
        }
        if begun or ended:
            self._write(begun, ended, now)

    def forget(self, images: Collection[ImageId]) -> None:
        """These are not here any more."""
        with self._database.write():
            for image in images:
                self._database.execute("DELETE FROM images WHERE image = ? AND NOT in_use", (image,))
        self._known = None

    def _write(self, begun: Collection[Sighting], ended: Collection[Sighting], now: Instant) -> None:
        assert self._known is not None
        with self._database.write():
            for one in sorted((*begun, *ended)):
                self._database.execute(
                    "INSERT INTO images (service, image, name, seen_at, in_use) VALUES (?, ?, ?, ?, ?)"
                    " ON CONFLICT (service, image, name)"
                    " DO UPDATE SET seen_at = excluded.seen_at, in_use = excluded.in_use",
                    (*one, now, int(one in begun)),
                )
            self._database.execute(
                "DELETE FROM images WHERE (service, image, name) IN (SELECT service, image, name FROM images"
                " WHERE NOT in_use ORDER BY seen_at DESC LIMIT -1 OFFSET ?)",
                (KEPT_SIGHTINGS,),
            )
        self._known |= {one: one in begun for one in (*begun, *ended)}


def _sightings(view: ServiceView) -> Collection[Sighting]:
    return {Sighting(r.service, r.image_id, r.image) for r in view.replicas if r.image_id is not None}


def _is_over(service: str, views: Mapping[str, ServiceView], whole: bool) -> bool:
    """Nothing is over because half a look does not show it."""
    view = views.get(service)
    return whole if view is None else view.complete
