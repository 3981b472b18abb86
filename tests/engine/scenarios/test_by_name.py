"""Services that others reach by their names: who leaves is out of them first, and in them again where it stays."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.engine.checks import Container, docker
from tests.engine.ingress_bed import WEB_IMAGE
from tests.engine.releases import HEALTHCHECK, PORT, Release, Site
from tests.engine.scenario import Scene, eventually

pytestmark = pytest.mark.engine

GOOD, NEW = Release("good", takes=0.05), Release("new", takes=0.05)
CLIENT = Path(__file__).parents[1].joinpath("name_client.py").read_text(encoding="utf-8")
PRIVATE = {
    "healthcheck": HEALTHCHECK,
    "ports": [],
    "networks": {"default": {"aliases": ["shop-window"]}},
    "stop_signal": "SIGKILL",
}
"""It ends with whatever it has in its hands."""


def site_with(scene: Scene, delay: str) -> Site:
    site = Site(scene, "monitor: 1s", f"preStopDelay: {delay}", PRIVATE)
    site.write(GOOD)
    scene.done("apply", timeout=120)
    return site


@contextmanager
def asked_by_name(scene: Scene, name: str) -> Iterator[dict[str, Any]]:
    """What clients on the project's network saw meanwhile."""
    seen: dict[str, Any] = {}
    words = ("--network", f"{scene.name}_default", "--label", f"controller.stack={scene.name}")
    client = docker("run", "-d", "--init", *words, WEB_IMAGE, "python3", "-c", CLIENT, name, str(PORT)).strip()
    try:
        eventually(lambda: "asks" in docker("logs", client))
        yield seen
        docker("stop", "-t", "10", client)
        seen.update(json.loads(docker("logs", client).splitlines()[-1]))
    finally:
        docker("rm", "-f", client)


def names(one: Container) -> set[str]:
    found = {
        name for network in one.inspect["NetworkSettings"]["Networks"].values() for name in network["Aliases"] or ()
    }
    return {"web", "shop-window"} & found


def is_withdrawn(one: Container) -> bool:
    """It is back on its network, without its names."""
    return bool(one.inspect["NetworkSettings"]["Networks"]) and not names(one)


@pytest.mark.slow
def test_an_update_turns_nobody_away_who_finds_it_by_name(scene: Scene) -> None:
    site = site_with(scene, "3s")
    with asked_by_name(scene, "shop-window") as seen:
        site.write(NEW)
        assert "drain: none, out of its names 3 s before its end" in scene.done("plan").out
        scene.done("apply", timeout=120)
    assert seen["failures"] == [] and seen["done"] > 100
    assert site.runs(NEW)
    assert all(names(one) == {"web", "shop-window"} for one in site.replicas())


@pytest.mark.slow
def test_one_that_stays_after_all_is_found_again(scene: Scene) -> None:
    site = site_with(scene, "12s")
    before = {one.life for one in site.replicas()}
    with scene.daemon("--watch") as daemon:
        site.write(NEW)
        withdrawn = eventually(lambda: [one for one in site.replicas() if is_withdrawn(one)])
        daemon.signal(signal.SIGKILL)
    assert {one.life for one in withdrawn} <= before, "it runs on while it is waited for"
    site.write(GOOD)
    scene.done("apply", timeout=120)
    after = site.replicas()
    assert {one.life for one in after} == before
    assert all(names(one) == {"web", "shop-window"} for one in after)
