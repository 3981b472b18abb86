"""Measured history on a real disk: coarse where it is old, bounded, replaced where damaged."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from controller.loop.usagebook import FILE, UsageBook
from controller.loop.usagehistory import MOST_POINTS, choose_grain, read_highest, read_history, read_newest
from controller.model.errors import ControllerError
from controller.model.names import ReplicaId
from controller.model.usage import Figures, ServiceUsage, Usage

pytestmark = pytest.mark.unit

NOW = 1_700_000_400.0 // 600 * 600
WEEK = 7 * 86400.0
INTERVAL = 15.0


@pytest.fixture
def book(tmp_path: Path) -> Iterator[UsageBook]:
    made = UsageBook(tmp_path, WEEK)
    yield made
    made.close()


def add(book: UsageBook, at: float, cpu: float | None, *others: str, interval: float = INTERVAL) -> None:
    figures = Figures(cpu=cpu, memory=None if cpu is None else round(cpu * 1000))
    services = dict.fromkeys(("web", *others), figures)
    book.add(Usage(at, stacks={"shop": {n: ServiceUsage(f) for n, f in services.items()}}), services, interval)


def rows(folder: Path, tier: int) -> int:
    with closing(sqlite3.connect(folder / FILE)) as connection:
        return int(connection.execute("SELECT COUNT(*) FROM usage WHERE tier = ?", (tier,)).fetchone()[0])


def test_samples_come_back_as_they_were_and_the_file_is_ours_alone(book: UsageBook, tmp_path: Path) -> None:
    for n in range(4):
        add(book, NOW + n * INTERVAL, float(n), "db")
    both = read_history(tmp_path, None, NOW, NOW + 60)
    (web,) = read_history(tmp_path, "web", NOW, NOW + 60)
    assert [one.service for one in both] == ["db", "web"] and both[1] == web
    assert web.step == INTERVAL
    assert [(p.at - NOW, p.figures.cpu, p.figures.memory, p.cpu_most) for p in web.points] == [
        (n * INTERVAL, float(n), n * 1000, float(n)) for n in range(4)
    ]
    assert stat.S_IMODE(os.stat(tmp_path / FILE).st_mode) == 0o600
    assert read_history(tmp_path, "nobody", NOW, NOW + 60) == ()


def test_the_replica_that_used_most_is_kept_beside_the_sum(book: UsageBook, tmp_path: Path) -> None:
    for n, (one, other) in enumerate([(100, 300), (900, 200), (50, 60)]):
        replicas = {"a": Figures(cpu=0.1, memory=one), "b": Figures(cpu=0.3, memory=other)}
        usage = ServiceUsage(Figures(0.4, one + other), replicas)
        book.add(Usage(NOW + n * INTERVAL, stacks={"shop": {"web": usage}}), {"web": usage.total}, INTERVAL)
    (web,) = read_history(tmp_path, "web", NOW, NOW + 60)
    assert [(p.figures.memory, p.memory_highest, p.cpu_highest) for p in web.points] == [
        (400, 300, 0.3), (1100, 900, 0.3), (110, 60, 0.3),
    ]  # fmt: skip
    add(book, NOW + 90, None)
    (web,) = read_history(tmp_path, "web", NOW, NOW + 8 * 3600)
    assert (web.points[0].memory_most, web.points[0].memory_highest) == (1100, 900)


OLDER = """
CREATE TABLE usage (
    tier INTEGER NOT NULL, at REAL NOT NULL, service TEXT NOT NULL,
    cpu REAL, memory REAL, memory_limit REAL, received REAL, sent REAL, read REAL, written REAL, processes REAL,
    cpu_limit REAL, cpu_most REAL, memory_most REAL, PRIMARY KEY (tier, at, service)
) STRICT, WITHOUT ROWID;
CREATE TABLE newest (
    id INTEGER PRIMARY KEY CHECK (id = 1), at REAL NOT NULL, interval REAL NOT NULL, body TEXT NOT NULL
) STRICT;
PRAGMA user_version = 1;
"""


def test_what_an_older_version_kept_is_kept(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as connection:
        connection.executescript(OLDER)
        connection.execute("INSERT INTO usage (tier, at, service, memory) VALUES (0, ?, 'web', 7.0)", (NOW,))
    for _ in range(2):
        book = UsageBook(tmp_path, WEEK)
        add(book, NOW + INTERVAL, 1.0)
        book.close()
    (web,) = read_history(tmp_path, "web", NOW, NOW + 60)
    assert [(p.figures.memory, p.memory_highest) for p in web.points] == [(7, None), (1000, None)]


def test_what_is_not_known_stays_so(book: UsageBook, tmp_path: Path) -> None:
    for n in range(9):
        add(book, NOW + n * INTERVAL, None)
    (web,) = read_history(tmp_path, None, NOW, NOW + 86000)
    assert {point.figures for point in web.points} == {Figures()}


def use(book: UsageBook, at: float, memory: int, service: str = "web") -> None:
    figures = Figures(cpu=0.1, memory=memory)
    used = {service: ServiceUsage(figures, {ReplicaId("a"): figures})}
    book.add(Usage(at, stacks={"shop": used}), {service: figures}, INTERVAL)


@pytest.mark.parametrize(
    ("start", "known"),
    [
        pytest.param(NOW - 30, True, id="it was measured since its start"),
        pytest.param(NOW - 3600, False, id="its start was before that"),
        pytest.param(NOW - 3 * 86400, False, id="long before, and not measured for a day either"),
        pytest.param(NOW + 300, False, id="it was not measured since"),
    ],
)
def test_what_was_used_at_most_is_known_where_it_was_measured_since_its_start(
    book: UsageBook, tmp_path: Path, start: float, known: bool
) -> None:
    use(book, NOW, 70)
    use(book, NOW + 60, 20)
    use(book, NOW + 400, 90, "db")
    found = read_highest(tmp_path, NOW + 400, {"web": start})
    assert found is not None and found.get("web") == (70 if known else None)


def test_what_was_used_at_most_is_known_of_who_was_measured_for_a_day(book: UsageBook, tmp_path: Path) -> None:
    for n in range(0, 90_000, 50):
        use(book, NOW + n, 70 if n == 0 else 20)
    assert read_highest(tmp_path, NOW + 90_000, {"web": NOW - 86400}) == {"web": 70}


def test_what_cannot_be_read_is_not_taken_for_nothing(tmp_path: Path) -> None:
    assert read_highest(tmp_path, NOW) is None
    (tmp_path / FILE).write_bytes(b"no database at all")
    assert read_highest(tmp_path, NOW, {"web": NOW}) is None


def test_old_history_is_of_means_and_the_highest_sample(book: UsageBook, tmp_path: Path) -> None:
    for n in range(20 * 60 // 15 + 1):
        add(book, NOW + n * INTERVAL, 4.0 if n == 2 else 1.0)
    (web,) = read_history(tmp_path, "web", NOW, NOW + 8 * 3600)
    assert (web.step, web.points[0].at, len(web.points)) == (60.0, NOW, 21)
    assert (web.points[0].figures.cpu, web.points[0].cpu_most, web.points[1].figures.cpu) == (1.75, 4.0, 1.0)
    (web,) = read_history(tmp_path, "web", NOW, NOW + 3 * 86400)
    assert (web.step, [p.at - NOW for p in web.points], web.points[0].cpu_most) == (600.0, [0.0, 600.0, 1200.0], 4.0)


def test_what_was_not_made_coarse_before_the_end_is_afterwards(tmp_path: Path) -> None:
    for start in (NOW, NOW + 200.0):
        book = UsageBook(tmp_path, WEEK)
        for n in range(3):
            add(book, start + n * INTERVAL, 1.0)
        book.close()
    book = UsageBook(tmp_path, WEEK)
    add(book, NOW + 700.0, 1.0)
    book.close()
    assert (rows(tmp_path, 60), rows(tmp_path, 600)) == (2, 1)


def test_each_tier_is_kept_as_long_as_it_says(tmp_path: Path) -> None:
    book = UsageBook(tmp_path, 2 * 86400.0)
    for n in range(0, 3 * 86400, 300):
        add(book, NOW + n, 1.0, interval=300.0)
    book.close()
    assert rows(tmp_path, 0) == pytest.approx(7200 / 300, abs=2)
    assert rows(tmp_path, 60) == pytest.approx(86400 / 300, abs=2)
    assert rows(tmp_path, 600) == pytest.approx(2 * 86400 / 600, abs=2)


@pytest.mark.parametrize("interval", [1.0, 15.0, 90.0])
@pytest.mark.parametrize("span", [60.0, 3600.0, 7200.5, 4 * 3600.0, 86400.0, 7 * 86400.0, 90 * 86400.0])
def test_no_more_points_than_can_be_shown(interval: float, span: float) -> None:
    assert span / choose_grain(span, interval).step <= MOST_POINTS + 1


def test_many_samples_are_taken_together(book: UsageBook, tmp_path: Path) -> None:
    for n in range(1200):
        add(book, NOW + n, float(n % 2), interval=1.0)
    (web,) = read_history(tmp_path, "web", NOW, NOW + 1200)
    assert (web.step, len(web.points)) == (3.0, 400)
    assert web.points[0].figures.cpu == pytest.approx(1 / 3) and web.points[0].cpu_most == 1.0


def test_too_much_of_it_makes_way(tmp_path: Path) -> None:
    most = 256 * 1024
    book = UsageBook(tmp_path, WEEK, most)
    names = [f"service-{n}" for n in range(100)]
    for n in range(100):
        add(book, NOW + n * INTERVAL, 1.0, *names)
    book.close()
    assert (tmp_path / FILE).stat().st_size <= most * 1.25
    (web,) = read_history(tmp_path, "web", NOW, NOW + 1500)
    assert web.points[-1].at == NOW + 99 * INTERVAL and web.points[0].at > NOW, "the newest stays"


@pytest.mark.parametrize("damage", [b"no database at all", b""], ids=["garbage", "emptied"])
def test_a_damaged_file_is_replaced(tmp_path: Path, damage: bytes) -> None:
    book = UsageBook(tmp_path, WEEK)
    add(book, NOW, 1.0)
    book.close()
    (tmp_path / FILE).write_bytes(damage * 400)
    assert read_history(tmp_path, None, NOW, NOW + 60) == ()
    assert read_newest(tmp_path, NOW) is None
    book = UsageBook(tmp_path, WEEK)
    add(book, NOW + 15, 2.0)
    book.close()
    (web,) = read_history(tmp_path, None, NOW, NOW + 60)
    assert [point.figures.cpu for point in web.points] == [2.0]


def test_a_file_that_is_taken_away_is_made_again(book: UsageBook, tmp_path: Path) -> None:
    add(book, NOW, 1.0)
    for file in tmp_path.glob(f"{FILE}*"):
        file.unlink()
    add(book, NOW + 15, 2.0)
    assert len(read_history(tmp_path, None, NOW, NOW + 60)[0].points) == 1


def test_a_clock_that_was_ahead_leaves_nothing_in_the_future(book: UsageBook, tmp_path: Path) -> None:
    add(book, NOW + 86400, 9.0)
    for n in range(6):
        add(book, NOW + n * INTERVAL, 1.0)
    assert rows(tmp_path, 0) == 6


def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ControllerError, match=r"Not a directory|File exists") as raised:
        add(UsageBook(tmp_path / "file" / "below", WEEK), NOW, 1.0)
    assert raised.value.hint


def test_the_newest_sample_is_told_while_it_is_new(book: UsageBook, tmp_path: Path) -> None:
    assert read_newest(tmp_path, NOW) is None
    add(book, NOW, 1.0)
    newest = read_newest(tmp_path, NOW + 20)
    assert newest is not None and newest.stacks["shop"]["web"].total.cpu == 1.0
    assert read_newest(tmp_path, NOW + 60) is None
