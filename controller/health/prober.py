"""Schedules probes: asks fast while a replica starts, at the check's own pace afterwards, and keeps each verdict."""

from __future__ import annotations

import heapq
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import count

from controller.engines.base import Engine
from controller.health.pace import exec_pause, knock_pause, pause_after
from controller.health.probe import knock, known_port, run_probe
from controller.health.verdict import ProbeResult, Trial, Verdict, judge, open_trial
from controller.model.desired import Probe, ProbeKind
from controller.model.names import Instant
from controller.model.observed import Health, Life, Replica, ReplicaPhase

WORKERS = 8
CROWD = WORKERS - 2
"""Workers that the replicas of one service may hold at once, or all whose last probe hung."""
HANGS = 1.0
"""Seconds after which an answer came late enough to count as hanging, or nearly all of its time, where that is less."""
ASK_ANYWAY = 0.5
"""Seconds after which a command is run although the port that it seems to need is closed."""
_KNOCK_TIMEOUT = 0.2


class Role(StrEnum):
    """What a probe is asked for: whether a life has begun, serves, is to go on."""

    STARTUP = "startup"
    READINESS = "readiness"
    LIVENESS = "liveness"


Group = tuple[str, str, Role]
Watched = tuple[Role, Life]
Crowd = tuple[str, str] | None
"""Who shares workers: the replicas of a service, or all that hang (None)."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """`now` is the world's clock, for instants in verdicts; `steady` is never set and measures pauses. In seconds."""

    now: Callable[[], Instant] = time.time
    steady: Callable[[], float] = time.monotonic


@dataclass(slots=True)
class _Watch:
    """One probe of one life. `port`: knocked at until it opens, where a command would be asked in vain before."""

    group: Group
    replica: Replica
    probe: Probe
    trial: Trial
    begun_at: float
    port: int | None
    ask_at: float
    """When to ask although the port is closed: the port is a guess."""
    quickest: float = 0.0
    """Seconds from `begun_at` before which it was never ready; 0: not known, or no command is asked."""
    answered: bool = False
    hangs: bool = False
    """Its last probe held its worker for long."""

    @property
    def crowd(self) -> Crowd:
        """What hangs is to hold up nobody but what hangs as well."""
        return None if self.hangs else self.group[:2]

    @property
    def key(self) -> Watched:
        return (self.group[2], self.replica.life)


