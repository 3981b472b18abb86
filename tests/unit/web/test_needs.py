"""Every route declares what it needs, and opens to whom that is given: all routes of the application, all roles."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fastapi import APIRouter, Request
from fastapi.routing import APIRoute

from controller.model.access import BUILT_IN, RIGHTS, Role, Rule
from controller.web.app import routers
from controller.web.asks import rights_of
from controller.web.bodies import Asked
from controller.web.callers import Caller
from controller.web.guard import Refused
from controller.web.needs import KEYED, CheckedRoute, Need, declare, need_of
from controller.web.sights import Sight

pytestmark = pytest.mark.unit

ROUTES = [route for router in routers() for route in cast(list[APIRoute], router.routes)]
SHOP = Role("shopkeeper", (Rule(frozenset("*"), frozenset("*"), frozenset({"shop"})),))
NOTHING = Role("nothing")
ROLES = (*BUILT_IN.values(), SHOP, NOTHING)

OPEN = {"/healthz", "/readyz", "/assets/{name:path}", "/{place:path}", "POST /v1/session"}
ANY_KEY = {"GET /v1/session", "DELETE /v1/session", "GET /v1/info", "GET /v1/host/usage"}
EVERYWHERE = {"/metrics", "/v1/audit", "/v1/access", "/v1/tokens", "/v1/tokens/{number}"}
STEERS = {"operator", "admin", "shopkeeper"}


def names() -> Iterator[tuple[str, APIRoute]]:
    for route in ROUTES:
        for method in sorted(route.methods):
            yield f"{method} {route.path}", route


def test_every_route_is_one_that_checks_and_declares() -> None:
    assert len(ROUTES) > 30
    for name, route in names():
        assert isinstance(route, CheckedRoute), name
        need = need_of(route.endpoint)
        is_open = name in OPEN or route.path in OPEN
        assert (need is None) is is_open, name
        assert (need == KEYED) is (name in ANY_KEY), name
        if need is not None and need != KEYED:
            assert need.verb in RIGHTS[need.resource] or need.verb == "get", name
            assert need.somewhere or "{stack}" in route.path or route.path in EVERYWHERE


def test_a_route_that_declares_nothing_cannot_be_made() -> None:
    router = APIRouter(route_class=CheckedRoute)
    with pytest.raises(LookupError, match="does not declare"):
        router.get("/v1/forgotten")(lambda: None)
    with pytest.raises(LookupError):
        router.get("/v1/other")(test_a_route_that_declares_nothing_cannot_be_made)
    router.get("/v1/said")(declare(KEYED)(lambda: None))


def call(route: APIRoute, caller: Caller, stack: str) -> int:
    """The status that the route gives before it looks at the request at all: 0, it goes on to its work."""
    need = need_of(route.endpoint)
    params = {"stack": stack} if "{stack}" in route.path else {}
    request = cast(Request, SimpleNamespace(state=SimpleNamespace(caller=caller), path_params=params))
    try:
        if need is not None:
            need.check(request)
    except Refused as refused:
        return refused.status
    return 0


def expected(name: str, need: Need | None, role: Role, stack: str, has_stack: bool) -> bool:
    if need is None or need == KEYED or need.somewhere:
        return True
    if role is NOTHING or (role is SHOP and (not has_stack or stack != "shop")):
        return False
    if role.name in ("admin", "shopkeeper"):
        return True
    if need.resource in ("tokens", "audit", "secrets"):
        return False
    return need.verb == "get" or role.name in STEERS


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_every_role_at_every_route(role: Role) -> None:
    """What is closed is refused with 403 before anything else is looked at."""
    for name, route in names():
        need = need_of(route.endpoint)
        for stack in ("shop", "bank"):
            wanted = expected(name, need, role, stack, "{stack}" in route.path)
            assert call(route, Caller("ada", (role,)), stack) == (0 if wanted else 403), (name, stack)


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_what_tells_of_many_tells_of_those_that_one_may_see(role: Role) -> None:
    sight = Sight(Caller("ada", (role,)))
    assert (sight.is_whole, sight.sees("shop"), sight.sees("bank"), sight.sees("-")) == {
        "shopkeeper": (False, True, False, False),
        "nothing": (False, False, False, False),
    }.get(role.name, (True, True, True, True))


VERBS = cast(tuple[str, ...], Asked.model_fields["verb"].annotation.__args__)  # type: ignore[union-attr]
OPERATORS = {
    "apply", "start", "stop", "retry", "pause", "resume", "cleanup", "rollout-undo", "rollout-restart", "rollout-pause",
    "rollout-resume", "resources-undo", "resources-apply", "resources-resume",
}  # fmt: skip


@pytest.mark.parametrize("verb", VERBS)
def test_what_an_intent_wants_of_who_asks(verb: str) -> None:
    def may(role: Role, **fields: Any) -> bool:
        rights = list(rights_of(Asked(verb=cast(Any, verb), **fields)))
        assert all(word in RIGHTS[resource] for word, resource in rights)
        return all(Caller("ada", (role,)).may(*right, "shop").allowed for right in rights)

    viewer, operator, admin = BUILT_IN.values()
    assert not may(viewer) and may(admin) and may(SHOP) and not may(NOTHING)
    assert may(operator) is (verb in OPERATORS)
    assert not may(operator, adopt=True) and not may(operator, confirm=True) and may(admin, adopt=True, confirm=True)


def test_a_refusal_says_who_may_not_do_what_and_why() -> None:
    request = cast(
        Request,
        SimpleNamespace(state=SimpleNamespace(caller=Caller("ada", (SHOP,))), path_params={"stack": "bank"}),
    )
    with pytest.raises(Refused) as refused:
        Need("get", "logs").check(request)
    assert str(refused.value) == "ada may not get logs in bank: to get logs is allowed in shop only"
    assert refused.value.hint == "controller access list"
