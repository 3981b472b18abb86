"""Releases come while clients ask, good ones and others: nobody is turned away, and what fails is taken back."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.engine.ingress_bed import load
from tests.engine.releases import (
    CRASHES,
    ELSEWHERE,
    EXITS_SOON,
    HEALTHCHECK,
    NEVER_READY,
    PROBE,
    REPLICAS,
    UNNOTICED,
    Release,
    Site,
    release_of,
)
from tests.engine.scenario import Scene, eventually

pytestmark = pytest.mark.engine

GOOD = Release("good")
PATIENCE = 200.0


def site_with(scene: Scene, update: str = "monitor: 1s", release: Release = GOOD, blind: bool = False) -> Site:
    """Three replicas of that release run behind one port."""
    site = Site(scene, update, "", {"healthcheck": HEALTHCHECK}) if blind else Site(scene, update, PROBE)
    site.write(release)
    scene.done("apply", timeout=PATIENCE)
    assert site.runs(release)
    return site


@contextmanager
def unbroken(site: Site) -> Iterator[None]:
    """Every request meanwhile is answered: of those that may be sent twice, and of those that may not."""
    with load(site.port, 8, pause=0.01) as gets, load(site.port, 8, "POST", pause=0.01) as posts:
        yield
    assert gets.failures == [] and posts.failures == []
    assert min(gets.done, posts.done) > 50


def test_an_update_of_three_replicas_turns_nobody_away(scene: Scene) -> None:
    site = site_with(scene)
    new = Release("new", takes=0.05)
    with unbroken(site):
        site.write(new)
        scene.done("apply", timeout=PATIENCE)
    assert site.runs(new) and site.answers() == "new"


@pytest.mark.slow
def test_an_apply_with_nothing_to_do_turns_nobody_away(scene: Scene) -> None:
    """A new process has asked no replica yet whether it is ready, and takes none out of the traffic for that."""
    site = site_with(scene)
    before = {one.life for one in site.replicas()}
    with unbroken(site):
        for _ in range(3):
            scene.done("apply", timeout=PATIENCE)
    assert {one.life for one in site.replicas()} == before


TOLD = [
    (CRASHES, "this release crashes at its start"),
    pytest.param(NEVER_READY, "listens on 8000 / GET :8000/ready: 503", marks=pytest.mark.slow),
    pytest.param(
        ELSEWHERE, r"listens on 9000 / ready [\d.]+ / GET :8000/ready: Connection refused", marks=pytest.mark.slow
    ),
    pytest.param(UNNOTICED, "refuses connections to port 8000, on which others of it serve", marks=pytest.mark.slow),
    # Docker's own policy puts it up again at once: on a busy machine only that may be seen
    pytest.param(EXITS_SOON, "exited with 1|was restarted by Docker once", marks=pytest.mark.slow),
]


@pytest.mark.slow
@pytest.mark.fault("W13")
@pytest.mark.fault("W12")
@pytest.mark.parametrize(("release", "why"), TOLD, ids=lambda value: getattr(value, "name", ""))
def test_a_broken_release_is_taken_back_and_turns_nobody_away(scene: Scene, release: Release, why: str) -> None:
    site = site_with(scene, "monitor: 5s, progressDeadline: 30s", blind=release.blind)
    before = {one.life for one in site.replicas()}
    with unbroken(site):
        site.write(release)
        ran = scene.run("apply", timeout=PATIENCE)
    assert ran.code == 1 and re.search(why, ran.err)
    assert site.runs(GOOD) and {one.life for one in site.replicas()} == before
    assert "RolledBack" in scene.conditions()
    assert scene.data("plan")["changes"] == 0


@pytest.mark.slow
def test_a_release_that_fails_in_its_bake_is_taken_back_and_no_request_is_lost_that_may_be_sent_twice(
    scene: Scene,
) -> None:
    site = site_with(scene, "monitor: 1s, bake: 60s", Release("good", takes=0.02))
    bad = Release("bad", takes=0.02, exit_after=25.0)
    with scene.daemon("--watch"):
        scene.await_phase("Converged")
        with load(site.port, 8, pause=0.02) as gets, load(site.port, 8, "POST", pause=0.02) as posts:
            site.write(bad)
            eventually(lambda: site.runs(bad), PATIENCE, every=0.5)
            eventually(lambda: site.runs(GOOD), PATIENCE, every=0.5)
        eventually(lambda: "RolledBack" in scene.conditions())
    print(f"POST: {len(posts.failures)} of {posts.done} failed")
    assert gets.failures == []


@pytest.mark.slow
@pytest.mark.parametrize("nth", [1, REPLICAS])
def test_a_controller_that_is_killed_in_an_update_and_started_again_turns_nobody_away(scene: Scene, nth: int) -> None:
    site, new = site_with(scene), Release("new")
    with unbroken(site):
        with scene.daemon("--watch") as first:
            scene.await_phase("Converged")
            site.write(new)
            eventually(lambda: sum(release_of(one) == "new" for one in site.replicas()) >= nth, PATIENCE)
            first.signal(signal.SIGKILL)
        with scene.daemon("--watch"):
            eventually(lambda: site.runs(new), PATIENCE, every=0.5)
            scene.await_phase("Converged")
