"""What a random engine holds, what is kept of two stacks on it, and the truth about it, which nobody is told."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from controller.engines.simulated_shelf import Shelf
from controller.loop.imagebook import Seen, Sighting
from controller.loop.loaded import Loaded
from controller.loop.needs import Records
from controller.model.cleanup import CacheRecord, ContainerSeen, ImageSeen, LogSeen, NetworkSeen
from controller.model.decision import History
from controller.model.desired import DesiredService, DesiredStack
from controller.model.generation import Generation
from controller.model.names import ImageId, Instant, ReplicaId, Revision
from controller.model.observed import ReplicaPhase
from controller.model.project import ComposeProject, RenderedProject
from tests.builders import NOW

DAY = 86400.0
OLDER_THAN = 7 * DAY
RETURNABLE = 10
"""As promised in docs/cli.md, and not as the code has it."""

MOVING, VERSIONS, PULLED = "moving", "versions", "pulled"
AT_REST = (ReplicaPhase.EXITED, ReplicaPhase.CREATED, ReplicaPhase.DEAD)
PHASES = (*AT_REST, ReplicaPhase.EXITED, ReplicaPhase.RUNNING, ReplicaPhase.PAUSED, ReplicaPhase.RESTARTING)


@dataclass
class Told:
    """What is kept of one stack of ours."""

    generations: list[Generation] = field(default_factory=list)
    histories: dict[str, History] = field(default_factory=dict)
    revisions: dict[tuple[str, Revision], DesiredService] = field(default_factory=dict)
    sightings: dict[Sighting, Seen] = field(default_factory=dict)
    replicas: set[ReplicaId] = field(default_factory=set)

    @property
    def records(self) -> Records:
        return Records(
            tuple(self.generations), self.histories, tuple(self.revisions.values()), {}, frozenset(self.replicas),
            self.sightings,
        )  # fmt: skip


@dataclass
class Holdings:
    """All there is. `owner`: who made a thing; `until`: when an image was last in use by whoever made it."""

    seed: int
    chance: random.Random
    containers: list[ContainerSeen] = field(default_factory=list)
    images: dict[ImageId, ImageSeen] = field(default_factory=dict)
    networks: list[NetworkSeen] = field(default_factory=list)
    owner: dict[str, str] = field(default_factory=dict)
    until: dict[ImageId, Instant] = field(default_factory=dict)
    shop: Told = field(default_factory=Told)
    blog: Told = field(default_factory=Told)
    wanted_networks: set[str] = field(default_factory=set)
    services: tuple[str, ...] = ()
    dormant: tuple[str, ...] = ()
    """Services that the files have, but not in the profile that is started."""
    made_for: dict[ImageId, set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))
    """Stacks and services that had an image, whoever saw it."""

    @property
    def shelf(self) -> Shelf:
        chance = self.chance
        volumes = ("shop_data", "blog_data", "other_data", "a" * 64)
        cache = tuple(
            CacheRecord(
                f"r{n}", chance.randrange(50), NOW - chance.random() * 30 * DAY, chance.random() < 0.2, n % 3 == 0
            )
            for n in range(chance.randrange(6))
        )
        logs = tuple(LogSeen(one.id, one.name, one.service, 2**30, False) for one in self.containers[:1])
        return Shelf(
            tuple(self.containers), tuple(self.images.values()), tuple(self.networks), volumes, cache, logs
        )  # fmt: skip

    @property
    def loaded(self) -> Loaded:
        last = self.shop.generations[-1]
        started = [name for name in self.services if name not in self.dormant]
        services = {name: self.shop.revisions[name, last.revisions[name]] for name in started}
        project = ComposeProject("shop", (), Path("/shop"), environment={})
        return Loaded(
            "compose.yaml", project, RenderedProject("shop", {}), DesiredStack("shop", services, "d", last.number),
            declared=frozenset(self.services),
        )  # fmt: skip

    def pick(self) -> ImageSeen:
        return self.images[self.chance.choice(tuple(self.images))]

    def add(self, image: ImageSeen, owner: str, until: Instant) -> ImageId:
        self.images[image.id], self.owner[image.id], self.until[image.id] = image, owner, until
        return image.id
