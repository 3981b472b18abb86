"""What is asked of Docker for a step, where the words decide whether data survives."""

from types import SimpleNamespace
from typing import Any

import pytest

from controller.engines import compose
from controller.engines.ensure import ensure_surroundings
from controller.engines.errors import Failure, map_failure
from controller.engines.perform import Performer
from controller.engines.template import make_template
from controller.model.errors import EngineError, Transient
from controller.model.names import ReplicaId
from controller.model.steps import Connect, Pull, Rename, Result, Start, Step, Withdraw
from tests.builders import remove
from tests.unit.engines.requests import inspected, request, template

pytestmark = pytest.mark.unit

SURROUNDED = make_template(request(), ({"Name": "p_default", "Labels": {}},), (), {})


def test_a_container_is_removed_without_force_and_without_its_volumes() -> None:
    asked: list[tuple[Any, ...]] = []
    client = SimpleNamespace(call=lambda *words, **_: asked.append(words))
    performer = Performer(client, SimpleNamespace(), SimpleNamespace())  # type: ignore[arg-type]
    (outcome,) = performer.perform(SimpleNamespace(), (remove("abc"),), deadline=5.0)  # type: ignore[arg-type]
    assert outcome.result is Result.DONE
    assert asked == [("DELETE", "/containers/abc", {"v": "0", "force": "0"})]


@pytest.mark.fault("D5")
@pytest.mark.parametrize("answer", [{}, None, [], {"Id": "other", "State": {}, "Name": "/x"}], ids=repr)
@pytest.mark.parametrize(
    "step",
    [Connect("a", ReplicaId("abc"), 1, template(request()), "why"), Rename("a", ReplicaId("abc"), 1, "why")],
    ids=["connect", "rename"],
)
def test_what_is_no_inspect_of_the_container_leads_to_no_write(step: Step, answer: object) -> None:
    written: list[tuple[Any, ...]] = []
    client = SimpleNamespace(get=lambda *_, **__: answer, call=lambda *words, **_: written.append(words))
    performer = Performer(client, SimpleNamespace(), SimpleNamespace())  # type: ignore[arg-type]
    (outcome,) = performer.perform(SimpleNamespace(), (step,), deadline=5.0)  # type: ignore[arg-type]
    assert (outcome.result, written) == (Result.TRANSIENT, [])


@pytest.mark.fault("D5")
@pytest.mark.parametrize("answer", [{}, None, "x"], ids=repr)
def test_what_is_no_network_is_neither_missing_nor_somebody_elses(answer: object) -> None:
    client = SimpleNamespace(get=lambda *_, **__: answer)
    with pytest.raises(EngineError) as caught:
        ensure_surroundings(client, SURROUNDED, deadline=5.0)  # type: ignore[arg-type]
    assert isinstance(caught.value, Transient)


NETWORK = {"Id": "n1", "Name": "p_default", "Driver": "bridge", "Labels": {}, "IPAM": {"Config": []}}


def ask(step: Step, inspect: object, network: Any = NETWORK, result: Result = Result.DONE) -> list[tuple[str, Any]]:
    """The writes that a step leads to, by the last word of their path, with their bodies."""
    written: list[tuple[str, Any]] = []

    def call(_method: str, path: str, query: Any = None, body: Any = None, **_: Any) -> None:
        written.append((path.split("/", 2)[2], body))

    answers = {"/networks/p_default": network}
    client = SimpleNamespace(get=lambda path, *_, **__: answers.get(path, inspect), call=call)
    performer = Performer(client, SimpleNamespace(), SimpleNamespace())  # type: ignore[arg-type]
    (outcome,) = performer.perform(SimpleNamespace(), (step,), deadline=5.0)  # type: ignore[arg-type]
    assert outcome.result is result, outcome.message
    return written


def test_who_is_withdrawn_is_off_each_of_its_networks_for_an_instant_and_nameless_then() -> None:
    inspect = inspected(request())
    replica = ReplicaId(inspect["Id"])
    networks = inspect["NetworkSettings"]["Networks"]
    networks["p_default"]["IPAMConfig"] = {"IPv4Address": "10.0.0.2"}
    networks["quiet"] = {"Aliases": None}
    networks["bridge"] = {"Aliases": ["a"]}
    assert ask(Withdraw("a", replica, 1, "why"), inspect) == [
        ("p_default/disconnect", {"Container": replica}),
        (
            "p_default/connect",
            {"Container": replica, "EndpointConfig": {"IPAMConfig": {"IPv4Address": "10.0.0.2"}}},
        ),
    ]


