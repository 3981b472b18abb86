"""Subnets out of an address pool: the first free one, whatever is taken already, and one error where none is."""

from __future__ import annotations

import threading
import time
from ipaddress import IPv4Network
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from controller.engines import pool
from controller.engines.mending import InPlace
from controller.engines.pool import create_from_pool, free_subnets, read_routes, remove_ours
from controller.engines.transport import Endpoint
from controller.model.errors import Conflict, Rejected
from controller.model.names import ReplicaId
from controller.model.steps import Disconnect

pytestmark = pytest.mark.unit

POOL = IPv4Network("10.201.0.0/24")


@pytest.mark.parametrize(
    ("prefix", "taken", "first"),
    [
        (28, [], ["10.201.0.0/28", "10.201.0.16/28"]),
        (28, ["10.201.0.0/28", "10.201.0.32/28"], ["10.201.0.16/28", "10.201.0.48/28"]),
        (27, ["10.201.0.0/28"], ["10.201.0.32/27", "10.201.0.64/27"]),
        (28, ["10.201.0.0/25", "10.201.0.128/28"], ["10.201.0.144/28", "10.201.0.160/28"]),
        (28, ["10.201.0.8/30"], ["10.201.0.16/28", "10.201.0.32/28"]),
        (28, ["172.17.0.0/16", "10.202.0.0/16"], ["10.201.0.0/28", "10.201.0.16/28"]),
        (28, ["10.0.0.0/8"], []),
        (25, ["10.201.0.5/32", "10.201.0.200/32"], []),
        (22, [], []),
    ],
)
def test_the_first_that_overlap_nothing(prefix: int, taken: list[str], first: list[str]) -> None:
    found = islice(free_subnets(POOL, prefix, map(IPv4Network, taken)), 2)
    assert list(map(str, found)) == first


def test_all_of_them_and_no_more() -> None:
    found = list(free_subnets(POOL, 28, []))
    assert len(found) == 16 and all(one.subnet_of(POOL) for one in found) and len(set(found)) == 16


ROUTES = """Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0
tun0\t0000C90A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
down\t0000CA0A\t00000000\t0000\t0\t0\t0\t0000FFFF\t0\t0\t0
vpn	00000000	010011AC	0003	0	0	0	00000080	0	0	0
vpn	00000080	010011AC	0003	0	0	0	00000080	0	0	0
vpn	0000000A	010011AC	0003	0	0	0	000000FF	0	0	0
odd
"""


def test_routes_of_this_machine_but_the_default_one_whole_or_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "route"
    path.write_text(ROUTES)
    assert read_routes(path) == (IPv4Network("10.201.0.0/16"), IPv4Network("10.0.0.0/8"))
    assert read_routes(tmp_path / "none") == ()


REQUEST = {"Name": "p.a--b", "Driver": "bridge", "Internal": True, "Pool": "10.201.0.0/27", "Prefix": 28}


class Daemon:
    """Knows of a network that no list shows: an overlap that only the create finds."""

    endpoint = Endpoint("unix:///run/docker.sock")

    def __init__(self, listed: list[str], hidden: str = "") -> None:
        self.listed, self.hidden = listed, hidden
        self.made: list[dict[str, Any]] = []

    def get(self, path: str, *_: Any, **__: Any) -> Any:
        return [{"Id": subnet, "Name": subnet, "IPAM": {"Config": [{"Subnet": subnet}]}} for subnet in self.listed]

    def call(self, _method: str, path: str, query: Any = None, body: Any = None, **_: Any) -> None:
        if body["IPAM"]["Config"][0]["Subnet"] == self.hidden:
            raise Conflict("Pool overlaps with other one on this address space")
        self.made.append(body)


@pytest.fixture(autouse=True)
def no_routes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "read_routes", lambda: ())


def test_what_the_engine_knows_to_be_taken_is_passed_over() -> None:
    daemon = Daemon([], hidden="10.201.0.0/28")
    create_from_pool(daemon, REQUEST, deadline=5.0)  # type: ignore[arg-type]
    (made,) = daemon.made
    assert made["IPAM"] == {"Driver": "default", "Config": [{"Subnet": "10.201.0.16/28"}]}
    assert not {"Pool", "Prefix"} & made.keys() and made["Internal"] is True


