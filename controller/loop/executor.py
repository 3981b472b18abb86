"""Acts: performs granted steps on worker threads, and decides nothing.

One batch a service at a time, beside which images are fetched for it.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import count

from controller.engines.base import Engine, result_of
from controller.loop.auditacts import step_intents, step_outcomes
from controller.loop.auditor import new_id
from controller.loop.journal import ReplicaJournal
from controller.loop.lanes import Lane, deadline_of, lane_of, workers_of
from controller.model.errors import ControllerError
from controller.model.names import Release, ReplicaId
from controller.model.project import ComposeProject
from controller.model.steps import Create, Outcome, Remove, Result, Route, Step, fetched_image
from controller.resources.starts import count_cores
from controller.security.audit import Auditor

LOOK_AGAIN = 0.5
"""Seconds after which the number of starts at once is asked for again, while some wait for it."""

Key = tuple[str, str, str]
"""Stack, service and, of a batch that fetches it, the image."""


Check = Callable[[Step, Engine, ComposeProject], str]


@dataclass(frozen=True, slots=True)
class Batch:
    """Steps of one decision, in order. `rank`: the higher, the sooner. `adapts`: waits while the machine is squeezed.

    Creates are noted in the journal before they are sent and confirmed after.
    """

    stack: str
    service: str
    steps: tuple[Step, ...]
    project: ComposeProject
    journal: ReplicaJournal
    rank: float = 0.0
    adapts: bool = True
    route: Callable[[Route], Outcome] | None = None
    """Leads traffic, where there is a proxy; else the engine does."""
    release: Release | None = None
    """What the steps lead to."""
    check: Check | None = None
    """Says why a step is not done after all, by what it would bring up in the end; None: each is."""

    @property
    def fetches(self) -> str:
        """The image that it gets here; of a batch that touches containers "" instead."""
        return fetched_image(self.steps[0]) if self.steps else ""

    @property
    def key(self) -> Key:
        return (self.stack, self.service, self.fetches)


@dataclass(frozen=True, slots=True)
class Completed:
    """A batch that has come to its end: one outcome a step."""

    batch: Batch
    outcomes: tuple[Outcome, ...]


@dataclass(slots=True)
class _Work:
    """A batch on its way from lane to lane."""

    batch: Batch
    left: deque[Step]
    outcomes: list[Outcome]
    id: str = ""
    """Under which it was recorded that it begins, as long as what came of it was not."""


_Waiting = tuple[float, int, _Work]
"""What goes first is the smallest."""


class Executor:
    """Worker threads by lane.

    `on_done` is called, from any thread, when a batch waits to be collected; it must not block.

    A service is busy from `submit` until its batch was collected, so nobody decides on a view from before the outcome;
    a fetch stands beside it, and beside that of another image. `starts`: how many the machine bears at once now, asked
    for those that adapt, and only before a create or a start; the number of workers bounds all. `cores`: of the
    engine's machine. `audit`: writes down what begins and what came of it, a batch with one write.
    """

    def __init__(
        self,
        engine: Engine,
        on_done: Callable[[Batch], None],
        starts: Callable[[], int] | None = None,
        cores: Callable[[], int] = count_cores,
        audit: Auditor | None = None,
    ) -> None:
        self._audit = audit
        self._cores = cores
        self._engine = engine
        self._on_done = on_done
        self._starts = starts
        self._changed = threading.Condition()
        self._waiting: dict[Lane, list[_Waiting]] = {lane: [] for lane in Lane}
        self._threads: dict[Lane, list[threading.Thread]] = {lane: [] for lane in Lane}
        self._idle = dict.fromkeys(Lane, 0)
        self._busy: dict[Key, None] = {}
        self._completed: dict[str, list[Completed]] = {}
        self._order = count()
        self._closing = False
        self._running = dict.fromkeys(Lane, 0)

    def submit(self, batch: Batch) -> bool:
        """Have these steps done.

        False where the service is busy, there is nothing to do, the end is near, or the system gives no thread for it.
        """
        with self._changed:
            if self._closing or not batch.steps or batch.key in self._busy:
                return False
            if not self._enqueue(_Work(batch, deque(batch.steps), [])):
                return False
            self._busy[batch.key] = None
            dropped = self._drop_outdated(batch)
        for outdated in dropped:
            self._on_done(outdated)
        return True

    def busy(self, stack: str) -> frozenset[str]:
        """The services of the stack whose outcomes were not collected yet."""
        with self._changed:
            return frozenset(service for owner, service, _ in self._busy if owner == stack)

    def collect(self, stack: str) -> tuple[Completed, ...]:
        """What has come to its end since the last call, in that order; those services are free again."""
        with self._changed:
            completed = tuple(self._completed.pop(stack, ()))
            for done in completed:
                self._busy.pop(done.batch.key, None)
            return completed

    def close(self, timeout: float = 10.0) -> bool:
        """Begin no further step, wait for the running ones; False where one was still running after `timeout` seconds.

        What was not begun is completed as Skipped. An abandoned create is found again through the journal. Fetches are
        not waited for: they may take hours and leave nothing half done.
        """
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            end = time.monotonic() + timeout
            acting = [lane for lane in Lane if lane is not Lane.IMAGES]
            while (left := end - time.monotonic()) > 0 and self._is_at_work(acting):
                self._changed.wait(left)
            return not any(self._running[lane] for lane in acting)

    def _is_at_work(self, lanes: Iterable[Lane]) -> bool:
        return any(self._running[lane] or self._waiting[lane] for lane in lanes)

    def _drop_outdated(self, batch: Batch) -> list[Batch]:
        """An image that was asked for before this one and is not on its way yet is not needed any more."""
        if not batch.fetches:
            return []
        waiting = self._waiting[Lane.IMAGES]
        outdated = [one for one in waiting if one[2].batch.key[:2] == batch.key[:2] and one[2].batch.key != batch.key]
        for entry in outdated:
            waiting.remove(entry)
            _skip_rest(entry[2], "another image is asked for")
            self._complete(entry[2])
        heapq.heapify(waiting)
        return [work.batch for _, _, work in outdated]

    def _enqueue(self, work: _Work) -> bool:
        """False where nobody would ever do it."""
        lane = lane_of(work.left[0])
        if self._idle[lane] <= len(self._waiting[lane]) and len(self._threads[lane]) < workers_of(lane, self._cores()):
            self._hire(lane)
        if not self._threads[lane]:
            return False
        heapq.heappush(self._waiting[lane], (-work.batch.rank, next(self._order), work))
        self._changed.notify_all()
        return True

    def _hire(self, lane: Lane) -> None:
        """One worker more, unless the system gives no thread: then those there are have more to do."""
        thread = threading.Thread(target=self._serve, args=(lane,), name=f"steps-{lane.value}", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            return
        self._threads[lane].append(thread)

    def _serve(self, lane: Lane) -> None:
        while (work := self._next(lane)) is not None:
            self._advance(work)
            done = self._hand_on(work, lane)
            if done:
                self._record_end(work)  # where the rest of it was skipped just now
                self._on_done(work.batch)

    def _next(self, lane: Lane) -> _Work | None:
        with self._changed:
            self._idle[lane] += 1
            while (entry := self._find_first(lane)) is None and not self._closing:
                self._changed.wait(LOOK_AGAIN if self._waiting[lane] else None)
            self._idle[lane] -= 1
            if entry is None:
                return None
            self._running[lane] += 1
            self._take(lane, entry)
            return entry[2]

    def _find_first(self, lane: Lane) -> _Waiting | None:
        """The first that need not wait for the machine. One at a time always goes on, and at the end all do."""
        waiting = self._waiting[lane]
        if not waiting or self._closing or lane is not Lane.STARTING or self._starts is None:
            return waiting[0] if waiting else None
        if not waiting[0][2].batch.adapts or self._running[lane] < max(1, self._starts()):
            return waiting[0]
        return min((entry for entry in waiting if not entry[2].batch.adapts), default=None)

    def _take(self, lane: Lane, entry: _Waiting) -> None:
        waiting = self._waiting[lane]
        if entry is waiting[0]:
            heapq.heappop(waiting)
            return
        waiting.remove(entry)
        heapq.heapify(waiting)

    def _advance(self, work: _Work) -> None:
        """Do the next step; after one that was not done, or at the end of all work, the rest is skipped."""
        if self._closing:
            _skip_rest(work, "the controller is ending")
            self._record_end(work)
            return
        if not work.outcomes:
            self._record_begin(work)
        outcome = perform_step(self._engine, work.batch, work.left.popleft())
        work.outcomes.append(outcome)
        if outcome.result is not Result.DONE:
            _skip_rest(work, "an earlier step was not done")
        if not work.left:
            self._record_end(work)

    def _record_begin(self, work: _Work) -> None:
        if self._audit is not None:
            work.id = new_id()
            self._audit.note(*step_intents(work.batch.stack, work.batch.steps, work.id))

    def _record_end(self, work: _Work) -> None:
        """Once, of what was begun."""
        if self._audit is not None and work.id:
            self._audit.note(*step_outcomes(work.batch.stack, work.outcomes, work.id))
            work.id = ""

    def _hand_on(self, work: _Work, lane: Lane) -> bool:
        with self._changed:
            self._running[lane] -= 1
            if self._closing and work.left:  # who worked in the lane of its next step may have left already
                _skip_rest(work, "the controller is ending")
            if work.left:
                if self._enqueue(work):
                    return False
                _skip_rest(work, "the system gives no thread to do it")
            self._complete(work)
            return True

    def _complete(self, work: _Work) -> None:
        completed = Completed(work.batch, tuple(work.outcomes))
        self._completed.setdefault(work.batch.stack, []).append(completed)
        self._changed.notify_all()


def perform_step(engine: Engine, batch: Batch, step: Step) -> Outcome:
    """One step by the engine, noted in the journal where it makes or removes a replica. Never raises."""
    begun = time.monotonic()
    try:
        outcome = _perform_noted(engine, batch, step)
    except Exception as error:
        outcome = Outcome(step, result_of(error), _tell(error))
    return outcome if outcome.seconds else replace(outcome, seconds=time.monotonic() - begun)


def _perform_noted(engine: Engine, batch: Batch, step: Step) -> Outcome:
    if batch.check is not None and (why_not := batch.check(step, engine, batch.project)):
        return Outcome(step, Result.REJECTED, why_not)
    if not isinstance(step, Create):
        outcome = _perform(engine, batch, step)
        if isinstance(step, Remove) and outcome.result is Result.DONE:
            batch.journal.forget((step.replica,))
        return outcome
    intent = batch.journal.intend(step.service, step.number, step.revision)
    outcome = _perform(engine, batch, step)
    _note_end(batch.journal, intent, outcome)
    return outcome


def _note_end(journal: ReplicaJournal, intent: int, outcome: Outcome) -> None:
    """A create of which the effect is unknown stays open: the next observation tells."""
    match outcome.result, outcome.replica:
        case Result.DONE, str(replica):
            journal.confirm(intent, ReplicaId(replica))
        case ((Result.REJECTED | Result.SKIPPED), _):
            journal.abandon((intent,))
        case _:
            pass


def _perform(engine: Engine, batch: Batch, step: Step) -> Outcome:
    if isinstance(step, Route) and batch.route is not None:
        return batch.route(step)
    outcomes = engine.perform(batch.project, (step,), deadline=deadline_of(step))
    return outcomes[0]


def _skip_rest(work: _Work, why: str) -> None:
    work.outcomes.extend(Outcome(step, Result.SKIPPED, why) for step in work.left)
    work.left.clear()


def _tell(error: Exception) -> str:
    return error.message if isinstance(error, ControllerError) else f"{type(error).__name__}: {error}"
