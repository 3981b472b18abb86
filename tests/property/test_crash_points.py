"""The controller dies at every place between two writes or calls, one after the other: all ends as if it had not."""

from collections import Counter
from dataclasses import replace
from random import Random

import pytest

from controller.model.desired import Leaving, Order
from tests.builders import HEALTHY, NOW, checked, empty_views, stack
from tests.property.bringing import UP, life_of, shop, starts
from tests.property.kind import whats_left
from tests.property.life import Event, Life, begin
from tests.property.play import Play
from tests.property.worlds import edit_some, random_stack, random_timings

pytestmark = pytest.mark.unit

End = tuple[list[tuple[str, str]], int, Counter[str]]


def ended(play: Play, until: float) -> End:
    """What is there, how many containers were made, how many processes were started."""
    play.run(NOW + until)
    play.rules.check_goal()
    return whats_left(play), play.simulation.containers.made, starts(play)


def check_all(life: Life, every: int = 1) -> int:
    """Die once at each place (or each of so many); how many there are."""
    undisturbed = begin(life)
    expected, places = ended(undisturbed, life.until), undisturbed.points
    for place in range(1, places + 1, every):
        play = begin(life)
        play.deadly = (place,)
        assert ended(play, life.until) == expected, f"place {place} of {places}"
        assert play.deaths == 1
    return places


def prune(life: Life) -> Life:
    """`web` is taken out of the file, and what is gone from the file is removed."""
    web = life.stack.services["web"]
    gone = replace(web, leaving=Leaving.REMOVED, replicas=0)
    return replace(life, stack=replace(life.stack, services={**life.stack.services, "web": gone}))


SCENES = [
    pytest.param(life_of(shop(), until=UP), id="a cold start"),
    pytest.param(life_of(shop(), Event(UP, "edit", "web", 2), until=300), id="an update, start-first"),
    pytest.param(
        life_of(shop(Order.STOP_FIRST, 1, 3), Event(UP, "edit", "web", 2), until=300), id="an update, stop-first"
    ),
    pytest.param(
        life_of(shop(), *(Event(UP, "edit", name, 2) for name in ("db", "migrate", "web")), until=400),
        id="an update of all that depends on each other",
    ),
    pytest.param(
        life_of(shop(), Event(UP, "scale", "web", 4), Event(UP + 20, "scale", "web", 1), until=400),
        id="up and down",
    ),
    pytest.param(
        life_of(shop(), *(Event(UP, "stop", name, lasts=30.0) for name in ("db", "web")), until=400),
        id="a stop and a start",
    ),
    pytest.param(life_of(shop(), Event(UP, "leave", "web", lasts=30.0), until=400), id="out of the profile and back"),
    pytest.param(
        life_of(shop(), Event(UP, "kill", "web"), Event(UP, "remove", "db"), until=400), id="healing two services"
    ),
    pytest.param(
        life_of(
            stack(checked("web"), checked("side", needs={"web": HEALTHY}, namespace_of="web")),
            Event(UP, "edit", "web", 2),
            until=400,
        ),
        id="an owner of a shared namespace is replaced",
    ),
]


@pytest.mark.parametrize("every", [3, pytest.param(1, marks=pytest.mark.slow)], ids=["every third", "every"])
@pytest.mark.parametrize("life", SCENES)
def test_death_at_any_place_changes_neither_the_end_nor_what_it_took(life: Life, every: int) -> None:
    assert check_all(life, every) > 10


def test_death_at_any_place_of_a_removal_leaves_nothing_behind() -> None:
    before = begin(life_of(shop(Order.STOP_FIRST, 1, 3), until=UP))
    before.run(NOW + UP)
    views = {**empty_views(before.world.desired), **before.simulation.observe(before.now)}
    at = {name: replace(view, taken_at=NOW, since=NOW) for name, view in views.items()}
    life = prune(replace(life_of(shop(Order.STOP_FIRST, 1, 3), until=300), views=at))
    assert check_all(life) > 5


@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(3, 12))])
def test_death_at_places_of_random_updates(seed: int) -> None:
    random = Random(seed)
    wanted = random_stack(random)
    life = Life(wanted, random_timings(random, wanted), edit_some(random, wanted, 600.0, 2), until=1500.0)
    check_all(life, every=7)