def test_who_would_come_back_under_another_address_is_left_as_it_is() -> None:
    inspect = inspected(request())
    pool = {"Subnet": "10.0.0.0/24", "Gateway": "10.0.0.9"}
    network = {**NETWORK, "IPAM": {"Config": [pool]}}
    assert ask(Withdraw("a", ReplicaId(inspect["Id"]), 1, "why"), inspect, network, Result.REJECTED) == []


def test_who_is_to_be_found_again_leaves_the_network_for_an_instant() -> None:
    inspect = inspected(request())
    replica = ReplicaId(inspect["Id"])
    inspect["NetworkSettings"]["Networks"]["p_default"]["Aliases"] = ["0123456789ab"]
    again = Connect("a", replica, 1, template(request()), "why")
    endpoint = {"Aliases": ["p-a-1", "a"]}
    assert ask(again, inspect) == [
        ("p_default/disconnect", {"Container": replica}),
        ("p_default/connect", {"Container": replica, "EndpointConfig": endpoint}),
    ]


# --- networks that are gone, and those that cannot be made


def failing(status: int, message: str) -> EngineError:
    error = map_failure(Failure(status, message, "POST /x"))
    error.__cause__ = Failure(status, message, "POST /x")
    return error


@pytest.mark.fault("I5")
@pytest.mark.parametrize(
    ("answer", "passes"),
    [
        (failing(409, "network with name p_default already exists"), True),
        (failing(404, "could not find an available, non-overlapping IPv4 address pool among the defaults"), False),
        (failing(404, 'plugin "mac" not found'), False),
    ],
    ids=["somebody else was faster", "no subnet is left", "no such driver"],
)
def test_a_network_that_cannot_be_made_is_a_failure_unless_somebody_else_made_it(
    answer: EngineError, passes: bool
) -> None:
    def call(*_: Any, **__: Any) -> None:
        raise answer

    def get(path: str, *_: Any, **__: Any) -> object:
        if path == "/networks":
            return []
        raise failing(404, "network p_default not found")

    client = SimpleNamespace(get=get, call=call)
    if passes:
        ensure_surroundings(client, SURROUNDED, deadline=5.0)  # type: ignore[arg-type]
        return
    with pytest.raises(EngineError) as caught:
        ensure_surroundings(client, SURROUNDED, deadline=5.0)  # type: ignore[arg-type]
    assert caught.value is answer


@pytest.mark.fault("W10")
@pytest.mark.parametrize("now", ["n2", "n1"], ids=["made anew", "there all the time"])
def test_one_whose_network_was_removed_under_it_joins_the_one_that_has_its_name_now(now: str) -> None:
    inspect = inspected(request())
    replica = ReplicaId(inspect["Id"])
    inspect["NetworkSettings"]["Networks"]["p_default"]["NetworkID"] = "n1"
    written: list[tuple[str, Any]] = []

    def call(_method: str, path: str, query: Any = None, body: Any = None, **_: Any) -> None:
        written.append((path.split("/", 2)[2], body))
        if len(written) == 1:
            raise failing(404, "network n1 not found")

    answers = {"/networks/p_default": {**NETWORK, "Id": now}}
    client = SimpleNamespace(get=lambda path, *_, **__: answers.get(path, inspect), call=call)
    recording = SimpleNamespace(templates={"a": SURROUNDED})
    recorders = SimpleNamespace(render=lambda _: None, record=lambda *_: recording)
    performer = Performer(client, SimpleNamespace(), recorders)  # type: ignore[arg-type]
    step = Start("a", replica, 1, "was stopped, is wanted again")
    (outcome,) = performer.perform(SimpleNamespace(), (step,), deadline=5.0)  # type: ignore[arg-type]
    start, endpoint = (f"{replica}/start", None), {"Aliases": ["p-a-1", "a"]}
    if now == "n1":
        assert (outcome.result, written) == (Result.CONFLICT, [start])
        return
    assert outcome.result is Result.DONE, outcome.message
    assert written == [
        start,
        ("p_default/disconnect", {"Container": replica}),
        ("p_default/connect", {"Container": replica, "EndpointConfig": endpoint}),
        start,
    ]


@pytest.mark.fault("I1")
@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("docker compose pull: unauthorized", "reg/a:1: docker compose pull: unauthorized"),
        ("docker compose pull: reg/a:1 is not there", "docker compose pull: reg/a:1 is not there"),
    ],
)
def test_a_pull_that_fails_names_its_image(said: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise Transient(said)

    monkeypatch.setattr(compose, "pull_service", refuse)
    performer = Performer(SimpleNamespace(endpoint=None), SimpleNamespace(forget=lambda: None), SimpleNamespace())  # type: ignore[arg-type]
    (outcome,) = performer.perform(SimpleNamespace(), (Pull("a", "reg/a:1", "image is not here"),), deadline=5.0)  # type: ignore[arg-type]
    assert (outcome.result, outcome.message) == (Result.TRANSIENT, told)
