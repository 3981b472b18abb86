"""How far the engine's clock is from ours: measured seldom, and at once where ours was set."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from controller.engines import vantage
from controller.engines.transport import Endpoint
from controller.engines.vantage import Vantage

pytestmark = pytest.mark.unit

BEGUN = 1_700_000_000.0


class Far:
    """An engine elsewhere, whose clock goes right, and our two clocks."""

    endpoint = Endpoint("tcp://h:1")

    def __init__(self) -> None:
        self.passed, self.set_by, self.asked = 1000.0, 0.0, 0

    def time(self) -> float:
        return BEGUN + self.passed + self.set_by

    def monotonic(self) -> float:
        return self.passed

    def get(self, path: str, *, deadline: float) -> dict[str, Any]:
        assert path == "/info"
        self.asked += 1
        return {"ID": "far", "SystemTime": datetime.fromtimestamp(BEGUN + self.passed, UTC).isoformat()}


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch) -> Far:
    made = Far()
    monkeypatch.setattr(vantage, "time", made)
    return made


@pytest.mark.fault("S3")
@pytest.mark.parametrize(
    ("later", "set_by", "ahead", "asked"),
    [
        pytest.param(60.0, 0.0, 0.0, 1, id="nothing has changed: not asked again"),
        pytest.param(601.0, 0.0, 0.0, 2, id="ten minutes later: asked again"),
        pytest.param(60.0, -3600.0, 3600.0, 2, id="our clock was set back"),
        pytest.param(60.0, 3600.0, -3600.0, 2, id="our clock was set forth"),
        pytest.param(60.0, -0.5, 0.0, 1, id="our clock was set by a hair"),
    ],
)
def test_its_distance_from_our_clock(far: Far, later: float, set_by: float, ahead: float, asked: int) -> None:
    made = Vantage(far)  # type: ignore[arg-type]
    assert made.lens((), deadline=1.0).ahead == 0.0
    far.passed, far.set_by = far.passed + later, set_by
    for _ in range(3):
        assert made.lens((), deadline=1.0).ahead == pytest.approx(ahead)
    assert far.asked == asked
