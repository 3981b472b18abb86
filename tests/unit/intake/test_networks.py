"""What of a stack's networks stands against networkPolicy, and what it does not reach: told with place and mend."""

from __future__ import annotations

from typing import Any

import pytest

from controller.engines.simulated_requests import record_model
from controller.intake.resolve import Resolution, Sources, resolve
from tests.unit.intake.builders import rendered, stack

pytestmark = pytest.mark.unit

POLICY = {"security": {"networkPolicy": "dependencies"}}


def found(services: dict[str, Any], spec: dict[str, Any] | None = None, **top: Any) -> Resolution:
    project = rendered(services, **top)
    manifest = stack({**POLICY, **(spec or {})})
    return resolve(Sources(project, recording=record_model(project), manifest=manifest))


@pytest.mark.parametrize("key", ["ipv4_address", "ipv6_address", "mac_address", "link_local_ips"])
def test_an_address_of_its_own_on_a_network_that_is_replaced_is_refused(key: str) -> None:
    web = {"networks": {"front": {key: ["169.254.0.1"] if key == "link_local_ips" else "10.0.0.9"}}}
    (finding,) = found({"web": web}, networks={"front": {"name": "demo_front"}}).errors
    assert finding.path == f"services.web.networks.front.{key}" and "networkPolicy replaces" in finding.message
    assert "external" in (finding.hint or "")
    off = {"security": {"networkPolicy": "off"}}
    assert not found({"web": web}, off, networks={"front": {"name": "demo_front"}}).errors


def test_on_a_network_that_stays_it_may_have_one_and_who_is_there_reaches_it() -> None:
    web = {"networks": {"lan": {"ipv4_address": "10.0.0.9"}, "own": {"ipv4_address": "10.1.0.9"}}}
    networks = {"lan": {"name": "lan", "external": True}, "own": {"name": "demo_own", "driver": "macvlan"}}
    resolution = found({"web": web}, networks=networks)
    assert not resolution.errors
    told = {finding.path: finding.message for finding in resolution.warnings}
    assert "is external, and stays: whoever is on it reaches 'web'" in told["services.web.networks.lan"]
    assert "of the driver macvlan" in told["services.web.networks.own"]


@pytest.mark.parametrize("external", [False, True])
def test_a_network_that_is_called_as_ours_are_is_refused(external: bool) -> None:
    networks = {"back": {"name": "demo.back", "external": external}}
    (finding,) = found({"web": {"networks": {"back": None}}}, networks=networks).errors
    assert finding.path == "networks.back.name" and "demo.back" in finding.message
    assert not found({"web": {}}, {"security": {}}, networks=networks).errors
    assert not found({"web": {}}, networks={"back": {"name": "demos.back"}}).errors


@pytest.mark.parametrize("key", ["driver_opts", "interface_name", "gw_priority", "priority"])
def test_what_ours_do_without_is_told(key: str) -> None:
    value: Any = {"com.docker.network.endpoint.sysctls": "x"} if key == "driver_opts" else 7
    web = {"networks": {"front": {key: value}}}
    told = {one.path: one.message for one in found({"web": web}, networks={"front": {"name": "demo_front"}}).warnings}
    assert f"has {key} on 'front'" in told["services.web.networks.front"]


def test_a_mac_address_of_the_service_itself_is_refused() -> None:
    (finding,) = found({"web": {"mac_address": "02:00:00:00:00:01"}}).errors
    assert finding.path == "services.web.mac_address"


@pytest.mark.parametrize("mode", ["host", "none", "service:db"])
def test_who_has_no_network_of_its_own_is_told(mode: str) -> None:
    resolution = found({"web": {"network_mode": mode}, "db": {}})
    (finding,) = [one for one in resolution.warnings if one.path == "services.web.network_mode"]
    assert "leaves as it is" in finding.message


PORTS = {"ports": [{"target": 80, "published": "8080", "protocol": "tcp"}]}
INSIDE = {"networks": {"back": {"name": "demo_back", "internal": True}}}
OWN = {"services": {"web": {"egress": False}}}


