"""All that is known when one service is decided, and the few questions that every rule asks of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from controller.decide.identity import Known, is_current
from controller.decide.leeway import AMPLE, Leeway
from controller.decide.touched import is_beyond_repair
from controller.model.decision import Aim, History, Offers
from controller.model.desired import DesiredService
from controller.model.names import Instant, ReplicaId, Revision
from controller.model.observed import Health, Replica, ReplicaPhase, ServiceView, Trouble
from controller.model.routes import RouteState

ALIVE = frozenset({ReplicaPhase.RUNNING, ReplicaPhase.RESTARTING, ReplicaPhase.PAUSED})
"""Phases in which a container holds its process, ports and namespaces."""


NOBODY = Offers(exists=False)
"""What a service offers that does not exist."""

AHEAD = 2.0
"""Seconds by which an engine's clock may be ahead of ours without being noticed."""

SPOILT_AFTER = 600.0
"""Seconds from the create until one is replaced for what a hand set on it: at most once in that time."""

REFUSALS = 3
"""Tries in a row after which a new replica that could not be started, or led to, has failed."""


class Case(NamedTuple):
    """One service at one instant. `gates`: what its dependencies offer; `dependents`: services on it that still run.

    `go_first`: services on it that serve and go back before it, where the stack goes back.

    A tuple, like all that a pass makes by the thousand: a frozen dataclass takes three times as long to make.
    `may_begin`: a start slot is free for it; `may_heal`: one would be, if only the manifest bounded them, which is
    enough for what ran well before. `heals`: what fell over may be put up again (`selfHeal`, and not just
    reconnected); `heals_at`: when that becomes true by itself. `hurried`: a person wants it to end without grace.
    `fetching`: its image is on its way. `fetches_early`: images are fetched ahead of need, not when it is their turn.
    `leeway`: what the machine has room for. `barred`: why it may not be started at all; "": it may. `tied`: why nobody
    of it may make way for another one, though that may be started.
    `kept_on`: networks that a replica may not leave yet, and for whose sake.
    """

    aim: Aim
    seen: ServiceView
    history: History
    now: Instant
    gates: Mapping[str, Offers] = MappingProxyType({})
    dependents: tuple[str, ...] = ()
    go_first: tuple[str, ...] = ()
    may_begin: bool = True
    may_heal: bool = True
    heals: bool = True
    heals_at: Instant | None = None
    hurried: bool = False
    fetching: bool = False
    leeway: Leeway = AMPLE
    fetches_early: bool = True
    barred: str = ""
    tied: str = ""
    known: Known = MappingProxyType({})
    kept_on: Mapping[tuple[ReplicaId, str], str] = MappingProxyType({})

    @property
    def want(self) -> DesiredService:
        return self.aim.want

    @property
    def fetch_trouble(self) -> Trouble | None:
        """What fails to get its image here."""
        return self.seen.fetch_troubles.get(self.want.image)

    @property
    def holder(self) -> Offers | None:
        """The service whose namespace is shared, if any."""
        owner = self.want.namespace_of
        return None if owner is None else self.gates.get(owner, NOBODY)


class Parts(NamedTuple):
    """The replicas, sorted once: `fresh` are what is wanted, `stale` are to be replaced, `dead` only removed."""

    fresh: tuple[Replica, ...]
    stale: tuple[Replica, ...]
    dead: tuple[Replica, ...]
    ready: tuple[Replica, ...]
    """Those of the fresh, then of the stale, that serve."""
    ready_fresh: int
    """How many of `ready` are fresh."""

    @property
    def stale_serve(self) -> bool:
        return len(self.ready) > self.ready_fresh


def with_history(case: Case, history: History) -> Case:
    """The case as it goes on with what is remembered now; mostly nothing new."""
    return case if history is case.history else case._replace(history=history)


def sort_replicas(case: Case) -> Parts:
    """Containers that are being removed are gone already; numbers give the order."""
    holder = case.holder.holder if case.holder is not None else None
    fresh: list[Replica] = []
    stale: list[Replica] = []
    dead: list[Replica] = []
    for replica in in_order(case.seen.replicas):
        match replica.phase:
            case ReplicaPhase.REMOVING:
                continue
            case ReplicaPhase.DEAD:
                dead.append(replica)
            case _:
                current = is_current(replica, case.want, holder) and replica.id not in case.history.retired
                (fresh if current and not _is_spoilt(case, replica) else stale).append(replica)
    if case.want.direct is not None and len(fresh) > case.want.replicas:
        fresh, direct = _part(fresh, case.want.revision)
        stale += direct
    serving = [replica for replica in fresh if is_ready(case, replica)]
    ready = serving + [replica for replica in stale if is_ready(case, replica)] if stale else serving
    return Parts(tuple(fresh), tuple(stale), tuple(dead), tuple(ready), len(serving))


def _is_spoilt(case: Case, replica: Replica) -> bool:
    """A hand gave it what only another one is without; a young one waits, or somebody who does so always would win."""
    if not replica.limits or not case.heals:
        return False  # nearly always
    return case.now - replica.created_at >= SPOILT_AFTER and is_beyond_repair(replica, case.want)


