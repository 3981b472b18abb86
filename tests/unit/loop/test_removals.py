"""Since when a container is on its way out: the engine does not say."""

import pytest

from controller.loop.senses import Senses
from controller.model.names import Instant
from controller.model.observed import Observed, Replica, ReplicaPhase
from tests.builders import NOW, checked, healthy, replica, view

pytestmark = [pytest.mark.unit, pytest.mark.fault("W8")]

GOING = replica(1, "v1", ReplicaPhase.REMOVING, finished_at=NOW - 9999)


def look(senses: Senses, at: Instant, *replicas: Replica) -> list[Instant | None]:
    seen = senses.finish(view(*replicas, taken_at=at), checked("web"), Observed("shop", {}, at))
    return [one.removing_since for one in seen.replicas]


def test_it_counts_from_the_first_look_that_shows_it() -> None:
    senses = Senses(None, None, dict, dict, NOW)  # type: ignore[arg-type]
    assert look(senses, NOW, GOING, healthy(2)) == [NOW, None]
    assert look(senses, NOW + 40, GOING, healthy(2)) == [NOW, None]


def test_what_is_there_again_begins_anew() -> None:
    senses = Senses(None, None, dict, dict, NOW)  # type: ignore[arg-type]
    look(senses, NOW, GOING)
    assert look(senses, NOW + 10, healthy(1)) == [None]
    assert look(senses, NOW + 20, GOING) == [NOW + 20]
