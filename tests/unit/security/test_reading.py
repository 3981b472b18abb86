"""Every form in which Compose takes a mount, a port, a limit: as written, as rendered, as an engine tells it."""

from __future__ import annotations

from typing import Any

import pytest

from controller.security.images import ImageName, is_data_tier, is_mutable, parse
from controller.security.paths import is_below, is_engine_socket, is_home, tidy
from controller.security.reading import (
    Mounted,
    capabilities,
    devices,
    is_true,
    limit,
    mounts,
    networks,
    octets,
    options,
    pairs,
    sought,
    tmpfs,
    words,
)
from controller.security.spans import Published, ports, span

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("/data", Mounted(0, "volume", "", "/data")),
        ("data:/data", Mounted(0, "volume", "data", "/data")),
        ("data:/data:ro", Mounted(0, "volume", "data", "/data", read_only=True)),
        ("./a:/b", Mounted(0, "bind", "./a", "/b")),
        ("~/.ssh:/b:ro,z", Mounted(0, "bind", "~/.ssh", "/b", read_only=True)),
        ("/a:/b:rw,rshared", Mounted(0, "bind", "/a", "/b", propagation="rshared")),
        ("${HOME}/a:/b", Mounted(0, "bind", "${HOME}/a", "/b")),
        ("${A:-/etc}:/b:ro", Mounted(0, "volume", "${A:-/etc}", "/b", read_only=True)),
        ({"type": "bind", "source": "/a", "target": "/b"}, Mounted(0, "bind", "/a", "/b")),
        ({"source": "/a", "target": "/b", "read_only": True}, Mounted(0, "bind", "/a", "/b", read_only=True)),
        (
            {"type": "bind", "source": "/a", "target": "/b", "bind": {"propagation": "slave"}},
            Mounted(0, "bind", "/a", "/b", propagation="slave"),
        ),
        ({"type": "tmpfs", "target": "/b"}, Mounted(0, "tmpfs", "", "/b")),
        ({"type": "volume", "target": "/b"}, Mounted(0, "volume", "", "/b")),
    ],
)
def test_mounts(written: Any, expected: Mounted) -> None:
    assert list(mounts({"volumes": [written]})) == [expected]


def test_what_is_looked_for() -> None:
    assert sought(Mounted(0, "bind", "/srv/shop/a", "/b"), "/srv/shop") == "/srv/shop/a\n./a\n/b"
    assert sought(Mounted(0, "volume", "", "/b"), "/srv/shop") == "/b"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (80, Published(0, "", None, (80, 80))),
        ("80", Published(0, "", None, (80, 80))),
        ("8080:80", Published(0, "", (8080, 8080), (80, 80))),
        ("8080:80/udp", Published(0, "", (8080, 8080), (80, 80), "udp")),
        ("127.0.0.1:8080:80", Published(0, "127.0.0.1", (8080, 8080), (80, 80))),
        ("127.0.0.1::80", Published(0, "127.0.0.1", None, (80, 80))),
        ("[::1]:8080:80", Published(0, "[::1]", (8080, 8080), (80, 80))),
        ("9000-9005:80-85", Published(0, "", (9000, 9005), (80, 85))),
        ({"target": 80}, Published(0, "", None, (80, 80))),
        ({"target": 80, "published": "8080", "host_ip": "::"}, Published(0, "::", (8080, 8080), (80, 80))),
        (
            {"target": "80", "published": "8000-8010", "protocol": "udp"},
            Published(0, "", (8000, 8010), (80, 80), "udp"),
        ),
    ],
)
def test_ports(written: Any, expected: Published) -> None:
    assert list(ports({"ports": [written]})) == [expected]


@pytest.mark.parametrize("nothing", ["", "a", "a:b", "${PORT}:80x", {}, {"target": "x"}, None, [], True])
def test_what_is_no_port(nothing: Any) -> None:
    assert list(ports({"ports": [nothing]})) == []


@pytest.mark.parametrize("form", ["{0}", "80-{0}", "{0}-80", "80:{0}", "127.0.0.1:8080:{0}/udp"])
def test_more_digits_than_are_read_as_a_number_are_no_port(form: str) -> None:
    written = form.format("1" * 5000)
    assert list(ports({"ports": [written, {"target": written}]})) == [] and span(written) is None


@pytest.mark.parametrize(
    ("ip", "loopback", "everywhere"),
    [("", False, True), ("0.0.0.0", False, True), ("[::]", False, True), ("127.0.0.1", True, False),
     ("127.1.2.3", True, False), ("[::1]", True, False), ("10.0.0.1", False, False)],
)  # fmt: skip
def test_who_reaches_a_port(ip: str, loopback: bool, everywhere: bool) -> None:
    port = Published(0, ip, None, (80, 80))
    assert (port.loopback, port.everywhere) == (loopback, everywhere)


@pytest.mark.parametrize(
    ("size", "expected"),
    [("128m", 2**27), ("1.5g", 3 * 2**29), ("64MB", 2**26), ("1kib", 1024), (5, 5), ("5", 5), ("", None), ("x", None),
     (True, None), ("1.2.3m", None), (None, None)],
)  # fmt: skip
def test_sizes(size: Any, expected: int | None) -> None:
    assert octets(size) == expected


