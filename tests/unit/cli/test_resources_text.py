"""`controller resources`: the table and the data."""

from __future__ import annotations

import pytest

from controller.model.advice import LimitStatus, Recommendation, Resource, ServiceLimits, StackLimits, Use
from controller.model.resources import AdjustMode
from controller.render.resources import limit_lines, limits_data

pytestmark = pytest.mark.unit

MIB = 2**20
USE = Use(61 * MIB, 60 * MIB, 63 * MIB, 60 * MIB, 0.0, 1800.0, 120)
MORE = Recommendation(
    Resource.MEMORY, 64 * MIB, 80 * MIB, 76 * MIB, "uses 61Mi, at most 63Mi in 30m", waits="changed 3m ago"
)
NO_LIMIT = Recommendation(Resource.CPU, None, 0.25, 0.25, "uses 200m", barred="the Compose file sets no limit")
IDLE = LimitStatus(Resource.CPU)
WEB = ServiceLimits(
    "web",
    (LimitStatus(Resource.MEMORY, 16 * MIB, 64 * MIB, 64 * MIB, 24 * MIB, 128 * MIB, USE, MORE), IDLE),
)
ADJUSTED = ServiceLimits(
    "db",
    (
        LimitStatus(Resource.MEMORY, None, 80 * MIB, 64 * MIB, None, 128 * MIB, None),
        LimitStatus(Resource.CPU, 0.1, None, None, None, None, Use(0.2, 0.2, 0.2, 0.2), NO_LIMIT),
    ),
    since=1_000_000.0,
    why="memory 64Mi → 80Mi",
    held=True,
)
SHOP = StackLimits("shop", AdjustMode.APPLY, (ADJUSTED, WEB))


def test_the_table() -> None:
    header, *rows = limit_lines([SHOP])
    assert header == "NAME   RESOURCE   RESERVED   LIMIT    USED        P95         RECOMMENDED   WHY"
    columns = [row[:76].rstrip() for row in rows]
    assert columns == [
        "db     memory     <none>     80Mi*    <unknown>   <unknown>   <none>",
        "db     cpu        100m       <none>   200m        200m        250m",
        "web    memory     16Mi       64Mi     61Mi        60Mi        80Mi",
    ]
    assert [row[76:] for row in rows] == [
        "the Compose file says 64Mi; undone by a person: `controller resources resume db` lets it follow use again;"
        " not measured lately: `controller run` measures",
        "uses 200m; the Compose file sets no limit",
        "uses 61Mi, at most 63Mi in 30m; changed 3m ago",
    ]


def test_cores_that_nobody_limits_are_shown_where_all_is_wanted_and_stacks_are_told_apart() -> None:
    lines = limit_lines([SHOP, StackLimits("other", services=(WEB,))], wide=True)
    assert [line.split()[:3] for line in lines[1:]] == [
        ["shop", "db", "memory"], ["shop", "db", "cpu"], ["shop", "web", "memory"], ["shop", "web", "cpu"],
        ["other", "web", "memory"], ["other", "web", "cpu"],
    ]  # fmt: skip


def test_the_data() -> None:
    (stack,) = limits_data([SHOP])["stacks"]
    db, web = stack["services"]
    assert (stack["name"], stack["mode"]) == ("shop", "apply")
    assert (db["changedAt"], db["why"], db["held"]) == ("1970-01-12T13:46:40.000Z", "memory 64Mi → 80Mi", True)
    assert db["memory"] == {
        "reserved": None, "limit": 80 * MIB, "original": 64 * MIB, "adjusted": True, "min": None, "max": 128 * MIB,
        "used": None, "p95": None, "peak": None, "seconds": None, "recommended": None,
    }  # fmt: skip
    assert db["cpu"]["recommended"] == {
        "limit": 0.25, "next": 0.25, "why": "uses 200m", "possible": False, "waits": "the Compose file sets no limit",
    }  # fmt: skip
    assert web["memory"]["recommended"] == {
        "limit": 80 * MIB, "next": 76 * MIB, "why": MORE.why, "possible": True, "waits": "changed 3m ago",
    }  # fmt: skip
    assert (web["memory"]["peak"], web["memory"]["seconds"], web["why"]) == (63 * MIB, 1800.0, None)
