"""Figures that services tell of themselves, asked of every ready replica; one that cannot be had is told once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from typing import NamedTuple

from controller.engines.base import Engine
from controller.model.decision import Phase
from controller.model.errors import ControllerError
from controller.model.metrics import CustomMetric
from controller.model.names import ReplicaId
from controller.model.observed import Replica
from controller.model.status import StackStatus
from controller.resources.sampler import Custom
from controller.resources.scrape import PATIENCE, read_figure

_HANDS, _ALL_HANDS = 4, 64
"""Questions at once in one round: of a stack, and of all together, of which each has one at least."""

_WITHIN = PATIENCE + 0.5
"""Seconds that a round takes at most: who was asked at its beginning says by then why there is no figure."""

_COMING = frozenset({Phase.PENDING, Phase.WAITING, Phase.STARTING})

Tell = Callable[[str, str, str, str, bool], None]
"""Stack, service, reason, message, whether it is a warning."""

Wanted = Mapping[str, tuple[Sequence[CustomMetric], StackStatus]]
"""By stack: what it wants to have measured, and its replicas."""


class _Question(NamedTuple):
    stack: str
    metric: CustomMetric
    replica: ReplicaId


_Part = float | str | None
"""The figure of one replica, or why there is none; None: that is not known yet."""


class Customs:
    """Of all stacks. Each has hands of its own: one that is slow holds up nobody else. Not safe from several threads,
    but for `close`."""

    def __init__(self, engine: Engine, tell: Tell) -> None:
        self._engine, self._tell = engine, tell
        self._pools: list[ThreadPoolExecutor] = []
        """Of the round under way."""
        self._closed = False
        self._running: dict[_Question, Future[float]] = {}
        """Begun in an earlier round, and not ended in it."""
        self._slow: set[_Question] = set()
        """Without a figure when they were asked last."""
        self._missing: dict[tuple[str, str], str] = {}
        """What is told to be missing: by stack and metric, whose it is."""

    def close(self) -> None:
        self._closed = True
        self._end_round()

    def forget(self, stack: str) -> None:
        """It is not measured any more."""
        self._keep(lambda question: question.stack != stack)
        self._missing = {key: service for key, service in self._missing.items() if key[0] != stack}

    def read(self, wanted: Wanted) -> Custom:
        """All figures that can be had; of a service without a ready replica there is none, which is no news."""
        if self._closed:
            return {}
        several = sum(bool(metrics) for metrics, _ in wanted.values())
        hands = max(1, min(_HANDS, _ALL_HANDS // max(1, several)))
        asked = [one for stack, (metrics, status) in wanted.items() for one in self._ask(stack, metrics, status, hands)]
        ends_at = time.monotonic() + _WITHIN
        found: dict[tuple[str, CustomMetric], list[_Part]] = {}
        for question, replica, future in asked:
            part = self._await(question, replica, future, ends_at)
            found.setdefault((question.stack, question.metric), []).append(part)
        self._end_round()
        present = {question for question, _, _ in asked}
        self._keep(lambda question: question in present or question.stack not in wanted)
        return self._gather(found)

    def _ask(
        self, stack: str, metrics: Sequence[CustomMetric], status: StackStatus, hands: int
    ) -> Iterator[tuple[_Question, Replica, Future[float]]]:
        """Who was slow before is asked last."""
        questions = [(_Question(stack, metric, one.id), one) for metric in metrics for one in _ready(status, metric)]
        if not questions or self._closed:
            return
        pool = ThreadPoolExecutor(hands, thread_name_prefix="scrape")
        self._pools.append(pool)
        for question, replica in sorted(questions, key=lambda one: one[0] in self._slow):
            yield question, replica, self._begin(pool, question, replica)

    def _begin(self, pool: ThreadPoolExecutor, question: _Question, replica: Replica) -> Future[float]:
        """Of who has not answered the last question nothing else is asked. An answer that came late is of no use any
        more, but what it failed of is news."""
        running = self._running.pop(question, None)
        if running is not None and not (running.done() and running.exception() is None):
            return running
        return pool.submit(read_figure, self._engine, replica, question.metric)

    def _await(self, question: _Question, replica: Replica, future: Future[float], ends_at: float) -> _Part:
        wait((future,), max(0.0, ends_at - time.monotonic()))
        if not future.done():
            if not future.cancel():
                self._running[question] = future
                self._slow.add(question)
            return None
        self._slow.add(question)
        try:
            figure = future.result()
        except CancelledError:  # we are closed
            return None
        except ControllerError as error:
            return f"{replica.name}: {error.whole}"
        except Exception as error:  # whatever a service exposes: its figure is missing, and nothing else
            return f"{replica.name}: {type(error).__name__}: {error}"
        self._slow.discard(question)
        return figure

    def _end_round(self) -> None:
        """Questions that were not begun are not asked; hands that have ended theirs go."""
        for pool in tuple(self._pools):
            pool.shutdown(wait=False, cancel_futures=True)
        self._pools.clear()

    def _keep(self, which: Callable[[_Question], bool]) -> None:
        self._running = {question: future for question, future in self._running.items() if which(question)}
        self._slow = {question for question in self._slow if which(question)}

    def _gather(self, found: Mapping[tuple[str, CustomMetric], Sequence[_Part]]) -> Custom:
        """A sum that lacks a part is none."""
        sums: dict[tuple[str, str], dict[str, float]] = {}
        for (stack, metric), parts in found.items():
            if (why := next((part for part in parts if isinstance(part, str)), None)) is not None:
                self._note(stack, metric, why)
            elif None not in parts:
                self._note(stack, metric, None)
                total = sum(part for part in parts if isinstance(part, float))
                sums.setdefault((stack, metric.service), {})[metric.name] = total
        return sums

    def _note(self, stack: str, metric: CustomMetric, why: str | None) -> None:
        key = (stack, metric.name)
        if why is not None and key not in self._missing:
            self._missing[key] = metric.service
            message = f"{metric.name} cannot be had: {why}"
            self._tell(stack, metric.service, "MetricUnavailable", message, True)
        elif why is None and self._missing.pop(key, None) is not None:
            self._tell(stack, metric.service, "MetricAvailable", f"{metric.name} is measured again", False)


def _ready(status: StackStatus, metric: CustomMetric) -> Sequence[Replica]:
    """Of a service that is on its way up nobody expects figures yet, even where no health check says so."""
    mine = [item for item in status.services if item.name == metric.service and item.phase not in _COMING]
    return [replica for item in mine for replica in item.replicas if replica.ready]
