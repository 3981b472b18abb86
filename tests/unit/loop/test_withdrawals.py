"""Since when nobody finds a replica by its name is remembered: the engine does not say it."""

from dataclasses import replace

import pytest

from controller.loop.senses import Senses
from controller.model.observed import Observed
from tests.builders import NOW, checked, healthy, view

pytestmark = pytest.mark.unit

FOUND, LOST, NEVER = (healthy(1, by_name=found) for found in (True, False, None))


def test_from_the_first_look_that_shows_it() -> None:
    senses = Senses(None, None, dict, dict, NOW)  # type: ignore[arg-type]

    def look(*replicas, at: float) -> list[float | None]:
        seen = senses.finish(view(*replicas), checked(), Observed("shop", {}, at))
        return [one.withdrawn_since for one in seen.replicas]

    assert look(FOUND, NEVER, at=NOW) == [None, None]
    assert look(LOST, at=NOW + 1) == [NOW + 1]
    assert look(LOST, replace(LOST, id="other"), at=NOW + 2) == [NOW + 1, NOW + 2]
    assert look(FOUND, at=NOW + 3) == [None]
    assert look(LOST, at=NOW + 4) == [NOW + 4]
