"""Others that heal: Swarm, and loops that poll, as people run them."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.bench.figure import Effort
from tests.bench.others import swarm
from tests.bench.replica import CHECK, COMMAND, PORT, RETRIES, Replica, await_answer, find, free_ports, is_healthy
from tests.bench.stage import rest
from tests.engine.checks import docker
from tests.engine.scenario import IMAGE, eventually

POLL = 5
"""Seconds between two looks of a loop."""
_HEAL = f"""
while :; do
  for id in $(docker ps -aq --filter "name=^$0\\$" --filter status=exited) \\
            $(docker ps -q --filter "name=^$0\\$" --filter health=unhealthy); do
    docker restart "$id"
  done
  sleep {POLL}
done
"""
"""As in willfarrell/autoheal, which does not look at what has exited: this does. One container alone: none waits."""
_UP = f"while :; do docker compose up -d; sleep {POLL}; done"


class Swarm:
    """Services of one task each, with what Swarm does by default; they are removed at the end.

    `interval`: of the health checks, in seconds; None: there are none.
    """

    def __init__(self, name: str, count: int, interval: float | None) -> None:
        self._ports = {f"{name}-w{n}": port for n, port in enumerate(free_ports(count), 1)}
        self._interval = interval

    @property
    def places(self) -> Sequence[str]:
        return tuple(self._ports)

    def __enter__(self) -> Swarm:
        for place, port in self._ports.items():
            check: tuple[str, ...] = ("--no-healthcheck",)
            if self._interval is not None:
                pace = (f"--health-interval={self._interval:g}s", f"--health-retries={RETRIES}")
                check = ("--health-cmd", " ".join(CHECK), *pace)
            where = ("--name", place, f"--publish=mode=host,published={port},target={PORT}", "--stop-signal=SIGKILL")
            docker("service", "create", "--detach", "--quiet", *where, *check, IMAGE, *COMMAND)
        return self

    def __exit__(self, *_: object) -> None:
        docker("service", "rm", *self._ports)
        eventually(lambda: not any(self._tasks(place, "-aq") for place in self._ports), every=0.5)

    def fresh(self, place: str) -> Replica:
        """The task of now: Swarm makes another one for each fault."""
        await_answer(self._ports[place])
        eventually(lambda: self._is_well(place), every=0.5)
        return find(self._tasks(place, "-q")[0], self._ports[place])

    def _is_well(self, place: str) -> bool:
        found = self._tasks(place, "-q")
        return len(found) == 1 and (self._interval is None or is_healthy(found[0]))

    @staticmethod
    def _tasks(place: str, which: str) -> list[str]:
        return docker("ps", which, "--filter", f"label=com.docker.swarm.service.name={place}").split()


def has_swarm(ends: ExitStack, effort: Effort) -> bool:
    """Whether the engine is in a swarm from now to those ends; why not, is told."""
    try:
        ends.enter_context(swarm())
    except AssertionError as error:
        effort.say(f"no Swarm here: {error}")
        return False
    return True


@contextmanager
def autoheal(container: str) -> Iterator[None]:
    """Restarts this one where it has exited or is unhealthy, which is looked for every POLL seconds."""
    with _loop(("sh", "-c", _HEAL, container)):
        yield


@contextmanager
def polled_up(folder: Path) -> Iterator[None]:
    """`docker compose up -d` every POLL seconds."""
    with _loop(("sh", "-c", _UP), folder):
        yield


@contextmanager
def _loop(words: Sequence[str], folder: Path | None = None) -> Iterator[None]:
    quiet = subprocess.DEVNULL
    loop = subprocess.Popen(words, cwd=folder, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True)
    try:
        yield
    finally:
        os.killpg(loop.pid, signal.SIGKILL)
        loop.wait()
        rest(0.5)
