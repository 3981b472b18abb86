"""Who listens on a host port, by the kernel's own tables; which address stands in which one's way."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from controller.engines.ports import find_taken
from controller.engines.template import Request
from tests.unit.engines.requests import request

pytestmark = [pytest.mark.unit, pytest.mark.fault("I4")]

HEAD = "  sl  local_address rem_address   st tx_queue\n"


def publishing(*bindings: tuple[str, str], inside: str = "80/tcp") -> Request:
    ports = {inside: [{"HostIp": ip, "HostPort": port} for ip, port in bindings]}
    return request(host={"PortBindings": ports})


@pytest.mark.parametrize(
    "socket_, binding, taken",
    [
        ("0100007F:1F90 00000000:0000 0A", ("127.0.0.1", "8080"), ("8080/tcp",)),
        ("0100007F:1F90 00000000:0000 0A", ("", "8080"), ("8080/tcp",)),
        ("0100007F:1F90 00000000:0000 0A", ("127.0.0.2", "8080"), ()),
        ("00000000:1F90 00000000:0000 0A", ("127.0.0.2", "8080"), ("8080/tcp",)),
        ("0100007F:1F90 0100007F:1F91 01", ("127.0.0.1", "8080"), ()),
        ("0100007F:1F91 00000000:0000 0A", ("127.0.0.1", "8080"), ()),
        ("00000000:1F90 00000000:0000 0A", ("", "8080-8090"), ()),
        ("00000000:1F90 00000000:0000 0A", ("", ""), ()),
    ],
    ids=[
        "the same address",
        "every address wants this one too",
        "another address",
        "somebody has every address",
        "a connection is no listener",
        "another port",
        "a range leaves a choice",
        "no port leaves every choice",
    ],
)
def test_taken(tmp_path: Path, socket_: str, binding: tuple[str, str], taken: tuple[str, ...]) -> None:
    (tmp_path / "tcp").write_text(f"{HEAD}   0: {socket_} 00000000:00000000\n")
    assert find_taken(publishing(binding), tmp_path) == taken


def test_a_real_listener_is_found_until_it_is_gone() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert find_taken(publishing(("127.0.0.1", str(port)))) == (f"{port}/tcp",)
    assert find_taken(publishing(("127.0.0.1", str(port)))) == ()


def test_without_tables_nothing_is_known_to_be_taken(tmp_path: Path) -> None:
    assert find_taken(publishing(("", "8080")), tmp_path) == ()
