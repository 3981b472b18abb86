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

SAYS_NOTHING: Any = SimpleNamespace(explain=lambda error: error)
SURROUNDED = make_template(request(), ({"Name": "p_default", "Labels": {}},), (), {})


def test_a_container_is_removed_without_force_and_without_its_volumes() -> None:
    asked: list[tuple[Any, ...]] = []
    client = SimpleNamespace(call=lambda *words, **_: asked.append(words))
    performer = Performer(client, SimpleNamespace(), SimpleNamespace(), SAYS_NOTHING)  # type: ignore[arg-type]
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
    performer = Performer(client, SimpleNamespace(), SimpleNamespace(), SAYS_NOTHING)  # type: ignore[arg-type]
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


def failing(status: int, message: str) -> EngineError:
    error = map_failure(Failure(status, message, "POST /x"))
    error.__cause__ = Failure(status, message, "POST /x")
    return error


def ask(step: Step, inspect: object, network: Any = NETWORK, result: Result = Result.DONE) -> list[tuple[str, Any]]:
    """The writes that a step leads to, by the last word of their path, with their bodies."""
    written: list[tuple[str, Any]] = []

    def call(_method: str, path: str, query: Any = None, body: Any = None, **_: Any) -> None:
        written.append((path.split("/", 2)[2], body))

    answers = {"/networks/p_default": network}
    client = SimpleNamespace(get=lambda path, *_, **__: answers.get(path, inspect), call=call)
    performer = Performer(client, SimpleNamespace(), SimpleNamespace(), SAYS_NOTHING)  # type: ignore[arg-type]
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


ASKED = {"Aliases": ["p-a-1", "a", "face"], "IPAMConfig": {"IPv4Address": "10.0.0.9"}}
PLACED = request(create={"NetworkingConfig": {"EndpointsConfig": {"p_default": ASKED}}})


def place(seen: dict[str, Any], *, other: str = "", refuses: bool = False, heeds: bool = True) -> Any:
    """Outcome and writes of giving back what `seen` is other on its network. `other`: an address somebody has there."""
    inspect, written = inspected(PLACED), []
    networks, replica = inspect["NetworkSettings"]["Networks"], ReplicaId(inspect["Id"])
    networks["p_default"] |= seen

    def call(_method: str, path: str, query: Any = None, body: Any = None, **_: Any) -> None:
        endpoint = body.get("EndpointConfig")
        written.append((path.rpartition("/")[2], endpoint))
        if refuses and endpoint and endpoint.get("IPAMConfig"):
            raise failing(400, "user specified IP address is supported only with configured subnets")
        if endpoint and heeds:
            networks["p_default"] |= endpoint

    held = {replica: {"IPv4Address": "10.0.0.9/24"}, "x": {"IPv4Address": f"{other}/24", "Name": "somebody"}}
    answers = {"/networks/p_default": {**NETWORK, "Containers": held}}
    client = SimpleNamespace(get=lambda path, *_, **__: answers.get(path, inspect), call=call)
    performer = Performer(client, SimpleNamespace(), SimpleNamespace(), SAYS_NOTHING)  # type: ignore[arg-type]
    step = Connect("a", replica, 1, template(PLACED), "why", ("p_default",))
    (outcome,) = performer.perform(SimpleNamespace(), (step,), deadline=5.0)  # type: ignore[arg-type]
    return outcome, written


@pytest.mark.fault("W10")
def test_an_alias_and_an_address_are_given_back_and_a_name_that_was_added_stays() -> None:
    outcome, written = place({"Aliases": ["a", "mine", "0123456789ab"], "IPAMConfig": None})
    assert outcome.result is Result.DONE, outcome.message
    again = {**ASKED, "Aliases": ["p-a-1", "a", "face", "mine"]}
    assert written == [("disconnect", None), ("connect", again)]


def test_an_address_that_somebody_else_has_now_takes_nobody_off_the_network() -> None:
    outcome, written = place({"IPAMConfig": None}, other="10.0.0.9")
    assert (outcome.result, written) == (Result.TRANSIENT, [])
    assert outcome.message == "10.0.0.9 on p_default is the address of somebody now"


def test_who_cannot_be_put_right_is_put_back_as_it_was() -> None:
    outcome, written = place({"Aliases": ["a", "0123456789ab"], "IPAMConfig": None}, refuses=True)
    assert outcome.result is Result.REJECTED and "configured subnets" in outcome.message
    assert written == [("disconnect", None), ("connect", ASKED), ("connect", {"Aliases": ["a"]})]


def test_an_engine_that_shows_something_else_afterwards_is_not_asked_again_and_again() -> None:
    outcome, _ = place({"Aliases": ["a"]}, heeds=False)
    left = "the engine leaves Networks.p_default.Aliases as it was"
    assert (outcome.result, outcome.message) == (Result.REJECTED, left)


# --- networks that are gone, and those that cannot be made


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
    performer = Performer(client, SimpleNamespace(), recorders, SAYS_NOTHING)  # type: ignore[arg-type]
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
    performer = Performer(
        SimpleNamespace(endpoint=None), SimpleNamespace(forget=lambda: None), SimpleNamespace(), SAYS_NOTHING
    )  # type: ignore[arg-type]
    (outcome,) = performer.perform(SimpleNamespace(), (Pull("a", "reg/a:1", "image is not here"),), deadline=5.0)  # type: ignore[arg-type]
    assert (outcome.result, outcome.message) == (Result.TRANSIENT, told)
