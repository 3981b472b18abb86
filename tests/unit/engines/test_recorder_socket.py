"""The recording socket has room for a call of every service of a large project at once."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from controller.engines.client import Client
from controller.engines.recorder import _Server
from controller.engines.recording import Recorder, read_facts
from controller.engines.transport import Endpoint
from controller.model.project import RenderedProject

pytestmark = pytest.mark.unit


def test_as_many_calls_wait_to_be_taken_as_the_kernel_allows(tmp_path: Path) -> None:
    allowed = int(Path("/proc/sys/net/core/somaxconn").read_text())
    recorder = Recorder(read_facts(RenderedProject("shop", {"services": {}}), {}))
    with ExitStack() as stack:
        server = stack.enter_context(_Server(tmp_path / "d.sock", recorder, Client(Endpoint())))
        for _ in range(min(allowed, 500)):  # nobody takes them: a call that finds no room fails at once
            caller = stack.enter_context(socket.socket(socket.AF_UNIX))
            caller.setblocking(False)
            caller.connect(str(server.path))
