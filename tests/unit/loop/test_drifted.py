"""What a hand changed is told of the stack under `drift: report`, by the same rule as of its services."""

import pytest

from controller.decide.world import make_world
from controller.loop.conditions import Obstacles, make_conditions
from controller.model.desired import DriftPolicy
from controller.model.observed import Difference, Replica, ServiceView
from tests.builders import NOW, checked, created, healthy, stack

pytestmark = pytest.mark.unit

GREW = Difference("HostConfig.Memory", "64 MiB", "128 MiB")
MEMORY = "HostConfig.Memory is 128 MiB, not 64 MiB"
LOST = {"lost": ("front",), "by_name": False}


@pytest.mark.parametrize(
    ("seen", "delay", "told"),
    [
        pytest.param(healthy(limits=(GREW,)), 0.0, MEMORY, id="a limit"),
        pytest.param(healthy(**LOST), 0.0, "Networks.front is not found by its names", id="its names"),
        pytest.param(healthy(**LOST), 5.0, None, id="its names, by us"),
        pytest.param(healthy(limits=(GREW,), **LOST), 5.0, MEMORY, id="its names by us, and a limit"),
        pytest.param(healthy(otherwise=("Env",)), 0.0, "Env is not as asked for", id="made anew by another tool"),
        pytest.param(created(lost=("front",)), 0.0, None, id="not made yet"),
        pytest.param(healthy(revision="v0", limits=(GREW,)), 0.0, None, id="to be replaced"),
    ],
)
def test_what_a_hand_changed_is_told_of_the_stack(seen: Replica, delay: float, told: str | None) -> None:
    world = make_world(stack(checked("web", drift=DriftPolicy.REPORT, pre_stop_delay=delay)))
    world.views["web"] = ServiceView((seen,))
    found = {one.type: one.message for one in make_conditions(world, Obstacles(), NOW)}.get("Drifted")
    known = "changed by hand, which `drift: report` only tells: shop-web-1: "
    assert found == (None if told is None else known + told)