def _part(replicas: list[Replica], revision: Revision) -> tuple[list[Replica], list[Replica]]:
    """Those of that revision, and those that publish their ports themselves: where both are, the latter go."""
    return [r for r in replicas if r.revision == revision], [r for r in replicas if r.revision != revision]


def in_order(replicas: tuple[Replica, ...]) -> Sequence[Replica]:
    """By number, whatever the order in which an engine lists them."""
    return replicas if len(replicas) < 2 else sorted(replicas, key=_place)


def _place(replica: Replica) -> tuple[int, Instant, ReplicaId]:
    return (replica.number, replica.created_at, replica.id)


def ready_since(replica: Replica, settle: float, now: Instant) -> Instant | None:
    """Since when the replica serves; None: it does not (yet). Without any check: after `settle` seconds of running."""
    if replica.phase is not ReplicaPhase.RUNNING:
        return None
    match replica.health:
        case Health.HEALTHY:
            return replica.ready_since if replica.ready_since is not None else (replica.started_at or now)
        case Health.NONE:
            since = (replica.started_at or 0.0) + settle
            return since if now >= since else now if was_set_back(replica.started_at, now) else None
        case _:
            return None


def has_no_verdict(replica: Replica, since: Instant) -> bool:
    """It ran before we watched (`since`), and no probe has said anything yet: what is unknown is as it was."""
    begun = replica.started_at
    return replica.running and replica.health is Health.STARTING and begun is not None and begun < since


def was_set_back(instant: Instant | None, now: Instant) -> bool:
    """What lies ahead of us was dated before the clock was set back: it is past, nobody knows how long."""
    return instant is not None and instant > now + AHEAD


def still_waits(end: Instant, span: float, now: Instant) -> bool:
    """Whether a wait of `span` seconds that ends at `end` goes on; what ends later than that began ahead of us."""
    return now < end <= now + span + AHEAD


def host_ports(replica: Replica) -> tuple[str, ...]:
    """Its host ports, as `8080/tcp`; of one that does not run those that it would have."""
    pairs = (line.split("->") for line in replica.published)
    return tuple(f"{outside.rpartition(':')[2]}/{inside.partition('/')[2]}" for outside, inside in pairs)


def was_put_down(case: Case, replica: Replica) -> bool:
    """We ended its last life ourselves, because the service was not wanted."""
    return replica.started_at is not None and case.history.put_down.get(replica.id) == replica.started_at


def is_excused(case: Case, replica: Replica) -> bool:
    """The kernel ended its last life for want of memory that we had taken from it."""
    adjusted = case.want.adjusted
    return adjusted is not None and (replica.id, replica.started_at) in adjusted.excused


def count_excused(case: Case, replica: Replica) -> int:
    """How many of its lives ended so."""
    adjusted = case.want.adjusted
    return 0 if adjusted is None else sum(1 for id_, _ in adjusted.excused if id_ == replica.id)


def tried_again_at(case: Case, trouble: Trouble) -> Instant | None:
    """When calls of that kind may be made again, for good refusals after the longest pause; None: now."""
    backoff = case.want.backoff
    pause = backoff.maximum if trouble.lasting else backoff.delay(trouble.count)
    due = trouble.at + pause
    return due if still_waits(due, pause, case.now) else None


def was_refused(case: Case, kind: str) -> bool:
    """Such a step was refused for good, or too often: the first time it may be somebody's port, or too early."""
    trouble = case.seen.trouble
    return trouble is not None and trouble.reason == kind and (trouble.lasting or trouble.count >= REFUSALS)


def is_unled(replica: Replica) -> bool:
    """The ingress leads nobody to it, or nobody new."""
    return replica.route is not None and replica.route.state in (RouteState.DRAINING, RouteState.OUT)


def is_ready(case: Case, replica: Replica) -> bool:
    return ready_since(replica, case.want.settle, case.now) is not None


def settles_at(case: Case, replica: Replica) -> Instant | None:
    """When a running replica without any check will count as ready; None where that does not apply."""
    if replica.phase is not ReplicaPhase.RUNNING or replica.health is not Health.NONE:
        return None
    at = (replica.started_at or 0.0) + case.want.settle
    return at if at > case.now else None


def free_numbers(taken: Iterable[Replica], count: int) -> tuple[int, ...]:
    """The lowest `count` container numbers that nobody has, from 1."""
    used = {replica.number for replica in taken}
    numbers: list[int] = []
    candidate = 1
    while len(numbers) < count:
        if candidate not in used:
            numbers.append(candidate)
        candidate += 1
    return tuple(numbers)


def soonest(*instants: Instant | None) -> Instant | None:
    """The earliest of several wake-ups; None stands for never."""
    return min((instant for instant in instants if instant is not None), default=None)


def ids(replicas: Iterable[Replica]) -> frozenset[ReplicaId]:
    return frozenset(replica.id for replica in replicas)
