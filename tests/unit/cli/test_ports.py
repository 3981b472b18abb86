"""Who has a port that a stack asks for."""

from __future__ import annotations

import pytest

from controller.cli.checks.facts import Container
from controller.cli.checks.judge import Verdict
from controller.cli.checks.ports import Taken, Wanted, check_ports, published_ports, wanted_ports
from controller.model.desired import Leaving, Port
from tests.builders import service, stack

pytestmark = pytest.mark.unit

WEB = Wanted("shop", "web", "127.0.0.1", range(8080, 8081), "tcp", 1)


def test_docker_ps_is_read_with_ranges_addresses_and_protocols() -> None:
    ports = "0.0.0.0:80->80/tcp, [::]:80->80/tcp, 127.0.0.1:8000-8001->8000-8001/tcp, 9000/tcp, 0.0.0.0:53->53/udp"
    taken = published_ports([Container("edge", "nginx", "shop", ports)])
    assert [(item.ip, item.port, item.protocol) for item in taken] == [
        ("0.0.0.0", 80, "tcp"),
        ("::", 80, "tcp"),
        ("127.0.0.1", 8000, "tcp"),
        ("127.0.0.1", 8001, "tcp"),
        ("0.0.0.0", 53, "udp"),
    ]
    assert {(item.holder, item.project) for item in taken} == {("container edge", "shop")}


def test_only_fixed_ports_of_services_that_stay_are_wanted() -> None:
    desired = stack(
        service("web", 2, ports=(Port(80, (8000, 8009), "127.0.0.1"), Port(81, None))),
        service("old", 0, ports=(Port(80, (9000, 9000)),), leaving=Leaving.OUT_OF_PROFILE),
    )
    assert wanted_ports(desired) == (Wanted("shop", "web", "127.0.0.1", range(8000, 8010), "tcp", 2),)


@pytest.mark.parametrize(
    ("taken", "holder"),
    [
        (Taken("127.0.0.1", 8080, "tcp", "container x", "blog"), "container x"),
        (Taken("0.0.0.0", 8080, "tcp", "container x", ""), "container x"),
        (Taken("127.0.0.1", 8080, "tcp", "container x", "shop"), None),
        (Taken("127.0.0.2", 8080, "tcp", "container x", "blog"), None),
        (Taken("127.0.0.1", 8080, "udp", "container x", "blog"), None),
        (Taken("127.0.0.1", 8081, "tcp", "container x", "blog"), None),
    ],
)
def test_others_stand_in_the_way_and_our_own_do_not(taken: Taken, holder: str | None) -> None:
    check = check_ports([WEB], [taken], [])
    assert (check.verdict is Verdict.FAIL) == (holder is not None)
    assert holder is None or holder in check.message


def test_a_process_is_named_but_not_the_proxy_of_our_own_container() -> None:
    proxy = Taken("127.0.0.1", 8080, "tcp", "docker-proxy (pid 7)")
    assert "docker-proxy" in check_ports([WEB], [], [proxy]).message
    own = Taken("127.0.0.1", 8080, "tcp", "container shop-web-1", "shop")
    assert check_ports([WEB], [own], [proxy]).verdict is Verdict.OK


def test_a_range_needs_as_many_free_ports_as_replicas() -> None:
    wanted = Wanted("shop", "web", "", range(8000, 8003), "tcp", 2)
    taken = [Taken("0.0.0.0", port, "tcp", f"p{port}") for port in (8000, 8001)]
    assert check_ports([wanted], [], taken[:1]).verdict is Verdict.OK
    assert "8000-8002, which p8000, p8001 has" in check_ports([wanted], [], taken).message
