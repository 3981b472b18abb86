"""What is told and learned from one pass to the next: events, timings, the status that all readers see."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from controller.decide.case import ready_since
from controller.decide.gates import was_served
from controller.decide.phase import UPDATE_FAILED
from controller.decide.status import make_status
from controller.decide.unchanged import Unchanged
from controller.decide.world import World
from controller.loop.store import Store
from controller.model.decision import Decision
from controller.model.desired import DesiredService
from controller.model.names import Instant, split_release
from controller.model.observed import Replica, ReplicaPhase
from controller.model.phases import SICK, Phase, StackPhase
from controller.model.status import Condition, Event, StackStatus
from controller.model.steps import Disconnect, Made, Outcome, Result, Step, step_action, step_number
from controller.model.timings import Sample, Span, Timings

_KEPT_LIVES = 2000
"""Measured lives that are remembered, so that none is learned from twice."""

_SPANS = {"pull": Span.PULL, "build": Span.BUILD, "create": Span.CREATE, "start": Span.START}
_SPANS |= {"stop": Span.STOP, "remove": Span.REMOVE}
_VERBS = {"pull": "Pulled", "build": "Built", "create": "Created", "start": "Started", "stop": "Stopped"}
_VERBS |= {"route": "Routed", "remove": "Removed", "restart": "Restarted", "update": "Renamed", "connect": "Connected"}
_VERBS |= {"disconnect": "Withdrawn", "limit": "Limited"}


class Chronicle:
    """The memory of what was said. Writes to the store; tells whoever listens."""

    def __init__(self, store: Store, stack: str, tell: Callable[[Event], None]) -> None:
        self._store = store
        self._stack = stack
        self._tell = tell
        self.timings: Timings = store.timings.load()
        self.status: StackStatus | None = store.status.load()
        self._said: dict[str, tuple[Phase, str]] = {}
        self._unchanged = Unchanged()
        self._measured: dict[tuple[object, ...], None] = {}

    def usually(self, service: str) -> float | None:
        """Learned seconds from start to ready."""
        return self.timings.usual(service, Span.READY)

    def say(self, now: Instant, service: str | None, reason: str, message: str, *, warning: bool = False) -> None:
        """One event."""
        kind = "Warning" if warning else "Normal"
        self._tell(self._store.events.append(Event(now, self._stack, service, kind, reason, message)))

    def note_outcomes(self, outcomes: Sequence[Outcome], world: World, now: Instant) -> None:
        """Tell what was done and what failed; learn how long calls take."""
        for outcome in outcomes:
            for made in outcome.made:
                self._tell_made(made, outcome.step.service, world, now)
            step, action = outcome.step, step_action(outcome.step)
            if outcome.result is Result.DONE:
                verb = "Disconnected" if isinstance(step, Disconnect) else _VERBS[action]
                self.say(now, step.service, verb, _tell_step(step))
                if action in _SPANS and outcome.seconds > 0:
                    self._learn(step.service, _SPANS[action], Sample(outcome.seconds))
            elif outcome.result in (Result.TRANSIENT, Result.REJECTED):
                self.say(now, step.service, f"{type(step).__name__}Failed", outcome.message, warning=True)

    def _tell_made(self, made: Made, service: str, world: World, now: Instant) -> None:
        """Data that were there are there no more where a volume is missing that the last good release had."""
        if made.kind == "network":
            self.say(now, service, "NetworkCreated", f"network {made.name} was not there")
        elif made.name in _volumes_before(world, service):
            message = f"volume {made.name} was not there any more, and was made again: it is empty"
            self.say(now, service, "VolumeCreated", message, warning=True)
        else:
            self.say(now, service, "VolumeCreated", f"volume {made.name} was not there")

    def note_decisions(self, decisions: Mapping[str, Decision], now: Instant) -> None:
        """Tell each change of phase or reason once."""
        for name, decision in decisions.items():
            said = (decision.phase, decision.reason)
            if self._said.get(name) == said:
                continue
            before = self._said.get(name)
            self._said[name] = said
            if decision.reason == UPDATE_FAILED:
                self.say(now, name, decision.reason, decision.message, warning=True)
                continue
            if before is not None and before[0] == decision.phase and decision.phase not in SICK:
                continue
            message = f"{decision.phase}: {decision.message}" if decision.message else str(decision.phase)
            self.say(now, name, decision.reason, message, warning=decision.phase in SICK)

    def learn_readiness(self, world: World, names: Sequence[str], now: Instant) -> Sequence[str]:
        """Seconds from start to ready (of a job: to its end), of lives that began while we watched; of whom."""
        before, learned = self.timings, []
        for name in names:
            want, view = world.desired.services.get(name), world.views.get(name)
            if want is None or view is None:
                continue
            for replica in view.replicas:
                since = ready_since(replica, want.settle, now)
                if since is not None:
                    spans = (Span.READY, Span.OWN) if _is_own(replica, want, world) else (Span.READY,)
                    self._learn_life(replica, spans, since, view.since)
                elif replica.phase is ReplicaPhase.EXITED and replica.exit_code == 0 and want.is_job:
                    self._learn_life(replica, (Span.RUN,), replica.finished_at or now, view.since)
            if self.timings is not before:
                before = self.timings
                learned.append(name)
        return learned

    def _learn_life(self, replica: Replica, spans: Sequence[Span], until: Instant, watched_since: Instant) -> None:
        key = (spans[0], *replica.life)
        begun = replica.started_at
        if key in self._measured or begun is None or begun < watched_since or until < begun:
            return
        self._measured[key] = None
        if len(self._measured) > _KEPT_LIVES:
            del self._measured[next(iter(self._measured))]
        for span in spans:
            self._learn(replica.service, span, Sample(until - begun, replica.revision))

    def _learn(self, service: str, span: Span, sample: Sample) -> None:
        self.timings = self.timings.adding(service, span, sample)
        self._store.timings.add(service, span, sample)

    def publish(
        self, world: World, conditions: tuple[Condition, ...], now: Instant, show: Callable[[StackStatus], None]
    ) -> StackStatus:
        """The status now: shown at once, then kept for other processes, which takes the disk its time."""
        before = self.status
        self.status = make_status(world, before, conditions, self.usually, now, self._unchanged)
        show(self.status)
        self._store.status.save(self.status)
        if before is None or before.phase != self.status.phase:
            bad = self.status.phase in (StackPhase.DEGRADED, StackPhase.FAILED)
            self.say(now, None, str(self.status.phase), f"the stack is {self.status.phase}", warning=bad)
        return self.status


def _is_own(replica: Replica, want: DesiredService, world: World) -> bool:
    """Its start waited for nobody."""
    return replica.started_at is not None and was_served(want, world.offers, replica.started_at)


def _volumes_before(world: World, service: str) -> frozenset[str]:
    """By Docker's names those that the service had when it last worked; none where that is not known."""
    want, history = world.desired.services.get(service), world.histories.get(service)
    if want is None or history is None:
        return frozenset()
    good = history.completed if history.good is None else split_release(history.good)[0]
    if good is None:
        return frozenset()
    had = want if good == want.revision else world.known.get((service, good))
    return frozenset() if had is None else had.template.keeps()


def _tell_step(step: Step) -> str:
    number = step_number(step)
    return step.because if number is None else f"{step.service}-{number}: {step.because}"
