"""A container of our own: what it may not do, what makes it another one, and where its image comes from."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from controller.engines.compose_engine import ComposeEngine
from controller.engines.own import OwnContainers, contents, create_body
from controller.engines.pull import Puller
from controller.engines.transport import Endpoint
from controller.model.errors import EngineError, Rejected, Transient
from controller.model.own import Bind, OwnSpec, Publish, Role

pytestmark = pytest.mark.unit

SPEC = OwnSpec(
    stack="shop",
    role=Role.INGRESS,
    name="controller-ingress-shop",
    image="haproxy:3.0",
    command=("haproxy", "-W"),
    user="1000:1000",
    networks=("shop_front", "shop_back"),
    publish=(Publish(80, 80), Publish(80, 49152, "127.0.0.1"), Publish(443, 443)),
    binds=(Bind("/s/conf", "/conf"), Bind("/s/run", "/run", read_only=False)),
    memory=1024,
)


def test_it_gets_no_more_than_it_needs() -> None:
    host = create_body(SPEC)["HostConfig"]
    assert (host["ReadonlyRootfs"], host["CapDrop"], host["SecurityOpt"]) == (True, ["ALL"], ["no-new-privileges"])
    assert host["Binds"] == ["/s/conf:/conf:ro", "/s/run:/run:rw"]
    assert "Privileged" not in host and "CapAdd" not in host and host["Memory"] == 1024


def test_it_carries_our_labels_and_none_of_composes() -> None:
    marks = create_body(SPEC)["Labels"]
    assert marks == {"controller.stack": "shop", "controller.role": "ingress", "controller.contents": contents(SPEC)}


def test_host_ports_lead_to_the_ports_inside() -> None:
    body = create_body(SPEC)
    assert body["HostConfig"]["PortBindings"] == {
        "80/tcp": [{"HostIp": "", "HostPort": "80"}],
        "49152/tcp": [{"HostIp": "127.0.0.1", "HostPort": "80"}],
        "443/tcp": [{"HostIp": "", "HostPort": "443"}],
    }
    assert set(body["ExposedPorts"]) == {"80/tcp", "443/tcp", "49152/tcp"}


@pytest.mark.parametrize(
    "other",
    [
        replace(SPEC, image="haproxy:3.1"),
        replace(SPEC, command=("haproxy",)),
        replace(SPEC, user="0:0"),
        replace(SPEC, publish=SPEC.publish[:1]),
        replace(SPEC, binds=SPEC.binds[:1]),
        replace(SPEC, memory=2048),
        replace(SPEC, stop_signal="SIGUSR1"),
    ],
)
def test_what_cannot_be_changed_in_place_makes_it_another_one(other: OwnSpec) -> None:
    assert contents(other) != contents(SPEC)


@pytest.mark.parametrize(
    "same", [replace(SPEC, networks=("shop_back",)), replace(SPEC, publish=SPEC.publish[::-1]), replace(SPEC, name="x")]
)
def test_what_can_be_changed_in_place_or_means_nothing_does_not(same: OwnSpec) -> None:
    assert contents(same) == contents(SPEC)


class Daemon:
    """Has some images, and no container yet."""

    def __init__(self, *images: str) -> None:
        self.images = set(images)
        self.made: list[dict[str, Any]] = []

    def get(self, path: str, *_: Any, **__: Any) -> list[Any]:
        return []

    def call(self, method: str, path: str, query: Any = None, body: Any = None, *, deadline: float) -> tuple[int, Any]:
        if path == "/containers/create":
            if body["Image"] not in self.images:
                raise Rejected("Docker refused POST /containers/create: No such image: it", hint="set pull_policy")
            self.made.append(body)
            return 201, {"Id": "c" * 64}
        return 200, None


class Registry:
    def __init__(self, daemon: Daemon, *images: str) -> None:
        self.daemon, self.images, self.asked = daemon, images, 0

    def __call__(self, image: str) -> None:
        self.asked += 1
        if image not in self.images:
            raise Transient("docker pull: no such host", hint="start the Docker daemon")
        self.daemon.images.add(image)


def own(daemon: Daemon, registry: Registry, rootless: bool = False, clock: list[float] | None = None) -> OwnContainers:
    puller = Puller(Endpoint(), registry, lambda: (clock or [0.0])[0])
    vantage = SimpleNamespace(is_rootless=lambda **_: rootless)
    holders = SimpleNamespace(explain=lambda error: error)
    return OwnContainers(daemon, vantage, puller, holders)  # type: ignore[arg-type]


def test_an_image_that_is_not_here_is_pulled_and_one_that_is_here_is_not() -> None:
    daemon = Daemon()
    registry = Registry(daemon, SPEC.image)
    for _ in range(2):
        own(daemon, registry).prepare(SPEC, deadline=5.0)
    assert [body["Image"] for body in daemon.made] == [SPEC.image] * 2
    assert registry.asked == 1


def test_an_image_that_cannot_be_had_is_told_with_its_mend_and_asked_for_once_a_minute() -> None:
    daemon, clock = Daemon(), [100.0]
    registry = Registry(daemon)
    ours = own(daemon, registry, clock=clock)
    for clock[0], asked in ((100.0, 1), (110.0, 1), (159.9, 1), (160.1, 2)):
        with pytest.raises(EngineError) as caught:
            ours.prepare(SPEC, deadline=5.0)
        assert registry.asked == asked
        assert isinstance(caught.value, Transient)
        assert caught.value.message == (
            "controller-ingress-shop: its image haproxy:3.0 is not here and cannot be pulled: docker pull: no such host"
        )
        assert "HAPROXY_IMAGE" in (caught.value.hint or "")


def test_one_that_somebody_brought_meanwhile_is_taken_at_once() -> None:
    daemon = Daemon()
    ours = own(daemon, Registry(daemon))
    with pytest.raises(Transient):
        ours.prepare(SPEC, deadline=5.0)
    daemon.images.add(SPEC.image)
    ours.prepare(SPEC, deadline=5.0)
    assert len(daemon.made) == 1


@pytest.mark.parametrize(("rootless", "user"), [(False, "1000:1000"), (True, "0:0")])
def test_a_rootless_engine_calls_us_root(rootless: bool, user: str) -> None:
    daemon = Daemon(SPEC.image)
    own(daemon, Registry(daemon), rootless).prepare(SPEC, deadline=5.0)
    (body,) = daemon.made
    assert body["User"] == user
    assert body["Labels"]["controller.contents"] == contents(replace(SPEC, user=user))


@pytest.mark.parametrize(("host", "has"), [("unix:///nowhere/d.sock", True), ("tcp://h:1", False), ("ssh://h", False)])
def test_only_an_engine_on_this_machine_can_have_containers_with_our_files(host: str, has: bool) -> None:
    engine = ComposeEngine(Endpoint(host))
    assert (engine.own is not None, engine.capabilities.leads_traffic) == (has, has)
    engine.close()
