"""Which inspects still hold, and that strangers' containers cost no memory."""

from __future__ import annotations

import pytest

from controller.engines import labels
from controller.engines.sightings import _REMEMBERED, Sighting, Sightings
from controller.model.desired import StackPolicy

pytestmark = pytest.mark.unit

SEEN = Sighting("key", {"Config": {"Labels": {labels.PROJECT: "shop", labels.SERVICE: "web"}}}, at=1e12)


@pytest.fixture
def sightings() -> Sightings:
    made = Sightings()
    made.connect(1.0)
    return made


def keep(sightings: Sightings, mark: int) -> bool:
    sightings.keep("a1", mark, SEEN)
    return sightings.recall("a1", "key") is not None


def test_an_inspect_holds_until_something_is_said_of_its_container(sightings: Sightings) -> None:
    assert keep(sightings, sightings.mark())
    sightings.say("b2")
    assert sightings.recall("a1", "key") and not sightings.recall("a1", "other")
    sightings.say("a1")
    assert not sightings.recall("a1", "key")


def test_what_changed_without_a_word_is_seen_at_the_next_resync(
    sightings: Sightings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert keep(sightings, sightings.mark())
    monkeypatch.setattr("time.monotonic", lambda: SEEN.at + StackPolicy().resync / 2)
    assert not sightings.recall("a1", "key")


def test_whose_it_is_is_known_also_while_nothing_else_is(sightings: Sightings) -> None:
    """After `die` comes `network disconnect`, which names no project: it ends what an inspect may have run out of."""
    assert keep(sightings, sightings.mark())
    sightings.say("a1")
    assert not sightings.recall("a1", "key")
    assert sightings.whose("a1") == ("shop", "web")
    sightings.forget_others("shop", ("b2",))
    assert sightings.whose("a1") is None


def test_what_is_said_while_it_is_read_makes_it_old(sightings: Sightings) -> None:
    mark = sightings.mark()
    sightings.say("b2")
    assert keep(sightings, mark), "of another one"
    mark = sightings.mark()
    sightings.say("a1")
    assert not keep(sightings, mark)


def test_what_was_begun_before_a_gap_in_the_events_does_not_hold_after_it(sightings: Sightings) -> None:
    mark = sightings.mark()
    sightings.lose()
    assert not keep(sightings, sightings.mark())
    sightings.connect(2.0)
    assert not keep(sightings, mark)
    assert keep(sightings, sightings.mark())


def test_foreign_containers_are_forgotten_again(sightings: Sightings) -> None:
    for number in range(3 * _REMEMBERED):
        sightings.say(f"job-{number}")
    assert len(sightings._said) <= _REMEMBERED


def test_what_the_kernel_killed_before_a_life_began_says_nothing_of_that(sightings: Sightings) -> None:
    """As 20.10 says of each later life that it was killed for want of memory."""
    sightings.note_short("a1", 105.0)
    assert not sightings.is_unharmed("a1", 60.0, 40.0), "65 on our clock: in that life"
    assert sightings.is_unharmed("a1", 70.0, 40.0) and sightings.is_unharmed("b2", 60.0, 40.0)
    assert not sightings.is_unharmed("a1", 65.5, 40.0), "a short life may be dated after its end"
    sightings.connect(80.0)
    assert not sightings.is_unharmed("b2", 70.0, 40.0), "that it was killed may have been missed"
    sightings.lose()
    assert not sightings.is_unharmed("b2", 90.0, 40.0)
