"""How long another writer is waited for, whose signs he may remove himself."""

import pytest

from controller.decide.world import make_world
from controller.loop.holds import Circumstances, find_hold
from controller.loop.loaded import Loaded
from controller.loop.memory import StackMemory
from controller.model.decision import Hold
from controller.model.project import ComposeProject, RenderedProject
from tests.builders import NOW, checked, stack

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(("until", "holds"), [(NOW + 3, True), (NOW, False), (NOW + 3600, False), (None, False)])
def test_a_writer_is_waited_for_though_his_signs_are_gone(tmp_path, until, holds) -> None:
    world = make_world(stack(checked("web")))
    world.hold = Hold("ForeignWriter", "somebody else is at work", until)
    loaded = Loaded("here", ComposeProject(None, (), tmp_path), RenderedProject("shop", {}), world.desired)
    found = find_hold(world, Circumstances(loaded, StackMemory(adopted=True), None), NOW)
    assert found == (world.hold if holds else None)
