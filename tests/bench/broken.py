"""Rows 13 and 14: requests that fail while releases come that are broken, at once or after a while."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.figure import Effort, Figure
from tests.bench.stage import rest, stage
from tests.bench.updates import PATIENCE, asked, bring, check, one, tell, what
from tests.engine.ingress_bed import load
from tests.engine.releases import BROKEN, HEALTHCHECK, PROBE, Release, Site
from tests.engine.scenario import Scene, eventually

HOW = {
    13: "The same load, `monitor: 5s`, and releases that crash at their start, are never ready, listen on another port "
    "(with a readiness probe at the right port, and with a health check that does not look at it), or exit after 3 s. "
    "Each has to be rolled back: else the row is not measured.",
    14: "Under `controller run --watch` a release whose replicas exit 20 s after their start, with whatever they have "
    "in their hands: an answer takes 20 ms. `monitor: 2s`, `bake: 40s`. Eight clients of each kind, 20 ms between an "
    "answer and the next request, from the edit until the release before runs again. The proxy sends a GET again, and "
    "no POST.",
}


def measure(effort: Effort) -> Iterator[Figure]:
    yield from _broken(effort)
    yield from _baked(effort)


def _broken(effort: Effort) -> Iterator[Figure]:
    for release in BROKEN:
        with stage() as scene:
            site = site_for(scene, release, "monitor: 5s, progressDeadline: 30s")
            good = Release("good")
            bring(site, good)
            with asked(site) as told:
                site.write(release)
                ran = scene.run("apply", timeout=PATIENCE)
                check(ran.code == 1 and site.runs(good), f"{release.name} was not rolled back:\n{ran.out}{ran.err}")
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
    effort.say(f"GET: {tell(gets)}; POST: {tell(posts)}")
    head = f"a release that fails after {after:g} s, in its bake, reverted"
    yield Figure(14, f"{head}: of {gets.done:,} GET requests failed", "", one(len(gets.failures)), brief=True)
    yield Figure(14, f"{head}: of {posts.done:,} POST requests failed", "", one(len(posts.failures)), brief=True)
