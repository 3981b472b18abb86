"""The request for a container of our own: what it may not do, and what makes it another one."""

from dataclasses import replace

import pytest

from controller.engines.own import contents, create_body
from controller.model.own import Bind, OwnSpec, Publish, Role

pytestmark = pytest.mark.unit

SPEC = OwnSpec(
    stack="shop",
    role=Role.INGRESS,
    name="controller-ingress-shop",
    image="haproxy:3.0",
    command=("haproxy", "-W"),
    user="1000:1000",
    networks=("shop_front", "shop_back"),
    publish=(Publish(80, 80), Publish(80, 49152, "127.0.0.1"), Publish(443, 443)),
    binds=(Bind("/s/conf", "/conf"), Bind("/s/run", "/run", read_only=False)),
    memory=1024,
)


def test_it_gets_no_more_than_it_needs() -> None:
    host = create_body(SPEC)["HostConfig"]
    assert (host["ReadonlyRootfs"], host["CapDrop"], host["SecurityOpt"]) == (True, ["ALL"], ["no-new-privileges"])
    assert host["Binds"] == ["/s/conf:/conf:ro", "/s/run:/run:rw"]
    assert "Privileged" not in host and "CapAdd" not in host and host["Memory"] == 1024


def test_it_carries_our_labels_and_none_of_composes() -> None:
    marks = create_body(SPEC)["Labels"]
    assert marks == {"controller.stack": "shop", "controller.role": "ingress", "controller.contents": contents(SPEC)}


def test_host_ports_lead_to_the_ports_inside() -> None:
    body = create_body(SPEC)
    assert body["HostConfig"]["PortBindings"] == {
        "80/tcp": [{"HostIp": "", "HostPort": "80"}],
        "49152/tcp": [{"HostIp": "127.0.0.1", "HostPort": "80"}],
        "443/tcp": [{"HostIp": "", "HostPort": "443"}],
    }
    assert set(body["ExposedPorts"]) == {"80/tcp", "443/tcp", "49152/tcp"}


@pytest.mark.parametrize(
    "other",
    [
        replace(SPEC, image="haproxy:3.1"),
        replace(SPEC, command=("haproxy",)),
        replace(SPEC, user="0:0"),
        replace(SPEC, publish=SPEC.publish[:1]),
        replace(SPEC, binds=SPEC.binds[:1]),
        replace(SPEC, memory=2048),
        replace(SPEC, stop_signal="SIGUSR1"),
    ],
)
def test_what_cannot_be_changed_in_place_makes_it_another_one(other: OwnSpec) -> None:
    assert contents(other) != contents(SPEC)


@pytest.mark.parametrize(
    "same", [replace(SPEC, networks=("shop_back",)), replace(SPEC, publish=SPEC.publish[::-1]), replace(SPEC, name="x")]
)
def test_what_can_be_changed_in_place_or_means_nothing_does_not(same: OwnSpec) -> None:
    assert contents(same) == contents(SPEC)
