"""A `docker compose up` by hand that wants the host port of the ingress is told while its container is there."""

import pytest

from controller.decide.world import make_world
from controller.loop.conditions import Obstacles, make_conditions
from controller.model.observed import Replica, ReplicaPhase, ServiceView
from controller.model.routes import Frontend, RouteSeen, RouteState
from tests.builders import NOW, checked, healthy, replica, stack

pytestmark = pytest.mark.unit

WEB = checked("web", frontends=(Frontend("web", 8080, 80),))
PORT = ("127.0.0.1:8080->80/tcp",)
OUT = RouteSeen(RouteState.OUT)
CREATED = ReplicaPhase.CREATED


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        pytest.param(replica(phase=CREATED, started_at=None, published=PORT, route=OUT), True, id="shut out"),
        pytest.param(healthy(published=PORT), False, id="adopted with its port"),
        pytest.param(replica(phase=ReplicaPhase.EXITED, published=PORT), False, id="adopted, and ended"),
        pytest.param(replica(phase=CREATED, started_at=None), False, id="without a port of its own"),
        pytest.param(healthy(route=OUT), False, id="not led to yet"),
    ],
)
def test_what_was_made_by_hand_with_a_port_of_the_ingress_is_told(seen: Replica, told: bool) -> None:
    world = make_world(stack(WEB))
    world.views["web"] = ServiceView((seen,))
    found = {condition.type: condition for condition in make_conditions(world, Obstacles(), NOW)}
    assert ("ForeignUp" in found) is told
    if told:
        assert "web-1" in found["ForeignUp"].message and found["ForeignUp"].status == "True"
