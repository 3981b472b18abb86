"""Docker's answers about use, as engines under cgroup v1 and v2 give them."""

from __future__ import annotations

from typing import Any

import pytest

from controller.engines.stats import parse_stats
from controller.model.usage import Counters

pytestmark = pytest.mark.unit

HOST = 8 << 30
V1: dict[str, Any] = {
    "pids_stats": {"current": 2},
    "blkio_stats": {"io_service_bytes_recursive": [{"op": "Read", "value": 7}, {"op": "Write", "value": 5}]},
    "cpu_stats": {"cpu_usage": {"total_usage": 30_000_000}},
    "memory_stats": {
        "usage": 600,
        "limit": 1000,
        "stats": {"inactive_file": 1, "total_inactive_file": 500, "total_active_file": 40},
    },
    "networks": {"eth0": {"rx_bytes": 290, "tx_bytes": 1}, "eth1": {"rx_bytes": 10, "tx_bytes": 2}},
}
USED = Counters(1.0, None, 0.03, 0.5, 100, 1000, 300, 3, 7, 5, 2, 40)
LOWER = {"blkio_stats": {"io_service_bytes_recursive": [{"op": "read", "value": 7}, {"op": "write", "value": 5}]}}
V2 = {**V1, **LOWER, "memory_stats": {"usage": 600, "limit": 1000, "stats": {"inactive_file": 500, "active_file": 40}}}


@pytest.mark.parametrize("answer", [V1, V2], ids=["v1", "v2"])
def test_what_is_told(answer: dict[str, Any]) -> None:
    assert parse_stats(answer, 1.0, memory_of_host=HOST, cpu_limit=0.5) == USED


def test_the_hosts_memory_is_no_limit() -> None:
    answer = {**V1, "memory_stats": {"usage": 600, "limit": HOST, "stats": {}}}
    found = parse_stats(answer, 1.0, memory_of_host=HOST, cpu_limit=None)
    assert (found.memory, found.memory_limit) == (600, None)


def test_what_is_not_told_is_not_known() -> None:
    """A container that has just ended, and one on the host's network."""
    found = parse_stats({"memory_stats": {}, "blkio_stats": {}}, 1.0, memory_of_host=HOST, cpu_limit=None)
    assert found == Counters(1.0, read=0, written=0)
