"""Where a container stands and where it listens, from inspects and from the kernel's tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from controller.engines.knockscript import by_python, by_shell, read_script
from controller.engines.spots import Namespace, hears, make_spot, read_networks
from controller.model.reach import Answer, HostPort

pytestmark = pytest.mark.unit

ME = "a" * 64
HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def row(address: str, port: int, state: str = "0A", inode: int = 7) -> str:
    rest = f"00000000:00000000 00:00000000 00000000     0        0 {inode}"
    return f"   0: {address}:{port:04X} 00000000:0000 {state} {rest}\n"


TCP = [
    row("00000000", 80),
    row("0100007F", 9000),
    row("0B00007F", 44444),
    row("0400000A", 5432),
    row("0400000A", 6000, "01"),
]
TCP6 = [
    row("0" * 32, 8080),
    row("00000000000000000000000001000000", 9001),
    row("0000000000000000FFFF00000100007F", 9002),
    row("0000000000000000FFFF00000400000A", 9003),
]


def make_proc(folder: Path, pid: int = 42, container: str = ME) -> Path:
    net = folder / str(pid) / "net"
    net.mkdir(parents=True)
    (folder / str(pid) / "cgroup").write_text(f"0::/system.slice/docker-{container}.scope\n")
    (net / "tcp").write_text(HEAD + "".join(TCP))
    (net / "tcp6").write_text(HEAD + "".join(TCP6))
    return folder


def test_ports_are_those_that_others_can_reach(tmp_path: Path) -> None:
    assert Namespace(42, ME).ports(proc=make_proc(tmp_path)) == {80, 5432, 8080, 9003}


@pytest.mark.parametrize("pid", [0, 43])
def test_a_process_that_cannot_be_looked_into_tells_nothing(tmp_path: Path, pid: int) -> None:
    assert Namespace(pid, ME).ports(proc=make_proc(tmp_path)) is None


def test_a_number_that_is_another_process_by_now_tells_nothing(tmp_path: Path) -> None:
    assert Namespace(42, "b" * 64).ports(proc=make_proc(tmp_path)) is None


def test_the_same_of_lines_read_within_with_one_cut_off() -> None:
    assert hears([TCP[0][40:], *TCP, *TCP6]) == {80, 5432, 8080, 9003}
    assert hears([]) == frozenset()


def inspect(name: str = ME, mode: str = "shop_front", **more: Any) -> dict[str, Any]:
    networks = {
        "shop_front": {"IPAddress": "10.0.0.2", "NetworkID": "n1"},
        "shop_dual": {"IPAddress": "10.0.1.2", "GlobalIPv6Address": "fd00::2", "NetworkID": "n2"},
        "shop_gone": {"IPAddress": "", "NetworkID": "n3"},
    }
    return {
        "Id": name,
        "Name": "/shop-web-1",
        "HostConfig": {"NetworkMode": mode},
        "Config": {
            "Labels": {"com.docker.compose.project": "shop", "com.docker.compose.service": "web"},
            "ExposedPorts": {"80/tcp": {}, "53/udp": {}},
        },
        "NetworkSettings": {"Networks": networks, "Ports": more.pop("ports", {})},
        **more,
    }


NETWORKS = read_networks(
    [
        {"Id": "n1", "Driver": "bridge", "IPAM": {"Config": [{"Subnet": "10.0.0.0/24", "Gateway": "10.0.0.1"}]}},
        {"Id": "n2", "Driver": "bridge", "IPAM": {"Config": [{"Subnet": "10.0.1.0/24"}, {"Gateway": "fd00::1"}]}},
        {"Id": "n3", "Driver": "overlay", "IPAM": {"Config": [{"Gateway": "10.0.3.1"}]}},
        {"Id": "n4", "Driver": "null", "IPAM": {"Config": None}},
    ]
)


def test_a_replica_on_its_networks() -> None:
    ports = {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}], "53/udp": [{"HostIp": "", "HostPort": "53"}]}
    spot = make_spot(inspect(ports=ports), {}, NETWORKS, frozenset({80, 9}))
    assert (spot.name, spot.service, spot.space, spot.on_host) == ("web-1", "web", ME, False)
    assert spot.addresses == {"shop_front": ("10.0.0.2",), "shop_dual": ("10.0.1.2", "fd00::2")}
    assert spot.gateways == ("10.0.0.1", "10.0.1.1", "fd00::1")
    assert (spot.ports, spot.heard, spot.published) == ((9, 80), True, (HostPort("0.0.0.0", 8080, 80),))


def test_ports_that_nobody_could_hear_are_those_of_its_definition() -> None:
    spot = make_spot(inspect(), {}, NETWORKS, None)
    assert (spot.ports, spot.heard) == ((80,), False)


def test_one_in_anothers_namespace_stands_where_that_one_stands() -> None:
    owner, sharer = inspect("b" * 64), inspect(mode=f"container:{'b' * 64}")
    sharer["NetworkSettings"] = {"Networks": {}, "Ports": {}}
    spot = make_spot(sharer, {owner["Id"]: owner}, NETWORKS, frozenset())
    assert spot.space == "b" * 64 and spot.addresses["shop_front"] == ("10.0.0.2",)


def test_one_on_the_machines_own_network() -> None:
    spot = make_spot(inspect(mode="host"), {}, NETWORKS, frozenset({80}))
    assert (spot.on_host, spot.space, spot.addresses, spot.gateways) == (True, "host", {}, ("127.0.0.1",))


def test_what_a_script_in_it_answered() -> None:
    found = read_script("0 open\n1 refused\nnoise\n2 silent\n3 nameless\n4 unknown\n5 maybe\n")
    assert {number: knocked.answer for number, knocked in found.items()} == {
        0: Answer.OPEN, 1: Answer.REFUSED, 2: Answer.SILENT, 3: Answer.NAMELESS, 4: Answer.UNKNOWN,
    }  # fmt: skip
    assert found[4].reason and read_script("none\n") == {}


def test_hosts_and_ports_go_to_a_script_as_words_never_as_its_text() -> None:
    knocks = [("db; rm -rf /", 80)]
    assert by_shell(knocks)[3:] == ["sh", "0", "db; rm -rf /", "80"] and "rm -rf" not in by_shell(knocks)[2]
    assert by_python(knocks, 0.3)[3] == '[[0, "db; rm -rf /", 80]]' and "rm -rf" not in by_python(knocks, 0.3)[2]
