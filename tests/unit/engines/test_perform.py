"""What is asked of Docker for a step, where the words decide whether data survives."""

from types import SimpleNamespace
from typing import Any

import pytest

from controller.engines.perform import Performer
from controller.model.steps import Result
from tests.builders import remove

pytestmark = pytest.mark.unit


def test_a_container_is_removed_without_force_and_without_its_volumes() -> None:
    asked: list[tuple[Any, ...]] = []
    client = SimpleNamespace(call=lambda *words, **_: asked.append(words))
    performer = Performer(client, SimpleNamespace(), SimpleNamespace())  # type: ignore[arg-type]
    (outcome,) = performer.perform(SimpleNamespace(), (remove("abc"),), deadline=5.0)  # type: ignore[arg-type]
    assert outcome.result is Result.DONE
    assert asked == [("DELETE", "/containers/abc", {"v": "0", "force": "0"})]
