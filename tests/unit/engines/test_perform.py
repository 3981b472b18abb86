"""What is asked of Docker for a step, where the words decide whether data survives."""

from types import SimpleNamespace
from typing import Any

import pytest

from controller.engines.ensure import ensure_surroundings
from controller.engines.perform import Performer
from controller.engines.template import make_template
from controller.model.errors import EngineError, Transient
from controller.model.names import ReplicaId
from controller.model.steps import Connect, Rename, Result, Step
from tests.builders import remove
from tests.unit.engines.requests import request, template

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
