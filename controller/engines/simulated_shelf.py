"""What a simulated engine holds beside replicas: images, other containers, networks, volumes, build cache.

It refuses to remove what Docker refuses to remove, and removes all else that it is asked to.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from controller.engines.simulated_stack import SimulatedStack
from controller.model.cleanup import (
    CacheRecord,
    ContainerSeen,
    ImageSeen,
    Inventory,
    Item,
    LogSeen,
    NetworkSeen,
    Rubbish,
)
from controller.model.errors import Conflict, Rejected
from controller.model.images import normalise_image, repository_of
from controller.model.names import ImageId, Instant
from controller.model.observed import Replica, ReplicaPhase
from controller.model.resources import CleanupPolicy

_RUNS = frozenset({ReplicaPhase.RUNNING, ReplicaPhase.PAUSED, ReplicaPhase.RESTARTING})
REMOVALS: Mapping[Rubbish, str] = {
    Rubbish.CONTAINER: "engine.container.remove",
    Rubbish.IMAGE: "engine.image.remove",
    Rubbish.NETWORK: "engine.network.remove",
    Rubbish.CACHE: "engine.cache.prune",
    Rubbish.LOG: "engine.container.remove",
}
"""The points around each removal, as on a real engine."""

_SMALLEST, _SPREAD = 40 * 2**20, 97
"""Bytes of an image nobody says the size of: so many, and up to so many MiB more."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """All of it, of all projects. Volumes are here to be left alone. `gone`: images that were removed."""

    containers: tuple[ContainerSeen, ...] = ()
    images: tuple[ImageSeen, ...] = ()
    networks: tuple[NetworkSeen, ...] = ()
    volumes: tuple[str, ...] = ()
    cache: tuple[CacheRecord, ...] = ()
    logs: tuple[LogSeen, ...] = ()
    gone: tuple[ImageId, ...] = ()


NO_SHELF = Shelf()


def note_images(shelf: Shelf, replicas: Iterable[Replica], now: Instant) -> Shelf:
    """With the images of these. A name that stood for another one stands for the newer from now on."""
    known = {image.id for image in shelf.images}
    for replica in replicas:
        if replica.image_id is not None and replica.image_id not in known:
            known.add(replica.image_id)
            shelf = _add_image(shelf, replica.image_id, normalise_image(replica.image), now)
    return shelf


def _add_image(shelf: Shelf, image: ImageId, name: str, now: Instant) -> Shelf:
    others = tuple(_without(one, name) for one in shelf.images)
    size = _SMALLEST + sum(image.encode()) % _SPREAD * 2**20
    made = ImageSeen(image, (name,), bytes=size, shared=0, created_at=now)
    return replace(shelf, images=(*others, made), gone=tuple(one for one in shelf.gone if one != image))


def _without(image: ImageSeen, name: str) -> ImageSeen:
    return (
        replace(image, names=tuple(other for other in image.names if other != name)) if name in image.names else image
    )


def replicas_seen(stacks: Iterable[SimulatedStack], now: Instant) -> tuple[ContainerSeen, ...]:
    """All replicas, as containers among others."""
    found: list[ContainerSeen] = []
    for stack in stacks:
        stack.simulation.advance(now)
        found += (_replica_seen(stack.name, record.freeze()) for record in stack.simulation.containers.all())
    return tuple(found)


def _replica_seen(stack: str, replica: Replica) -> ContainerSeen:
    return ContainerSeen(
        id=replica.id,
        name=replica.name,
        image_id=replica.image_id,
        phase=replica.phase,
        project=stack,
        service=replica.service,
        networks=frozenset({f"{stack}_default"}),
        holder=replica.namespace_of or "",
        exit_code=replica.exit_code,
        bytes=0,
        created_at=replica.created_at,
        ended_at=replica.finished_at,
    )


def take_inventory(shelf: Shelf, replicas: Iterable[ContainerSeen], stack: str, *, build_cache: bool) -> Inventory:
    """As an engine shows it: networks and logs of that stack alone."""
    return Inventory(
        stack=stack,
        containers=(*shelf.containers, *replicas),
        images=shelf.images,
        networks=tuple(one for one in shelf.networks if one.project == stack),
        cache=shelf.cache if build_cache else None,
        logs=shelf.logs,
    )


def clear_item(
    shelf: Shelf, item: Item, policy: CleanupPolicy, replicas: Collection[ContainerSeen], now: Instant
) -> tuple[Shelf, int | None]:
    """What is left, and the bytes that came free. Raises Conflict and Rejected as an engine would."""
    users = (*shelf.containers, *replicas)
    match item.kind:
        case Rubbish.CONTAINER:
            return _clear_container(shelf, item), item.bytes
        case Rubbish.IMAGE:
            return _clear_images(shelf, item, users)
        case Rubbish.NETWORK:
            return _clear_network(shelf, item, users), 0
        case Rubbish.CACHE:
            return _prune_cache(shelf, policy, now)
        case Rubbish.LOG:
            raise Rejected(f"{item.name}: a log is never cut off")


def _clear_container(shelf: Shelf, item: Item) -> Shelf:
    found = next((one for one in shelf.containers if one.id == item.id), None)
    if found is None:
        raise Conflict(f"no such container: {item.name}")
    if found.phase in _RUNS:
        raise Conflict(f"{item.name} runs")
    return replace(shelf, containers=tuple(one for one in shelf.containers if one.id != item.id))


def _clear_images(shelf: Shelf, item: Item, users: Collection[ContainerSeen]) -> tuple[Shelf, int | None]:
    found = _find_image(shelf, item.id)
    if set(found.names) != set(item.names):
        raise Conflict(f"{item.name} has other names by now")
    found = _leave_one_name(found, users)
    shelf, freed = _remove_image(shelf, found, users), item.bytes or 0
    for number, layers in enumerate(item.along):
        try:
            one = _find_image(shelf, layers.id)
            if one.named_before or one.names or one.digests:
                raise Conflict(f"{layers.id} has a name by now")
            shelf = _remove_image(shelf, one, users)
        except Conflict:
            return shelf, max(0, freed - sum(rest.bytes for rest in item.along[number:]))
    return shelf, freed


def _leave_one_name(image: ImageSeen, users: Collection[ContainerSeen]) -> ImageSeen:
    """As it is done on a real engine: a repository's digests go with its last name."""
    if len(image.names) < 2:
        return image
    known = {repository_of(name) for name in image.names}
    if strange := [digest for digest in image.digests if repository_of(digest) not in known]:
        raise Conflict(f"it is known as {strange[0]}, too")
    if user := next((one.name for one in users if one.image_id == image.id), None):
        raise Conflict(f"{user} is started from it by now")
    kept = min(image.names)
    digests = tuple(digest for digest in image.digests if repository_of(digest) == repository_of(kept))
    return replace(image, names=(kept,), digests=digests)


