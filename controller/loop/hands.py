"""Threads that several share: of each one's jobs so many at once, of all together no more than there are hands."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import NamedTuple


class Job(NamedTuple):
    """A question and where its answer goes. Whose answer is cancelled before its turn is not begun."""

    answer: Future[float]
    ask: Callable[[], float]


class Hands:
    """Safe from any thread."""

    def __init__(self, count: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix=name)
        self._ended = threading.Event()

    def work(self, jobs: Iterable[Job], at_once: int) -> None:
        """Begins with the first ones, and returns."""
        line = deque(jobs)
        with suppress(RuntimeError):  # we are closed, or the machine gives no thread: that job is not begun
            for _ in range(min(at_once, len(line))):
                self._pool.submit(self._follow, line)

    def close(self) -> None:
        """Nothing is begun any more; hands that have ended their job go."""
        self._ended.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _follow(self, line: deque[Job]) -> None:
        while not self._ended.is_set():
            try:
                job = line.popleft()
            except IndexError:
                return
            if job.answer.set_running_or_notify_cancel():
                _do(job)


def _do(job: Job) -> None:
    try:
        figure = job.ask()
    except Exception as error:  # whatever it is: who takes the answer judges it
        job.answer.set_exception(error)
    else:
        job.answer.set_result(figure)
