"""Which networks a stack is given: nothing is opened that was closed, and nothing that could not be had is planned."""

from __future__ import annotations

from typing import Any

import pytest

from controller.engines.simulated_requests import record_model
from controller.intake.resolve import Sources, resolve
from controller.model.confined import MTU, make_request
from controller.security.networks import Networks, plan_networks
from tests.unit.intake.builders import rendered, stack

pytestmark = pytest.mark.unit

PORTS = [{"target": 80, "published": "8080", "protocol": "tcp"}]


def planned(services: dict[str, Any], spec: dict[str, Any] | None = None, **top: Any) -> Networks:
    project = rendered(services, **top)
    manifest = stack({"security": {"networkPolicy": "dependencies"}, **(spec or {})})
    found = resolve(Sources(project, recording=record_model(project), manifest=manifest)).stack
    assert found is not None
    return plan_networks(found)


def keys(networks: Networks) -> set[str]:
    return {one.key for one in networks.all}


@pytest.mark.parametrize("mode", ["off", "auto"])
def test_who_is_on_internal_networks_alone_gets_no_way_out_for_its_ports(mode: str) -> None:
    """Docker publishes nothing there."""
    networks = {"back": {"name": "demo_back", "internal": True}}
    db = {"ports": PORTS, "networks": {"back": None}}
    found = planned({"db": db}, {"ingress": {"mode": mode}}, networks=networks)
    assert not any(one.purpose == "outside" for one in found.all)
    assert keys(planned({"db": db}, {"services": {"db": {"egress": True}}}, networks=networks)) == {"db.outside"}


@pytest.mark.parametrize(("replicas", "fits"), [(510, True), (511, False)])
def test_more_than_a_bridge_can_hold_are_refused(replicas: int, fits: bool) -> None:
    over = {"update": {"order": "stop-first"}}
    said = {"web": {"replicas": replicas, **over, "connectsTo": ["db"]}, "db": {"replicas": 509, **over}}
    found = planned({"web": {}, "db": {}}, {"services": said})
    assert (found.fault is None) is fits
    assert fits or (found.fault is not None and "1021 containers" in found.fault[0] and not found.services)


def test_names_that_containers_were_given_are_known() -> None:
    found = planned({"db": {"container_name": "mydb"}, "web": {}}, {"services": {"web": {"connectsTo": ["db"]}}})
    assert {one.called for one in found.services.values()} == {frozenset({("db", "mydb")})}


@pytest.mark.parametrize(
    ("default", "back", "mtu"), [("1400", "1400", "1400"), ("1400", "", ""), ("1400", "1300", ""), ("", "", "")]
)
def test_networks_have_the_mtu_that_all_had_whose_place_they_take(default: str, back: str, mtu: str) -> None:
    options = {"default": default, "back": back}
    networks = {key: {"driver_opts": {MTU: one}} if one else {} for key, one in options.items()}
    services = {"db": {"networks": {"back": None}}, "web": {"networks": {"default": None, "back": None}}}
    found = planned(services, {"services": {"web": {"connectsTo": ["db"]}}}, networks=networks)
    assert {one.mtu for one in found.services.values()} == {mtu}
    assert keys(found) == {f"{key}.mtu{mtu}" if mtu else key for key in ("db--web", "db.outside", "web.outside")}
    requests = [make_request(one, private) for one in found.services.values() for private in one.networks]
    assert all(one.get("Options") == ({MTU: mtu} if mtu else None) for one in requests)
