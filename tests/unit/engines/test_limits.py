"""Limits that a hand set otherwise: each is named, with what takes it back where that can be had in place."""

from __future__ import annotations

from typing import Any

import pytest

from controller.engines.limits import find_limits, update_body
from controller.model.observed import Difference
from tests.unit.engines.requests import request

pytestmark = [pytest.mark.unit, pytest.mark.fault("W10")]

MIB = 2**20
ALL = tuple(f"HostConfig.{name}" for name in ("Memory", "MemorySwap", "NanoCpus", "PidsLimit", "RestartPolicy"))
MADE = {"Memory": 64 * MIB, "NanoCpus": 500_000_000, "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3}}


def seen(**changed: Any) -> dict[str, Any]:
    """As the engine shows what was made so: with its own defaults."""
    host = {"MemorySwap": 128 * MIB, "CpuShares": 0, "CpusetCpus": "", "PidsLimit": None, "BlkioWeight": 0}
    return {"HostConfig": {**host, **MADE, **changed}}


def test_what_is_as_made_needs_nothing() -> None:
    assert find_limits(request(host=MADE), seen()) == ()
    assert update_body(request(host=MADE), seen(PidsLimit=0, CpuQuota=-1), ALL) == {}
    assert find_limits(request(), {"HostConfig": {"RestartPolicy": {"Name": ""}, "MemorySwap": 0}}) == ()


@pytest.mark.parametrize(
    ("changed", "found", "body"),
    [
        (
            {"Memory": 128 * MIB, "MemorySwap": 128 * MIB},
            Difference("HostConfig.Memory", "64 MiB", "128 MiB"),
            {"Memory": 64 * MIB, "MemorySwap": 128 * MIB},
        ),
        (
            {"NanoCpus": 2_000_000_000},
            Difference("HostConfig.NanoCpus", "0.5 CPUs", "2 CPUs"),
            {"NanoCpus": 500_000_000},
        ),
        ({"PidsLimit": 50}, Difference("HostConfig.PidsLimit", "none", "50"), {"PidsLimit": 0}),
        (
            {"RestartPolicy": {"Name": "always", "MaximumRetryCount": 0}},
            Difference("HostConfig.RestartPolicy", "on-failure:3", "always"),
            {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3}},
        ),
        ({"CpuShares": 512}, Difference("HostConfig.CpuShares", "none", "512", in_place=False), {}),
        ({"CpusetCpus": "0"}, Difference("HostConfig.CpusetCpus", "none", "0", in_place=False), {}),
        ({"MemorySwap": -1}, None, {}),
        ({"Memory": 0, "NanoCpus": None}, None, {}),  # a kernel that cannot
    ],
)
def test_each_touch(changed: dict[str, Any], found: Difference | None, body: dict[str, Any]) -> None:
    assert find_limits(request(host=MADE), seen(**changed)) == ((found,) if found else ())
    assert update_body(request(host=MADE), seen(**changed), ALL) == body


def test_swap_that_was_asked_for_counts_and_comes_back() -> None:
    made = request(host={**MADE, "MemorySwap": 96 * MIB})
    (found,) = find_limits(made, seen(MemorySwap=128 * MIB))
    assert found == Difference("HostConfig.MemorySwap", "96 MiB", "128 MiB")
    assert update_body(made, seen(Memory=32 * MIB, MemorySwap=96 * MIB), ALL) == {
        "Memory": 64 * MIB,
        "MemorySwap": 96 * MIB,
    }
    unbound = request(host={**MADE, "MemorySwap": -1})
    assert update_body(unbound, seen(Memory=32 * MIB), ALL)["MemorySwap"] == -1


def test_only_what_is_asked_for_is_set_back() -> None:
    changed = seen(Memory=128 * MIB, MemorySwap=128 * MIB, PidsLimit=50)
    assert update_body(request(host=MADE), changed, ("HostConfig.PidsLimit",)) == {"PidsLimit": 0}
    assert update_body(request(host=MADE), changed, ()) == {}
