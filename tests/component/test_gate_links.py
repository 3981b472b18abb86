"""Whom a link that was turned keeps down: who would come up with what it leads to now, and nobody else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from controller.loop.gate import Gate
from controller.loop.loaded import Loaded
from controller.loop.scanfacts import look_again
from controller.model.scanning import FindingSeverity
from controller.security.subject import Project
from tests.component.releases import images, shop
from tests.component.stage import Stage, converged, load

pytestmark = pytest.mark.unit


def gated(loaded: Loaded, services: dict[str, Any]) -> Loaded:
    """With a gate to which only what a link leads to since can be wrong."""
    project = look_again(Project("shop", services), services["web"])
    return replace(loaded, gate=Gate(FindingSeverity.HIGH, project))


class Links:
    """A link in a folder, which leads to another folder until it is turned."""

    def __init__(self, folder: Path) -> None:
        self._link = folder / "link"
        (folder / "harmless").mkdir()
        self._link.symlink_to(folder / "harmless")
        self.mounted = {"volumes": [{"type": "bind", "source": str(self._link), "target": "/h", "read_only": True}]}

    def turn(self) -> None:
        self._link.unlink()
        self._link.symlink_to("/etc")


def crash(stage: Stage) -> None:
    web = stage.replicas("web")[0].id
    stage.meddle(lambda hands, now: hands.crash(web, now))
    stage.settle(60)


@pytest.fixture
def links(tmp_path: Path) -> Links:
    return Links(tmp_path)


@pytest.fixture
def runs(tmp_path: Path, links: Links) -> Stage:
    """What has the link mounted runs, as it is to be."""
    services = shop(1, **links.mounted)
    stage = Stage(tmp_path, gated(load(services), services))
    stage.settle(60, until=lambda: converged(stage))
    assert converged(stage)
    return stage


def test_who_would_follow_it_stays_down(runs: Stage, links: Links) -> None:
    links.turn()
    crash(runs)
    assert runs.running("web") == 0


def test_who_was_paused_follows_none_and_goes_on(runs: Stage, links: Links) -> None:
    links.turn()
    web = runs.replicas("web")[0]
    runs.meddle(lambda hands, now: hands.pause(web.id, now))
    runs.settle(60)
    assert runs.replicas("web")[0].life == web.life and runs.running("web") == 1


def test_who_is_of_an_earlier_release_without_it_is_healed(tmp_path: Path, links: Links) -> None:
    """The new release may not come, and the one before serves on."""
    stage = Stage(tmp_path, load(shop(1)))
    stage.settle(60, until=lambda: converged(stage))
    services = shop(2, pid="host", **links.mounted)
    loaded = gated(load(services, stage.reconciler.loaded), services)
    links.turn()
    stage.reconciler.adopt_generation(stage.commit(loaded), stage.clock.now())
    stage.settle(30)
    assert images(stage) == {"web:1"}
    crash(stage)
    assert images(stage) == {"web:1"} and stage.running("web") == 1
