"""The ingress on the real engine: its container, its ports, its image, and that it comes back as it was."""

import http.client
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from controller.ingress.proxy import Wanted
from controller.model.errors import EngineError, Transient
from controller.model.own import Role
from controller.model.routes import Frontend, Mode, RouteState
from tests.engine.docker_project import docker, inspect
from tests.engine.ingress_bed import PROXY_IMAGE, Bed, eventually, free_port

pytestmark = pytest.mark.engine

IN, DRAINING, OUT = RouteState.IN, RouteState.DRAINING, RouteState.OUT
GOLDEN = Path(__file__).parents[1] / "unit/ingress/golden"


def test_haproxy_itself_finds_no_fault_with_the_golden_file() -> None:
    mount = f"{GOLDEN}:/run/ingress/conf:ro"
    docker(
        "run", "--rm", "--user", "0:0", "-v", mount, PROXY_IMAGE, "haproxy", "-c", "-f", "/run/ingress/conf/haproxy.cfg"
    )


@pytest.mark.parametrize("end", ["kill", "rm -f", "stop -t 0"])
def test_a_proxy_that_somebody_ended_is_there_again_after_ensure(bed: Bed, end: str) -> None:
    replicas = bed.run(1), bed.run(2)
    bed.put_in(*replicas)
    bed.ingress.set_route(replicas[1], DRAINING)
    docker(*end.split(), bed.proxy)
    with pytest.raises(Transient):
        bed.ingress.observe()
    eventually(lambda: (seen := bed.ingress.container()) is None or not seen.running)  # the engine hears of it later
    bed.ingress.ensure(bed.wanted({replicas[0]: IN, replicas[1]: DRAINING}))
    assert bed.states() == {replicas[0]: IN, replicas[1]: DRAINING}
    assert {bed.get()[1] for _ in range(4)} == {replicas[0][:12]}


def test_a_proxy_whose_state_folder_was_deleted_is_made_anew(bed: Bed) -> None:
    replica = bed.run(1)
    bed.put_in(replica)
    before = bed.proxy
    shutil.rmtree(bed.folder / "ingress")
    bed.put_in(replica)
    assert bed.proxy != before and bed.states() == {replica: IN}
    assert bed.get()[0] == 200


def test_without_routes_each_replica_stays_as_it_stood(bed: Bed) -> None:
    replicas = bed.run(1), bed.run(2), bed.run(3)
    bed.put_in(*replicas[:2])
    bed.ingress.set_route(replicas[1], DRAINING)
    bed.ingress.ensure(bed.wanted(None))
    assert list(map(bed.states().get, replicas)) == [IN, DRAINING, OUT]


def test_another_host_port_means_another_container_and_no_second_one(bed: Bed) -> None:
    replica = bed.run(1)
    bed.put_in(replica)
    before, more = bed.proxy, free_port()
    bed.ingress.ensure(bed.wanted({replica: IN}, Frontend("web", more, 8000, "127.0.0.1", Mode.TCP)))
    assert bed.proxy != before
    assert bed.get()[1] == replica[:12]
    link = http.client.HTTPConnection("127.0.0.1", more, timeout=5)
    link.request("GET", "/")
    assert link.getresponse().status == 200
    link.close()
    assert [seen.name for seen in bed.engine.own.find(bed.name, Role.INGRESS, deadline=5)] == [
        f"controller-ingress-{bed.name}"
    ]


def test_a_replacement_that_was_interrupted_is_ended(bed: Bed) -> None:
    replica, more = bed.run(1), free_port()
    bed.put_in(replica)
    wider = bed.wanted({replica: IN}, Frontend("web", more, 8000, "127.0.0.1"))
    bed.ingress.prepare(wider)  # and then we died
    assert len(bed.engine.own.find(bed.name, Role.INGRESS, deadline=5)) == 2
    bed.ingress.ensure(wider)
    (left,) = bed.engine.own.find(bed.name, Role.INGRESS, deadline=5)
    assert left.running and left.name == f"controller-ingress-{bed.name}"
    assert bed.get()[0] == 200


