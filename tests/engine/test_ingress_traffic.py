"""Traffic through the ingress on the real engine: who is led to, who is drained, and what no request may cost."""

import http.client
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from controller.ingress.proxy import Wanted
from controller.model.errors import Conflict
from controller.model.names import ReplicaId
from controller.model.routes import Frontend, Mode, RouteState
from tests.engine.docker_project import docker
from tests.engine.ingress_bed import PROXY_IMAGE, Bed, drain, eventually, free_port, load

pytestmark = pytest.mark.engine

IN, DRAINING, OUT = RouteState.IN, RouteState.DRAINING, RouteState.OUT


@contextmanager
def upgraded(port: int) -> Iterator[socket.socket]:
    """A connection that was switched to another protocol, as a WebSocket's is."""
    with socket.create_connection(("127.0.0.1", port), 10) as link:
        link.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n")
        head = b""
        while b"\r\n\r\n" not in head:
            head += link.recv(4096)
        assert b" 101 " in head.splitlines()[0]
        yield link


def say(link: socket.socket, word: str) -> str:
    link.sendall(word.encode())
    return link.recv(4096).decode()


def test_rolling_replacement_under_load_fails_no_request(bed: Bed) -> None:
    old = [bed.run(number) for number in (1, 2, 3)]
    bed.put_in(*old)
    with load(bed.port, clients=16) as seen:
        for number, leaver in enumerate(old, start=4):
            assert bed.ingress.set_route(bed.run(number), IN).state is IN
            ended = drain(bed.ingress, leaver)
            assert ended.connections == 0 and ended.at_drain is not None
            bed.stop(leaver)
    print(f"{seen.done} requests during 3 replacements, {len(seen.failures)} failed")
    assert seen.failures == [] and seen.done > 100
    assert list(bed.states().values()) == [IN, IN, IN]


def test_an_upgraded_connection_and_a_slow_download_live_through_a_drain(bed: Bed) -> None:
    old = bed.run(1)
    bed.put_in(old)
    slow = http.client.HTTPConnection("127.0.0.1", bed.port, timeout=20)
    slow.request("GET", "/slow/2")
    with upgraded(bed.port) as link:
        assert say(link, "one") == f"{old[:12]} one"
        new = bed.run(2)
        bed.ingress.set_route(new, IN)
        seen = bed.ingress.set_route(old, DRAINING)
        assert (seen.state, seen.connections, seen.at_drain) == (DRAINING, 2, 2)
        assert {bed.get()[1] for _ in range(4)} == {new[:12]}
        assert len(slow.getresponse().read()) == 20 * 12
        assert say(link, "two") == f"{old[:12]} two"
        assert bed.ingress.observe()[old].connections == 1
    slow.close()
    eventually(lambda: bed.ingress.observe()[old].connections == 0)


def test_a_leaver_that_is_taken_back_gets_requests_again(bed: Bed) -> None:
    first, second = bed.run(1), bed.run(2)
    bed.put_in(first, second)
    bed.ingress.set_route(first, DRAINING)
    assert bed.ingress.set_route(first, IN).draining_since is None
    assert {bed.get()[1] for _ in range(4)} == {first[:12], second[:12]}


def test_a_replica_with_a_new_address_is_found_and_the_old_one_serves_nobody(bed: Bed) -> None:
    first, second = bed.run(1), bed.run(2)
    bed.put_in(first, second)
    before = bed.address(first)
    docker("stop", "-t", "0", first)
    other = bed.run(3, "other")
    docker("start", first)
    assert bed.address(other) == before != bed.address(first)
    bed.put_in(first, second)
    eventually(lambda: {bed.get()[1] for _ in range(4)} == {first[:12], second[:12]})
    assert bed.states() == {first: IN, second: IN}


def test_slots_grow_by_a_reload_that_fails_no_request_and_cuts_no_connection(bed: Bed) -> None:
    first = bed.run(1)
    bed.put_in(first)
    small = [bed.run_small(number) for number in range(2, 9)]
    for replica in small:
        bed.ingress.set_route(replica, DRAINING)  # has a slot and takes no request
    more = bed.run(9)
    with upgraded(bed.port) as link, load(bed.port, clients=8) as seen:
        time.sleep(0.3)
        assert bed.ingress.set_route(more, IN).state is IN
        time.sleep(0.3)
        assert say(link, "still") == f"{first[:12]} still"
        eventually(lambda: {bed.get()[1] for _ in range(4)} == {first[:12], more[:12]})
        bed.ingress.set_route(first, DRAINING)
        eventually(lambda: bed.ingress.observe()[first].connections == 1)  # in the process that was left behind
    assert seen.failures == []
    assert drain(bed.ingress, first).connections == 0


