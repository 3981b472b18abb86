"""What a follower is told of one status after another."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controller.model.phases import Phase, StackPhase
from controller.web.changes import take_in
from tests.unit.cli.statuses import service_status, stack_status

pytestmark = pytest.mark.unit

SHOP = stack_status(service_status("db"), service_status("web"))


def test_all_of_a_new_stack_is_told() -> None:
    _, changes = take_in({}, (SHOP,))
    assert [change.key for change in changes] == [
        ("stack", "shop", ""),
        ("service", "shop", "db"),
        ("service", "shop", "web"),
    ]


def test_nothing_is_told_where_only_time_has_passed() -> None:
    kept, _ = take_in({}, (SHOP,))
    again = replace(SHOP, taken_at=SHOP.taken_at + 5, services=tuple(replace(one) for one in SHOP.services))
    after, changes = take_in(kept, (again,))
    assert changes == ()
    assert after["shop"].services["db"] is kept["shop"].services["db"]  # so that its text is made once


def test_only_the_service_that_changed_is_told() -> None:
    kept, _ = take_in({}, (SHOP,))
    sick = service_status("web", Phase.DEGRADED)
    _, changes = take_in(kept, (replace(SHOP, services=(SHOP.services[0], sick)),))
    assert changes == ((("service", "shop", "web"), sick),)


def test_the_stack_alone_is_told_where_its_own_words_changed() -> None:
    kept, _ = take_in({}, (SHOP,))
    now = replace(SHOP, phase=StackPhase.DEGRADED)
    _, changes = take_in(kept, (now,))
    assert changes == ((("stack", "shop", ""), now),)


def test_what_is_no_more_is_told() -> None:
    kept, _ = take_in({}, (SHOP, stack_status(name="blog")))
    kept, changes = take_in(kept, (replace(SHOP, services=SHOP.services[:1]),))
    assert changes == ((("service", "shop", "web"), None), (("stack", "blog", ""), None))
    assert set(kept) == {"shop"} and set(kept["shop"].services) == {"db"}
