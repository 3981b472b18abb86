"""What people and fate do to simulated containers behind our back: kill, crash, pause, remove, sicken."""

from __future__ import annotations

from dataclasses import replace

from controller.engines.simulated_calls import FORCED
from controller.engines.simulated_record import Record
from controller.engines.simulated_world import Simulation
from controller.model.names import Instant, ReplicaId
from controller.model.observed import Difference, Health, ReplicaPhase


class Hands:
    """Strange hands on a simulation. A container that is not there, or does not run, is left alone."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation

    def crash(self, replica: ReplicaId, now: Instant, exit_code: int = 1, *, oom: bool = False) -> None:
        """The process dies by itself: the restart policy acts."""
        record = self._running(replica, now)
        if record is not None:
            self._simulation.processes.crash(record, now, exit_code, oom=oom)

    def kill(self, replica: ReplicaId, now: Instant, exit_code: int = FORCED) -> None:
        """`docker kill`, or `docker stop` with another exit code: the policy is switched off."""
        record = self._running(replica, now)
        if record is not None:
            self._simulation.processes.stop(record, now, exit_code)

    def pause(self, replica: ReplicaId, now: Instant) -> None:
        record = self._running(replica, now)
        if record is not None:
            self._simulation.processes.mark(record, ReplicaPhase.PAUSED)

    def sicken(self, replica: ReplicaId, now: Instant) -> None:
        """Its check fails from now on, until its next life."""
        self.judge(replica, Health.UNHEALTHY, now)

    def judge(self, replica: ReplicaId, health: Health, now: Instant) -> None:
        """What its check says from now on, until its next life."""
        record = self._running(replica, now)
        if record is not None:
            self._simulation.processes.judge(record, health, now)

    def remove(self, replica: ReplicaId, now: Instant) -> None:
        """`docker rm -f`."""
        self._simulation.advance(now)
        record = self._simulation.find(replica)
        if record is not None:
            self._simulation.containers.forget(record)
            self._simulation.processes.mark(record, ReplicaPhase.REMOVING)

    def limit(self, replica: ReplicaId, now: Instant, *, in_place: bool = True) -> None:
        """`docker update` of a limit; what nobody asked for cannot be taken back in place."""
        record = self._running(replica, now)
        if record is not None:
            wanted = "64 MiB" if in_place else "none"
            record.base = replace(record.base, limits=(Difference("HostConfig.Memory", wanted, "128 MiB", in_place),))
            self._simulation.processes.mark(record, record.phase)

    def connect(self, replica: ReplicaId, network: str, now: Instant) -> None:
        """`docker network connect`."""
        record = self._running(replica, now)
        if record is not None and record.base.joined is not None:
            record.base = replace(record.base, joined=tuple(sorted({*record.base.joined, network})))
            self._simulation.processes.mark(record, record.phase)

    def disconnect(self, replica: ReplicaId, network: str, now: Instant) -> None:
        """`docker network disconnect`."""
        record = self._running(replica, now)
        if record is not None and record.base.joined is not None:
            joined = tuple(name for name in record.base.joined if name != network)
            record.base = replace(record.base, joined=joined)
            self._simulation.processes.mark(record, record.phase)

    def _running(self, replica: ReplicaId, now: Instant) -> Record | None:
        self._simulation.advance(now)
        record = self._simulation.find(replica)
        return record if record is not None and record.phase is ReplicaPhase.RUNNING else None
