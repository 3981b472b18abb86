"""How bad the same thing is in one case and in another, and the words for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from controller.model.scanning import FindingSeverity
from controller.security.scan import scan_project
from controller.security.subject import Project, Watched

pytestmark = pytest.mark.unit

CRITICAL, HIGH, MEDIUM = FindingSeverity.CRITICAL, FindingSeverity.HIGH, FindingSeverity.MEDIUM


def found(id_: str, model: Mapping[str, Any], **more: Any) -> list[tuple[str, str]]:
    """Severity and words of what a rule finds in one service."""
    project = Project("shop", {"web": model}, directory="/srv/shop", **more)
    return [
        (str(hit.severity or rule.severity), hit.message) for rule, _, hit in scan_project(project) if rule.id == id_
    ]


@pytest.mark.parametrize("word", ["shared", "rshared", "slave", "rslave"])
def test_mounts_that_spread(word: str) -> None:
    assert found("F04", {"volumes": [f"./data:/data:{word}"]}) == [("high", f"mounts spread: {word}")]
    assert found("F04", {"volumes": [f"data:/data:{word}"]}) == [("low", f"mounts spread: {word}")]
    volumes = {"data": {"driver_opts": {"type": "none", "o": f"bind,{word}", "device": "/srv/x"}}}
    told = [("high", f"volume 'data' lets mounts spread: {word}")]
    assert found("F04", {"volumes": ["data:/data"]}, volumes=volumes) == told


@pytest.mark.parametrize("spec", [{"external": True, "name": "host"}, {"external": {"name": "host"}}])
def test_settings_of_the_hosts_network(spec: Mapping[str, Any]) -> None:
    model = {"networks": ["outer"], "sysctls": {"net.core.somaxconn": 1024}}
    told = "it sets net.core.somaxconn to 1024"
    assert found("N13", model, networks={"outer": spec}) == [("high", told)]
    assert found("N13", model, networks={"outer": {"name": "host"}}) == [("medium", told)]


def test_host_by_its_own_name() -> None:
    """Of what runs, whose networks are the engine's."""
    assert found("N01", {"networks": ["host"]}) == [("high", "it is on the host's network")]
    assert found("N01", {"networks": ["host"]}, networks={"host": {"name": "shop_host"}}) == []
    assert found("W06", {"networks": ["bridge"]}, networks={"bridge": {"external": True}}) != []
    assert found("W06", {"networks": ["bridge"]}, networks={"bridge": {"external": False}}) == []


@pytest.mark.parametrize(
    ("source", "severity"),
    [
        ("./compose.yaml", "critical"),
        ("/srv/shop/.env", "high"),
        (".", "medium"),
        ("/srv", "medium"),
        ("./src", None),
        ("/", None),
    ],
)
def test_files_that_it_starts_from(source: str, severity: str | None) -> None:
    watched = (Watched("/srv/shop/compose.yaml", CRITICAL, MEDIUM), Watched("/srv/shop/.env", HIGH, MEDIUM))
    told = found("H06", {"volumes": [f"{source}:/x"]}, watched=watched)
    assert [one for one, _ in told] == ([severity] if severity else [])
    assert found("H06", {"volumes": [f"{source}:/x:ro"]}, watched=watched) == []


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("/state/engine/shop/mounts/web/run-secrets:/run/secrets:ro", False),
        ("/state/engine/shop/mounts/web/secrets/token.0123456789abcdef:/run/secrets/token:ro", False),
        ("/state/engine/shop/mounts/web/run-secrets:/run/secrets", True),
        ("/state/engine/shop/mounts/web:/x:ro", True),
        ("/state/engine/shop/mounts/db/run-secrets:/x:ro", True),
        ("/state/engine/other/mounts/web/run-secrets:/x:ro", True),
        ("/state/engine/shop/mounts/web/../db/run-secrets:/x:ro", True),
        ("/state/encryption.key:/x:ro", True),
    ],
)
def test_what_the_controller_gives_a_service_is_that_services_alone(source: str, told: bool) -> None:
    assert bool(found("H06", {"volumes": [source]}, own_paths=("/state",))) == told


def test_socket_as_it_is_written() -> None:
    def told(source: str) -> list[str]:
        return [message for _, message in found("H01", {"volumes": [f"{source}:/x"]})]

    assert told("/var/run/docker.sock") == ["/var/run/docker.sock is an engine's socket"]
    assert told("//var/run/") == ["/var/run holds an engine's socket"]
    assert told("~/.docker/run") == ["~/.docker/run holds an engine's socket"]
    assert told("/run/dbus/system_bus_socket") == ["/run/dbus/system_bus_socket is a socket of the init system"]
    assert told("/run/dbus") == ["/run/dbus holds a socket of the init system"]
    assert told("/run/user/1000/podman") == ["/run/user/1000/podman holds an engine's socket"]
    assert told("/run/user/1000/pulse") == told("/run/user/me") == []


def test_volume_in_disguise() -> None:
    volumes = {"eng": {"driver_opts": {"type": "none", "o": "bind", "device": "/var/run/"}}}
    told = found("H01", {"volumes": ["eng:/host"]}, volumes=volumes)
    assert told == [("critical", "volume 'eng' is made of /var/run, which holds an engine's socket")]


@pytest.mark.parametrize(
    ("port", "told"),
    [
        (":::8082:80", "[::]:8082 is open to every network of the machine"),
        ("8082:80", "0.0.0.0:8082 is open to every network of the machine"),
        ("80", "a free port of 0.0.0.0 is open to every network of the machine"),
    ],
)
def test_open_port(port: str, told: str) -> None:
    assert found("W01", {"ports": [port]}) == [("medium", told)]


@pytest.mark.parametrize(
    ("one", "other", "twice"),
    [
        ("[::]:9001:80", "0.0.0.0:9001:80", False),
        ("[::]:9001:80", "9001:80", True),
        ("[::ffff:127.0.0.1]:9001:80", "127.0.0.1:9001:80", True),
        ("0.0.0.0:9001:80", "127.0.0.1:9001:80", True),
        ("[::1]:9001:80", "127.0.0.1:9001:80", False),
        ("localhost:9001:80", "127.0.0.1:9001:80", False),
    ],
)
def test_port_in_two_families(one: str, other: str, twice: bool) -> None:
    assert bool(found("W11", {"ports": [one, other]})) is twice


def test_root_by_its_number() -> None:
    for user in (":", ":0", "0", "00", "+0:5", "root", "root:x"):
        assert found("F01", {"user": user}) != [], user
        assert found("H15", {"post_start": [{"command": "x", "user": user}]}) != [], user
    for user in ("1", "10", "app", "000x", "10001:0"):
        assert found("F01", {"user": user}) == found("H15", {"post_start": [{"user": user}]}) == [], user
    assert found("H15", {"post_start": [{"command": "x"}]}) == []


def test_shared_by_another_name() -> None:
    volumes = {"one": {"name": "shared"}, "two": {"name": "shared"}}
    services = {"a": {"volumes": ["one:/d"]}, "b": {"volumes": ["two:/d"]}}
    told = [
        hit.message for rule, _, hit in scan_project(Project("shop", services, volumes=volumes)) if rule.id == "F06"
    ]
    assert told == ["b (as 'two') can write 'one' too", "a (as 'one') can write 'two' too"]