@pytest.mark.parametrize("hidden", ["", "10.201.0.16/28"])
def test_a_pool_that_is_used_up_is_told_with_its_mend(hidden: str) -> None:
    listed = ["10.201.0.0/28"] if hidden else ["10.201.0.0/28", "10.201.0.16/28"]
    with pytest.raises(
        Rejected, match=r"no subnet of /28 is free in the address pool 10.201.0.0/27 for .*p.a--b"
    ) as no:
        create_from_pool(Daemon(listed, hidden), REQUEST, deadline=5.0)  # type: ignore[arg-type]
    assert "security.addressPool" in (no.value.hint or "")


def test_another_fault_of_the_engine_is_its_own() -> None:
    def call(*_: Any, **__: Any) -> None:
        raise Conflict("network with name p.a--b already exists")

    daemon = SimpleNamespace(get=lambda *_, **__: [], call=call, endpoint=Daemon.endpoint)
    with pytest.raises(Conflict, match="already exists"):
        create_from_pool(daemon, REQUEST, deadline=5.0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("endpoint", "subnet"), [("unix:///run/docker.sock", "10.201.0.16/28"), ("ssh://far", "10.201.0.0/28")]
)
def test_routes_of_ours_are_no_business_of_an_engine_elsewhere(
    monkeypatch: pytest.MonkeyPatch, endpoint: str, subnet: str
) -> None:
    monkeypatch.setattr(pool, "read_routes", lambda: (IPv4Network("10.201.0.0/28"),))
    daemon = Daemon([])
    daemon.endpoint = Endpoint(endpoint)
    create_from_pool(daemon, REQUEST, deadline=5.0)  # type: ignore[arg-type]
    assert daemon.made[0]["IPAM"]["Config"] == [{"Subnet": subnet}]


class Net:
    """One network of ours and one of somebody else's, a replica on both, and who else is on the former."""

    def __init__(self, *others: str) -> None:
        self.on = {"p.a--b": {"x", *others}, "strange": {"x"}}
        self.writes: list[tuple[str, str]] = []
        self.created: dict[str, set[str]] = {}
        """Who has not run yet: the engine knows it by the network's name."""

    def get(self, path: str, query: Any = None, **_: Any) -> Any:
        if path == "/networks":
            named = query["filters"].get("name", [*self.on])
            return [{"Id": f"id-{name}", "Name": name} for name in self.on if name in named and "." in name]
        if path == "/containers/json":
            asked = query["filters"]["network"]
            created = {one for name in asked for one in self.created.get(name, ())}
            running = {one for name, users in self.on.items() if f"id-{name}" in asked for one in users}
            return [{"Id": one} for one in sorted(created | running)]
        there = {name: {} for name, users in self.on.items() if "x" in users}
        return {"Id": "x", "Name": "/p-a-1", "State": {}, "NetworkSettings": {"Networks": there}}

    def call(self, method: str, path: str, query: Any = None, body: Any = None, **_: Any) -> None:
        self.writes.append((method, path))
        if method == "POST":
            self.on[path.split("/")[2]].discard(body["Container"])


LEAVE = Disconnect("a", ReplicaId("x"), 1, "why", ("p.a--b", "strange", "gone already"))


@pytest.mark.parametrize("others", [(), ("y",)])
def test_who_leaves_a_network_of_ours_last_removes_it_and_no_other(others: tuple[str, ...]) -> None:
    net = Net(*others)
    InPlace(net, threading.Lock()).perform(LEAVE, time.monotonic() + 5.0, [])  # type: ignore[arg-type]
    left = [("POST", "/networks/p.a--b/disconnect"), ("POST", "/networks/strange/disconnect")]
    assert net.writes == [*left, *([] if others else [("DELETE", "/networks/id-p.a--b")])]


def test_those_that_nobody_needs_go_and_those_in_use_stay() -> None:
    net = Net()
    net.on |= {"p.old": set(), "p.wanted": set(), "p.soon": set()}
    net.created = {"p.soon": {"z"}}
    assert remove_ours(net, "p", {"p.wanted"}, deadline=5.0) == (("p.old",), ("p.a--b", "p.soon"))  # type: ignore[arg-type]
    assert net.writes == [("DELETE", "/networks/id-p.old")]
