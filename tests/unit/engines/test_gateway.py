"""Which address of the default bridge is its gateway, as engines of several ages tell it."""

from __future__ import annotations

from typing import Any

import pytest

from controller.engines.gateway import read_gateway

pytestmark = pytest.mark.unit

FOUR, SIX = {"Subnet": "172.17.0.0/16", "Gateway": "172.17.0.1"}, {"Subnet": "fd00::/64", "Gateway": "fd00::1/64"}


@pytest.mark.parametrize(
    ("pools", "gateway"),
    [
        ([FOUR], "172.17.0.1"),
        ([{"Subnet": "172.17.0.0/16", "Gateway": "172.17.5.1"}], "172.17.5.1"),
        ([{"Subnet": "172.17.0.0/16"}], "172.17.0.1"),
        ([{"Subnet": "172.17.5.1/16"}], "172.17.0.1"),
        ([SIX, FOUR], "172.17.0.1"),
        ([SIX], "fd00::1"),
        ([{}], None),
        ([], None),
        (None, None),
    ],
    ids=[
        "told", "set by hand", "Docker 20.10 does not tell", "a subnet with host bits", "IPv4 first", "IPv6 alone",
        "nothing told", "no pool", "no list",
    ],
)  # fmt: skip
def test_the_gateway(pools: Any, gateway: str | None) -> None:
    assert read_gateway({"IPAM": {"Config": pools}}) == gateway
