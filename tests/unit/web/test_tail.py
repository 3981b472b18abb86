"""Lines from many threads to one reader: none waits, none is lost without a word."""

from __future__ import annotations

import asyncio
import threading

import pytest

from controller.web.tail import MOST_LINES, Line, Lines

pytestmark = pytest.mark.unit


def test_who_puts_lines_never_waits_and_what_is_dropped_is_counted() -> None:
    async def run() -> None:
        lines = Lines()
        writers = [
            threading.Thread(target=lambda: [lines.put(Line("web-1", "x")) for _ in range(1000)]) for _ in range(8)
        ]
        taken = dropped = 0
        for writer in writers:
            writer.start()
        while any(writer.is_alive() for writer in writers):
            found, gone = lines.take()
            taken, dropped = taken + len(found), dropped + gone
            await asyncio.sleep(0)
        found, gone = lines.take()
        assert taken + len(found) + dropped + gone == 8000
        assert len(found) <= MOST_LINES

    asyncio.run(run())


def test_the_newest_lines_are_kept_in_their_order() -> None:
    async def run() -> None:
        lines = Lines()
        for number in range(MOST_LINES + 5):
            lines.put(Line("web-1", str(number)))
        found, dropped = lines.take()
        assert dropped == 5 and [one.text for one in found] == [str(number) for number in range(5, MOST_LINES + 5)]
        assert lines.take() == ((), 0)

    asyncio.run(run())


def test_the_reader_is_woken_and_not_kept_longer_than_it_wants() -> None:
    async def run() -> None:
        lines = Lines()
        await lines.wait(0.01)
        threading.Timer(0.05, lambda: lines.put(Line("web-1", "x"))).start()
        await asyncio.wait_for(lines.wait(60), 10)
        assert lines.take()[0] == (Line("web-1", "x"),)

    asyncio.run(run())
