"""What is to be behind the ingress, as it follows from what is wanted and what runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from controller.ingress.proxy import Wanted
from controller.loop.behind import Behind, find_targets, first_routes, lay_out, plan_ingress
from controller.model.names import Revision
from controller.model.observed import Health, Replica, ReplicaPhase, ServiceView
from controller.model.routes import Frontend, Mode, RouteSeen, RouteState
from tests.builders import checked, exited, healthy, replica

pytestmark = pytest.mark.unit

FRONT = Frontend("web", 8080, 80)
MOVED = Frontend("web", 8080, 9000, mode=Mode.TCP)
WEB = checked("web", 1, "v2", frontends=(FRONT,), networks=("shop_default",))
OFF = replace(WEB, revision=Revision("v3"), frontends=(), networks=())
KNOWN = {("web", Revision("v2")): WEB}
PORT: dict[str, Any] = {"published": ("127.0.0.1:8080->80/tcp",)}
BEHIND = Wanted((FRONT,), ("shop_default",))
NOTHING = Wanted((), ())


def web(*replicas: Replica, want: Any = WEB, complete: bool = True, **others: Any) -> Behind:
    return Behind(want, ServiceView(replicas, complete=complete), **{"known": KNOWN, "frontends": (FRONT,), **others})


ROWS = [
    ("nothing is there yet", web(), None, NOTHING, None),
    ("one that publishes nothing", web(healthy()), None, BEHIND, None),
    ("though it has ended", web(exited()), None, BEHIND, None),
    ("one that publishes its port itself: adopted as it is", web(healthy(**PORT)), None, NOTHING, None),
    ("it is to be replaced: the proxy is prepared first", web(healthy(**PORT), updates=True), None, NOTHING, BEHIND),
    ("both: the proxy waits for the port, and is prepared", web(healthy(**PORT), healthy(2)), None, NOTHING, BEHIND),
    ("adopted with its port, and ended: it comes back as it was", web(exited(**PORT)), None, NOTHING, None),
    ("made by hand, and shut out", web(exited(**PORT)), BEHIND, BEHIND, None),
    ("the one with the port has ended", web(exited(**PORT), healthy(2)), None, BEHIND, None),
    ("all are gone for a moment: the proxy stays", web(), BEHIND, BEHIND, None),
    ("it is stopped, and one runs still", web(healthy(), runs=False), BEHIND, BEHIND, None),
    ("it is stopped: its host port is free", web(exited(), runs=False), BEHIND, NOTHING, None),
    ("half a look changes nothing: it stays", web(complete=False), BEHIND, BEHIND, None),
    ("half a look changes nothing: it does not come", web(healthy(), complete=False), NOTHING, NOTHING, None),
    ("it leaves, and is led to till then", web(healthy(1, "v2"), want=OFF, frontends=()), BEHIND, BEHIND, None),
    (
        "it leaves the ingress: one that has its own port is there",
        web(healthy(1, "v2"), replica(2, "v3", phase=ReplicaPhase.CREATED, **PORT), want=OFF, frontends=()),
        BEHIND,
        NOTHING,
        None,
    ),
    (
        "back to a release from before the ingress",
        web(replica(2, "v1", phase=ReplicaPhase.CREATED, **PORT), frontends=()),
        BEHIND,
        NOTHING,
        None,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("one", "before", "wanted", "coming"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_what_is_behind_the_ingress(one: Behind, before, wanted, coming) -> None:
    found = plan_ingress({"web": one}, before)
    assert found is not None
    assert (found.wanted, found.coming) == (wanted, coming)


@pytest.mark.parametrize(
    ("paused", "via", "networks"),
    [
        (False, ("shop_default",), ("shop.web.ingress",)),
        (True, ("shop_default",), ("shop_default",)),
        (True, (), ("shop.web.ingress",)),
    ],
)
def test_one_that_is_left_where_it_is_is_led_to_there(paused: bool, via: Any, networks: Any) -> None:
    """Under a policy that came meanwhile it is on no network of ours: the proxy need not wait for that."""
    moved = replace(WEB, networks=("shop.web.ingress",))
    there = replace(healthy(), route=RouteSeen(RouteState.IN, via=via))
    known = {("web", Revision("v2")): moved}
    plan = plan_ingress({"web": web(there, want=moved, known=known, paused=paused)}, BEHIND)
    assert plan is not None and plan.wanted.networks == networks


@pytest.mark.parametrize(
    ("paused", "before", "networks"),
    [
        (True, BEHIND, ("shop_default",)),
        (False, BEHIND, ("shop.web.ingress",)),
        (True, NOTHING, ("shop.web.ingress",)),
        (True, None, ("shop.web.ingress",)),
    ],
    ids=["left where it is", "to be replaced", "not behind it yet", "nothing is known of before"],
)
def test_while_the_proxy_does_not_answer_it_stays_where_it_leads_to(paused: bool, before: Any, networks: Any) -> None:
    """It is asked while it is being changed, for instance, and one look later it says the same as before."""
    moved = replace(WEB, networks=("shop.web.ingress",))
    there = replace(healthy(), route=RouteSeen(RouteState.UNKNOWN))
    known = {("web", Revision("v2")): moved}
    plan = plan_ingress({"web": web(there, want=moved, known=known, paused=paused)}, before)
    assert plan is not None and plan.wanted.networks == networks


def test_a_first_look_that_was_half_a_look_says_nothing_of_a_proxy_that_runs_already() -> None:
    both = {"web": web(healthy(), complete=False), "api": web(healthy())}
    assert plan_ingress(both, None) is None
    assert plan_ingress(both, BEHIND) is not None


def test_whoever_listens_elsewhere_is_led_to_there_while_it_runs() -> None:
    """On the host port that both have."""
    moving = replace(WEB, revision=Revision("v3"), frontends=(MOVED,))
    both = web(healthy(1, "v2"), healthy(2, "v3"), want=moving, frontends=(MOVED,))
    assert lay_out(both) == (MOVED,) and find_targets({"web": both}) == {"web-1-id": {9000: 80}}
    back = web(healthy(1, "v2"), healthy(2, "v3"), want=moving)
    assert lay_out(back) == (FRONT,) and find_targets({"web": back}) == {"web-2-id": {80: 9000}}


def test_a_host_port_that_is_asked_for_no_more_is_given_up_at_once() -> None:
    other = Frontend("web", 8081, 80)
    moving = replace(WEB, revision=Revision("v3"), frontends=(other,))
    assert lay_out(web(healthy(1, "v2"), want=moving, frontends=(other,))) == (other,)


def test_the_proxy_is_on_the_networks_of_all_that_run() -> None:
    moving = replace(WEB, revision=Revision("v3"), networks=("shop_front",))
    found = plan_ingress({"web": web(healthy(1, "v2"), want=moving)}, BEHIND)
    assert found.wanted.networks == ("shop_default", "shop_front")


def test_where_there_was_no_proxy_whoever_is_ready_is_led_to_at_once() -> None:
    there = (healthy(1), replica(2, health=Health.STARTING), replica(3), replica(4, phase=ReplicaPhase.EXITED))
    routes = first_routes({"web": web(*there)})
    led = {name for name, state in routes.items() if state is RouteState.IN}
    assert led == {"web-1-id", "web-3-id"} and len(routes) == 4