def test_small_things() -> None:
    assert networks({}) == networks({"networks": {}}) == ("default",)
    assert networks({"network_mode": "host"}) == ()
    assert networks({"networks": ["a", "b"]}) == networks({"networks": {"a": None, "b": {}}}) == ("a", "b")
    assert list(options({"security_opt": ["seccomp:a", "label=disable", "no-new-privileges"]})) == [
        (0, "seccomp", "a"), (1, "label", "disable"), (2, "no-new-privileges", "true")
    ]  # fmt: skip
    assert list(devices({"devices": ["/dev/a:/dev/b:r", {"source": "/dev/c"}, 5, {}]})) == [
        (0, "/dev/a"), (1, "/dev/c"), (2, "5")
    ]  # fmt: skip
    assert list(tmpfs({"tmpfs": "/tmp:exec,size=1m"})) == [(0, "/tmp", {"exec", "size=1m"})]
    assert capabilities({"cap_add": ["cap_sys_admin", "NET_RAW"]}, "cap_add") == ["SYS_ADMIN", "NET_RAW"]
    assert pairs(["A=b=c", "D"]) == pairs({"A": "b=c", "D": None}) == [("A", "b=c"), ("D", None)]
    assert pairs({"A": True, "B": 1}) == [("A", "true"), ("B", "1")]
    assert words("a 'b c'") == words(["a", "b c"]) == ["a", "b c"]
    assert words("a 'b") == ["a", "'b"]
    assert [is_true(one) for one in (True, "true", "yes", 1, False, "no", None, [])] == [True] * 4 + [False] * 4
    assert (
        limit({"deploy": {"resources": {"limits": {"memory": "1m"}}}, "mem_limit": "2m"}, "memory", "mem_limit") == "1m"
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("web", ImageName("", "web")),
        ("acme/web:1", ImageName("", "acme/web", "1")),
        ("ghcr.io/acme/web:1@sha256:aa", ImageName("ghcr.io", "acme/web", "1", "sha256:aa")),
        ("localhost/web", ImageName("localhost", "web")),
        ("10.0.0.1:5000/web:1", ImageName("10.0.0.1:5000", "web", "1")),
        ("web:${TAG:-1}", ImageName("", "web", "${TAG:-1}")),
        ("${REGISTRY:-a:5000}/web", ImageName("${REGISTRY:-a:5000}", "web")),
        ("", ImageName("", "")),
    ],
)
def test_image_names(name: str, expected: ImageName) -> None:
    assert parse(name) == expected


def test_kinds_of_images() -> None:
    assert [is_mutable(tag) for tag in ("", "latest", "Stable", "1.2", "v3-alpine")] == [True] * 3 + [False] * 2
    data = ("postgres:16", "bitnami/redis", "mcr.microsoft.com/mssql/server", "pgvector/pgvector:pg16")
    assert all(is_data_tier({"image": image}) for image in data)
    assert not any(is_data_tier({"image": image}) for image in ("acme/server", "redis-exporter", "", None, "web"))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/a/../b//c/", "/b/c"),
        ("~/.ssh", "/home/user/.ssh"),
        ("${HOME}/x", "/home/user/x"),
        ("//etc", "/etc"),
        ("", ""),
    ],
)
def test_tidy_paths(path: str, expected: str) -> None:
    assert tidy(path) == expected


def test_paths() -> None:
    assert is_below("/etc/x", ("/etc",)) and is_below("/etc", ("/etc",)) and not is_below("/etcetera", ("/etc",))
    sockets = ("/var/run/docker.sock", "/run", "/", "/run/user/1000/podman/podman.sock", "/x/containerd.sock")
    assert all(map(is_engine_socket, sockets))
    assert not any(map(is_engine_socket, ("/run/app", "/var/lib", "/srv/docker.sock.d", "docker")))
    assert all(map(is_home, ("/root", "/home/me", "/Users/me", "/home/me/.ssh", "/srv/.aws/credentials")))
    assert not any(map(is_home, ("/home/me/shop", "/srv", "/srv/ssh")))


def test_range_that_compose_took_apart() -> None:
    """Is one again, and what another protocol or address has is not part of it."""
    taken = [{"target": 3000 + number, "published": str(3000 + number)} for number in range(1001)]
    others = [{"target": 4001, "published": "4001", "protocol": "udp"}, {"target": 9, "published": "4002"}]
    found = list(ports({"ports": [*taken, *others]}))
    assert [(one.at, one.host, one.target) for one in found] == [
        (0, (3000, 4000), (3000, 4000)), (1001, (4001, 4001), (4001, 4001)), (1002, (4002, 4002), (9, 9))
    ]  # fmt: skip
    assert len(list(ports({"ports": [f"{number}:{number}" for number in range(10)]}))) == 10


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan"), "inf", "1e999"])
def test_sizes_that_are_none(value: object) -> None:
    assert octets(value) is None
