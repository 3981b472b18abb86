"""What one replica usually uses at most, read from what was measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.loop.learneduse import FEWEST, LearnedUse, read_learned
from controller.loop.usagebook import UsageBook
from controller.model.usage import Figures, ServiceUsage, Usage

pytestmark = pytest.mark.unit

MIB = 2**20
NOON = 1_700_000_000.0 // 86400 * 86400 + 43200


def measure(folder: Path, *sizes: tuple[int, ...], until: float = NOON) -> None:
    """One sample a minute up to then; in each, MiB by replica of `web`."""
    book = UsageBook(folder, 7 * 86400.0)
    for number, replicas in enumerate(sizes):
        at = until - 60.0 * (len(sizes) - number)
        used = {f"web-{n}": Figures(memory=size * MIB) for n, size in enumerate(replicas)}
        total = Figures(memory=sum(replicas) * MIB)
        book.add(Usage(at, stacks={"shop": {"web": ServiceUsage(total, used)}}), {"web": total}, 60.0)
    book.close()


def test_nothing_was_measured(tmp_path: Path) -> None:
    assert read_learned(tmp_path, NOON) == {}


def test_the_replica_that_uses_most_counts_in_nearly_all_minutes(tmp_path: Path) -> None:
    sizes = [(100, 20 + n % 3) for n in range(98)] + [(900, 20), (900, 20), (100, 20)]
    measure(tmp_path, *sizes)
    assert read_learned(tmp_path, NOON) == {"web": 100 * MIB}


def test_a_few_minutes_tell_nothing(tmp_path: Path) -> None:
    measure(tmp_path, *[(100,)] * FEWEST)
    assert read_learned(tmp_path, NOON) == {}, "the last minute is not over"
    measure(tmp_path, *[(100,)] * (FEWEST + 1), until=NOON + 600)
    assert read_learned(tmp_path, NOON + 600) == {"web": 100 * MIB}


def test_what_is_older_than_a_day_is_forgotten(tmp_path: Path) -> None:
    measure(tmp_path, *[(500,)] * 10, until=NOON - 90000)
    measure(tmp_path, *[(100,)] * 10)
    assert read_learned(tmp_path, NOON) == {"web": 100 * MIB}


def test_it_is_read_again_now_and_then(tmp_path: Path) -> None:
    now = [NOON]
    learned = LearnedUse(lambda _: tmp_path, lambda: now[0])
    assert learned("shop") == {}
    measure(tmp_path, *[(100,)] * 10)
    learned.renew(["shop"])
    assert learned("shop") == {}
    now[0] += 301
    learned.renew(["shop"])
    assert learned("shop") == {"web": 100 * MIB}
