"""Rows 12 to 14 and 16: requests that fail while releases come, good ones and others, and where the controller dies."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from tests.bench import wrk
from tests.bench.figure import Effort, Figure, Spread, spread
from tests.bench.stage import rest, stage
from tests.engine.ingress_bed import Load, load
from tests.engine.releases import BROKEN, HEALTHCHECK, PROBE, REPLICAS, Release, Site, release_of
from tests.engine.scenario import Scene, eventually

HOW = {
    12: "Three replicas behind one published port; a Python server that keeps connections and finishes what it has on "
    "SIGTERM. Ten releases one after the other, each by `controller apply`, `monitor: 1s`, while `wrk` asks through "
    "the port with 64 connections that are kept; beside it four clients of our own send a POST every 50 ms, which no "
    "proxy sends twice, and call what has no answer within ten seconds a failure. Late: answered after two seconds.",
    13: "The same load, `monitor: 5s`, and releases that crash at their start, are never ready, listen on another port "
    "(with a readiness probe at the right port, and with a health check that does not look at it), or exit after 3 s. "
    "Each has to be rolled back: else the row is not measured.",
    14: "Under `controller run --watch` a release whose replicas exit 20 s after their start, with whatever they have "
    "in their hands: an answer takes 20 ms. `monitor: 2s`, `bake: 40s`. Eight clients of each kind, 20 ms between an "
    "answer and the next request, from the edit until the release before runs again. The proxy sends a GET again, and "
    "no POST.",
    16: "`controller run --watch` gets SIGKILL while it updates, once the first, second or third new replica runs, and "
    "is started again a second later. `wrk` as in row 12; in the end all three are of the new release, and nothing "
    "else is there: else the row is not measured.",
}
PATIENCE = 300.0
"""Seconds for one update on a machine that is busy with its own load."""


def measure(effort: Effort) -> Iterator[Figure]:
    if not wrk.is_there():
        effort.say("`wrk` is missing (apt-get install wrk): clients of our own ask in its place")
    yield from _good(effort)
    yield from _broken(effort)
    yield from _baked(effort)
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
    effort.say(f"{told}; POST: {_tell(posts)}")
    rounds = effort.rounds(10)
    yield Figure(12, what(f"{rounds} updates of {REPLICAS} replicas: requests failed"), "", one(told.failed), 0, True)
    yield Figure(12, "requests meanwhile", "", one(told.requests), brief=True)
    yield Figure(12, "requests answered late", "", one(told.late))
    yield Figure(12, "the longest answer", "s", one(told.most))
    yield Figure(12, f"of {posts.done:,} POST requests beside it: failed", "", one(len(posts.failures)), 0)


def _broken(effort: Effort) -> Iterator[Figure]:
    for release in BROKEN:
        with stage() as scene:
            site = site_for(scene, release, "monitor: 5s, progressDeadline: 30s")
            good = Release("good")
            bring(site, good)
            with asked(site) as told:
                site.write(release)
                ran = scene.run("apply", timeout=PATIENCE)
                _check(ran.code == 1 and site.runs(good), f"{release.name} was not rolled back:\n{ran.out}{ran.err}")
                rest(1.0)
        effort.say(f"{release.name}: {told}")
        name = f"a release that {release.fault}, rolled back: of {told.requests:,} requests failed"
        yield Figure(13, what(name), "", one(told.failed), 0, brief=True)


def site_for(scene: Scene, release: Release, update: str) -> Site:
    """Where that release is not found out before it is led to, if it is one of those."""
    return Site(scene, update, "", {"healthcheck": HEALTHCHECK}) if release.blind else Site(scene, update, PROBE)


def _baked(effort: Effort) -> Iterator[Figure]:
    after = 20.0
    with stage() as scene:
        site = Site(scene, "monitor: 2s, bake: 40s")
        good, bad = Release("good", takes=0.02), Release("bad", takes=0.02, exit_after=after)
        bring(site, good)
        with scene.daemon("--watch"):
            scene.await_phase("Converged")
            with load(site.port, 8, "GET", 0.02) as gets, load(site.port, 8, "POST", 0.02) as posts:
                site.write(bad)
                eventually(lambda: site.runs(bad), PATIENCE, every=0.5)
                effort.say("the release has come; it will fail")
                eventually(lambda: site.runs(good), PATIENCE, every=0.5)
                rest(2.0)
    effort.say(f"GET: {_tell(gets)}; POST: {_tell(posts)}")
    head = f"a release that fails after {after:g} s, in its bake, reverted"
    yield Figure(14, f"{head}: of {gets.done:,} GET requests failed", "", one(len(gets.failures)), brief=True)
    yield Figure(14, f"{head}: of {posts.done:,} POST requests failed", "", one(len(posts.failures)), brief=True)


def _killed(effort: Effort) -> Iterator[Figure]:
    failed: list[float] = []
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
    _check(site.runs(release), f"{release.name} does not run")


def one(value: float) -> Spread:
    return spread([value])


def _check(holds: bool, otherwise: str) -> None:
    if not holds:
        raise RuntimeError(otherwise)


def _tell(seen: Load) -> str:
    kinds = sorted({failure: 0 for failure in seen.failures})
    return f"{seen.done:,} requests, {len(seen.failures)} failed{f' ({kinds})' if kinds else ''}"
