"""How far the engine's clock is from ours: measured seldom, and at once where ours was set."""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from controller.engines import vantage
from controller.engines.transport import Endpoint
from controller.engines.vantage import Vantage, is_same_machine, is_taken

pytestmark = pytest.mark.unit

BEGUN = 1_700_000_000.0


class Far:
    """An engine elsewhere, whose clock goes right, and our two clocks."""

    endpoint = Endpoint("tcp://h:1")

    def __init__(self) -> None:
        self.passed, self.set_by, self.asked = 1000.0, 0.0, 0

    def time(self) -> float:
        return BEGUN + self.passed + self.set_by

    def monotonic(self) -> float:
        return self.passed

    def get(self, path: str, *, deadline: float) -> dict[str, Any]:
        assert path == "/info"
        self.asked += 1
        return {"ID": "far", "SystemTime": datetime.fromtimestamp(BEGUN + self.passed, UTC).isoformat()}


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch) -> Far:
    made = Far()
    monkeypatch.setattr(vantage, "time", made)
    return made


@pytest.mark.fault("S3")
@pytest.mark.parametrize(
    ("later", "set_by", "ahead", "asked"),
    [
        pytest.param(60.0, 0.0, 0.0, 1, id="nothing has changed: not asked again"),
        pytest.param(601.0, 0.0, 0.0, 2, id="ten minutes later: asked again"),
        pytest.param(60.0, -3600.0, 3600.0, 2, id="our clock was set back"),
        pytest.param(60.0, 3600.0, -3600.0, 2, id="our clock was set forth"),
        pytest.param(60.0, -0.5, 0.0, 1, id="our clock was set by a hair"),
    ],
)
def test_its_distance_from_our_clock(far: Far, later: float, set_by: float, ahead: float, asked: int) -> None:
    made = Vantage(far)  # type: ignore[arg-type]
    assert made.lens((), deadline=1.0).ahead == 0.0
    far.passed, far.set_by = far.passed + later, set_by
    for _ in range(3):
        assert made.lens((), deadline=1.0).ahead == pytest.approx(ahead)
    assert far.asked == asked


@pytest.mark.parametrize(
    ("options", "rootless"),
    [
        (["name=seccomp,profile=default", "name=rootless"], True),
        (["name=seccomp,profile=default"], False),
        (None, False),
    ],
)
def test_whether_the_engine_is_rootless_is_asked_once(options: list[str] | None, rootless: bool) -> None:
    asked: list[str] = []

    def get(path: str, **_: Any) -> dict[str, Any]:
        asked.append(path)
        return {"ID": "x", "SecurityOptions": options}

    made = Vantage(SimpleNamespace(endpoint=Endpoint(), get=get))  # type: ignore[arg-type]
    assert [made.is_rootless(deadline=1.0) for _ in range(2)] == [rootless, rootless]
    assert asked == ["/info"]


@pytest.mark.parametrize(
    ("info", "same"),
    [
        pytest.param({"KernelVersion": "6.1", "MemTotal": 8000}, True, id="this machine"),
        pytest.param({"KernelVersion": "6.1", "MemTotal": 7950}, True, id="a balloon"),
        pytest.param({"KernelVersion": "6.1-linuxkit", "MemTotal": 8000}, False, id="another kernel (Docker Desktop)"),
        pytest.param({"KernelVersion": "6.1", "MemTotal": 16000}, False, id="more memory than we see (lxcfs)"),
        pytest.param({"KernelVersion": "6.1"}, False, id="it does not tell its memory"),
        pytest.param({"MemTotal": 8000}, False, id="it does not tell its kernel"),
    ],
)
def test_whether_the_engine_runs_on_this_machine(info: dict[str, Any], same: bool) -> None:
    assert is_same_machine(info, "6.1", 8000) is same
    assert not is_same_machine(info, "6.1", None)


def test_an_engine_behind_a_network_is_never_this_machine() -> None:
    here = {"KernelVersion": os.uname().release, "MemTotal": psutil.virtual_memory().total}
    for host, same in (("unix:///x.sock", True), ("tcp://127.0.0.1:2375", False), ("ssh://me@there", False)):
        made = Vantage(SimpleNamespace(endpoint=Endpoint(host)))  # type: ignore[arg-type]
        assert made.shares_machine(here) is same, host


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", ""])
def test_a_port_is_taken_while_somebody_listens_there(address: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        other.listen()
        assert is_taken(address, port)
    assert not is_taken(address, port)


def test_a_port_that_is_not_ours_to_bind_is_knocked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        other.listen()
        monkeypatch.setattr(socket.socket, "bind", refuse)
        assert is_taken("0.0.0.0", port) and is_taken("127.0.0.1", port)
    assert not is_taken("127.0.0.1", port)