@contextmanager
def held(port: int) -> Iterator[None]:
    """Some process of the host has that port."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        yield


def test_a_host_port_that_is_taken_is_waited_for(bed: Bed) -> None:
    replica = bed.run(1)
    with held(bed.port), pytest.raises(Transient, match=f"port 127.0.0.1:{bed.port} is already in use"):
        bed.put_in(replica)
    bed.put_in(replica)
    assert bed.get()[0] == 200


@pytest.mark.parametrize("seen", [True, False], ids=["seen before", "seen by its start only"])
def test_a_proxy_that_cannot_start_leaves_the_one_before_it_in_its_place(
    bed: Bed, seen: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not seen:
        monkeypatch.setattr("controller.engines.own.is_taken", lambda *_: False)
    replica, more = bed.run(1), free_port()
    bed.put_in(replica)
    before, started = bed.proxy, inspect(bed.proxy)[0]["State"]["StartedAt"]
    wider = bed.wanted({replica: IN}, Frontend("web", more, 8000, "127.0.0.1"))
    with held(more):
        for _ in range(2):
            with pytest.raises(Transient, match=f"port 127.0.0.1:{more} is already in use"):
                bed.ingress.ensure(wider)
            eventually(lambda: bed.get() == (200, replica[:12]))
    assert bed.proxy == before
    assert (inspect(before)[0]["State"]["StartedAt"] == started) is seen
    bed.ingress.ensure(wider)
    assert bed.proxy != before and len(bed.engine.own.find(bed.name, Role.INGRESS, deadline=5)) == 1
    assert bed.get()[0] == 200


def test_a_stop_for_a_start_that_was_never_tried_is_undone_where_that_fails(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controller.engines.own.is_taken", lambda *_: False)
    replica, more = bed.run(1), free_port()
    bed.put_in(replica)
    wider, before = bed.wanted({replica: IN}, Frontend("web", more, 8000, "127.0.0.1")), bed.proxy
    bed.ingress.prepare(wider)
    docker("stop", "-t", "1", before)  # and then we died
    with held(more), pytest.raises(Transient, match="already in use"):
        bed.ingress.ensure(wider)
    eventually(lambda: bed.get() == (200, replica[:12]))
    assert bed.proxy == before


def test_an_image_that_no_registry_gives_is_told_with_the_variable_that_names_another(bed: Bed) -> None:
    nowhere = f"127.0.0.1:{free_port()}/none:1"
    with pytest.raises(
        EngineError, match=f"its image {nowhere} is not here and cannot be pulled: docker pull"
    ) as caught:
        bed.ingress.ensure(replace(bed.wanted({bed.run(1): IN}), image=nowhere))
    assert "HAPROXY_IMAGE" in (caught.value.hint or "")


def test_its_container_may_do_next_to_nothing(bed: Bed) -> None:
    bed.put_in(bed.run(1))
    (item,) = inspect(bed.proxy)
    host, marks = item["HostConfig"], item["Config"]["Labels"]
    assert host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"] and not host["Privileged"]
    assert host["SecurityOpt"] == ["no-new-privileges"] and host["Memory"] == 256 * 1024 * 1024
    assert not any("docker.sock" in mount["Source"] for mount in item["Mounts"])
    assert [mount["RW"] for mount in sorted(item["Mounts"], key=lambda mount: mount["Destination"])] == [False, True]
    assert marks["controller.stack"] == bed.name and marks["controller.role"] == "ingress"
    assert not any(key.startswith("com.docker.compose") for key in marks)
    assert list(host["PortBindings"]) == [f"{bed.port}/tcp"]
    folder = bed.folder / "ingress"
    assert all((folder / name).stat().st_mode & 0o777 == 0o700 for name in (".", "conf", "run"))


def test_without_a_port_there_is_neither_container_nor_listener(bed: Bed) -> None:
    bed.put_in(bed.run(1))
    bed.ingress.ensure(Wanted((), ()))
    assert bed.ingress.container() is None
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", bed.port), 2)


def test_another_mode_leads_to_whom_it_led_before(bed: Bed) -> None:
    replica = bed.run(1)
    bed.put_in(replica)
    as_tcp = Frontend("web", bed.port, 8000, "127.0.0.1", Mode.TCP)
    assert bed.ingress.ensure(replace(bed.wanted(None), frontends=(as_tcp,)))
    assert bed.get() == (200, replica[:12])


def test_a_network_that_is_not_there_yet_is_joined_once_it_is(bed: Bed) -> None:
    replica, network = bed.run(1), f"{bed.name}_late"
    bed.put_in(replica)
    wanted = replace(bed.wanted(None), networks=(network, bed.network))
    assert not bed.ingress.ensure(wanted) and bed.states() == {replica: IN}
    docker("network", "create", network)
    try:
        assert bed.ingress.ensure(wanted) and bed.states() == {replica: IN}
    finally:
        docker("network", "disconnect", "-f", network, bed.proxy)
        docker("network", "rm", network)
