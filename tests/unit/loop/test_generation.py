"""What is asked of an engine to resolve a target: as little as can be, for `validate` needs none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from controller.engines.base import Capabilities
from controller.intake.targets import Request, Target, find_targets
from controller.loop.generation import resolve_target
from controller.model.errors import Transient
from controller.model.project import ImageDefaults, RenderedProject

pytestmark = pytest.mark.unit

IMAGES = {"db": "img:1", "cache": "img:1", "queue": "img:2"}


@pytest.fixture
def target(tmp_path: Path) -> Target:
    (tmp_path / "compose.yaml").write_text("services: {web: {image: img:3}}\n")
    (found,) = find_targets(Request(tmp_path, {}, ("compose.yaml",))).stacks
    return found


def rendered(target: Target) -> RenderedProject:
    waits = {name: {"condition": "service_healthy", "required": True} for name in IMAGES}
    services: dict[str, Any] = {name: {"image": image} for name, image in IMAGES.items()}
    return RenderedProject("p", {"services": {**services, **{n: {"image": "x", "depends_on": waits} for n in "abc"}}})


def engine(ask: Callable[[str], ImageDefaults | None], leads_traffic: bool = True) -> Any:
    return SimpleNamespace(image_defaults=ask, capabilities=Capabilities(leads_traffic=leads_traffic))


def test_each_image_is_asked_for_once(target: Target) -> None:
    asked: list[str] = []
    answers = engine(lambda image: asked.append(image) or ImageDefaults(image == "img:1"))
    found = resolve_target(answers, target, rendered(target))
    assert sorted(asked) == ["img:1", "img:2"]
    assert len(found.warnings) == 3  # a, b and c wait for queue


def test_an_engine_that_does_not_answer_is_asked_once(target: Target) -> None:
    asked: list[str] = []

    def hang(image: str) -> ImageDefaults:
        asked.append(image)
        raise Transient("Docker did not answer in time")

    found = resolve_target(engine(hang), target, rendered(target))
    assert len(asked) == 1
    assert len(found.warnings) == 9  # an image may bring a check: nothing is sure


@pytest.mark.parametrize("leads", [True, False])
def test_an_engine_that_can_have_no_ingress_gets_none(target: Target, leads: bool) -> None:
    ports = [{"target": 80, "published": "8080", "protocol": "tcp"}]
    web = {"image": "x", "ports": ports, "deploy": {"update_config": {"order": "start-first"}}}
    found = resolve_target(engine(lambda _: None, leads), target, RenderedProject("p", {"services": {"web": web}}))
    assert found.stack is not None
    assert bool(found.stack.services["web"].frontends) is leads
