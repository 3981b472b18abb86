"""Who listens on a host port, by the kernel's own tables; which address stands in which one's way."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from controller.engines.ports import Sockets, find_fixed
from controller.engines.template import Request
from tests.unit.engines.requests import request

pytestmark = [pytest.mark.unit, pytest.mark.fault("I4")]

HEAD = "  sl  local_address rem_address   st tx_queue\n"


def publishing(*bindings: tuple[str, str], inside: str = "80/tcp") -> Request:
    ports = {inside: [{"HostIp": ip, "HostPort": port} for ip, port in bindings]}
    return request(host={"PortBindings": ports})


def find_taken(request: Request, sockets: Sockets) -> tuple[str, ...]:
    return tuple(port.name for port in find_fixed(request) if sockets.beside(port))


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
    assert find_taken(publishing(binding), Sockets(tmp_path)) == taken


LOOPBACK6 = "00000000000000000000000001000000"
MAPPED = "0000000000000000FFFF00000100007F"


@pytest.mark.parametrize(
    "table, address, ip, taken",
    [
        ("tcp6", LOOPBACK6, "0.0.0.0", False),
        ("tcp6", LOOPBACK6, "127.0.0.1", False),
        ("tcp6", LOOPBACK6, "::1", True),
        ("tcp6", LOOPBACK6, "::2", False),
        ("tcp6", LOOPBACK6, "::", True),
        ("tcp6", LOOPBACK6, "", True),
        ("tcp6", "0" * 32, "127.0.0.1", True),
        ("tcp6", "0" * 32, "0.0.0.0", True),
        ("tcp6", MAPPED, "127.0.0.1", True),
        ("tcp6", MAPPED, "127.0.0.2", False),
        ("tcp6", MAPPED, "0.0.0.0", True),
        ("tcp6", MAPPED, "::1", False),
        ("tcp", "0100007F", "::1", False),
        ("tcp", "0" * 8, "::1", False),
        ("tcp", "0100007F", "::", False),
        ("tcp", "0100007F", "nonsense", False),
    ],
)
def test_only_what_takes_both_families_is_in_the_way_of_the_other(
    tmp_path: Path, table: str, address: str, ip: str, taken: bool
) -> None:
    (tmp_path / table).write_text(f"{HEAD}   0: {address}:1F90 {'0' * len(address)}:0000 0A 00000000:00000000\n")
    assert bool(find_taken(publishing((ip, "8080")), Sockets(tmp_path))) is taken


@pytest.mark.parametrize(
    "address, v6only, ip, taken",
    [("::1", True, "0.0.0.0", False), ("::ffff:127.0.0.1", False, "127.0.0.1", True), ("::1", True, "::1", True)],
)
def test_the_kernel_writes_addresses_of_ipv6_as_they_are_compared(
    address: str, v6only: bool, ip: str, taken: bool
) -> None:
    with socket.socket(socket.AF_INET6) as listener:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, v6only)
        try:
            listener.bind((address, 0))
        except OSError:
            pytest.skip("this machine has no IPv6")
        listener.listen()
        port = listener.getsockname()[1]
        assert find_taken(publishing((ip, str(port))), Sockets()) == ((f"{port}/tcp",) if taken else ())


def test_a_real_listener_is_found_until_it_is_gone() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert find_taken(publishing(("127.0.0.1", str(port))), Sockets()) == (f"{port}/tcp",)
    assert find_taken(publishing(("127.0.0.1", str(port))), Sockets()) == ()


def test_without_tables_nothing_is_known_to_be_taken(tmp_path: Path) -> None:
    assert find_taken(publishing(("", "8080")), Sockets(tmp_path)) == ()
