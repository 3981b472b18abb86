"""What each step does to simulated containers, with Docker's answers: done, name in use, no such container."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, assert_never

from controller.engines.parse import drop_temporary_prefix
from controller.engines.simulated_containers import Containers
from controller.engines.simulated_process import Processes
from controller.engines.simulated_record import Record
from controller.model.adjustment import limit_of
from controller.model.confined import asked_of_us
from controller.model.names import ImageId, Instant
from controller.model.observed import Replica, ReplicaPhase
from controller.model.routes import RouteSeen
from controller.model.steps import (
    Connect,
    Create,
    Disconnect,
    Limit,
    Outcome,
    Remove,
    Rename,
    Restart,
    Result,
    Route,
    Start,
    Step,
    Stop,
    Withdraw,
)
from controller.model.timings import Span

Act = Start | Stop | Restart | Remove | Rename | Connect | Disconnect | Limit | Withdraw | Route

NETWORK = "default"
"""The network that every simulated container is on, unless it shares another one's."""

FORCED = 137
"""Exit code of what was killed: 128 + SIGKILL."""


class Calls:
    """The engine's calls about containers. `at` is when a call begins; an outcome says how long it takes."""

    def __init__(self, containers: Containers, processes: Processes) -> None:
        self._containers = containers
        self._processes = processes

    def create(self, step: Create, image: ImageId | None, at: Instant) -> Outcome:
        """`image`: what the service's image name stands for now."""
        stack = self._containers.stack
        want = stack.services.get(step.service)
        name = (want.container_name if want is not None else None) or f"{stack.name}-{step.service}-{step.number}"
        if self._containers.behaviour(step.service, step.revision).create_refused:
            return Outcome(step, Result.REJECTED, f"{name}: the engine refuses what is asked for (scripted)")
        if want is not None and want.image and image is None:
            return Outcome(step, Result.REJECTED, f"no such image: {want.image}")
        if self._containers.has_name(name) or self._containers.has_number(step.service, step.number):
            return Outcome(step, Result.CONFLICT, f"the name {name} is in use")
        if step.template.namespace_of is not None and step.holder is None:
            return Outcome(
                step, Result.CONFLICT, f"{step.template.namespace_of}, whose namespace it shares, is not there"
            )
        seconds = self._containers.seconds(step.service, Span.CREATE)
        record = self._containers.make(step, name, image, at + seconds)
        self._processes.announce(record)
        return Outcome(step, Result.DONE, replica=record.base.id, seconds=seconds)

    def act(self, step: Act, at: Instant) -> Outcome:
        """A call about a container that is named by its id."""
        record = self._containers.find(step.replica)
        if record is None:
            return _missing(step)
        match step:
            case Start():
                return self._start(step, record, at)
            case Stop():
                return self._stop(step, record, at)
            case Restart():
                return self._restart(step, record, at)
            case Remove():
                return self._remove(step, record)
            case Rename():
                return self._rename(step, record)
            case Connect() | Disconnect() | Limit() | Withdraw() | Route():
                return self._change(step, record, **_changed_by(step, record.base, at))
            case _:
                assert_never(step)

    def _start(self, step: Start | Restart, record: Record, at: Instant) -> Outcome:
        match record.phase:
            case ReplicaPhase.RUNNING:
                return Outcome(step, Result.DONE)
            case ReplicaPhase.PAUSED:
                self._processes.unpause(record, at)
                return Outcome(step, Result.DONE)
            case ReplicaPhase.REMOVING | ReplicaPhase.DEAD:
                return Outcome(step, Result.CONFLICT, f"{record.name} is being removed")
            case _:
                pass
        holder = record.base.namespace_of
        if holder is not None and not self._containers.runs(holder):
            return Outcome(step, Result.CONFLICT, f"{record.name} cannot join a container that does not run")
        seconds = self._containers.seconds(record.service, Span.START)
        self._containers.count_on(record)
        self._processes.start(record, at + seconds)
        return Outcome(step, Result.DONE, seconds=seconds)

    def _stop(self, step: Stop | Restart, record: Record, at: Instant) -> Outcome:
        """Created and exited ones stay as they are; a paused process cannot hear the signal."""
        if not record.up:
            return Outcome(step, Result.DONE)
        waits = record.phase is ReplicaPhase.RESTARTING
        usual = 0.0 if waits else self._containers.seconds(record.service, Span.STOP)
        behaviour = record.nature.behaviour
        deaf = behaviour.ignores_stop or record.phase is ReplicaPhase.PAUSED
        forced = not waits and (deaf or usual > step.grace)
        seconds = step.grace if forced else usual
        self._processes.stop(record, at + seconds, FORCED if forced else behaviour.stop_code)
        return Outcome(step, Result.DONE, seconds=seconds)

    def _restart(self, step: Restart, record: Record, at: Instant) -> Outcome:
        stopped = self._stop(step, record, at)
        started = self._start(step, record, at + stopped.seconds)
        return replace(started, seconds=stopped.seconds + started.seconds)

    def _remove(self, step: Remove, record: Record) -> Outcome:
        if record.up:
            return Outcome(step, Result.CONFLICT, f"{record.name} still runs")
        self._containers.forget(record)
        self._processes.mark(record, ReplicaPhase.REMOVING)
        return Outcome(step, Result.DONE, seconds=self._containers.seconds(record.service, Span.REMOVE))

    def _rename(self, step: Rename, record: Record) -> Outcome:
        """The given one, or without the temporary prefix, or as it is."""
        name = step.name or drop_temporary_prefix(record.name) or record.name
        if name != record.name and self._containers.has_name(name):
            return Outcome(step, Result.CONFLICT, f"the name {name} is in use")
        self._containers.rename(record, name)
        record.temporary = False
        return self._change(step, record, proper_name="")

    def _change(self, step: Step, record: Record, **fields: Any) -> Outcome:
        record.base = replace(record.base, **fields)
        self._processes.mark(record, record.phase)
        return Outcome(step, Result.DONE)


