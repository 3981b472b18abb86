"""Which services a person means."""

from __future__ import annotations

import pytest

from controller.cli.selection import choose_one, choose_services, choose_stacks, narrow
from controller.model.errors import ControllerError
from tests.unit.cli.statuses import service_status, stack_status

pytestmark = pytest.mark.unit

STACKS = (
    stack_status(service_status("web"), service_status("redis"), name="shop"),
    stack_status(service_status("web"), name="blog"),
)


def names(chosen: object) -> list[str]:
    return [f"{stack.name}/{service.name}" for stack, service in chosen]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ((), ["shop/web", "shop/redis", "blog/web"]),
        (("redis",), ["shop/redis"]),
        (("web",), ["shop/web", "blog/web"]),
        (("blog/web", "redis"), ["blog/web", "shop/redis"]),
    ],
)
def test_words_name_services(words: tuple[str, ...], found: list[str]) -> None:
    assert names(choose_services(STACKS, words)) == found


def test_a_typo_gets_the_nearest_name() -> None:
    with pytest.raises(ControllerError) as caught:
        choose_services(STACKS, ("rediss",))
    assert (caught.value.message, caught.value.hint) == ("there is no service 'rediss'", "did you mean 'redis'?")
    with pytest.raises(ControllerError) as caught:
        choose_stacks(STACKS, ("zzz",))
    assert caught.value.hint == "there are: shop, blog"


def test_one_of_several_stacks_must_be_said() -> None:
    with pytest.raises(ControllerError, match="several stacks"):
        choose_one(STACKS, "web")
    assert choose_one(STACKS, "blog/web")[0].name == "blog"


def test_narrow_leaves_out_what_was_not_chosen() -> None:
    kept = narrow(STACKS, choose_services(STACKS, ("redis",)))
    assert [(stack.name, [item.name for item in stack.services]) for stack in kept] == [("shop", ["redis"])]
