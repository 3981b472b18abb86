"""A pull that failed is told for as long as nobody pulled, though the start on the present image went well."""

import pytest

from controller.decide.world import make_world
from controller.loop.conditions import Obstacles, make_conditions
from controller.loop.senses import Senses
from controller.model.desired import PullPolicy
from controller.model.observed import Observed
from controller.model.steps import Outcome, Pull, Result, Start
from tests.builders import IMAGE, NOW, checked, stack, view

pytestmark = pytest.mark.unit

PULL = Pull("web", "web:1", "pull_policy: always")
START = Start("web", "web-1-id", 1, "not started yet")


@pytest.mark.parametrize(
    ("outcomes", "told"),
    [
        pytest.param([(PULL, Result.REJECTED)], True, id="no registry"),
        pytest.param([(PULL, Result.TRANSIENT), (START, Result.DONE)], True, id="started on what is there"),
        pytest.param([(PULL, Result.REJECTED), (PULL, Result.DONE)], False, id="pulled at last"),
        pytest.param([(START, Result.REJECTED)], False, id="not a pull"),
    ],
)
@pytest.mark.parametrize("image", [IMAGE, None])
def test_an_image_that_could_not_be_verified_is_told(outcomes, told, image) -> None:
    senses = Senses(None, None, dict, dict, NOW)  # type: ignore[arg-type]
    for step, result in outcomes:
        senses.note("web", (Outcome(step, result),), NOW)
    world = make_world(stack(checked("web")))
    seen = view(image_id=image)
    world.views["web"] = senses.finish(seen, checked("web", pull=PullPolicy.ALWAYS), Observed("shop", {}, NOW))
    types = [condition.type for condition in make_conditions(world, Obstacles(), NOW)]
    assert ("ImageUnverified" in types) == (told and image is not None)


def test_an_image_that_came_by_another_hand_is_as_asked_for_where_it_is_only_not_to_be_missing() -> None:
    senses = Senses(None, None, dict, dict, NOW)  # type: ignore[arg-type]
    senses.note("web", (Outcome(PULL, Result.TRANSIENT, "no registry"),), NOW)
    missing = senses.finish(view(image_id=None), checked("web"), Observed("shop", {}, NOW))
    assert set(missing.fetch_troubles) == {"web:1"}
    present = senses.finish(view(), checked("web"), Observed("shop", {}, NOW))
    assert not present.unverified and not present.fetch_troubles
