"""Who can reach what is published."""

from __future__ import annotations

import pytest

from controller.model.desired import Port
from controller.model.reach import HostPort
from controller.render.published import published_lines, warning_lines
from controller.security.published import (
    From,
    Published,
    all_published,
    desired_published,
    read_published,
    tell_from,
    without_doubles,
)
from tests.builders import service
from tests.unit.security.reaching import spot

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("line", "who", "words"),
    [
        ("127.0.0.1:8080->80/tcp", From.MACHINE, "this machine only"),
        ("127.8.9.1:8080->80/tcp", From.MACHINE, "this machine only"),
        ("[::1]:8080->80/tcp", From.MACHINE, "this machine only"),
        ("[::ffff:127.0.0.1]:8080->80/tcp", From.MACHINE, "this machine only"),
        ("192.168.7.5:8080->80/tcp", From.INTERFACE, "the network of 192.168.7.5, and containers"),
        ("0.0.0.0:8080->80/tcp", From.EVERYONE, "everyone who reaches this machine, around its firewall"),
        ("[::]:8080->80/udp", From.EVERYONE, "everyone who reaches this machine, around its firewall"),
    ],
)
def test_who_reaches_an_address(line: str, who: From, words: str) -> None:
    (one,) = read_published("web", [line])
    assert (one.reachable_from, tell_from(one), one.address) == (who, words, line)


def test_what_is_no_published_address_is_left_out() -> None:
    assert read_published("web", ["", "80/tcp", "nonsense"]) == ()


def test_both_families_of_one_port_are_one_matter() -> None:
    both = read_published("web", ["0.0.0.0:80->80/tcp", "[::]:80->80/tcp", "[::]:81->81/tcp"])
    assert [one.address for one in without_doubles(both)] == ["0.0.0.0:80->80/tcp", "[::]:81->81/tcp"]


def test_by_the_files() -> None:
    ports = (Port(80, (8080, 8080)), Port(53, (53, 53), "127.0.0.1", "udp"), Port(9, None), Port(7, (70, 79)))
    assert [one.address for one in desired_published({"web": service(ports=ports)})] == [
        "0.0.0.0:8080->80/tcp",
        "127.0.0.1:53->53/udp",
        "0.0.0.0:*->9/tcp",
        "0.0.0.0:70-79->7/tcp",
    ]


def test_what_runs_stands_for_what_the_files_say_of_it() -> None:
    ports = (Port(80, None), Port(53, (53, 53), protocol="udp"))
    there = spot("web", 2, "front", published=(HostPort("0.0.0.0", 32768, 80), HostPort("::", 32768, 80)))
    found = all_published({"web": service(ports=ports), "db": service("db", ports=(Port(1, (1, 1)),))}, [there])
    assert [one.address for one in found] == ["0.0.0.0:1->1/tcp", "0.0.0.0:53->53/udp", "0.0.0.0:32768->80/tcp"]


def test_the_table_warns_of_what_everyone_reaches() -> None:
    mine, open_ = Published("db", "127.0.0.1", "5432", 5432), Published("web", "", "80", 80)
    header, *rows, warning, hint = published_lines([mine, open_])
    assert header.split() == ["SERVICE", "PUBLISHED", "REACHABLE", "FROM"] and len(rows) == 2
    assert warning.startswith("warning: web: ") and "ufw" in warning
    assert hint.startswith("hint: ") and "127.0.0.1" in hint and "DOCKER-USER" in hint
    assert warning_lines([mine]) == []
