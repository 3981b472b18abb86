"""What a rehearsal does for each service does not grow with the stack: counted in calls, for a clock tells little."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from controller.decide.rehearsal import rehearse
from controller.decide.world import make_world
from controller.engines.simulated_world import Simulation
from controller.model.desired import DesiredStack
from tests.bench.rehearsal import SHAPES
from tests.builders import NOW, empty_views, timings

pytestmark = pytest.mark.unit

SMALL, TIMES = 200, 3


def count_calls(wanted: DesiredStack) -> int:
    """Each element that a generator yields is one too."""
    world, bed = make_world(wanted), Simulation(wanted, empty_views(wanted), timings(), NOW)
    calls = 0

    def count(_frame: object, event: str, _argument: Any) -> None:
        nonlocal calls
        calls += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        plan = rehearse(world, bed, NOW)
    finally:
        sys.setprofile(before)
    assert plan.settles and len(plan.steps) == 2 * len(wanted.services)
    return calls


@pytest.mark.parametrize("shape", ["chain", "wide", "layers"])
def test_a_larger_stack_takes_as_much_for_each_of_its_services(shape: str) -> None:
    few, many = (count_calls(SHAPES[shape](size)) for size in (SMALL, TIMES * SMALL))
    assert many < few * TIMES * 1.1
