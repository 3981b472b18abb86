"""A project whose services are made to fail, whoever keeps them. A keeper has places, each with one replica."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tests.bench.replica import Replica, await_answer, find, free_ports, is_healthy, settings, write_project
from tests.engine.checks import docker
from tests.engine.scenario import eventually


class Keeper(Protocol):
    """`fresh`: the replica of a place, ready, and with no fault in its past that anybody remembers."""

    @property
    def places(self) -> Sequence[str]: ...

    def fresh(self, place: str) -> Replica: ...


@dataclass
class Project:
    """Services of a Compose project that somebody keeps. `interval`: of the health checks, in seconds.

    `renew` has a place that was used be as if nothing had happened there.
    """

    name: str
    folder: Path
    count: int
    interval: float
    more: Mapping[str, object] = field(default_factory=dict)
    renew: Callable[[Project, str], None] = lambda project, place: None
    _used: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.ports = dict(zip((f"s{n:02}" for n in range(1, self.count + 1)), free_ports(self.count), strict=True))
        services = {place: settings(port, self.interval, **self.more) for place, port in self.ports.items()}
        write_project(self.folder / "compose.yaml", self.name, services)

    @property
    def places(self) -> Sequence[str]:
        return tuple(self.ports)

    def up(self) -> None:
        """By Compose."""
        docker("compose", "up", "-d", directory=self.folder)

    def fresh(self, place: str) -> Replica:
        if place in self._used:
            self.renew(self, place)
        self._used.add(place)
        return self.ready(place)

    def ready(self, place: str) -> Replica:
        """As it is, once it answers."""
        await_answer(self.ports[place])
        return find(self.container(place), self.ports[place])

    def container(self, place: str) -> str:
        """Its name."""
        return f"{self.name}-{place}-1"


def remove(project: Project, place: str) -> None:
    """`renew` where the keeper remembers, and makes another one by itself."""
    docker("rm", "-f", project.container(place))


def until_healthy(project: Project, place: str) -> None:
    """`renew` for those who act upon Docker's own check."""
    eventually(lambda: is_healthy(project.container(place)), every=0.5)
