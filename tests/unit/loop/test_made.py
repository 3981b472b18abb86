"""A network or a volume that was missing is told of; a warning where data were there before."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from controller.decide.world import World, make_world
from controller.loop.chronicle import Chronicle
from controller.model.decision import History
from controller.model.desired import DesiredService
from controller.model.names import Revision, make_release
from controller.model.status import Event
from controller.model.steps import Create, Made, Outcome, Result
from controller.model.timings import Timings
from tests.builders import NOW, service, stack, template

pytestmark = pytest.mark.unit

AGAIN = "Warning VolumeCreated: volume shop_data was not there any more, and was made again: it is empty"
FRESH = "Normal VolumeCreated: volume shop_data was not there"


def web(revision: str, *volumes: str) -> DesiredService:
    made = replace(template("web", revision), volumes=tuple(json.dumps({"Name": name}) for name in volumes))
    return service("web", revision=revision, template=made)


def told(world: World, *made: Made, result: Result = Result.DONE) -> list[str]:
    events: list[Event] = []
    parts = {
        "events": SimpleNamespace(append=lambda event: event),
        "timings": SimpleNamespace(load=Timings, add=lambda *_: None),
        "status": SimpleNamespace(load=lambda: None),
    }
    chronicle = Chronicle(SimpleNamespace(**parts), "shop", events.append)  # type: ignore[arg-type]
    want = world.desired.services["web"]
    step = Create("web", 1, want.revision, want.template, "missing")
    chronicle.note_outcomes((Outcome(step, result, "no", made=made),), world, NOW)
    return [f"{event.kind} {event.reason}: {event.message}" for event in events if "Created" in event.reason]


def having(want: DesiredService, *before: DesiredService, **history: object) -> World:
    world = make_world(stack(want))
    world.histories["web"] = History(**history)  # type: ignore[arg-type]
    return replace(world, known={("web", one.revision): one for one in before})


GOOD = make_release(Revision("v1"))


@pytest.mark.parametrize(
    ("world", "said"),
    [
        pytest.param(having(web("v1", "shop_data")), FRESH, id="it never worked"),
        pytest.param(having(web("v1", "shop_data"), good=GOOD), AGAIN, id="it worked with it"),
        pytest.param(having(web("v1", "shop_data"), completed=Revision("v1")), AGAIN, id="it ended well with it"),
        pytest.param(having(web("v2", "shop_data"), web("v1"), good=GOOD), FRESH, id="new in this release"),
        pytest.param(
            having(web("v2", "shop_data"), web("v1", "shop_data"), good=GOOD), AGAIN, id="the one before had it, too"
        ),
        pytest.param(having(web("v2", "shop_data"), good=GOOD), FRESH, id="nobody knows what the one before had"),
    ],
)
def test_a_volume_that_was_missing_is_told_of_and_how_bad_that_is(world: World, said: str) -> None:
    events = told(world, Made("volume", "shop_data"))
    assert events == [said, "Normal Created: web-1: missing"]


def test_so_it_is_where_the_step_failed_afterwards() -> None:
    world = having(web("v1", "shop_data"), good=GOOD)
    assert told(world, Made("volume", "shop_data"), result=Result.TRANSIENT) == [AGAIN]


def test_a_network_that_was_missing_is_told_of() -> None:
    assert told(having(web("v1")), Made("network", "shop_default"))[0] == (
        "Normal NetworkCreated: network shop_default was not there"
    )
