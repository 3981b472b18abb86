"""A restart count that got lost would not show in any end: the pauses after a death are those of who lives on."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from controller.failpoints import AFTER, BEFORE
from tests.component.stage import NOW, load
from tests.crash.mortal import KILLED, Clock, MortalStage, fault_of, in_child

pytestmark = [pytest.mark.unit, pytest.mark.fault("C1"), pytest.mark.timeout(600)]

FALLS_OVER = {"web": {"image": "busybox", "labels": {"controller.simulated.crash-after": "0.3"}}}
UNTIL = NOW + 80
SLACK = 0.2
"""Part of a pause by which it may differ: the queue scatters its looks by a tenth. A lost try halves it."""


def watch(folder: Path) -> None:
    """Keep the service in shape until the end, and write down each instant at which it was started."""
    stage, starts = MortalStage(folder), folder / "starts"
    starts.touch()

    def is_over() -> bool:
        for replica in stage.replicas("web"):
            if replica.started_at is not None and str(replica.started_at) not in starts.read_text().split():
                starts.write_text(f"{starts.read_text()} {replica.started_at}")
        return stage.clock.now() >= UNTIL

    stage.begin(load(FALLS_OVER))
    stage.settle(UNTIL - NOW, until=is_over)


def pauses(folder: Path) -> list[float]:
    starts = [float(word) for word in (folder / "starts").read_text().split()]
    return [later - earlier for earlier, later in pairwise(starts)]


@pytest.mark.parametrize("write", ["engine.container.start", "store.histories.insert"])
@pytest.mark.parametrize("side", [BEFORE, AFTER])
def test_who_dies_on_the_way_forgets_no_try(folder: Path, write: str, side: str) -> None:
    undisturbed, disturbed = folder / "undisturbed", folder / "disturbed"
    for world in (undisturbed, disturbed):
        world.mkdir()
    assert in_child(lambda: watch(undisturbed), undisturbed) == 0, fault_of(undisturbed)
    assert in_child(lambda: watch(disturbed), disturbed, f"{write}.{side}:4") == KILLED
    Clock(disturbed).sleep(0.25)
    assert in_child(lambda: watch(disturbed), disturbed) == 0, fault_of(disturbed)
    usual, found = pauses(undisturbed)[:5], pauses(disturbed)[:5]
    assert len(usual) == len(found) == 5
    assert found == pytest.approx(usual, rel=SLACK, abs=0.5), (found, usual)