def _find_image(shelf: Shelf, image: str) -> ImageSeen:
    found = next((one for one in shelf.images if one.id == image), None)
    if found is None:
        raise Conflict(f"no such image: {image}")
    return found


def _remove_image(shelf: Shelf, image: ImageSeen, users: Collection[ContainerSeen]) -> Shelf:
    if user := next((one.name for one in users if one.image_id == image.id), None):
        raise Conflict(f"image is being used by container {user}")
    if any(one.parent == image.id for one in shelf.images):
        raise Conflict("image has dependent child images")
    if len(image.names) > 1 or len({repository_of(name) for name in (*image.names, *image.digests)}) > 1:
        raise Conflict("image must be forced: it is referenced in multiple repositories")
    left = tuple(one for one in shelf.images if one.id != image.id)
    return replace(shelf, images=left, gone=(*shelf.gone, image.id))


def _clear_network(shelf: Shelf, item: Item, users: Collection[ContainerSeen]) -> Shelf:
    if user := next((one.name for one in users if not one.networks.isdisjoint((item.id, item.name))), None):
        raise Conflict(f"{user} is on it by now")
    if item.id not in {one.id for one in shelf.networks}:
        raise Conflict(f"no such network: {item.name}")
    return replace(shelf, networks=tuple(one for one in shelf.networks if one.id != item.id))


def _prune_cache(shelf: Shelf, policy: CleanupPolicy, now: Instant) -> tuple[Shelf, int]:
    """As BuildKit: what was used the longest ago goes first, until what is left is no more than is kept."""
    surplus = sum(one.bytes for one in shelf.cache if not one.shared) - policy.keep_storage
    gone, freed = set[str](), 0
    for one in sorted(shelf.cache, key=lambda one: (one.last_used_at, one.id)):
        if freed < surplus and not (one.shared or one.in_use) and one.last_used_at <= now - policy.older_than:
            gone.add(one.id)
            freed += one.bytes
    return replace(shelf, cache=tuple(one for one in shelf.cache if one.id not in gone)), freed
