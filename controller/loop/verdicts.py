"""What probes say of replicas: whether each has begun, serves, and is to go on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from controller.decide.identity import Known, made_from
from controller.decide.patience import judged_as
from controller.health.prober import Prober, Role
from controller.model.desired import DesiredService
from controller.model.names import Instant, ReplicaId
from controller.model.observed import Health, Life, Replica, ReplicaPhase, ServiceView

_UP = (ReplicaPhase.RUNNING, ReplicaPhase.PAUSED)
"""Has a process. That of a paused one is not asked, but what was said of it still holds when it goes on."""

Made = Mapping[ReplicaId, DesiredService]
Begun = Mapping[ReplicaId, Instant]


class Verdicts:
    """Of one stack. Says to the prober who is to be asked for what, and adds the answers to what was seen.

    `known` says what earlier revisions were made from: each replica is asked by the probes of its own release.
    `quickest`: seconds after its start before which no replica of that service was ever ready; 0: not known.
    """

    def __init__(
        self, prober: Prober, known: Callable[[], Known], quickest: Callable[[str], float] = lambda _: 0.0
    ) -> None:
        self._prober = prober
        self._known = known
        self._quickest = quickest
        self._begun: dict[str, Mapping[Life, Instant]] = {}
        """Lives that have begun, and when, by service."""
        self._asked: set[str] = set()
        """Services that are asked for more than their readiness."""

    def add(self, view: ServiceView, want: DesiredService, stack: str) -> tuple[Replica, ...]:
        """The replicas with their verdicts; who has not begun is asked for nothing else."""
        known = self._known()
        up = [replica for replica in view.replicas if replica.phase in _UP]
        made = {replica.id: _release_of(replica, want, known) for replica in up}
        begun = {r.id: at for r in up if (at := self._begun_at(r, made[r.id], view.taken_at)) is not None}
        if view.complete:  # what half a look does not show is not gone
            self._begun[want.name] = {r.life: begun[r.id] for r in up if r.id in begun}
            self._ask_readiness(stack, want.name, up, made, begun.keys() | _elder(up, view.since))
            self._ask_more(stack, want.name, up, made, begun)
        return tuple(self._judge(replica, made.get(replica.id), begun) for replica in view.replicas)

    def _begun_at(self, replica: Replica, made: DesiredService, now: Instant) -> Instant | None:
        """When it had begun; None: it has not. Who serves already, or is old when we first see it, is not doubted."""
        started = replica.started_at or 0.0
        if made.startup is None:
            return started + made.settle  # nearly always
        if (at := self._begun.get(replica.service, {}).get(replica.life)) is not None:
            return at
        if (serves := self._prober.verdict(replica.life)) is not None and serves.health is Health.HEALTHY:
            return serves.ready_since
        if (verdict := self._prober.verdict(replica.life, Role.STARTUP)) is not None:
            return verdict.ready_since
        return started if started and now - started >= made.start_timeout else None

    def _ask_readiness(
        self, stack: str, service: str, up: Collection[Replica], made: Made, asked: Collection[ReplicaId]
    ) -> None:
        probes = {r: probe for r in up if r.id in asked and (probe := made[r.id].readiness or r.check) is not None}
        self._prober.watch(stack, service, probes, quickest=self._quickest(service))

    def _ask_more(self, stack: str, service: str, up: Collection[Replica], made: Made, begun: Begun) -> None:
        more = any(one.startup is not None or one.liveness is not None for one in made.values())
        if not more and service not in self._asked:
            return  # nearly always
        if more:
            self._asked.add(service)
        else:
            self._asked.discard(service)
        waiting = [replace(r, health=Health.STARTING) for r in up if r.id not in begun]  # whatever Docker says
        startup = {r: probe for r in waiting if (probe := made[r.id].startup) is not None}
        alive = {r: probe for r in up if r.id in begun and (probe := made[r.id].liveness) is not None}
        self._prober.watch(stack, service, startup, Role.STARTUP)
        self._prober.watch(stack, service, alive, Role.LIVENESS)

    def _judge(self, replica: Replica, made: DesiredService | None, begun: Begun) -> Replica:
        if made is None or replica.phase is not ReplicaPhase.RUNNING:
            return replace(replica, health=Health.NONE)
        if replica.id not in begun:
            return self._judge_start(replica)
        judged = self._judge_readiness(replica, made)
        if made.startup is not None:
            judged = _not_before(judged, begun[replica.id])
        return judged if made.liveness is None else self._judge_life(judged)

    def _judge_start(self, replica: Replica) -> Replica:
        verdict = self._prober.verdict(replica.life, Role.STARTUP)
        if verdict is None:
            return replace(replica, health=Health.STARTING)
        health = Health.UNHEALTHY if verdict.health is Health.UNHEALTHY else Health.STARTING
        return replace(replica, health=health, ready_since=None, last_output=verdict.output or replica.last_output)

    def _judge_readiness(self, replica: Replica, made: DesiredService) -> Replica:
        """Ours once there is one; before that Docker's word counts if it is good: a running stack is not doubted."""
        if made.readiness is None and replica.check is None:
            return replace(replica, health=Health.NONE)
        verdict = self._prober.verdict(replica.life)
        if verdict is None:
            healthy = replica.health is Health.HEALTHY
            since = (replica.started_at or 0.0) if healthy else None
            return replace(replica, health=Health.HEALTHY if healthy else Health.STARTING, ready_since=since)
        output = verdict.output or replica.last_output
        return replace(replica, health=verdict.health, ready_since=verdict.ready_since, last_output=output)

    def _judge_life(self, judged: Replica) -> Replica:
        """Who is not alive does not serve either, whatever its readiness says."""
        verdict = self._prober.verdict(judged.life, Role.LIVENESS)
        if verdict is None:
            return judged
        if verdict.health is Health.UNHEALTHY:
            dead, output = verdict.health, verdict.output or judged.last_output
            return replace(judged, alive=dead, health=dead, ready_since=None, last_output=output)
        since = judged.ready_since
        if since is not None and verdict.ready_since is not None:
            since = max(since, verdict.ready_since)
        return replace(judged, alive=verdict.health, ready_since=since)


def _elder(up: Collection[Replica], since: Instant) -> set[ReplicaId]:
    """Were started before we came: they may have begun long ago, and their startup probe may not say so twice."""
    return {replica.id for replica in up if (replica.started_at or 0.0) < since}


def _release_of(replica: Replica, want: DesiredService, known: Known) -> DesiredService:
    """What its probes are read from. One that publishes its ports itself is else as its release behind the ingress."""
    revision = replica.revision
    if revision == want.revision or (want.name, revision) in known:
        made = made_from(replica, want, known)
        return made if made is want else judged_as(made, want)
    behind = (kept for (name, _), kept in known.items() if name == want.name)
    return next((one for one in (want, *behind) if one.direct is not None and one.direct.revision == revision), want)


def _not_before(judged: Replica, begun_at: Instant) -> Replica:
    """It serves since then at the earliest; to have begun is all that is asked of one without a check."""
    if judged.health is Health.NONE:
        return replace(judged, health=Health.HEALTHY, ready_since=begun_at)
    since = judged.ready_since
    return judged if since is None or since >= begun_at else replace(judged, ready_since=begun_at)
