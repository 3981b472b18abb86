"""Rows 12 and 16: requests that fail while good releases come, and where the controller is killed meanwhile."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from tests.bench import wrk
from tests.bench.figure import Effort, Figure, Spread, spread
from tests.bench.stage import rest, stage
from tests.engine.ingress_bed import Load, load
from tests.engine.releases import REPLICAS, Release, Site, release_of
from tests.engine.scenario import eventually

HOW = {
    12: "Three replicas behind one published port; a Python server that keeps connections and finishes what it has on "
    "SIGTERM. Ten releases one after the other, each by `controller apply`, `monitor: 1s`, while `wrk` asks through "
    "the port with 64 connections that are kept; beside it four clients of our own send a POST every 50 ms, which no "
    "proxy sends twice, and call what has no answer within ten seconds a failure. Late: answered after two seconds.",
    16: "`controller run --watch` gets SIGKILL while it updates, once the first, second or third new replica runs, and "
    "is started again a second later. `wrk` as in row 12; in the end all three are of the new release, and nothing "
    "else is there: else the row is not measured.",
}
PATIENCE = 300.0
"""Seconds for one update on a machine that is busy with its own load."""


def measure(effort: Effort) -> Iterator[Figure]:
    yield from _good(effort)
    yield from _killed(effort)


@contextmanager
def asked(site: Site) -> Iterator[wrk.Told]:
    """The load of `wrk`, or where it is missing of as many clients of our own."""
    if wrk.is_there():
        with wrk.load(site.port) as told:
            yield told
        return
    told = wrk.Told()
    with load(site.port, clients=wrk.CONNECTIONS) as seen:
        yield told
    told.requests, told.errors = seen.done, {"failed": len(seen.failures)}


def what(told: str) -> str:
    """With who asks."""
    return told if wrk.is_there() else f"{told} (`wrk` is missing: by clients of our own)"


def _good(effort: Effort) -> Iterator[Figure]:
    with stage() as scene:
        site = Site(scene)
        bring(site, Release("r0"))
        with asked(site) as told, load(site.port, 4, "POST", pause=0.05) as posts:
            for number in range(1, effort.rounds(10) + 1):
                release = Release(f"r{number}")
                bring(site, release)
                effort.say(f"{release.name} has come")
            rest(1.0)
    effort.say(f"{told}; POST: {tell(posts)}")
    rounds = effort.rounds(10)
    yield Figure(12, what(f"{rounds} updates of {REPLICAS} replicas: requests failed"), "", one(told.failed), 0, True)
    yield Figure(12, "requests meanwhile", "", one(told.requests), brief=True)
    yield Figure(12, "requests answered late", "", one(told.late))
    yield Figure(12, "the longest answer", "s", one(told.most))
    yield Figure(12, f"of {posts.done:,} POST requests beside it: failed", "", one(len(posts.failures)), 0)


def _killed(effort: Effort) -> Iterator[Figure]:
    failed: list[int] = []
    with stage() as scene:
        site = Site(scene)
        bring(site, Release("r0"))
        for number in range(1, effort.rounds(3) + 1):
            release = Release(f"r{number}")
            with asked(site) as told:
                _kill_in_update(site, release, number)
                rest(1.0)
            failed.append(told.failed)
            effort.say(f"killed at new replica {number}: {told}")
    yield Figure(16, "the controller is killed in an update and started again: requests failed", "", spread(failed), 0)


def _kill_in_update(site: Site, release: Release, number: int) -> None:
    """At the `number`-th new replica; until another controller has converged."""
    with site.scene.daemon("--watch") as first:
        site.scene.await_phase("Converged")
        site.write(release)
        eventually(lambda: sum(release_of(one) == release.name for one in site.replicas()) >= number, PATIENCE)
        first.signal(signal.SIGKILL)
    rest(1.0)
    with site.scene.daemon("--watch"):
        eventually(lambda: site.runs(release), PATIENCE, every=0.5)
        site.scene.await_phase("Converged", PATIENCE)


def bring(site: Site, release: Release) -> None:
    """Have this release run, and nothing else."""
    site.write(release)
    site.scene.done("apply", timeout=PATIENCE)
    check(site.runs(release), f"{release.name} does not run")


def one(value: float) -> Spread:
    return spread([value])


def check(holds: bool, otherwise: str) -> None:
    if not holds:
        raise RuntimeError(otherwise)


def tell(seen: Load) -> str:
    kinds = sorted({failure: 0 for failure in seen.failures})
    return f"{seen.done:,} requests, {len(seen.failures)} failed{f' ({kinds})' if kinds else ''}"
