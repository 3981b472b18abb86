"""The update order of what a service is made of: each rule with the trait and without it, and who asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from controller.intake.order import FREE, UNKNOWN, Bonds, Choice, Traits, asked_order, choose, read_bonds
from controller.model.desired import Order
from controller.model.routes import Frontend
from tests.unit.intake.builders import mount, port

pytestmark = pytest.mark.unit

START, STOP = Order.START_FIRST, Order.STOP_FIRST
LED = (Frontend("web", 8080, 80),)
Models = Mapping[str, Mapping[str, Any]]


def reserves(*capabilities: str) -> Mapping[str, Any]:
    return {"deploy": {"resources": {"reservations": {"devices": [{"capabilities": list(capabilities)}]}}}}


def alone(model: Mapping[str, Any], **others: Any) -> Traits:
    return Traits(model, **others)


def beside(model: Mapping[str, Any], *names: str) -> Traits:
    """`web` with others that are all alike."""
    return among({"web": {}, **dict.fromkeys(names, model)})


def among(models: Models) -> Traits:
    return Traits(models["web"], bonds=read_bonds(models).get("web", Bonds()))


def with_image(model: Mapping[str, Any], *volumes: str) -> Traits:
    return alone(model, image_volumes=lambda: volumes)


RULES: dict[str, tuple[Traits, str, Traits]] = {
    "a named volume": (
        alone(mount(source="data")),
        "mounts the writable volume data",
        alone(mount(source="data", read_only=True)),
    ),
    "an anonymous volume": (alone(mount()), "mounts the anonymous volume /data", alone(mount(type="tmpfs"))),
    "a bind": (
        alone(mount(type="bind", source="/srv")),
        "mounts the writable path /srv",
        alone(mount(type="bind", source="/srv", read_only=True)),
    ),
    "a cluster volume": (
        alone(mount(type="cluster", source="c")),
        "mounts the writable volume c",
        alone(mount(type="image", source="c")),
    ),
    "volumes_from": (
        alone({"volumes_from": ["ro:ro", "db"]}),
        "mounts the volumes of db",
        alone({"volumes_from": ["db:ro"]}),
    ),
    "volumes_from a container": (
        alone({"volumes_from": ["container:old:rw"]}),
        "mounts the volumes of old",
        alone({"volumes_from": ["container:old:ro"]}),
    ),
    "others mount its volumes": (
        beside({"volumes_from": ["web:ro"]}, "backup"),
        "has volumes that backup mounts with volumes_from",
        beside({"volumes_from": ["container:web"]}, "backup"),
    ),
    "container_name": (alone({"container_name": "shop"}), "has the container_name shop", alone({})),
    "a link's target": (
        beside({"links": ["web:www"]}, "a", "b"),
        "is linked to by a and b",
        beside({"links": ["webber:web"], "external_links": ["web"]}, "a"),
    ),
    "the owner of a network": (
        beside({"network_mode": "service:web"}, "sidecar"),
        "owns a namespace that sidecar shares",
        beside({"network_mode": "service:webber"}, "sidecar"),
    ),
    "the owner of a pid and an ipc namespace": (
        among({"web": {}, "a": {"pid": "service:web"}, "b": {"ipc": "service:web", "pid": "host"}}),
        "owns a namespace that a and b share",
        beside({"pid": "container:web"}, "a"),
    ),
    "a host port": (
        alone(port(published="8080")),
        "publishes host port 8080 while the ingress is off",
        alone(port(published="8080"), led=LED),
    ),
    "a range with a port to spare": (
        alone(port(published="8080-8082"), replicas=2),
        "publishes host ports 8080-8082 while the ingress is off",
        alone({"expose": ["8080"]}),
    ),
    "a range, which no ingress takes": (
        alone(port(published="8080-8082"), led=()),
        "publishes host ports 8080-8082, which the ingress does not take",
        alone(port(published="8080"), led=LED),
    ),
    "a port that the engine picks": (
        alone(port()),
        "publishes port 80 while the ingress is off",
        alone({"expose": ["80"]}),
    ),
    "a UDP port, ingress or not": (
        alone(port("udp", published="53"), led=LED),
        "publishes UDP host port 53",
        alone({"expose": ["53/udp"]}),
    ),
    "an address": (
        alone({"networks": {"default": None, "n": {"ipv4_address": "10.0.0.5"}}}),
        "has the static address 10.0.0.5",
        alone({"networks": {"default": None, "n": {"aliases": ["www"]}}}),
    ),
    "an IPv6 address": (
        alone({"networks": {"n": {"ipv6_address": "fd00::5"}}}),
        "has the static address fd00::5",
        alone({"networks": {"n": {"priority": 3}}}),
    ),
    "link-local addresses": (
        alone({"networks": {"n": {"link_local_ips": ["169.254.1.1", "169.254.1.2"]}}}),
        "has the static address 169.254.1.1 and 169.254.1.2",
        alone({"networks": {"n": {"link_local_ips": []}}}),
    ),
    "a MAC address": (
        alone({"mac_address": "02:42:0a:00:00:05"}),
        "has the static address 02:42:0a:00:00:05",
        alone({}),
    ),
    "a MAC address in a network": (
        alone({"networks": {"n": {"mac_address": "02:42:0a:00:00:05"}}}),
        "has the static address 02:42:0a:00:00:05",
        alone({"networks": {}}),
    ),
    "the host's network": (
        alone({"network_mode": "host"}),
        "uses the host's network",
        alone({"network_mode": "bridge"}),
    ),
    "the host's processes": (alone({"pid": "host"}), "uses the host's pid namespace", alone({"uts": "host"})),
    "the host's ipc": (alone({"ipc": "host"}), "uses the host's ipc namespace", alone({"ipc": "shareable"})),
    "another's network": (
        among({"web": {"network_mode": "service:vpn"}, "vpn": {}}),
        "joins the network of vpn",
        alone({"network_mode": "none"}),
    ),
    "a container's ipc": (
        alone({"ipc": "container:old"}),
        "joins the ipc namespace of container old",
        alone({"ipc": "private"}),
    ),
    "a device": (
        alone({"devices": [{"source": "/dev/snd", "target": "/dev/snd"}]}),
        "uses the device /dev/snd",
        alone({"devices": []}),
    ),
    "a device, short": (alone({"devices": ["/dev/snd:/dev/snd"]}), "uses the device /dev/snd", alone({})),
    "a reserved device": (alone(reserves("tpu")), "reserves a device", alone({"deploy": {"resources": {}}})),
    "a reserved GPU": (alone(reserves("gpu", "utility")), "uses a GPU", alone({"deploy": {}})),
    "gpus": (alone({"gpus": [{"count": -1}]}), "uses a GPU", alone({"runtime": "runc"})),
    "privileged": (alone({"privileged": True}), "is privileged", alone({"privileged": False})),
    "an image's VOLUME": (
        with_image({}, "/data", "/log/"),
        "has an image that declares VOLUME /data and /log/",
        with_image({}),
    ),
    "an image's VOLUME that is not covered": (
        with_image(mount(target="/dat", read_only=True), "/data"),
        "has an image that declares VOLUME /data",
        with_image({**mount(target="/data", read_only=True), "tmpfs": ["/log:size=1m"]}, "/data/", "/log"),
    ),
}


@pytest.mark.parametrize("case", RULES)
def test_each_rule_makes_it_stop_first_and_nothing_else_does(case: str) -> None:
    with_it, because, without_it = RULES[case]
    assert choose(None, False, with_it) == Choice(STOP, because)
    assert choose(None, False, without_it) == Choice(START, FREE)


@pytest.mark.parametrize("case", RULES)
def test_start_first_that_is_asked_for_wins_and_the_rule_is_told(case: str) -> None:
    with_it, because, without_it = RULES[case]
    chosen = choose(START, False, with_it)
    assert (chosen.order, chosen.because) == (START, "")
    ((told, harm),) = chosen.against
    assert told == because and harm
    assert choose(START, False, without_it) == Choice(START)


def test_every_reason_is_told() -> None:
    model = {**mount(source="data"), **port(published="8080"), "privileged": True}
    reasons = ["mounts the writable volume data", "publishes host port 8080 while the ingress is off", "is privileged"]
    assert choose(None, False, alone(model)).because == ", ".join(reasons)
    assert [obstacle.because for obstacle in choose(START, True, alone(model)).against] == reasons


def test_an_image_that_is_not_here_may_declare_anything() -> None:
    traits = alone({}, image_volumes=lambda: None)
    assert choose(None, False, traits) == Choice(STOP, UNKNOWN)
    assert choose(START, False, traits) == Choice(START)


NEVER = {
    "a host port": (alone(port(published="8080")), True),
    "a range as long as its replicas": (alone(port(published="8080-8081"), replicas=2), True),
    "a range with a port to spare": (alone(port(published="8080-8082"), replicas=2), False),
    "a port that the engine picks": (alone(port()), False),
    "container_name": (alone({"container_name": "shop"}), True),
    "a static address": (alone({"mac_address": "02:42:0a:00:00:05"}), True),
    "a volume": (alone(mount()), False),
}


@pytest.mark.parametrize("case", NEVER)
def test_what_can_never_start_beside_the_old_one_is_said(case: str) -> None:
    traits, never = NEVER[case]
    ((_, harm),) = choose(START, False, traits).against
    assert ("can never start beside the old one" in harm) == never


ASKED: dict[str, tuple[str | None, Order | None, Order | None]] = {
    "nobody": (None, None, None),
    "Compose": (None, START, START),
    "the manifest": ("start-first", None, START),
    "the manifest over Compose": ("stop-first", START, STOP),
    "the manifest has it chosen, whatever Compose says": ("auto", START, None),
}


@pytest.mark.parametrize("case", ASKED)
def test_who_asks(case: str) -> None:
    said, composed, asked = ASKED[case]
    assert asked_order(said, composed) is asked
