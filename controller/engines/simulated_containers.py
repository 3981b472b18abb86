"""The containers of a simulated stack: who exists under which name, what each is made of, how long things take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from hashlib import sha256

from controller.engines.simulated_behaviour import OK, Behaviour, Script, behaviour_of
from controller.engines.simulated_record import Nature, Record, record_of
from controller.engines.simulated_traits import NO_TRAITS, Traits, read_traits
from controller.model.adjustment import limit_of
from controller.model.confined import asked_of_us, may_be_ours
from controller.model.desired import DesiredService, DesiredStack, DockerRestart, Port, Probe, Template
from controller.model.names import ImageId, Instant, ReplicaId, Revision
from controller.model.observed import Mount, Replica, ReplicaPhase
from controller.model.routes import RouteSeen, RouteState
from controller.model.steps import Create
from controller.model.timings import Span, Timings

DEFAULTS: Mapping[Span, float] = {
    Span.PULL: 5.0,
    Span.BUILD: 30.0,
    Span.CREATE: 0.1,
    Span.START: 0.3,
    Span.READY: 1.0,
    Span.STOP: 0.2,
    Span.REMOVE: 0.05,
    Span.RUN: 1.0,
}
"""Seconds where nothing was learned: about what Engine 20.10 to 26.1 took on two cores, pulls and builds guessed."""


class Containers:
    """All containers of one stack. `guesses`: what `DEFAULTS` had to stand in for."""

    def __init__(self, stack: DesiredStack, timings: Timings) -> None:
        self.stack = stack
        self.timings = timings
        self.guesses: set[tuple[str, Span]] = set()
        self.script: dict[tuple[str, Revision], Behaviour] = {}
        self._records: dict[str, dict[ReplicaId, Record]] = {}
        self._by_id: dict[ReplicaId, Record] = {}
        self._names: dict[str, ReplicaId] = {}
        self._checks: dict[str, Probe] = {}
        self._volumes: dict[str, tuple[str, ...]] = {}
        self._traits: dict[tuple[str, ...], Traits] = {}
        self._made = 0

    def of(self, service: str) -> Iterable[Record]:
        return self._records.get(service, {}).values()

    def find(self, replica: ReplicaId) -> Record | None:
        return self._by_id.get(replica)

    def runs(self, replica: ReplicaId) -> bool:
        record = self._by_id.get(replica)
        return record is not None and record.phase is ReplicaPhase.RUNNING

    def has_name(self, name: str) -> bool:
        return name in self._names

    def has_number(self, service: str, number: int) -> bool:
        return any(record.base.number == number for record in self.of(service))

    def take_up(self, replica: Replica) -> Record:
        """Know a container that was observed, and from it what its image and its service are like."""
        if replica.check is not None:
            self._checks.setdefault(replica.image, replica.check)
        if replica.mounts:
            self._volumes.setdefault(replica.service, tuple(mount.target for mount in replica.mounts))
        want = self.stack.services.get(replica.service)
        if want is not None and replica.route is None and _is_led(want, replica.published):
            replica = replace(replica, route=RouteSeen(RouteState.IN))
        return self._add(record_of(replica, self._nature(replica, want, NO_TRAITS, OK)))

    def make(self, step: Create, name: str, image_id: ImageId | None, at: Instant) -> Record:
        """A new container, created at `at`."""
        self._made += 1
        want = self.stack.services.get(step.service)
        traits = self._traits_of(step.template, step.revision)
        image = want.image if want is not None else ""
        key = f"{self.stack.name}/{step.service}/{self._made}/{at!r}"
        replica = Replica(
            id=ReplicaId(sha256(key.encode()).hexdigest()),
            name=name,
            service=step.service,
            number=step.number,
            revision=step.revision,
            phase=ReplicaPhase.CREATED,
            created_at=at,
            image=image,
            image_id=image_id,
            config_hash=step.template.config_hash,
            namespace_of=step.holder,
            check=None if traits.disabled else traits.check or self._checks.get(image),
            exposes_ports=traits.exposes or bool(want is not None and want.ports),
            mounts=self._mounts(step, traits),
            published=_publish(want, step.number),
            route=RouteSeen(RouteState.OUT) if want is not None and want.frontends else None,
            drift=(),
            by_name=None if step.holder else True,
            joined=traits.joins,
            ours=self._find_ours(step.template.networks, traits.joins or ()),
            limit=limit_of(step.template.body),
        )
        behaviour = behaviour_of(self.script, step.service, step.revision)
        return self._add(record_of(replica, self._nature(replica, want, traits, behaviour)))

    def _find_ours(self, asked: tuple[str, ...], joins: tuple[str, ...]) -> tuple[str, ...]:
        """Those that were made with our label, for whomever."""
        ours = asked_of_us(asked).intersection(joins)
        beside = {name for name in joins if name not in ours and may_be_ours(self.stack.name, name)}
        if beside:  # nearly never
            ours |= beside.intersection(name for one in self._by_id.values() for name in one.base.ours)
        return tuple(sorted(ours))

    @property
    def made(self) -> int:
        """How many were made so far; ids follow from it."""
        return self._made

    def all(self) -> tuple[Record, ...]:
        return tuple(self._by_id.values())

    def restore(self, records: Iterable[Record], made: int) -> None:
        """Have these containers again, as they were kept."""
        self._made = made
        for record in records:
            self._add(record)

    def rename(self, record: Record, name: str) -> None:
        del self._names[record.name]
        record.name = name
        self._names[name] = record.base.id

    def forget(self, record: Record) -> None:
        """The container is no more; what its process was to do will not happen."""
        self._records[record.service].pop(record.base.id, None)
        self._by_id.pop(record.base.id, None)
        self._names.pop(record.name, None)
        record.life += 1

    def seconds(self, service: str, span: Span) -> float:
        """How long it takes: learned, or a default, which is noted in `guesses`."""
        learned = self.timings.usual(service, span)
        if learned is None:
            self.guesses.add((service, span))
            return DEFAULTS[span]
        return learned

    def count_on(self, record: Record) -> None:
        """A process of this container begins, or goes on: note in `guesses` which of its times were never learned."""
        if record.nature.checked and self._learned_ready(record.base) is None:
            self.guesses.add((record.service, Span.READY))
        if record.nature.runs is not None and self.timings.usual(record.service, Span.RUN) is None:
            self.guesses.add((record.service, Span.RUN))

    def behaviour(self, service: str, revision: Revision) -> Behaviour:
        script: Script = self.script
        return behaviour_of(script, service, revision)

    def _add(self, record: Record) -> Record:
        self._records.setdefault(record.service, {})[record.base.id] = record
        self._by_id[record.base.id] = record
        self._names[record.name] = record.base.id
        return record

    def _mounts(self, step: Create, traits: Traits) -> tuple[Mount, ...]:
        """Anonymous volumes: the carried ones, new ones for the other targets."""
        carried = {mount.target: mount for mount in step.carry}
        targets = sorted({*carried, *traits.volumes, *self._volumes.get(step.service, ())})
        return tuple(carried.get(target) or Mount(target, f"volume-{self._made:06d}{target}") for target in targets)

    def _nature(self, replica: Replica, want: DesiredService | None, traits: Traits, behaviour: Behaviour) -> Nature:
        checked = replica.check is not None or (want is not None and want.tells_readiness)
        policy = traits.policy or (want.docker_restart if want is not None else DockerRestart.NO)
        learned = self._learned_ready(replica)
        ready = DEFAULTS[Span.READY] if learned is None else learned
        runs, lives_on = self._runs_for(replica.service, want), want is not None and want.liveness is not None
        return Nature(checked, ready, runs, policy, traits.retries, behaviour, lives_on)

    def _learned_ready(self, replica: Replica) -> float | None:
        return self.timings.ready_after(replica.service, replica.revision)

    def _runs_for(self, service: str, want: DesiredService | None) -> float | None:
        """How long a job runs; one that nobody calls a job is known by having ended before."""
        learned = self.timings.usual(service, Span.RUN)
        if want is None or want.is_job is None:
            return learned
        return (DEFAULTS[Span.RUN] if learned is None else learned) if want.is_job else None

    def _traits_of(self, template: Template, revision: Revision) -> Traits:
        key = (template.service, revision, *sorted(template.networks))
        if key not in self._traits:
            self._traits[key] = read_traits(template.body)
        return self._traits[key]


def _is_led(want: DesiredService, published: tuple[str, ...]) -> bool:
    """The ingress has its ports."""
    own = (line.partition("->")[0].rpartition(":")[2] for line in published if line.endswith("/tcp"))
    return bool(want.frontends) and not {str(frontend.host_port) for frontend in want.frontends}.intersection(own)


def _publish(want: DesiredService | None, number: int) -> tuple[str, ...]:
    """Behind the ingress no replica publishes a port that the ingress has."""
    if want is None:
        return ()
    return tuple(_published(port, number) for port in want.ports if not (port.is_fixed and want.frontends))


def _published(port: Port, number: int) -> str:
    """As Docker shows it; of a range each replica has one, of none the engine picks a high one."""
    host = 32767 + number if port.published is None else min(port.published[0] + number - 1, port.published[1])
    return f"{port.host_ip or '0.0.0.0'}:{host}->{port.target}/{port.protocol}"  # noqa: S104 - shown, never bound
