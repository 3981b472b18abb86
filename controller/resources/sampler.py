"""One sample after the other: what is used by the stacks of one engine and by the machine, since the sample before."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from controller.engines.base import Engine
from controller.model.names import Instant, ReplicaId
from controller.model.status import StackStatus
from controller.model.usage import Counters, HostUsage, ServiceUsage, Usage
from controller.resources.host import HostCounters, read_host
from controller.resources.judge import judge_host, judge_service
from controller.resources.standing import Standing

PATIENCE = 5.0
"""Seconds that an engine which does not share our kernel has for all containers of one sample."""

Custom = Mapping[tuple[str, str], Mapping[str, float]]
"""Figures of services' own, by stack and service, then by name."""


class Sampler:
    """Remembers the counters of the sample before. Not safe from several threads."""

    def __init__(self, engine: Engine, now: Callable[[], Instant], standing: Standing) -> None:
        self._engine, self._now, self._standing = engine, now, standing
        self._before: dict[str, Mapping[ReplicaId, Counters]] = {}
        self._host: HostCounters | None = None

    def sample(self, of: Mapping[str, StackStatus], custom: Custom) -> Usage:
        """Of these stacks; rates are not known in the first one. Raises nothing for want of an engine."""
        replicas = [r for stack in of.values() for service in stack.services for r in service.replicas]
        counters = self._engine.usage(replicas, deadline=PATIENCE) if replicas else {}
        at = self._now()
        stacks = {name: self._judge(stack, counters, custom) for name, stack in of.items()}
        host = self.sample_host()
        return Usage(at, host, stacks, self._standing.said.view, self._standing.said.own)

    def sample_host(self) -> HostUsage:
        """The machine alone."""
        before, self._host = self._host, read_host(self._standing.renew().disk_path)
        return judge_host(before, self._host)

    def _judge(
        self, stack: StackStatus, counters: Mapping[ReplicaId, Counters], custom: Custom
    ) -> Mapping[str, ServiceUsage]:
        before = self._before.get(stack.name, {})
        mine = {replica.id for service in stack.services for replica in service.replicas}
        self._before[stack.name] = {key: one for key, one in counters.items() if key in mine}
        return {
            service.name: judge_service(service, before, counters, custom.get((stack.name, service.name), {}))
            for service in stack.services
        }

    def forget(self, stack: str) -> None:
        self._before.pop(stack, None)