def _changed_by(
    step: Connect | Disconnect | Limit | Withdraw | Route, replica: Replica, at: Instant
) -> Mapping[str, Any]:
    match step:
        case Connect() | Disconnect():
            return _rejoined(step, replica)
        case Limit():
            return _limited(step, replica)
        case Withdraw():
            return {"lost": (NETWORK,), "by_name": False, "withdrawn_since": at}
        case Route():
            return {"route": RouteSeen(step.to)}
        case _:
            assert_never(step)


def _limited(step: Limit, replica: Replica) -> Mapping[str, Any]:
    """As `docker update` does: what is not named in the call stays as it is."""
    asked, seen = limit_of(step.template.body), replica.limit
    memory = asked.memory if "HostConfig.Memory" in step.paths else seen.memory
    cpu = asked.cpu if "HostConfig.NanoCpus" in step.paths else seen.cpu
    left = tuple(found for found in replica.limits if found.path not in step.paths)
    return {"limits": left, "limit": seen._replace(memory=memory, cpu=cpu)}


_BACK: Mapping[str, Any] = {"lost": (), "misjoined": (), "by_name": True, "withdrawn_since": None}


def _rejoined(step: Connect | Disconnect, replica: Replica) -> Mapping[str, Any]:
    """On which networks it is then, where that is known, and under its names."""
    back = {} if isinstance(step, Disconnect) else _BACK
    if replica.joined is None:
        return back
    joined, ours = frozenset(replica.joined), frozenset(replica.ours)
    if isinstance(step, Disconnect):
        joined -= frozenset(step.networks)
    else:
        wanted = step.template.joins()
        joined |= wanted.intersection(step.networks) if step.networks else wanted
        ours |= asked_of_us(step.template.networks)
    return {**back, "joined": tuple(sorted(joined)), "ours": tuple(sorted(joined & ours))}


def skipped(step: Step) -> Outcome:
    return Outcome(step, Result.SKIPPED, "an earlier step did not succeed")


def _missing(step: Act) -> Outcome:
    """What is gone needs no removing; anything else took for granted that it is there."""
    if isinstance(step, Remove):
        return Outcome(step, Result.DONE)
    return Outcome(step, Result.CONFLICT, f"no such container: {step.replica}")