class Prober:
    """Watches lives from a few threads that sleep while nothing is due. `on_change(stack, service)` must not block.

    With no workers it does nothing by itself: `run_due` asks whoever is due, for a caller with his own clock.
    """

    def __init__(
        self,
        engine: Engine,
        on_change: Callable[[str, str], None],
        clocks: Clocks | None = None,
        workers: int = WORKERS,
    ) -> None:
        self._engine = engine
        self._on_change = on_change
        self._clocks = clocks or Clocks()
        self._workers = workers
        self._lock = threading.RLock()
        self._follower = threading.Condition(self._lock)
        self._leader = threading.Condition(self._lock)
        self._watches: dict[Watched, _Watch] = {}
        self._groups: dict[Group, frozenset[Watched]] = {}
        self._heap: list[tuple[float, int, Watched, _Watch]] = []
        self._order = count()
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._at_work: Counter[Crowd] = Counter()
        self._parked: defaultdict[Crowd, deque[_Watch]] = defaultdict(deque)
        """Who is due and waits for a place of its crowd."""
        self._has_leader = False
        self._closed = False

    def watch(
        self,
        stack: str,
        service: str,
        probes: Mapping[Replica, Probe],
        role: Role = Role.READINESS,
        quickest: float = 0.0,
    ) -> None:
        """Ask these lives of the service for this from now on, and no others of it. New ones are asked at once.

        The verdict on a paused one stays as it is until it goes on. `quickest`: seconds after its start before which
        none was ever ready (0: not known); commands are asked rarely until then.
        """
        group = (stack, service, role)
        lives = frozenset((role, replica.life) for replica in probes)
        with self._lock:
            for gone in self._groups.get(group, frozenset()) - lives:
                self._watches.pop(gone, None)
            self._groups[group] = lives
            if not lives:
                del self._groups[group]
            for replica, probe in probes.items():
                self._begin(group, replica, probe, quickest)

    def verdict(self, life: Life, role: Role = Role.READINESS) -> Verdict | None:
        """The newest verdict on this life; None: it is not watched."""
        with self._lock:
            watch = self._watches.get((role, life))
            return watch.trial.verdict if watch else None

    def forget(self, stack: str) -> None:
        """Stop probing whatever belongs to this stack."""
        with self._lock:
            for group in [group for group in self._groups if group[0] == stack]:
                for life in self._groups.pop(group):
                    self._watches.pop(life, None)

    def run_due(self) -> bool:
        """Ask the replica that has been due for longest, in the caller's thread; False where none is due."""
        with self._lock:
            watch = self._pop_due()
        if watch is None:
            return False
        self._attend(watch)
        return True

    def next_due(self) -> float | None:
        """When the next replica is due, on the steady clock."""
        with self._lock:
            self._drop_stale()
            return self._heap[0][0] if self._heap else None

    def close(self, timeout: float = 2.0) -> None:
        """Begin no further probe, and wait for running ones a little; their results no longer count."""
        with self._lock:
            self._closed = True
            self._watches.clear()
            self._heap.clear()
            self._leader.notify_all()
            self._follower.notify_all()
            threads = tuple(self._threads)
        end = time.monotonic() + timeout
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _begin(self, group: Group, replica: Replica, probe: Probe, quickest: float) -> None:
        known = self._watches.get((group[2], replica.life))
        if known is not None and known.probe == probe and known.replica.phase is replica.phase:
            known.replica = replica
            return
        now, at = self._clocks.now(), self._clocks.steady()
        trial = open_trial(replica, probe, now, at)
        if known is not None:
            trial = _carry_on(trial, known.trial, at)
        port = known_port(probe) if probe.kind is ProbeKind.EXEC and replica.address is not None else None
        hangs = known is not None and known.hangs
        ahead = quickest - max(0.0, now - (now if replica.started_at is None else replica.started_at))
        learned = ahead if probe.kind is ProbeKind.EXEC and port is None else 0.0
        watch = _Watch(group, replica, probe, trial, at, port, at + ASK_ANYWAY, learned, hangs=hangs)
        self._watches[watch.key] = watch
        if replica.phase is not ReplicaPhase.PAUSED:
            self._push(watch, at)

    def _push(self, watch: _Watch, due: float) -> None:
        """The leader has to hear of what is due before all else; where nobody leads, somebody has to begin."""
        if self._closed:
            return
        heapq.heappush(self._heap, (due, next(self._order), watch.key, watch))
        self._ensure_worker()
        if not self._has_leader:
            self._follower.notify()
        elif self._heap[0][3] is watch:
            self._leader.notify()

    def _ensure_worker(self) -> None:
        if self._heap and not self._idle and len(self._threads) < self._workers:
            thread = threading.Thread(target=self._serve, name="probe", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the system gives none: those there are have more to do
                return
            self._threads.append(thread)
            self._idle += 1

    def _serve(self) -> None:
        while (watch := self._next()) is not None:
            self._attend(watch)
            with self._lock:
                self._idle += 1

    def _next(self) -> _Watch | None:
        """One idle thread, the leader, sleeps until the next one is due; the others until they are needed."""
        with self._lock:
            while not self._closed:
                if (watch := self._pop_due()) is not None:
                    self._idle -= 1
                    self._ensure_worker()
                    self._follower.notify()
                    return watch
                if self._has_leader or not self._heap:
                    self._follower.wait()
                else:
                    self._lead()
            return None

    def _lead(self) -> None:
        self._has_leader = True
        self._leader.wait(max(0.0, self._heap[0][0] - self._clocks.steady()))
        self._has_leader = False

    def _pop_due(self) -> _Watch | None:
        """Whoever has been due for longest, unless its crowd leaves no worker for others: it is parked."""
        now = self._clocks.steady()
        self._drop_stale()
        while self._heap and self._heap[0][0] <= now:
            watch = heapq.heappop(self._heap)[3]
            if self._at_work[watch.crowd] < CROWD:
                self._at_work[watch.crowd] += 1
                return watch
            self._parked[watch.crowd].append(watch)
            self._drop_stale()
        return None

    def _drop_stale(self) -> None:
        while self._heap and self._watches.get(self._heap[0][2]) is not self._heap[0][3]:
            heapq.heappop(self._heap)

    def _attend(self, watch: _Watch) -> None:
        """One visit; then its place is free for the next one of its crowd."""
        crowd = watch.crowd
        try:
            self._visit(watch)
        finally:
            with self._lock:
                self._leave(crowd)

    def _leave(self, crowd: Crowd) -> None:
        self._at_work[crowd] -= 1
        parked = self._parked[crowd]
        while parked:
            waiting = parked.popleft()
            if self._watches.get(waiting.key) is waiting:
                self._push(waiting, self._clocks.steady())
                return
        del self._parked[crowd]
        if not self._at_work[crowd]:
            del self._at_work[crowd]

    def _visit(self, watch: _Watch) -> None:
        """Knock, or ask and judge. Then the next visit is set, if the life is still watched."""
        if not self._is_worth_asking(watch):
            self._put_back(watch, knock_pause(self._clocks.steady() - watch.begun_at))
            return
        begun = self._clocks.steady()
        result = _ask(self._engine, watch)
        watch.hangs = self._clocks.steady() - begun >= min(HANGS, 0.9 * watch.probe.timeout)
        changed = False
        with self._lock:
            if self._watches.get(watch.key) is watch:
                changed = self._note(watch, result)
        if changed:
            self._on_change(*watch.group[:2])

    def _is_worth_asking(self, watch: _Watch) -> bool:
        """A closed port spares the command, which costs a thousand times more; but the port is only a guess."""
        if watch.port is None or watch.trial.verdict.health is not Health.STARTING:
            return True
        if self._clocks.steady() >= watch.ask_at:
            watch.ask_at = self._clocks.steady() + max(1.0, exec_pause(self._clocks.steady() - watch.begun_at))
            return True
        is_open = knock(str(watch.replica.address), watch.port, _KNOCK_TIMEOUT)
        if is_open is not False:
            watch.port = None
            watch.begun_at = self._clocks.steady()
        return is_open is True

    def _put_back(self, watch: _Watch, pause: float) -> None:
        with self._lock:
            if self._watches.get(watch.key) is watch:
                self._push(watch, self._clocks.steady() + pause)

    def _note(self, watch: _Watch, result: ProbeResult) -> bool:
        before, at = watch.trial.verdict, self._clocks.steady()
        watch.trial = judge(watch.trial, watch.probe, result, self._clocks.now(), at)
        if not result.closed and not watch.answered and watch.probe.kind is not ProbeKind.EXEC:
            watch.answered, watch.begun_at = True, at
        verdict = watch.trial.verdict
        if watch.port is not None and verdict.health is Health.STARTING and not result.timed_out:
            pause = knock_pause(at - watch.begun_at)
        else:
            pause = pause_after(verdict, watch.probe, result, at - watch.begun_at, watch.quickest)
        self._push(watch, at + pause)
        return verdict[:2] != before[:2]


def _ask(engine: Engine, watch: _Watch) -> ProbeResult:
    try:
        return run_probe(engine, watch.replica, watch.probe)
    except Exception as error:  # a probe that cannot be asked says nothing, whatever the reason
        return ProbeResult(None, f"{type(error).__name__}: {error}")


def _carry_on(fresh: Trial, known: Trial, at: float) -> Trial:
    """Another probe for the same life, or after a pause: its verdict stands until a new answer says otherwise."""
    counted_at = fresh.lenient_until if known.verdict.health is Health.STARTING else at
    return Trial(known.verdict, fresh.lenient_until, counted_at)
