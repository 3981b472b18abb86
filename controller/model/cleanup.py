"""What an engine holds that may be of no use any more, and what of it goes. Volumes are not among it: they never go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from controller.model.names import ImageId, Instant, ReplicaId
from controller.model.observed import ReplicaPhase


class Rubbish(StrEnum):
    """What kind of thing is of no use."""

    CONTAINER = "container"
    IMAGE = "image"
    NETWORK = "network"
    CACHE = "cache"
    LOG = "log"
    """Of a replica: its size is told, and nothing is cut off."""


# --- what there is


@dataclass(frozen=True, slots=True)
class ContainerSeen:
    """A container of any project. Of another project's no more is known than what it uses, its name and its state."""

    id: ReplicaId
    name: str
    image_id: ImageId | None = None
    phase: ReplicaPhase = ReplicaPhase.RUNNING
    project: str = ""
    """The Compose project; "": it is of none."""
    service: str = ""
    one_off: bool = False
    """Of `docker compose run`."""
    stands_for: str = ""
    """The name that it was to get in the end, where somebody was interrupted at making it."""
    networks: frozenset[str] = frozenset()
    """Names and ids, also of those that it is on only once it runs."""
    mounted: frozenset[str] = frozenset()
    """Images that it has as volumes, by name or id, as people write them."""
    holder: str = ""
    """The id or name of the container whose network it shares."""
    exit_code: int | None = None
    bytes: int | None = None
    """What it has written itself; None: not known."""
    created_at: Instant = 0.0
    ended_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class ImageSeen:
    """A local image, in between ones of builds too. Names are normalised."""

    id: ImageId
    names: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    parent: ImageId | None = None
    """What it was built on, where the engine still knows: then the engine refuses to remove that one."""
    named_before: bool = True
    """It has, or had, a name; of what nobody asked about that is taken for granted."""
    project: str = ""
    """The Compose project that it was built for, by its label. It proves nothing: what was built on it has it too."""
    service: str = ""
    bytes: int = 0
    """With all layers."""
    shared: int | None = None
    """Of these, in layers that other images have too; None: the engine did not say."""
    created_at: Instant = 0.0


@dataclass(frozen=True, slots=True)
class NetworkSeen:
    id: str
    name: str
    project: str = ""
    created_at: Instant = 0.0


@dataclass(frozen=True, slots=True)
class CacheRecord:
    """Of the engine's build cache, which is of no project. `shared`: an image has that layer too."""

    id: str
    bytes: int
    last_used_at: Instant
    in_use: bool = False
    shared: bool = False


@dataclass(frozen=True, slots=True)
class LogSeen:
    """What the engine has kept of a container's output. `bounded`: it turns it over by itself."""

    replica: ReplicaId
    name: str
    service: str
    bytes: int
    bounded: bool


@dataclass(frozen=True, slots=True)
class Inventory:
    """One look at all that may be of no use to a stack any more, and at who uses it.

    Containers and images are those of the whole engine, networks and logs those of the stack.
    """

    stack: str
    containers: tuple[ContainerSeen, ...] = ()
    images: tuple[ImageSeen, ...] = ()
    networks: tuple[NetworkSeen, ...] = ()
    cache: tuple[CacheRecord, ...] | None = None
    """None: it was not asked for, or cannot be had."""
    logs: tuple[LogSeen, ...] = ()
    gaps: tuple[str, ...] = ()
    """What could not be found out, for people."""


# --- what is known of the stack


class Use(NamedTuple):
    """By which service an image was used, and until when at least."""

    service: str
    until: Instant


@dataclass(frozen=True, slots=True)
class Had:
    """Images that a stack is known to have used, and the names, normalised, by which it did."""

    images: Mapping[ImageId, Use] = field(default_factory=dict)
    names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Kept:
    """What has to stay, whatever it looks like: what is wanted now, and what a way back needs.

    `names`: of images, as people write them. `networks`: names. `replicas`: known to be ours. `services`: whatever was
    built for them stays.
    """

    images: frozenset[ImageId] = frozenset()
    names: frozenset[str] = frozenset()
    networks: frozenset[str] = frozenset()
    replicas: frozenset[ReplicaId] = frozenset()
    services: frozenset[str] = frozenset()

    def __or__(self, other: Kept) -> Kept:
        return Kept(
            self.images | other.images,
            self.names | other.names,
            self.networks | other.networks,
            self.replicas | other.replicas,
            self.services | other.services,
        )


# --- what goes


class Layers(NamedTuple):
    """An image without a name that a build left behind, and the bytes that it has more than what it was built on."""

    id: ImageId
    bytes: int


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that is of no use, and why. `bytes` None: not known; `at_most`: less where others share its layers."""

    kind: Rubbish
    id: str
    name: str
    bytes: int | None
    why: str
    since: Instant | None = None
    """Since when it is of no use, as far as that is known."""
    at_most: bool = False
    removable: bool = True
    """False: it is only told."""
    names: tuple[str, ...] = ()
    """Of an image: where it has others by the time that it is to go, somebody else has come to use it."""
    along: tuple[Layers, ...] = ()
    """What it was built on, and nothing else: goes with it, in this order."""


class Fate(StrEnum):
    """What became of an item."""

    UNUSED = "unused"
    """Nothing: it was only looked for."""
    REMOVED = "removed"
    LEFT = "left"
    """Somebody uses it by now, or it is gone already."""
    FAILED = "failed"
    TOLD = "told"
    """It is not for us to remove."""


@dataclass(frozen=True, slots=True)
class Done:
    """What became of an item. `bytes` of one that was removed: freed by it; None: not known."""

    item: Item
    fate: Fate
    bytes: int | None = None
    message: str = ""
    """Why it is still there."""
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class CleanupReport:
    """What a clean-up of one stack came to; with `dry_run` what it would come to. `ok` decides the exit code."""

    stack: str
    done: tuple[Done, ...] = ()
    dry_run: bool = False
    at: Instant = 0.0
    seconds: float = 0.0
    ok: bool = True
    whole: bool = True
    """It came to its end, be it that something could not be removed."""
    message: str = ""
    """Why it is not ok, or did not come to its end."""
    hint: str | None = None
    notes: tuple[str, ...] = ()
    """What could not be found out."""
    older_than: float = 0.0
    """Seconds for which a thing has to be unused."""
    younger: int = 0
    """So many more things are unused, but not for so long."""
    younger_bytes: int = 0

    def of(self, *fates: Fate) -> tuple[Done, ...]:
        return tuple(one for one in self.done if one.fate in fates)


class Schedule(NamedTuple):
    """When a stack is cleaned up. `every`: seconds, None: not by itself. `last`: when all of it was, by anybody."""

    every: float | None = None
    last: Instant | None = None

    @property
    def next(self) -> Instant | None:
        """From when on it is, once nothing of the stack is on its way; None: at once, or never by itself."""
        return None if self.every is None or self.last is None else self.last + self.every
