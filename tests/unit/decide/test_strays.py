"""Who is not led to its networks yet is known anew once it is seen otherwise, or is wanted otherwise."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from controller.decide.strays import Strays
from controller.decide.world import make_world
from controller.model.confined import Confined
from controller.model.desired import DesiredService
from tests.builders import checked, healthy, stack, view

pytestmark = pytest.mark.unit

OLD, NEW = "shop_default", "shop.api--db"
CONFINED = Confined("shop", "10.201.0.0/16", (), replaced=frozenset({OLD}))


def wanted(name: str, network: str = NEW) -> DesiredService:
    made = checked(name, confined=CONFINED)
    body = {"create": {"HostConfig": {}, "NetworkingConfig": {"EndpointsConfig": {network: {}}}}, "connects": []}
    networks = (json.dumps({"Name": network, "Driver": "bridge"}),)
    return replace(made, template=replace(made.template, body=json.dumps(body), networks=networks))


def on(name: str, *networks: str) -> object:
    return view(healthy(1, service=name, joined=networks))


def test_who_is_on_all_of_its_networks_is_none() -> None:
    desired = stack(wanted("api"), wanted("db"), name="shop")
    views = {"api": on("api", OLD), "db": on("db", OLD, NEW)}
    assert [(one.service, one.leaves) for one in Strays().find(desired, views)] == [("api", OLD)]


def test_what_is_seen_and_what_is_wanted_since_count() -> None:
    desired, strays = stack(wanted("api"), wanted("db"), name="shop"), Strays()
    views = {"api": on("api", OLD), "db": on("db", NEW)}
    assert [one.service for one in strays.find(desired, views)] == ["api"]
    views |= {"api": on("api", NEW), "db": on("db", OLD)}
    strays.note(("api", "db"))
    assert [one.service for one in strays.find(desired, views)] == ["db"]
    back = stack(wanted("api", OLD), wanted("db", OLD), name="shop")
    assert strays.find(back, views) == [], "api is on none of those that it would leave"
    assert strays.find(stack(wanted("api"), name="shop"), views) == []


def test_what_a_world_sees_counts() -> None:
    world = make_world(stack(wanted("api"), wanted("db"), name="shop"))
    world.see({"api": on("api", OLD), "db": on("db", NEW)})
    assert [one.service for one in world.strays.find(world.desired, world.views)] == ["api"]
    world.see({"api": on("api", NEW)})
    assert world.strays.find(world.desired, world.views) == []
