"""What probes say of replicas: whether each has begun, serves, and is to go on."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from controller.health.prober import Prober, Role
from controller.model.desired import DesiredService
from controller.model.names import Instant
from controller.model.observed import Health, Life, Replica, ReplicaPhase


class Verdicts:
    """Of one stack. Says to the prober who is to be asked for what, and adds the answers to what was seen."""

    def __init__(self, prober: Prober, now: Instant) -> None:
        self._prober = prober
        self._watched_since = now
        self._begun: dict[str, frozenset[Life]] = {}
        """Lives whose startup probe has succeeded, by service."""
        self._asked: set[str] = set()
        """Services that are asked for more than their readiness."""

    def add(self, replicas: tuple[Replica, ...], want: DesiredService, stack: str) -> tuple[Replica, ...]:
        """The replicas with their verdicts; who has not begun is asked for nothing else."""
        running = [replica for replica in replicas if replica.phase is ReplicaPhase.RUNNING]
        if want.startup is None and want.liveness is None and want.name not in self._asked:
            begun = running  # nearly always
        else:
            begun = self._ask_more(running, want, stack)
        ready = {replica: probe for replica in begun if (probe := want.readiness or replica.check) is not None}
        self._prober.watch(stack, want.name, ready)
        return tuple(self._judge(replica, want, ready, begun) for replica in replicas)

    def _ask_more(self, running: Collection[Replica], want: DesiredService, stack: str) -> list[Replica]:
        """Those that have begun."""
        more = want.startup is not None or want.liveness is not None
        (self._asked.add if more else self._asked.discard)(want.name)
        begun = [replica for replica in running if want.startup is None or self._has_begun(replica)]
        self._begun[want.name] = frozenset(replica.life for replica in begun)
        waiting = [replica for replica in running if replica not in begun]
        startup = dict.fromkeys(waiting, want.startup) if want.startup is not None else {}
        alive = dict.fromkeys(begun, want.liveness) if want.liveness is not None else {}
        self._prober.watch(stack, want.name, startup, Role.STARTUP)
        self._prober.watch(stack, want.name, alive, Role.LIVENESS)
        return begun

    def _has_begun(self, replica: Replica) -> bool:
        """One that ran before we watched is not doubted."""
        if (replica.started_at or 0.0) < self._watched_since or replica.life in self._begun.get(replica.service, ()):
            return True
        verdict = self._prober.verdict(replica.life, Role.STARTUP)
        return verdict is not None and verdict.health is Health.HEALTHY

    def _judge(
        self, replica: Replica, want: DesiredService, ready: Collection[Replica], begun: Collection[Replica]
    ) -> Replica:
        if replica.phase is not ReplicaPhase.RUNNING:
            return replace(replica, health=Health.NONE)
        if replica not in begun:
            return self._judge_start(replica)
        judged = self._judge_readiness(replica) if replica in ready else replace(replica, health=Health.NONE)
        verdict = self._prober.verdict(replica.life, Role.LIVENESS) if want.liveness is not None else None
        if verdict is None:
            return judged
        dead = verdict.health is Health.UNHEALTHY
        return replace(judged, alive=verdict.health, last_output=verdict.output if dead else judged.last_output)

    def _judge_start(self, replica: Replica) -> Replica:
        verdict = self._prober.verdict(replica.life, Role.STARTUP)
        if verdict is None:
            return replace(replica, health=Health.STARTING)
        health = Health.UNHEALTHY if verdict.health is Health.UNHEALTHY else Health.STARTING
        return replace(replica, health=health, ready_since=None, last_output=verdict.output or replica.last_output)

    def _judge_readiness(self, replica: Replica) -> Replica:
        """Ours once there is one; before that Docker's word counts if it is good: a running stack is not doubted."""
        verdict = self._prober.verdict(replica.life)
        if verdict is None:
            healthy = replica.health is Health.HEALTHY
            since = (replica.started_at or 0.0) if healthy else None
            return replace(replica, health=Health.HEALTHY if healthy else Health.STARTING, ready_since=since)
        output = verdict.output or replica.last_output
        return replace(replica, health=verdict.health, ready_since=verdict.ready_since, last_output=output)
