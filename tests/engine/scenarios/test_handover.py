"""A host port between a replica that publishes it itself and the ingress: kept, handed over, wanted by hand."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.engine.checks import docker
from tests.engine.ingress_bed import load
from tests.engine.releases import HEALTHCHECK, PROBE, Release, Site
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
    assert "a gap of Docker's stop and start" in told
    scene.done("apply", timeout=120)
    assert site.answers() == "new" and len(proxies(scene)) == 1


@pytest.mark.slow
def test_an_up_by_hand_that_wants_the_port_of_the_ingress_is_told_and_repaired(scene: Scene, site: Site) -> None:
    with scene.daemon("--watch"):
        scene.await_phase("Converged")
        assert len(proxies(scene)) == 1
        scene.hand("up", "-d")
        assert site.answers() == "good"  # it finds everything as it is to be
        with ThreadPoolExecutor(1) as pool:
            anew = pool.submit(scene.hand, "up", "-d", "--force-recreate")
            eventually(lambda: "ForeignUp" in scene.conditions(), every=0.1)
            with pytest.raises(AssertionError, match="port is already allocated"):
                anew.result()
        eventually(lambda: site.answers_now() and site.answers() == "good")
        scene.await_phase("Converged")
        assert "ForeignUp" not in scene.conditions() and len(proxies(scene)) == 1


@pytest.mark.slow
@pytest.mark.parametrize("end", ["kill", pytest.param("rm -f", marks=pytest.mark.slow)])
def test_a_proxy_that_somebody_ends_is_there_again(scene: Scene, site: Site, end: str) -> None:
    with scene.daemon("--watch"):
        scene.await_phase("Converged")
        (before,) = proxies(scene)
        (replica,) = site.replicas()
        docker(*end.split(), before)
        eventually(lambda: site.answers_now() and site.answers() == "good")
        assert [one.life for one in site.replicas()] == [replica.life]


@pytest.mark.slow
def test_what_is_given_back_has_its_port_again_and_what_is_pruned_leaves_nothing(scene: Scene, site: Site) -> None:
    scene.done("apply")
    assert len(proxies(scene)) == 1
    scene.done("release", timeout=120)
    assert not proxies(scene)
    eventually(lambda: site.answers_now() and site.answers() == "good")
    before = [one.life for one in site.replicas()]
    scene.hand("up", "-d")
    assert [one.life for one in site.replicas()] == before
    site.write(Release("new"))
    scene.done("apply", "--adopt", timeout=120)
    assert len(proxies(scene)) == 1
    scene.done("prune", "--all", scene.name, timeout=120)
    assert not proxies(scene) and not docker("network", "ls", "-q", "--filter", f"name={scene.name}").split()


@pytest.mark.slow
def test_a_release_that_listens_elsewhere_takes_the_port_over_and_gives_it_back(scene: Scene) -> None:
    site = Site(scene, "monitor: 1s", "", {"healthcheck": HEALTHCHECK})

    def publish(target: int) -> None:
        port = {"target": target, "published": str(site.port), "host_ip": "127.0.0.1", "app_protocol": "http"}
        site.more["ports"] = [port]

    publish(8000)
    site.write(GOOD)
    scene.done("apply", timeout=120)
    with load(site.port, 8, pause=0.01) as gets:
        publish(9000)
        site.write(Release("moved", port=9000))
        scene.done("apply", timeout=120)
        assert site.answers() == "moved"
        assert gets.failures == []
        publish(8000)
        site.write(Release("broken", exit_after=0.0))
        assert scene.run("apply", timeout=120).code == 1
        assert site.answers() == "moved"
        assert gets.failures == []
        scene.done("rollout", "undo", "--to", "1", timeout=120)
        assert site.answers() == "good"
    assert gets.failures == [] and gets.done > 100
