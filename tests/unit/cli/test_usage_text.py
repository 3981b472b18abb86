"""What is used, for people and for programs."""

from __future__ import annotations

import re

import pytest

from controller.model.quantities import octets, tell_octets
from controller.model.usage import Figures, HostUsage, ServiceUsage, Usage, UsagePoint, UsageSeries
from controller.render.usage import figures_data, history_data, series_data, usage_data, usage_lines
from tests.builders import NOW

pytestmark = pytest.mark.unit

MIB = 1 << 20
WEB = Figures(0.25, 90 * MIB, 100 * MIB, 1024.0, 512.0, 0.0, 10.0, 7, 1.0)
DB = Figures(1.5, 30 * MIB, None, None, None, 0.0, 0.0, 3)
HOST = HostUsage(2, 0.5, (1.0, 0.5, 0.25), 8 << 30, 6 << 30, 0, 0, "/var/lib/docker", 100 << 30, 40 << 30)
USAGE = Usage(
    NOW,
    HOST,
    {
        "shop": {
            "web": ServiceUsage(WEB, {"shop-web-1": WEB}, {"jobs": 3.0}),
            "db": ServiceUsage(DB),
            "job": ServiceUsage(),
        }
    },
)


def test_a_table() -> None:
    assert [re.split(r" {3,}", line) for line in usage_lines(USAGE)] == [
        ["NAME", "CPU", "MEMORY", "LIMIT", "NET I/O", "BLOCK I/O", "PIDS"],
        ["db", "1500m", "30Mi", "<none>", "<unknown>", "0B/s / 0B/s", "3"],
        ["job", *["<unknown>"] * 6],
        ["web", "250m", "90Mi", "100Mi", "1Ki/s / 512B/s", "0B/s / 10B/s", "7"],
    ]


@pytest.mark.parametrize(
    ("sort", "order"),
    [("name", ["db", "job", "web"]), ("cpu", ["db", "web", "job"]), ("memory", ["web", "db", "job"])],
)
def test_what_comes_first(sort: str, order: list[str]) -> None:
    assert [line.split()[0] for line in usage_lines(USAGE, sort=sort)[1:]] == order


def test_replicas_and_stacks() -> None:
    assert [line.split()[0] for line in usage_lines(USAGE, wide=True)][-1] == "shop-web-1"
    two = Usage(NOW, HOST, {**USAGE.stacks, "blog": {"web": ServiceUsage(WEB)}})
    assert [line.split()[:2] for line in usage_lines(two)][:2] == [["STACK", "NAME"], ["blog", "web"]]


def test_memory_near_its_limit_is_marked() -> None:
    painted = usage_lines(USAGE, paint=lambda text, role: f"<{role}>{text}")
    assert "<warn>90Mi" in painted[3] and "<warn>" not in painted[1]


def test_shapes() -> None:
    shown = usage_data(USAGE)
    assert shown["at"].endswith("Z")
    assert shown["host"]["load"] == [1.0, 0.5, 0.25] and shown["host"]["diskFree"] == 40 << 30
    web = shown["stacks"]["shop"]["web"]
    assert web["total"] == web["replicas"]["shop-web-1"] == {
        "cpu": 0.25, "memory": 90 * MIB, "memoryLimit": 100 * MIB, "received": 1024.0, "sent": 512.0, "read": 0.0,
        "written": 10.0, "processes": 7,
    }  # fmt: skip
    assert web["custom"] == {"jobs": 3.0}
    assert set(figures_data(Figures()).values()) == {None}


def test_shapes_of_history() -> None:
    series = UsageSeries("web", 60.0, (UsagePoint(NOW, WEB, 0.9, 95 * MIB),))
    (shown,) = series_data([series])["series"]
    assert (shown["service"], shown["step"]) == ("web", 60.0)
    assert shown["points"][0].items() >= {"cpu": 0.25, "cpuMost": 0.9, "memoryMost": 95 * MIB}.items()
    assert series_data([UsageSeries("", 60.0)])["series"][0]["service"] is None
    machine = UsageSeries("", 15.0, (UsagePoint(NOW, WEB),))
    assert history_data({"shop": [series]}, None) == {"series": [{"stack": "shop", **shown}], "host": None}
    host = history_data({}, machine)["host"]
    assert (host["step"], host["points"][0]["cpu"]) == (15.0, 0.25)


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0B"), (999, "999B"), (1000, "0.977Ki"), (1536, "1.5Ki"), (512 * MIB, "512Mi"), (3 << 40, "3Ti")],
)
def test_sizes(size: int, text: str) -> None:
    assert tell_octets(size) == text
    assert octets(text) == pytest.approx(size, rel=0.001)
