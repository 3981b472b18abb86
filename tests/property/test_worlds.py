"""Random stacks with random lives: whatever happens, the same rules hold at every step, and the goal is reached."""

import pytest

from tests.property.kinds import KINDS
from tests.property.many import report, run

pytestmark = pytest.mark.unit

FEW = 15
PARTS, WORLDS = 10, 10_000


@pytest.mark.parametrize("kind", [pytest.param(kind, id=f"{kind}: {KINDS[kind].promise}") for kind in KINDS])
@pytest.mark.parametrize("seed", range(FEW))
def test_a_random_world_keeps_its_promise(kind: str, seed: int) -> None:
    broken = report(kind, seed)
    assert not broken, broken


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("part", range(PARTS))
def test_ten_thousand_random_worlds_keep_their_promises(part: int) -> None:
    """In parts, so that they spread over the cores."""
    each = WORLDS // PARTS
    broken = run(each, first=1000 + part * each, jobs=1, chatty=False)
    assert not broken, broken
