"""The processes of simulated containers under a virtual clock: start, ready, crash, Docker's restart policy.

Nothing here reads a clock: instants come in, and a heap holds what will happen by itself.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from controller.engines.simulated_record import Happening, Record
from controller.model.desired import DockerRestart
from controller.model.names import Instant, Revision
from controller.model.observed import FIRST_PAUSE, LONG_LIFE, LONGEST_PAUSE, Health, ReplicaPhase

Life = tuple[str, Revision]
"""Of which service and revision a process is."""


@dataclass(frozen=True, slots=True)
class Coming:
    """Something that is to happen, in a form that can be kept: `subject` is a replica's id or a service's name."""

    at: Instant
    happening: Happening
    subject: str
    life: int
    of_service: bool


class Processes:
    """All processes of one stack. `touched`: services in which something changed since it was last emptied."""

    def __init__(self) -> None:
        self.touched: dict[str, None] = {}
        self.gone: list[Record] = []
        self._lives: defaultdict[Life, int] = defaultdict(int)
        self._heap: list[tuple[Instant, int, Happening, Record | str, int]] = []
        self._pushed = 0

    @property
    def lives(self) -> Mapping[Life, int]:
        """How many processes were started, by service and revision."""
        return self._lives

    def take_up(self, record: Record, now: Instant) -> bool:
        """Carry on with a container that was observed; whether something of it is still to come."""
        before = self._pushed
        nature, begun = record.nature, record.started_at if record.started_at is not None else now
        match record.phase:
            case ReplicaPhase.RUNNING | ReplicaPhase.PAUSED:
                if record.health is Health.STARTING:
                    self._push(max(now, begun + nature.ready_after), Happening.READY, record)
                if nature.runs is not None:
                    self._push(max(now, begun + nature.runs), Happening.EXIT, record)
            case ReplicaPhase.RESTARTING:
                self._push(now + 1.0, Happening.RETURN, record)
            case ReplicaPhase.REMOVING:
                self._push(now + 1.0, Happening.GONE, record)
            case _:
                pass
        return self._pushed > before

    def start(self, record: Record, at: Instant) -> None:
        """A start that was asked for: counters begin anew."""
        record.restarts = 0
        record.pause = FIRST_PAUSE
        self._run(record, at)

    def stop(self, record: Record, at: Instant, exit_code: int) -> None:
        """An end that was asked for: the restart policy does not act. What waits to come back keeps how it ended."""
        was_waiting = record.phase is ReplicaPhase.RESTARTING
        self._change(record, ReplicaPhase.EXITED)
        record.life += 1
        record.health, record.ready_since, record.alive = Health.NONE, None, Health.NONE
        if not was_waiting:
            record.exit_code, record.finished_at, record.oom_killed = exit_code, at, False

    def crash(self, record: Record, at: Instant, exit_code: int, *, oom: bool = False) -> None:
        """The process ends by itself, and the policy may bring it back."""
        self.stop(record, at, exit_code)
        record.oom_killed = oom
        if _comes_back(record, exit_code):
            self._wait_to_return(record, at)

    def announce(self, record: Record) -> None:
        """A new container: there is something to look at."""
        self.touched[record.service] = None

    def mark(self, record: Record, phase: ReplicaPhase) -> None:
        """Paused, renamed, removed: the process is the same."""
        self._change(record, phase)

    def unpause(self, record: Record, at: Instant) -> None:
        """It runs on; what was due meanwhile happens now."""
        self._change(record, ReplicaPhase.RUNNING)
        for happening in record.deferred:
            self._push(at, happening, record)
        record.deferred = ()

    def judge(self, record: Record, health: Health, at: Instant) -> None:
        """A verdict on the health of the present life."""
        self._change(record, record.phase)
        record.health = health
        record.ready_since = at if health is Health.HEALTHY else None

    def look(self, service: str, at: Instant) -> None:
        """Have the service counted as touched at `at`."""
        self._push(at, Happening.LOOK, service)

    def shift(self, seconds: float) -> None:
        """All that is to come comes that much later by the clock."""
        self._heap = [(at + seconds, *rest) for at, *rest in self._heap]  # type: ignore[misc]

    def peek(self) -> Instant | None:
        """When the next thing happens by itself."""
        while self._heap and self._is_past(self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def advance(self, now: Instant) -> None:
        """Let everything happen that is due."""
        while self._heap and self._heap[0][0] <= now:
            entry = heapq.heappop(self._heap)
            at, _, happening, subject, _ = entry
            if isinstance(subject, str):
                self.touched[subject] = None
            elif not self._is_past(entry) and not _defers(subject, happening):
                self._happen(happening, subject, at)

    def export(self) -> tuple[Coming, ...]:
        """What is still to happen, in order."""
        return tuple(
            Coming(at, happening, _key(subject), life, isinstance(subject, str))
            for at, _, happening, subject, life in sorted(self._heap, key=lambda entry: entry[:2])
            if isinstance(subject, str) or subject.life == life
        )

    def restore(self, coming: Sequence[Coming], records: Mapping[str, Record], lives: Mapping[Life, int]) -> None:
        """Carry on where `export` left off; `records` by id."""
        self._lives.update(lives)
        for event in coming:
            subject: Record | str = event.subject if event.of_service else records[event.subject]
            self._pushed += 1
            heapq.heappush(self._heap, (event.at, self._pushed, event.happening, subject, event.life))

    def _happen(self, happening: Happening, record: Record, at: Instant) -> None:
        match happening:
            case Happening.READY:
                self.judge(record, Health.HEALTHY, at)
                self._flap_later(record, at)
            case Happening.FLAP:
                sick = record.health is Health.HEALTHY
                self.judge(record, Health.UNHEALTHY if sick else Health.HEALTHY, at)
                self._flap_later(record, at)
            case Happening.EXIT:
                self.crash(record, at, _exit_code(record))
            case Happening.RETURN:
                record.restarts += 1
                self._run(record, at)
            case Happening.GONE:
                self._change(record, record.phase)
                record.life += 1
                self.gone.append(record)
            case Happening.LOOK:
                pass

    def _run(self, record: Record, at: Instant) -> None:
        self._change(record, ReplicaPhase.RUNNING)
        record.life += 1
        record.started_at, record.exit_code, record.oom_killed = at, None, False
        record.health = Health.STARTING if record.nature.checked else Health.NONE
        record.ready_since = None
        record.alive = Health.HEALTHY if record.nature.lives_on else Health.NONE
        record.deferred = ()
        key = (record.service, record.base.revision)
        self._lives[key] += 1
        record.run = self._lives[key]
        nature, behaviour = record.nature, record.nature.behaviour
        if behaviour.crashes(record.run) and behaviour.crash_after is not None:
            self._push(at + behaviour.crash_after, Happening.EXIT, record)
        elif nature.runs is not None:
            self._push(at + nature.runs, Happening.EXIT, record)
        if nature.checked and behaviour.becomes_ready:
            self._push(at + nature.ready_after, Happening.READY, record)

    def _wait_to_return(self, record: Record, at: Instant) -> None:
        if at - (record.started_at or at) >= LONG_LIFE:
            record.pause = FIRST_PAUSE
        record.phase = ReplicaPhase.RESTARTING
        self._push(at + record.pause, Happening.RETURN, record)
        record.pause = min(LONGEST_PAUSE, record.pause * 2)

    def _flap_later(self, record: Record, at: Instant) -> None:
        period = record.nature.behaviour.flaps_every
        if period is not None:
            self._push(at + period, Happening.FLAP, record)

    def _change(self, record: Record, phase: ReplicaPhase) -> None:
        record.phase = phase
        record.frozen = None
        self.touched[record.service] = None

    def _push(self, at: Instant, happening: Happening, subject: Record | str) -> None:
        self._pushed += 1
        life = subject.life if isinstance(subject, Record) else 0
        heapq.heappush(self._heap, (at, self._pushed, happening, subject, life))

    @staticmethod
    def _is_past(entry: tuple[Instant, int, Happening, Record | str, int]) -> bool:
        """What was to happen to a process that is no more."""
        subject = entry[3]
        return isinstance(subject, Record) and subject.life != entry[4]


def _comes_back(record: Record, exit_code: int) -> bool:
    match record.nature.policy:
        case DockerRestart.NO:
            return False
        case DockerRestart.ALWAYS | DockerRestart.UNLESS_STOPPED:
            return True
        case DockerRestart.ON_FAILURE:
            left = record.nature.retries is None or record.restarts < record.nature.retries
            return exit_code != 0 and left


def _exit_code(record: Record) -> int:
    behaviour = record.nature.behaviour
    fails = behaviour.crashes(record.run) or 0 < record.run <= behaviour.fails
    return behaviour.exit_code if fails else 0


def _defers(record: Record, happening: Happening) -> bool:
    """A paused process does nothing; it will do so when it runs again."""
    if record.phase is not ReplicaPhase.PAUSED:
        return False
    record.deferred = (*record.deferred, happening)
    return True


def _key(subject: Record | str) -> str:
    return subject if isinstance(subject, str) else str(subject.base.id)
