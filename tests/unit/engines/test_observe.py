"""Observing when inspects fail: what blocks is taken from the list and said so, what is gone is left out."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from controller.engines.base import Scope
from controller.engines.holders import Holders
from controller.engines.images import Images
from controller.engines.observe import Observer
from controller.engines.sightings import Sightings
from controller.engines.transport import Endpoint
from controller.engines.vantage import Vantage
from controller.model.errors import Conflict, EngineError, Transient
from controller.model.names import ReplicaId
from controller.model.observed import ReplicaPhase
from tests.unit.engines.requests import inspected, marks, request, template

pytestmark = pytest.mark.unit


class Client:
    """The reads that observing does, answered from what a test puts here."""

    endpoint = Endpoint()

    def __init__(self) -> None:
        self.containers: dict[str, Any] = {}
        self.images: Any = [{"Id": "sha256:1", "RepoTags": ["img:1"]}]
        self.info: Any = {"ID": "x"}
        self.image: Any = {"Id": "sha256:1", "Config": {}}
        self.asked: list[str] = []
        self.networks: list[dict[str, str]] = []
        """Those that carry our label."""

    def add(self, number: int, service: str = "a") -> str:
        made = inspected(request(create={"Labels": marks(service, number)}, name=f"p-{service}-{number}"))
        made["Id"] = f"{service}{number}"
        self.containers[made["Id"]] = made
        return str(made["Id"])

    def get(self, path: str, query: Any = None, *, deadline: float, anew: bool = False) -> Any:
        self.asked.append(path)
        if path == "/containers/json":
            return [self.listed(key) for key in self.containers]
        if path == "/networks":
            return self.networks
        if path == "/info":
            if isinstance(self.info, EngineError):
                raise self.info
            return self.info
        found = self.images if path == "/images/json" else self.find(path)
        if isinstance(found, EngineError):
            raise found
        return found

    def find(self, path: str) -> Any:
        if path.startswith("/images/"):
            return self.image
        return self.containers[path.split("/")[2]]

    def listed(self, key: str) -> dict[str, Any]:
        return {"Id": key, "Names": [f"/p-a-{key[1:]}"], "Labels": marks(key[0], int(key[1:])), "State": "running"}


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture
def sightings() -> Sightings:
    return Sightings()


@pytest.fixture
def observer(client: Client, sightings: Sightings) -> Iterator[Observer]:
    vantage = Vantage(client)  # type: ignore[arg-type]
    made = Observer(client, Images(client), sightings, vantage, Holders(client, vantage))  # type: ignore[arg-type]
    yield made
    made.close()


def test_an_inspect_that_blocks_makes_its_service_incomplete_and_no_other(client: Client, observer: Observer) -> None:
    client.add(1)
    client.add(1, "b")
    client.containers[client.add(2)] = Transient("in time")
    observed = observer.observe(Scope("p"), deadline=2.0)
    assert {name: view.complete for name, view in observed.services.items()} == {"a": False, "b": True}
    assert [(one.number, one.phase) for one in observed.services["a"].replicas] == [
        (1, ReplicaPhase.RUNNING),
        (2, ReplicaPhase.RUNNING),
    ]


def test_what_is_gone_between_list_and_inspect_is_left_out(client: Client, observer: Observer) -> None:
    client.add(1)
    client.containers[client.add(2)] = Conflict("no such container")
    observed = observer.observe(Scope("p"), deadline=2.0)
    assert [one.number for one in observed.services["a"].replicas] == [1]


def test_images_that_cannot_be_listed_make_the_views_incomplete(client: Client, observer: Observer) -> None:
    client.add(1)
    client.images = Transient("away")
    view = observer.observe(Scope("p", {"a": "img:1"}), deadline=2.0).services["a"]
    assert not view.complete and view.image_id is None


@pytest.mark.fault("I9")
def test_while_watched_only_what_was_spoken_of_is_inspected_again(
    client: Client, observer: Observer, sightings: Sightings
) -> None:
    client.add(1)
    client.add(2)
    sightings.connect(0.0)
    scope = Scope("p", {}, {"a": template(request())})
    first = observer.observe(scope, deadline=2.0).services["a"].replicas
    client.asked.clear()
    assert observer.observe(scope, deadline=2.0).services["a"].replicas == first
    assert client.asked == ["/containers/json"]
    client.containers["a2"] = {**client.containers["a2"], "RestartCount": 5}
    sightings.say("a2")
    assert [one.restarts for one in observer.observe(scope, deadline=2.0).services["a"].replicas] == [0, 5]
    assert client.asked[1:] == ["/containers/json", "/containers/a2/json"]


def test_drift_follows_the_template_that_it_is_compared_with(
    client: Client, observer: Observer, sightings: Sightings
) -> None:
    client.add(1)
    sightings.connect(0.0)

    def drift(**create: Any) -> object:
        templates = {"a": template(request(create=create))}
        return observer.observe(Scope("p", {}, templates), deadline=2.0).services["a"].replicas[0].drift

    assert drift() == ()
    assert drift(Cmd=["other"]) == ("Cmd",)
    assert drift() == ()
    assert observer.observe(Scope("p"), deadline=2.0).services["a"].replicas[0].drift is None


def test_a_container_that_is_gone_is_forgotten(client: Client, observer: Observer, sightings: Sightings) -> None:
    client.add(1)
    sightings.connect(0.0)
    observer.observe(Scope("p"), deadline=2.0)
    client.containers.clear()
    observer.observe(Scope("p"), deadline=2.0)
    assert observer._readings == {} and sightings.whose("a1") is None


def test_without_a_list_there_is_no_observation(client: Client, observer: Observer) -> None:
    def away(*_: Any, **__: Any) -> Any:
        raise Transient("away")

    client.get = away  # type: ignore[method-assign]
    with pytest.raises(Transient):
        observer.observe(Scope("p"), deadline=2.0)


@pytest.mark.fault("D5")
@pytest.mark.parametrize("answer", [{}, None, {"message": "no"}, "[]", [{}], [None], [{"Id": 7}]], ids=repr)
def test_what_is_no_list_of_containers_is_no_empty_world(client: Client, observer: Observer, answer: object) -> None:
    client.get = lambda *_, **__: answer  # type: ignore[method-assign]
    with pytest.raises(Transient, match="no list of containers"):
        observer.observe(Scope("p"), deadline=2.0)


@pytest.mark.fault("D5")
@pytest.mark.parametrize("answer", [{}, None, [], {"Id": "other", "State": {}}, {"Id": "a1", "State": None}], ids=repr)
def test_what_is_no_inspect_of_that_container_makes_its_view_incomplete(
    client: Client, observer: Observer, answer: object
) -> None:
    client.add(1)
    client.add(1, "b")
    client.containers["a1"] = answer
    views = observer.observe(Scope("p"), deadline=2.0).services
    assert (views["a"].complete, views["b"].complete) == (False, True)
    assert [one.number for one in views["a"].replicas] == [1]


@pytest.mark.fault("D6")
def test_absent_is_only_what_the_engine_does_not_have_by_its_id(client: Client, observer: Observer) -> None:
    client.add(1)
    client.containers["gone"] = Conflict("no such container")
    client.containers["going"] = {"Id": "going", "State": {"Status": "removing"}}
    ids = [ReplicaId(one) for one in ("a1", "gone", "going")]
    assert observer.absent(ids, deadline=2.0) == {"gone", "going"}
    client.containers["a1"] = Transient("away")
    with pytest.raises(Transient, match="away"):
        observer.absent(ids, deadline=2.0)


@pytest.mark.fault("D5")
@pytest.mark.parametrize("answer", [{}, None, "[]", [{}], [None]], ids=repr)
def test_what_is_no_list_of_images_makes_the_view_incomplete_and_no_image_missing(
    client: Client, observer: Observer, answer: object
) -> None:
    client.add(1)
    client.images = answer
    view = observer.observe(Scope("p", {"a": "img:1"}), deadline=2.0).services["a"]
    assert not view.complete and view.image_id is None
    client.images = [{"Id": "sha256:1", "RepoTags": ["img:1"]}]
    view = observer.observe(Scope("p", {"a": "img:1"}), deadline=2.0).services["a"]
    assert view.complete and view.image_id == "sha256:1"


@pytest.mark.fault("D5")
@pytest.mark.parametrize("answer", [{}, None, [], "x"], ids=repr)
def test_with_what_is_no_image_nothing_is_compared_and_nothing_is_kept(
    client: Client, observer: Observer, answer: object
) -> None:
    client.add(1)
    scope = Scope("p", {}, {"a": template(request())})
    client.image = answer
    assert observer.observe(scope, deadline=2.0).services["a"].replicas[0].drift is None
    client.image = {"Id": "sha256:1", "Config": {}}
    assert observer.observe(scope, deadline=2.0).services["a"].replicas[0].drift == ()


@pytest.mark.fault("D5")
@pytest.mark.parametrize("answer", [[], None, "x", {}], ids=repr)
def test_an_engine_that_does_not_say_what_it_is_cannot_be_read_at_first(
    client: Client, observer: Observer, answer: object
) -> None:
    client.add(1)
    client.info = answer
    with pytest.raises(Transient, match="GET /info"):
        observer.observe(Scope("p"), deadline=2.0)


@pytest.mark.parametrize("failure", [Transient("away"), []], ids=["no answer", "another shape"])
def test_a_clock_that_cannot_be_measured_anew_is_taken_for_what_it_was(
    client: Client, observer: Observer, monkeypatch: pytest.MonkeyPatch, failure: object
) -> None:
    client.add(1)
    before = observer.observe(Scope("p"), deadline=2.0).services
    now = time.monotonic()
    client.info = failure
    monkeypatch.setattr("time.monotonic", lambda: now + 1000.0)
    after = observer.observe(Scope("p"), deadline=2.0).services
    assert after["a"].replicas == before["a"].replicas
    client.asked.clear()
    observer.observe(Scope("p"), deadline=2.0)
    assert "/info" not in client.asked  # not at every look
    monkeypatch.setattr("time.monotonic", lambda: now + 1020.0)
    observer.observe(Scope("p"), deadline=2.0)
    assert "/info" in client.asked


def test_whose_a_network_is_its_label_says_and_is_asked_once(client: Client, observer: Observer) -> None:
    """`shop.back` may be somebody's own: of that nothing is removed, and a release has not to wait for it."""
    there = client.containers[client.add(1)]["NetworkSettings"]["Networks"]
    observer.observe(Scope("p"), deadline=2.0)
    assert "/networks" not in client.asked, "no name says that any may be ours"
    there |= {"p.a--b": {"NetworkID": "1"}, "p.back": {"NetworkID": "2"}, "q.a--b": {"NetworkID": "3"}}
    client.networks = [{"Id": "1", "Name": "p.a--b"}]
    for _ in range(3):
        (replica,) = observer.observe(Scope("p"), deadline=2.0).services["a"].replicas
        assert replica.ours == ("p.a--b",)
    assert client.asked.count("/networks") == 1


def test_of_what_has_not_run_yet_a_network_is_known_by_its_name(client: Client, observer: Observer) -> None:
    there = client.containers[client.add(1)]["NetworkSettings"]["Networks"]
    there |= {"p.a--b": {"NetworkID": ""}, "p.back": {"NetworkID": ""}}
    client.networks = [{"Id": "1", "Name": "p.a--b"}]
    (replica,) = observer.observe(Scope("p"), deadline=2.0).services["a"].replicas
    assert replica.ours == ("p.a--b",)
