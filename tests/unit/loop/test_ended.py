"""Which replicas went down because we wanted them to."""

import pytest

from controller.loop.ended import FORGOTTEN, Ended
from tests.builders import NOW, create, restart, start, stop

pytestmark = pytest.mark.unit


def test_what_is_stopped_or_restarted_is_ours_for_its_grace_and_a_while() -> None:
    ended = Ended()
    ended.note([create(), start("a"), stop("b", grace=10.0), restart("c", grace=20.0)], NOW)
    assert set(ended.lately(NOW)) == {"b", "c"}
    assert ended.lately(NOW + 10 + FORGOTTEN) == ("c",)
    assert ended.lately(NOW + 20 + FORGOTTEN) == ()