@pytest.mark.parametrize(("method", "answers"), [("GET", {200}), ("PUT", {200}), ("POST", {200, 502})])
def test_only_an_idempotent_request_is_sent_a_second_time(bed: Bed, method: str, answers: set[int]) -> None:
    dying, other = bed.run(1), bed.run(2)
    bed.put_in(dying, other)
    assert {bed.get(f"/drop/{dying[:12]}", method)[0] for _ in range(6)} == answers


def test_a_replica_that_dies_without_a_word_costs_no_request_that_had_not_reached_it(bed: Bed) -> None:
    dying, other = bed.run(1), bed.run(2)
    bed.put_in(dying, other)
    docker("kill", dying)
    with load(bed.port, clients=4, method="POST") as seen:
        eventually(lambda: seen.done > 20)
    assert seen.failures == []


def test_a_replica_that_cannot_be_reached_is_not_let_in(bed: Bed) -> None:
    replica = bed.run(1)
    bed.put_in(replica)
    with pytest.raises(Conflict, match="not running on a network"):
        bed.ingress.set_route(ReplicaId("0" * 64), IN)
    docker("stop", "-t", "0", replica)
    # Engine 26 says that it has stopped before it has left its network.
    eventually(lambda: bed.ingress.set_route(replica, DRAINING).state is OUT)


def test_tcp_connections_are_counted_and_kept_too(bed: Bed) -> None:
    replica = bed.run(1)
    bed.ingress.ensure(
        Wanted((Frontend("web", bed.port, 8000, "127.0.0.1", Mode.TCP),), (bed.network,), {replica: IN}, PROXY_IMAGE)
    )
    with upgraded(bed.port) as link:
        assert bed.ingress.set_route(replica, DRAINING).connections == 1
        assert say(link, "on") == f"{replica[:12]} on"
    assert drain(bed.ingress, replica).connections == 0


def test_who_is_led_to_can_be_changed_while_another_port_is_prepared(bed: Bed) -> None:
    one, two = bed.run(1), bed.run(2)
    bed.put_in(one)
    bed.ingress.prepare(bed.wanted(None, Frontend("other", free_port(), 8000, "127.0.0.1")))
    assert bed.ingress.set_route(two, IN).state is IN
    assert bed.ingress.set_route(one, OUT).state is OUT
    assert bed.get() == (200, two[:12])


def test_an_address_that_nobody_has_any_more_is_led_to_no_longer(bed: Bed) -> None:
    """Docker gives it to whoever comes next, which may be somebody whom nobody is to reach."""
    dying = bed.run(1)
    bed.put_in(dying)
    docker("rm", "-f", dying)
    assert bed.states() == {}
    bed.run(2, "secret")
    with socket.create_connection(("127.0.0.1", bed.port), 5) as link:
        link.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b" 503 " in link.recv(1024)


def test_a_release_that_listens_elsewhere_shares_the_port_with_the_one_before(bed: Bed) -> None:
    old, new = bed.run(1), bed.run_at(2, 9000)
    bed.put_in(old)
    front = Frontend("web", bed.port, 9000, "127.0.0.1")
    moved = replace(bed.wanted(None), frontends=(front,))
    with load(bed.port, 4, pause=0.01) as seen:
        bed.ingress.ensure(moved, {old: {9000: 8000}})
        assert bed.states() == {old: IN, new: OUT} and bed.get() == (200, old[:12])
        assert bed.ingress.set_route(new, IN).state is IN
        # each in its turn, but the load takes turns in between: a few requests may all meet the same one
        assert {bed.get()[1] for _ in range(40)} == {old[:12], new[:12]}
        bed.ingress.set_route(old, DRAINING, {old: {9000: 8000}})
        bed.stop(old)
        bed.ingress.ensure(moved)
    assert bed.get() == (200, new[:12]) and seen.failures == []
