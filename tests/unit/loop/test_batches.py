"""Which starts bring the mounts of the present definition with them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controller.loop.batches import mounts_anew
from controller.model.desired import Direct
from controller.model.names import Revision
from controller.model.observed import Replica, ReplicaPhase
from controller.model.steps import Step
from tests.builders import exited, healthy, replica, restart, service, start, template

pytestmark = pytest.mark.unit

PAUSED = replica(1, "v2", phase=ReplicaPhase.PAUSED)
START, RESTART = start("web-1-id"), restart("web-1-id")


@pytest.mark.parametrize(
    ("step", "seen", "mounts"),
    [
        (START, exited(1, "v2"), True),
        (RESTART, healthy(1, "v2"), True),
        (START, exited(1, "v1"), False),
        (RESTART, healthy(1, "v1"), False),
        (START, exited(1, "v2-direct"), True),
        (START, PAUSED, False),
        (RESTART, PAUSED, True),
    ],
)
def test_who_comes_up_with_the_mounts_of_the_definition(step: Step, seen: Replica, mounts: bool) -> None:
    want = replace(service(revision="v2"), direct=Direct(Revision("v2-direct"), template(), stays=True))
    assert mounts_anew(step, seen, want) is mounts
