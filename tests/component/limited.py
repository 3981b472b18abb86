"""A stack whose limits follow use, what is done to it, and an adjuster that measures it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from controller.engines.simulated_hands import Hands
from controller.loop.adjusting import Adjuster
from controller.loop.usagebook import UsageBook
from controller.model.observed import Replica
from controller.model.resources import Limit as Most
from controller.model.steps import Limit, Result
from controller.model.usage import EngineView, Figures, HostUsage, ServiceUsage, Usage
from tests.component.stage import Stage, converged, load, service

MIB = 2**20


def limited(limit: str = "64m", **keys: Any) -> dict[str, Any]:
    return service(mem_limit=limit, cpus=1.0, **keys)


def spec(mode: str = "apply", **more: Any) -> dict[str, Any]:
    limits = {"minMemory": "16m", "maxMemory": "256m"}
    return {
        "resources": {"autoAdjust": {"mode": mode, "cooldown": "60s"}},
        "services": {"web": {"limits": limits}},
        **more,
    }


def stage_of(folder: Path, services: dict[str, Any] | None = None, /, **said: Any) -> Stage:
    made = Stage(folder, load(services or {"web": limited()}, **(said or spec())))
    made.settle(10, until=lambda: converged(made))
    assert converged(made)
    return made


def one(stage: Stage) -> Replica:
    (found,) = stage.replicas("web")
    return found


def memory(stage: Stage, service: str = "web") -> list[float]:
    return [(replica.limit.memory or 0) / MIB for replica in stage.replicas(service)]


def kill(stage: Stage, *replicas: Replica) -> None:
    """The kernel does, for want of memory."""

    def act(hands: Hands, now: float) -> None:
        for replica in replicas:
            hands.crash(replica.id, now, 137, oom=True)

    stage.meddle(act)


def messages(stage: Stage, reason: str) -> list[str]:
    return [event.message for event in stage.events if event.reason == reason]


HERE = EngineView(4, 8 * 2**30, True)


class Loop:
    """What an adjuster knows of a controller: its stacks, and that calls are done by the loop."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.adjuster = Adjuster(self)  # type: ignore[arg-type]

    @property
    def stacks(self) -> dict[str, Any]:
        return {"shop": self.stage.reconciler}

    def call(self, function: Any) -> None:
        function(self.stage.clock.now())

    def measure(
        self, seconds: float, mebibytes: float, cores: float = 0.5, every: float = 5.0, engine: EngineView = HERE
    ) -> None:
        """For so long each replica uses that much."""
        for _ in range(int(seconds / every)):
            self.stage.settle(every, step=every / 4)
            figures = Figures(cpu=cores, memory=int(mebibytes * MIB))
            replicas = {replica.name: figures for replica in self.stage.replicas("web")}
            used = {"shop": {"web": ServiceUsage(replicas=replicas)}}
            usage = Usage(self.stage.clock.now(), HostUsage(4), used, engine)
            with closing(UsageBook(self.stage.store.folder, 7 * 86400.0)) as book:
                book.add(usage, {"web": figures}, every)
            self.adjuster.take(usage)
        self.stage.settle(2)


def set_by_hand(stage: Stage, mebibytes: int, cores: float = 1.0) -> None:
    """`docker update`."""
    name_limit(stage, mebibytes, cores)
    stage.settle(5)


def name_limit(stage: Stage, mebibytes: int, cores: float = 1.0) -> None:
    """The engine does, from now on."""
    web = one(stage).id

    def update(hands: Hands, now: float) -> None:
        hands.limit(web, now)
        record = hands._simulation.find(web)
        assert record is not None
        record.base = replace(record.base, limit=Most(mebibytes * MIB, cores))
        hands._simulation.processes.mark(record, record.phase)

    stage.meddle(update)


def off() -> dict[str, Any]:
    return {**spec("off"), "services": {}}


def refuse_limits(stage: Stage) -> None:
    stage.refuse(Limit, Result.REJECTED, "device or resource busy")
