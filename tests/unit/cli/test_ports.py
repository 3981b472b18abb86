"""Who has a port that a stack asks for."""

from __future__ import annotations

import pytest

from controller.cli.checks.facts import Container
from controller.cli.checks.judge import Verdict
from controller.cli.checks.ports import Wanted, check_ports, published, spots, wanted_ports
from controller.engines.holders import Published
from controller.engines.ports import HostPort
from controller.model.desired import Leaving, Port
from tests.builders import service, stack

pytestmark = pytest.mark.unit

WEB = Wanted("shop", "web", "127.0.0.1", range(8080, 8081), "tcp", 1)


def test_docker_ps_is_read_with_ranges_addresses_and_protocols() -> None:
    ports = "0.0.0.0:80->80/tcp, [::]:80->80/tcp, 127.0.0.1:8000-8001->8000-8001/tcp, 9000/tcp, 0.0.0.0:53->53/udp"
    (edge,) = published([Container("edge", "nginx", "shop", ports, "0123456789ab")])
    assert edge.ports == (
        HostPort(80, "tcp", "0.0.0.0"),
        HostPort(80, "tcp", "::"),
        HostPort(8000, "tcp", "127.0.0.1"),
        HostPort(8001, "tcp", "127.0.0.1"),
        HostPort(53, "udp", "0.0.0.0"),
    )
    assert (edge.id, str(edge)) == ("0123456789ab", "container edge of project shop")


def test_only_fixed_ports_of_services_that_stay_are_wanted() -> None:
    desired = stack(
        service("web", 2, ports=(Port(80, (8000, 8009), "127.0.0.1"), Port(81, None))),
        service("old", 0, ports=(Port(80, (9000, 9000)),), leaving=Leaving.OUT_OF_PROFILE),
    )
    assert wanted_ports(desired) == (Wanted("shop", "web", "127.0.0.1", range(8000, 8010), "tcp", 2),)


def test_whoever_has_it_is_named_but_not_our_own_container_nor_its_proxy() -> None:
    (port,) = spots([WEB])
    for words in ("container x of project blog", "process nginx (pid 7)"):
        assert f"wants port 8080, which {words} has" in check_ports([WEB], [], {port: words}).message
    own = Published("1", "shop-web-1", "shop", (HostPort(8080, "tcp", "0.0.0.0"),))
    assert check_ports([WEB], [own], {port: str(own)}).verdict is Verdict.OK
    other = own._replace(project="blog")
    assert check_ports([WEB], [other], {port: str(other)}).verdict is Verdict.FAIL
    assert check_ports([WEB], [], {}).verdict is Verdict.OK


def test_a_range_needs_as_many_free_ports_as_replicas() -> None:
    wanted = Wanted("shop", "web", "", range(8000, 8003), "tcp", 2)
    taken = {port: f"p{port.port}" for port in sorted(spots([wanted]))}
    free = {port: words for port, words in taken.items() if port.port > 8000}
    assert check_ports([wanted], [], dict(list(free.items())[:1])).verdict is Verdict.OK
    assert "8000-8002, which p8001, p8002 has" in check_ports([wanted], [], free).message
