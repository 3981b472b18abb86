"""What a stack needs to stay as it is and to go back, and what it is known to have had: by what is kept of it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from controller.loop.imagebook import Seen, Sighting
from controller.loop.loaded import Loaded
from controller.loop.returnable import find_returnable
from controller.loop.store import Store
from controller.model.cleanup import Had, Kept, Use
from controller.model.decision import History
from controller.model.desired import DesiredService, Leaving
from controller.model.generation import Generation
from controller.model.images import normalise_image
from controller.model.names import ImageId, Instant, Release, ReplicaId, split_release


@dataclass(frozen=True, slots=True)
class Records:
    """What is kept of one stack. `revisions`: what kept ones were made from; `sightings`: of images, on replicas."""

    generations: Sequence[Generation] = ()
    histories: Mapping[str, History] = field(default_factory=dict)
    revisions: Collection[DesiredService] = ()
    settled: Mapping[str, Release] = field(default_factory=dict)
    replicas: frozenset[ReplicaId] = frozenset()
    sightings: Mapping[Sighting, Seen] = field(default_factory=dict)


def read_records(store: Store) -> Records:
    """Raises ControllerErrors."""
    return Records(
        generations=store.stack.generations(),
        histories=store.histories.load(),
        revisions=tuple(store.stack.revisions().values()),
        settled=store.stack.load().settled,
        replicas=frozenset(store.replicas.known()),
        sightings=store.images.load(),
    )


def find_kept(records: Records) -> Kept:
    """What may not go for the sake of the generation in force and of those that can be gone back to."""
    releases = tuple(_releases(records))
    pinned = (service.image_id for service in records.revisions)
    images = (*(split_release(release)[1] for release in releases), *pinned)
    return Kept(
        images=frozenset(image for image in images if image is not None),
        names=frozenset(service.image for service in records.revisions if service.image),
        networks=find_networks(_present(records)),
        replicas=records.replicas,
    )


def find_own(records: Records, loaded: Loaded) -> Kept:
    """What may not go for the sake of this stack: what its files ask for, in whatever profile, and its ways back."""
    return find_wanted(loaded) | find_kept(records) | find_dormant(records, loaded)


def find_shared(records: Records, now: Instant, older_than: float) -> Kept:
    """What may not go for the sake of another stack: what it needs, and images that it used so lately (seconds).

    And the last image of each of its services: one may be in a profile that is not started now. Its networks may be
    this stack's.
    """
    kept, used = find_kept(records), find_had(records, now).images
    lately = frozenset(image for image, use in used.items() if use.until > now - older_than)
    last = _last_seen(records.sightings)
    return Kept(
        images=kept.images | lately | {one.image for one in last},
        names=kept.names | {one.name for one in last if one.name},
        networks=kept.networks,
    )


def _last_seen(sightings: Mapping[Sighting, Seen]) -> Collection[Sighting]:
    """Of each service."""
    in_order = sorted(sightings, key=lambda one: (sightings[one].in_use, sightings[one].at))
    return {one.service: one for one in in_order}.values()


def _releases(records: Records) -> Iterator[Release]:
    yield from (release for _, release in find_returnable(records.generations))
    yield from records.settled.values()
    for history in records.histories.values():
        yield from filter(None, (history.good, history.pinned))
        yield from history.failed
        if history.attempt is not None:
            yield history.attempt.release


def _present(records: Records) -> Iterator[DesiredService]:
    """The services of the generation in force, and what they went back to."""
    last = records.generations[-1].revisions if records.generations else {}
    for service in records.revisions:
        history = records.histories.get(service.name, History())
        back = [split_release(release)[0] for release in (history.good, history.pinned) if release is not None]
        if service.revision in (last.get(service.name), *back):
            yield service


def find_networks(services: Iterator[DesiredService] | Collection[DesiredService]) -> frozenset[str]:
    """The networks, by Docker's names, that replicas of these are on, or will be when they are started again."""
    found: set[str] = set()
    for service in services:
        if service.leaving in (Leaving.REMOVED, Leaving.ORPHANED):
            continue  # as long as a container of it is there, that keeps them
        found |= service.template.joins() | {json.loads(text)["Name"] for text in service.template.networks}
        found |= set(service.networks)
    return frozenset(found)


def find_wanted(loaded: Loaded) -> Kept:
    """What the files ask for now, in force or not."""
    services = loaded.desired.services.values()
    networks = (loaded.rendered.model.get("networks") or {}).values()
    declared = {str(network["name"]) for network in networks if network and network.get("name")}
    return Kept(
        images=frozenset(service.image_id for service in services if service.image_id is not None),
        names=frozenset(service.image for service in services if service.image),
        networks=find_networks(services) | declared,
    )


def find_dormant(records: Records, loaded: Loaded) -> Kept:
    """Of services that the files have, but not in these profiles: all that each of them had, and that was built for it.

    Nothing tells what they would be started from: that may never have been seen on a replica.
    """
    dormant = loaded.declared - loaded.desired.services.keys()
    had = [sighting for sighting in records.sightings if sighting.service in dormant]
    settled = [image for name, image, _ in _settled(records, 0.0) if name in dormant]
    return Kept(
        images=frozenset((*(sighting.image for sighting in had), *settled)),
        names=frozenset(sighting.name for sighting in had if sighting.name),
        services=frozenset(dormant),
    )


def find_had(records: Records, now: Instant) -> Had:
    """Images that were seen on replicas, or that settled; until when, at least."""
    images: dict[ImageId, Use] = {}
    for service, image, until in (*_seen(records, now), *_settled(records, now)):
        known = images.get(image)
        if known is None or known.until < until:
            images[image] = Use(service, until)
    names = {sighting.name for sighting in records.sightings} | {service.image for service in records.revisions}
    return Had(images, frozenset(normalise_image(name) for name in names if name))


def _seen(records: Records, now: Instant) -> Iterator[tuple[str, ImageId, Instant]]:
    for sighting, seen in records.sightings.items():
        yield sighting.service, sighting.image, now if seen.in_use else seen.at


def _settled(records: Records, now: Instant) -> Iterator[tuple[str, ImageId, Instant]]:
    """It was used until something else came in force."""
    ends = [*(generation.at for generation in records.generations[1:]), now]
    for generation, end in zip(records.generations, ends, strict=False):
        for name, release in generation.releases.items():
            image = split_release(release)[1]
            if image is not None:
                yield name, image, end