def test_no_way_out_for_who_publishes_ports_itself_is_refused() -> None:
    (finding,) = found({"web": PORTS}, OWN).errors
    assert finding.path == "spec.services.web.egress" and "publishes ports itself" in finding.message
    assert "ingress.mode: auto" in (finding.hint or "")


@pytest.mark.parametrize("spec", [{"ingress": {"mode": "auto"}}, {"security": {"networkPolicy": "off"}}])
def test_but_not_behind_the_ingress_nor_without_the_policy(spec: dict[str, Any]) -> None:
    assert not found({"web": PORTS}, {**OWN, **spec}).errors


def test_nor_where_its_ports_were_published_nowhere() -> None:
    assert not found({"web": {**PORTS, "networks": {"back": None}}}, OWN, **INSIDE).errors


@pytest.mark.parametrize(
    ("service", "spec", "words"),
    [
        (PORTS, {"ingress": {"mode": "auto"}}, None),
        ({}, {}, None),
        ({}, {"security": {}}, "'egress' changes nothing"),
        ({"network_mode": "service:db"}, {}, "'egress' changes nothing: 'web' has network_mode: service:db"),
    ],
)
def test_egress_that_does_nothing_is_told(service: Any, spec: Any, words: str | None) -> None:
    resolution = found({"web": service, "db": {}}, {**OWN, **spec})
    told = [one.message for one in resolution.warnings if one.path == "spec.services.web.egress"]
    assert not told if words is None else len(told) == 1 and words in told[0]


MTU = "com.docker.network.driver.mtu"
OTHER = {"com.docker.network.bridge.enable_icc": "false"}


@pytest.mark.parametrize(
    ("default", "place", "words"),
    [
        ({"driver_opts": {MTU: "1400"}}, None, ""),
        ({"ipam": {}}, None, ""),
        ({"ipam": {"config": []}}, None, ""),
        ({"driver_opts": {MTU: "1400", **OTHER}}, "driver_opts", "has com.docker.network.bridge.enable_icc, which"),
        ({"enable_ipv6": True, "ipam": {"config": [{"subnet": "fd00::/64"}]}}, "enable_ipv6", "has enable_ipv6, ipam"),
        ({"ipam": {"driver": "other"}}, "ipam", "has ipam, which networkPolicy replaces without"),
        ({"external": True, "driver_opts": OTHER}, None, ""),
        ({"driver": "macvlan", "driver_opts": OTHER}, None, ""),
    ],
)
def test_settings_of_a_network_that_ours_have_not_are_told(default: Any, place: str | None, words: str) -> None:
    networks = {"default": {"name": "demo_default", **default}}
    resolution = found({"web": {}}, networks=networks)
    told = {one.path: one for one in resolution.warnings if (one.path or "").startswith("networks.")}
    assert set(told) == ({f"networks.default.{place}"} if place else set())
    assert place is None or words in told[f"networks.default.{place}"].message
    assert not found({"web": {}}, {"security": {}}, networks=networks).warnings
    alone = found({"web": {"network_mode": "host"}}, networks=networks).warnings
    assert not [one for one in alone if (one.path or "").startswith("networks.")], "nobody is on it"


def test_an_mtu_that_not_all_have_is_told() -> None:
    networks = {"default": {"driver_opts": {MTU: "1400"}}, "back": {"driver_opts": {MTU: "1300"}}}
    resolution = found({"web": {}, "db": {"networks": {"back": None}}}, networks=networks)
    told = {one.path: one.message for one in resolution.warnings}
    assert all(f"has {MTU}, which" in told[f"networks.{key}.driver_opts"] for key in networks)


@pytest.mark.parametrize(
    ("network", "words"),
    [
        ({"name": "lan", "external": True}, "may get out by it, unless that is internal"),
        ({"driver": "macvlan"}, "may get out by it"),
        ({"driver": "macvlan", "internal": True}, ""),
        ({"name": "demo_lan"}, ""),
    ],
)
def test_a_way_out_that_stays_is_told(network: Any, words: str) -> None:
    resolution = found({"web": {"networks": {"lan": None}}}, OWN, networks={"lan": network})
    told = [one.message for one in resolution.warnings if one.path == "spec.services.web.egress"]
    assert not told if not words else len(told) == 1 and told[0].endswith(words)
