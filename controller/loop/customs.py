"""Figures that the services of a stack tell of themselves, asked of every ready replica; one that cannot be had is told
once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import NamedTuple

from controller.engines.base import Engine
from controller.loop.hands import Hands, Job
from controller.model.errors import ControllerError
from controller.model.metrics import CustomMetric
from controller.model.names import ReplicaId
from controller.model.observed import Replica
from controller.model.phases import Phase
from controller.model.status import StackStatus
from controller.resources.scrape import read_figure

_AT_ONCE = 4
"""Questions at once. Where so many hang, one more each time: the others are not to wait for those."""

_COMING = frozenset({Phase.PENDING, Phase.WAITING, Phase.STARTING})

Tell = Callable[[str, str, str, bool], None]
"""Service, reason, message, whether it is a warning."""

Answer = Future[float]


class _Question(NamedTuple):
    metric: CustomMetric
    replica: ReplicaId


_Part = float | str | None
"""The figure of one replica, or why there is none; None: that is not known yet."""


class Customs:
    """Of one stack. One thread asks, and takes what is there when it likes; hands do the waiting."""

    def __init__(self, engine: Engine, hands: Hands, tell: Tell) -> None:
        self._engine, self._hands, self._tell = engine, hands, tell
        self._present: dict[_Question, Replica] = {}
        """Of whom figures are wanted now."""
        self._asked: dict[_Question, Answer] = {}
        """Answers that were not taken yet."""
        self._late: dict[_Question, Answer] = {}
        """Came since figures were taken last, so no longer ago than an interval. Of use this time only."""
        self._slow: dict[_Question, None] = {}
        """Without a figure when they were asked last; whose turn that was the longest ago comes first."""
        self._missing: set[str] = set()
        """Metrics that are told to be missing."""

    def ask(self, metrics: Sequence[CustomMetric], status: StackStatus) -> Sequence[Answer]:
        """Begins to ask, and returns the answers that are to come. Who has not answered yet is not asked again; who was
        slow before is asked last."""
        self._missing &= {metric.name for metric in metrics}
        self._present = {_Question(metric, one.id): one for metric in metrics for one in _ready(status, metric)}
        self._slow = {question: None for question in self._slow if question in self._present}
        self._sort_answers()
        at_once = max(1, _AT_ONCE - len(self._asked))
        jobs = {question: self._job(question) for question in self._find_due()}
        self._asked |= {question: job.answer for question, job in jobs.items()}
        self._hands.work(jobs.values(), at_once)
        return [job.answer for job in jobs.values()]

    def take(self) -> Mapping[str, Mapping[str, float]]:
        """By service and name, all figures that can be had now, each of them once; of a service without a ready replica
        there is none, which is no news."""
        found: dict[CustomMetric, list[_Part]] = {}
        for question, replica in self._present.items():
            found.setdefault(question.metric, []).append(self._take_part(question, replica))
        return self._gather(found)

    def close(self) -> None:
        """Who was not asked yet is not asked any more."""
        for answer in self._asked.values():
            answer.cancel()

    def _sort_answers(self) -> None:
        """Those of before: not begun and so given up, under way still, or late."""
        before, self._asked, self._late = self._asked, {}, {}
        for question, answer in before.items():
            if not answer.cancel():
                (self._late if answer.done() else self._asked)[question] = answer

    def _find_due(self) -> Sequence[_Question]:
        rank = {question: place for place, question in enumerate(self._slow, 1)}
        due = (question for question in self._present if question not in self._asked)
        return sorted(due, key=lambda question: rank.get(question, 0))

    def _job(self, question: _Question) -> Job:
        return Job(Future(), partial(read_figure, self._engine, self._present[question], question.metric))

    def _take_part(self, question: _Question, replica: Replica) -> _Part:
        answer = self._asked[question]
        if answer.done():
            del self._asked[question]
            return self._judge(question, replica, answer)
        if answer.running():
            self._note_slow(question)
        late = self._late.pop(question, None)
        return None if late is None else self._judge(question, replica, late)

    def _judge(self, question: _Question, replica: Replica, answer: Answer) -> _Part:
        error = answer.exception()
        if error is not None:  # whatever a service exposes: its figure is missing, and nothing else
            self._note_slow(question)
            why = error.whole if isinstance(error, ControllerError) else f"{type(error).__name__}: {error}"
            return f"{replica.name}: {why}"
        if question not in self._asked:
            self._slow.pop(question, None)
        return answer.result()

    def _note_slow(self, question: _Question) -> None:
        self._slow.pop(question, None)
        self._slow[question] = None

    def _gather(self, found: Mapping[CustomMetric, Sequence[_Part]]) -> Mapping[str, Mapping[str, float]]:
        """A sum that lacks a part is none."""
        sums: dict[str, dict[str, float]] = {}
        for metric, parts in found.items():
            if (why := next((part for part in parts if isinstance(part, str)), None)) is not None:
                self._note(metric, why)
            elif None not in parts:
                self._note(metric, None)
                total = sum(part for part in parts if isinstance(part, float))
                sums.setdefault(metric.service, {})[metric.name] = total
        return sums

    def _note(self, metric: CustomMetric, why: str | None) -> None:
        if why is not None and metric.name not in self._missing:
            self._missing.add(metric.name)
            self._tell(metric.service, "MetricUnavailable", f"{metric.name} cannot be had: {why}", True)
        elif why is None and metric.name in self._missing:
            self._missing.discard(metric.name)
            self._tell(metric.service, "MetricAvailable", f"{metric.name} is measured again", False)


def _ready(status: StackStatus, metric: CustomMetric) -> Sequence[Replica]:
    """Of a service that is on its way up nobody expects figures yet, even where no health check says so."""
    mine = [item for item in status.services if item.name == metric.service and item.phase not in _COMING]
    return [replica for item in mine for replica in item.replicas if replica.ready]
