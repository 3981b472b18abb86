"""A service under its own decisions on a clock that jumps: each step is done at once, new replicas behave as told."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from controller.decide.stack import decide_stack
from controller.decide.world import make_world
from controller.model.decision import Decision
from controller.model.desired import DesiredService, DesiredStack, FailureAction, Order, UpdatePolicy
from controller.model.names import ImageId, ReplicaId, Revision, make_release
from controller.model.observed import Health, Replica, ReplicaPhase, ServiceView
from controller.model.steps import Create, Remove, Restart, Start, Step, Stop
from tests.builders import IMAGE, checked, probe

READY_AFTER = 2.0
FOREVER = 900.0


@dataclass(frozen=True)
class Behaviour:
    """`fails`: which of the new replicas, in the order of their creation (0: none, -1: all), and how."""

    fails: int = 0
    how: str = "crash"
    """`crash`: exits 0.5 s after its start; `never`: never ready; `late`: exits 3 s after it became ready."""


@dataclass
class Play:
    """`floor`: the least that served since the update began; `most`: the most containers that ran at once."""

    want: DesiredService
    behaviour: Behaviour
    now: float = 1000.0
    replicas: list[Replica] = field(default_factory=list)
    decision: Decision | None = None
    floor: int = 0
    most: int = 0
    created: list[str] = field(default_factory=list)
    _fated: dict[str, int] = field(default_factory=dict)
    _calls: int = 0

    def __post_init__(self) -> None:
        old = replace(self.want, revision=Revision("v1"))
        stack = DesiredStack("shop", {self.want.name: old}, "one")
        self.world = make_world(stack)
        self.replicas = [self._old(number) for number in range(1, self.want.replicas + 1)]
        self.floor = self.want.replicas
        self._decide()
        self.world.known = {(self.want.name, Revision("v1")): old}
        self.world.adopt(replace(stack, services={self.want.name: self.want}, digest="two"))

    def _old(self, number: int) -> Replica:
        return Replica(
            id=ReplicaId(f"old-{number}"),
            name=f"shop-web-{number}",
            service=self.want.name,
            number=number,
            revision=Revision("v1"),
            phase=ReplicaPhase.RUNNING,
            health=Health.HEALTHY,
            ready_since=self.now - 90,
            started_at=self.now - 92,
            created_at=self.now - 93,
            image_id=IMAGE,
            check=probe(),
        )

    def run(self, seconds: float = 2000.0) -> Decision:
        """Until nothing is to be done any more, or for that long."""
        end = self.now + seconds
        while self.now < end:
            decision = self._decide()
            if not decision.steps and (decision.wake_at is None or decision.wake_at > self.now + FOREVER):
                nxt = self._next_change()
                if nxt is None:
                    return decision
                self.now = nxt
            elif not decision.steps:
                assert decision.wake_at is not None
                self.now = min(max(decision.wake_at, self.now + 0.01), self._next_change() or float("inf"))
        assert self.decision is not None
        return self.decision

    def _decide(self) -> Decision:
        self._live()
        name = self.want.name
        self.world.views[name] = ServiceView(tuple(self.replicas), self.now, since=0.0, image_id=IMAGE)
        decided = decide_stack([name], self.world, self.now)
        self.world.absorb(decided)
        self.decision = decided[name]
        for step in self.decision.steps:
            self._do(step)
            self._measure()
        return self.decision

    def _measure(self) -> None:
        serving = sum(1 for replica in self.replicas if replica.health is Health.HEALTHY)
        running = sum(1 for replica in self.replicas if replica.phase is ReplicaPhase.RUNNING)
        self.floor, self.most = min(self.floor, serving), max(self.most, running)

    def _do(self, step: Step) -> None:
        match step:
            case Create():
                self._calls += 1
                new = Replica(
                    id=ReplicaId(f"new-{self._calls}"),
                    name=f"shop-web-{step.number}",
                    service=step.service,
                    number=step.number,
                    revision=step.revision,
                    phase=ReplicaPhase.CREATED,
                    created_at=self.now,
                    image_id=ImageId(step.image_id or IMAGE),
                    check=probe(),
                )
                self.created.append(f"{step.revision}")
                if step.revision != "v1":
                    self._fated[new.id] = self.created.count(step.revision)
                self.replicas.append(new)
            case Start() | Restart():
                self._change(step.replica, phase=ReplicaPhase.RUNNING, started_at=self.now, ready_since=None)
                self._change(step.replica, health=Health.STARTING, finished_at=None)
            case Stop():
                down = {"exit_code": 143, "finished_at": self.now, "health": Health.NONE}
                self._change(step.replica, phase=ReplicaPhase.EXITED, **down)
            case Remove():
                self.replicas = [replica for replica in self.replicas if replica.id != step.replica]
            case _:
                raise AssertionError(step)

    def _change(self, replica: ReplicaId, **changes: object) -> None:
        self.replicas = [replace(r, **changes) if r.id == replica else r for r in self.replicas]  # type: ignore[arg-type]

    def _is_bad(self, replica: Replica) -> bool:
        fated = self._fated.get(replica.id)
        return fated is not None and self.behaviour.fails in (-1, fated)

    def _end_of(self, replica: Replica) -> float | None:
        if not self._is_bad(replica) or replica.started_at is None:
            return None
        after = {"crash": 0.5, "late": READY_AFTER + 3.0}.get(self.behaviour.how)
        return None if after is None else replica.started_at + after

    def _ready_at(self, replica: Replica) -> float | None:
        never = self._is_bad(replica) and self.behaviour.how in ("never", "crash")
        return None if never or replica.started_at is None else replica.started_at + READY_AFTER

    def _next_change(self) -> float | None:
        running = [replica for replica in self.replicas if replica.phase is ReplicaPhase.RUNNING]
        changes = [self._end_of(replica) for replica in running]
        changes += [self._ready_at(replica) for replica in running if replica.health is not Health.HEALTHY]
        return min((change for change in changes if change is not None and change > self.now), default=None)

    def _live(self) -> None:
        for replica in self.replicas:
            if replica.phase is not ReplicaPhase.RUNNING:
                continue
            end, ready = self._end_of(replica), self._ready_at(replica)
            if end is not None and end <= self.now:
                dead = {"exit_code": 3, "finished_at": end, "health": Health.NONE}
                self._change(replica.id, phase=ReplicaPhase.EXITED, **dead)
            elif ready is not None and ready <= self.now and replica.health is not Health.HEALTHY:
                self._change(replica.id, health=Health.HEALTHY, ready_since=ready)
        self._measure()

    @property
    def revisions(self) -> list[str]:
        """Of the replicas that serve."""
        return sorted(str(replica.revision) for replica in self.replicas if replica.health is Health.HEALTHY)


def update(
    order: Order,
    parallelism: int,
    action: FailureAction = FailureAction.ROLLBACK,
    behaviour: Behaviour = Behaviour(),
    **policy: float,
) -> Play:
    """Three replicas from v1 to v2."""
    stanza = UpdatePolicy(order, parallelism, failure_action=action, **policy)  # type: ignore[arg-type]
    back = UpdatePolicy(order, parallelism, failure_action=FailureAction.PAUSE)
    return Play(checked("web", 3, "v2", update=stanza, rollback=back), behaviour)


GOOD = make_release(Revision("v1"), IMAGE)
