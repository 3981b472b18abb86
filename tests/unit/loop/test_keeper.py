"""What is to be behind the ingress, as it follows from what is wanted and what runs."""

from dataclasses import replace
from typing import Any

import pytest

from controller.ingress.proxy import Wanted
from controller.loop.keeper import first_routes, plan_ingress
from controller.model.observed import Health, Replica, ReplicaPhase, ServiceView
from controller.model.routes import Frontend, RouteState
from tests.builders import checked, exited, healthy, replica, stack

pytestmark = pytest.mark.unit

FRONT = Frontend("web", 8080, 80)
WEB = checked("web", 1, "v2", frontends=(FRONT,), networks=("shop_default",))
SHOP = stack(WEB, checked("db"))
PORT: dict[str, Any] = {"published": ("127.0.0.1:8080->80/tcp",)}
BEHIND = Wanted((FRONT,), ("shop_default",))
NOTHING = Wanted((), ())


def plan(*replicas: Replica, before: Wanted | None = None):
    return plan_ingress(SHOP, {"web": ServiceView(replicas), "db": ServiceView()}, before)


ROWS = [
    ("nothing is there yet", (), None, NOTHING, None),
    ("one that publishes nothing", (healthy(),), None, BEHIND, None),
    ("though it has ended", (exited(),), None, BEHIND, None),
    ("one that publishes its port itself: adopted as it is", (healthy(**PORT),), None, NOTHING, None),
    ("both: the proxy waits for the port, and is prepared", (healthy(**PORT), healthy(2)), None, NOTHING, BEHIND),
    ("adopted with its port, and ended: it comes back as it was", (exited(**PORT),), None, NOTHING, None),
    ("made by hand, and shut out", (exited(**PORT),), BEHIND, BEHIND, None),
    ("the one with the port has ended", (exited(**PORT), healthy(2)), None, BEHIND, None),
    ("all are gone for a moment: the proxy stays", (), BEHIND, BEHIND, None),
]


@pytest.mark.parametrize(
    ("replicas", "before", "wanted", "coming"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_what_is_behind_the_ingress(replicas, before, wanted, coming) -> None:
    found = plan(*replicas, before=before)
    assert (found.wanted, found.coming) == (wanted, coming)


def test_a_service_that_is_no_longer_behind_it_leaves_nothing() -> None:
    bare = stack(replace(WEB, frontends=(), networks=()), checked("db"))
    assert plan_ingress(bare, {"web": ServiceView((healthy(),))}, BEHIND).wanted == NOTHING


def test_where_there_was_no_proxy_whoever_is_ready_is_led_to_at_once() -> None:
    there = (
        healthy(1),
        replica(2, health=Health.STARTING),
        replica(3),
        replica(4, phase=ReplicaPhase.EXITED),
    )
    routes = first_routes(SHOP.services, {"web": ServiceView(there), "db": ServiceView((healthy(service="db"),))})
    led = {name for name, state in routes.items() if state is RouteState.IN}
    assert led == {"web-1-id", "web-3-id"} and len(routes) == 4
