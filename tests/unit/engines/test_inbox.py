"""A flood of events stays as small as what it is about; silence and the end are told apart."""

from __future__ import annotations

import pytest

from controller.engines.base import Nudge, NudgeAt
from controller.engines.inbox import Delivery, Inbox

pytestmark = [pytest.mark.unit, pytest.mark.fault("D7")]

WEB, DB = (NudgeAt(Nudge.SERVICE, "shop", name) for name in ("web", "db"))


def test_equal_nudges_merge_and_all_events_are_counted() -> None:
    inbox = Inbox()
    for number in range(100_000):
        inbox.put((WEB, DB, None)[number % 3])
    assert len(inbox._waiting) == 2
    assert inbox.take(0) == Delivery((WEB, DB), 100_000)
    assert inbox.take(0) == Delivery()


def test_the_end_comes_with_what_was_said_before() -> None:
    inbox = Inbox()
    inbox.put(WEB)
    inbox.end()
    assert inbox.take(0) == Delivery((WEB,), 1, ended=True)
