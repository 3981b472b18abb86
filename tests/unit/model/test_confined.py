"""How networks of ours are laid over a template: its names and links go with it, what is another's stays."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from controller.engines import labels
from controller.engines.drift import find_drift, lost_networks
from controller.engines.template import make_template, read_request
from controller.model.confined import (
    Confined,
    Private,
    asked_of_us,
    carry_networks,
    confine_template,
    may_be_ours,
    read_joining,
)
from controller.model.desired import Template
from tests.unit.engines.requests import inspected, request

pytestmark = pytest.mark.unit

OUTSIDE = Private("a.outside", "outside", internal=False, members=("a",))
EDGE = Private("a--db", "between", members=("a", "db"))
CONFINED = Confined("p", "10.201.0.0/16", (OUTSIDE, EDGE))


def made(*networks: dict[str, Any], **more: Any) -> Template:
    mine = [{"Name": "p_default", "Labels": {labels.PROJECT: "p", labels.NETWORK: "default"}}, *networks]
    return make_template(request(**more), mine, (), {})


def laid(template: Template) -> tuple[dict[str, Any], dict[str, Any]]:
    """The create request and the endpoints of the calls after it, of the same laid over."""
    found = read_request(confine_template(template, CONFINED, CONFINED.networks))
    return dict(found.create), {connect["network"]: connect["endpoint"] for connect in found.connects}


def test_it_is_on_them_under_the_names_that_it_had_and_no_other_container() -> None:
    back = {"network": "p_back", "endpoint": {"Aliases": ["p-a-1", "a", "store"]}}
    template = made({"Name": "p_back", "Driver": "bridge", "Internal": True}, connects=(back,))
    create, connects = laid(template)
    (first,) = create["NetworkingConfig"]["EndpointsConfig"].items()
    assert first[0] == "p.a.outside" and set(first[1]["Aliases"]) == {"p-a-1", "a", "store"}
    assert create["HostConfig"]["NetworkMode"] == "p.a.outside" and set(connects) == {"p.a--db"}
    new = confine_template(template, CONFINED, CONFINED.networks)
    assert (new.fingerprint, new.config_hash) == (template.fingerprint, template.config_hash)
    assert new.joins() == {"p.a.outside", "p.a--db"} and template.joins() == {"p_default", "p_back"}
    wanted = [json.loads(text) for text in new.networks]
    assert [(one["Name"], one["Internal"], one["Prefix"]) for one in wanted] == [
        ("p.a.outside", False, 28),
        ("p.a--db", True, 28),
    ]
    assert all(one["Labels"][labels.PROJECT] == "p" and one["Labels"][labels.NETWORK] for one in wanted)


def test_a_link_leads_to_who_is_on_that_network() -> None:
    endpoint = {"Aliases": ["p-a-1", "a"], "Links": ["p-db-1:database", "p-log-1:log"]}
    template = made(create={"NetworkingConfig": {"EndpointsConfig": {"p_default": endpoint}}})
    create, connects = laid(template)
    assert connects["p.a--db"]["Links"] == ["p-db-1:database"]
    assert "Links" not in create["NetworkingConfig"]["EndpointsConfig"]["p.a.outside"]


def test_and_so_does_one_by_the_name_that_its_container_was_given() -> None:
    """`links: ["db:database"]`, where db has a `container_name`."""
    endpoint = {"Aliases": ["p-a-1", "a"], "Links": ["mydb:database", "mydb:mydb", "theirs:other"]}
    template = made(create={"NetworkingConfig": {"EndpointsConfig": {"p_default": endpoint}}})
    called = replace(CONFINED, called=frozenset({("db", "mydb"), ("log", "theirs")}))
    found = read_request(confine_template(template, called, called.networks))
    (connect,) = found.connects
    assert connect["network"] == "p.a--db" and connect["endpoint"]["Links"] == ["mydb:database", "mydb:mydb"]


def test_what_is_anothers_it_is_on_as_before() -> None:
    lan = {"network": "lan", "endpoint": {"Aliases": ["a"], "IPAMConfig": {"IPv4Address": "10.0.0.9"}}}
    _, connects = laid(made(connects=(lan,)))
    assert connects["lan"] == lan["endpoint"]
    assert read_joining(made(connects=(lan,)).body, made(connects=(lan,)).networks).kept == {"lan"}


@pytest.mark.parametrize("mode", ["host", "none", "container:abc"])
def test_who_is_on_no_network_of_its_own_stays_so(mode: str) -> None:
    template = made(host={"NetworkMode": mode}, create={"NetworkingConfig": {}})
    assert confine_template(template, CONFINED, CONFINED.networks) is template
    assert not read_joining(template.body, template.networks).movable


def test_what_was_recorded_anew_is_put_on_the_same_networks() -> None:
    template = made()
    over = confine_template(template, CONFINED, CONFINED.networks)
    assert carry_networks(template, over) == over and carry_networks(template, template) is template


def test_what_runs_on_the_old_ones_is_no_other_container_and_knows_what_it_lacks() -> None:
    over = read_request(confine_template(made(), CONFINED, CONFINED.networks))
    there = inspected(request())
    ours = asked_of_us(confine_template(made(), CONFINED, CONFINED.networks).networks)
    assert find_drift(over, there, {}, ours) == () and lost_networks(over, there) == ("p.a--db", "p.a.outside")
    moved = inspected(over)
    assert find_drift(request(), moved, {}, ours) == (), "nor is it on the way back"
    assert "Networks" in find_drift(request(), moved, {}), "but for networks of others that are called so"
    half = inspected(request(), Status="created")
    assert "Networks" in find_drift(over, half, {}, ours), "what was only half made never was on them"


@pytest.mark.parametrize(
    ("name", "ours"), [("p.a--b", True), ("p_default", False), ("pp.a", False), ("p", False), ("bridge", False)]
)
def test_which_names_ours_can_have(name: str, ours: bool) -> None:
    assert may_be_ours("p", name) is ours
