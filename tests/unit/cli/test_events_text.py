"""Events as lines."""

from __future__ import annotations

from datetime import UTC

import pytest

from controller.render.events import event_line, event_lines
from tests.builders import NOW
from tests.unit.cli.statuses import event

pytestmark = pytest.mark.unit


def test_a_repeat_is_told_with_its_count_also_where_events_are_followed() -> None:
    once, again = event(), event(count=3, first_at=NOW - 65)
    assert event_line(once, UTC) == "00:16:35 shop/web Started: web-1 runs"
    assert event_line(again, UTC) == "00:16:35 shop/web Started: web-1 runs (x3 over 60s)"
    assert "5s (x3 over 65s)" in event_lines([again], NOW)[1]
