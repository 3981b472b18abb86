"""A host port between a replica that publishes it itself and the ingress: kept, handed over, wanted by hand."""

from __future__ import annotations

import subprocess

import pytest

from tests.engine.checks import docker
from tests.engine.releases import PROBE, Release, Site
from tests.engine.scenario import Scene, eventually

pytestmark = pytest.mark.engine

ONE = {"deploy": {"replicas": 1}, "restart": "no"}
GOOD = Release("good")


@pytest.fixture
def site(scene: Scene) -> Site:
    """One replica behind one port; nothing runs yet."""
    site = Site(scene, "monitor: 1s", PROBE, ONE)
    site.write(GOOD)
    return site


def proxies(scene: Scene) -> list[str]:
    return docker("ps", "-q", "--filter", f"label=controller.stack={scene.name}").split()


def test_one_that_was_adopted_with_its_port_comes_back_with_it(scene: Scene, site: Site) -> None:
    scene.hand("up", "-d", "--wait")
    (before,) = site.replicas()
    with scene.daemon("--watch"):
        scene.await_phase("Converged")
        assert [one.life for one in site.replicas()] == [before.life]
        docker("kill", before.id)
        eventually(lambda: site.answers_now() and site.answers() == "good")
        scene.await_phase("Converged")
        assert [one.id for one in site.replicas()] == [before.id] and not proxies(scene)


def test_the_port_is_handed_over_with_the_first_replacement(scene: Scene, site: Site) -> None:
    scene.hand("up", "-d", "--wait")
    scene.done("apply")
    assert not proxies(scene)
    site.write(Release("new"))
    told = scene.done("plan").out
    assert "hand" in told
    scene.done("apply", timeout=120)
    assert site.answers() == "new" and len(proxies(scene)) == 1


def test_an_up_by_hand_that_wants_the_port_of_the_ingress_is_told_and_repaired(scene: Scene, site: Site) -> None:
    with scene.daemon("--watch"):
        scene.await_phase("Converged")
        assert len(proxies(scene)) == 1
        scene.hand("up", "-d")
        assert site.answers() == "good"  # it finds everything as it is to be
        with pytest.raises(subprocess.CalledProcessError):
            scene.hand("up", "-d", "--force-recreate")
        eventually(lambda: "ForeignUp" in scene.conditions(), every=0.1)
        eventually(lambda: site.answers_now() and site.answers() == "good")
        scene.await_phase("Converged")
        assert "ForeignUp" not in scene.conditions() and len(proxies(scene)) == 1
