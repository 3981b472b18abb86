"""Stacks, services and replicas as tables in kubectl's manner. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from controller.model.names import Instant
from controller.model.observed import Health, Replica
from controller.model.phases import AT_REST
from controller.model.routes import Frontend
from controller.model.status import Condition, ServiceStatus, StackStatus
from controller.render.paint import NONE, Paint, age, clean, plain
from controller.render.phases import phase_cell, remark_on
from controller.render.roles import role_of, tally
from controller.render.text import Cell, count, table
from controller.security.published import From, Published, read_published, tell_from, without_doubles

_HEALTH_ROLE = {Health.HEALTHY: "good", Health.STARTING: "busy", Health.UNHEALTHY: "bad", Health.NONE: "dim"}


def status_lines(
    stacks: Sequence[StackStatus], now: Instant, *, wide: bool = False, paint: Paint = plain, width: int | None = None
) -> list[str]:
    """A headline, the services and what is wrong, for each stack."""
    if not stacks:
        return ["No stacks are known."]
    blocks = [_stack_block(stack, now, wide, paint, width) for stack in stacks]
    return [line for index, block in enumerate(blocks) for line in ([""] if index else []) + block]


def _stack_block(stack: StackStatus, now: Instant, wide: bool, paint: Paint, width: int | None) -> list[str]:
    told = [condition for condition in stack.conditions if is_trouble(condition)]
    return [
        headline(stack, paint),
        *(paint(clean(f"  {item.reason}: {item.message}"), "warn") for item in told),
        "",
        *service_lines([stack], now, wide=wide, paint=paint, width=width),
    ]


def headline(stack: StackStatus, paint: Paint = plain) -> str:
    """`rag  Converged  6 of 6 ready, generation 3, manifests/rag.yaml`."""
    done, wanted = tally((service.phase, service.desired) for service in stack.services)
    ready = f"{done} of {count(wanted, 'service')} ready" if wanted else "nothing is meant to run"
    parts = [ready, f"generation {stack.generation}", clean(stack.source)]
    rest = ", ".join(part for part in parts if part)
    return f"{paint(clean(stack.name), 'bold')}  {paint(str(stack.phase), role_of(stack.phase))}  {paint(rest, 'dim')}"


def is_trouble(condition: Condition) -> bool:
    """Whether a condition says that something is in the way; `Converged` repeats the phase, to bake is no trouble."""
    return condition.status == "True" and condition.type not in ("Converged", "Baking")


def stack_lines(stacks: Sequence[StackStatus], now: Instant, *, paint: Paint = plain) -> list[str]:
    """`get stacks`."""
    rows = [
        (
            stack.name,
            phase_cell(stack.phase),
            f"{sum(1 for item in stack.services if item.phase in AT_REST)}/{len(stack.services)}",
            str(stack.generation),
            age(_age(_created([one for item in stack.services for one in item.replicas]), now)),
            stack.source or NONE,
        )
        for stack in stacks
    ]
    return table(("NAME", "STATUS", "READY", "GENERATION", "AGE", "SOURCE"), rows, paint=paint)


def service_lines(
    stacks: Sequence[StackStatus], now: Instant, *, wide: bool = False, paint: Paint = plain, width: int | None = None
) -> list[str]:
    """`get services`: one row each, with the stack's name where there is more than one."""
    several = len(stacks) > 1
    more = ["UPDATED", "IMAGE", "REASON"] if wide else []
    header = ["NAME", "READY", "STATUS", "RESTARTS", "AGE", *more, "MESSAGE"]
    rows: list[list[str | Cell]] = []
    for stack in stacks:
        for service in stack.services:
            name = [stack.name] if several else []
            rows.append([*name, *_service_row(service, now), *(_wide_row(service) if wide else []), remark_on(service)])
    return table([*(["STACK"] if several else []), *header], rows, paint=paint, width=None if wide else width)


def _service_row(service: ServiceStatus, now: Instant) -> list[str | Cell]:
    return [
        service.name,
        f"{service.ready}/{service.desired}",
        phase_cell(service.phase),
        _restarts(service, service.replicas, now),
        age(_age(_created(service.replicas), now)),
    ]


def _wide_row(service: ServiceStatus) -> list[str | Cell]:
    images = sorted({replica.image for replica in service.replicas if replica.image})
    return [str(service.updated), ",".join(images) or NONE, service.reason or NONE]


def replica_lines(
    stacks: Sequence[StackStatus], now: Instant, *, wide: bool = False, paint: Paint = plain
) -> list[str]:
    """`get replicas`: one row each."""
    header = ["NAME", "SERVICE", "STATUS", "HEALTH", "RESTARTS", "AGE", *(["ID", "IMAGE", "ADDRESS"] if wide else [])]
    several = len(stacks) > 1
    rows: list[list[str | Cell]] = []
    for stack in stacks:
        for service in stack.services:
            for replica in service.replicas:
                extra = [replica.id[:12], replica.image or NONE, replica.address or NONE] if wide else []
                rows.append([*([stack.name] if several else []), *_replica_row(service, replica, now), *extra])
    return table([*(["STACK"] if several else []), *header], rows, paint=paint)


def _replica_row(service: ServiceStatus, replica: Replica, now: Instant) -> list[str | Cell]:
    return [
        replica.name,
        replica.service,
        Cell(replica_state(replica), "" if replica.running else "warn"),
        Cell(str(replica.health), _HEALTH_ROLE[replica.health]),
        _restarts(service, [replica], now),
        age(_age(replica.created_at or None, now)),
    ]


def replica_state(replica: Replica) -> str:
    """`running`, `exited (1)`, `exited (137, out of memory)`."""
    if replica.running or replica.exit_code is None:
        return str(replica.phase)
    return f"{replica.phase} ({replica.exit_code}{', out of memory' if replica.oom_killed else ''})"


def endpoint_lines(stacks: Sequence[StackStatus], *, wide: bool = False, paint: Paint = plain) -> list[str]:
    """`get endpoints`: where the ready replicas of each service answer; wide: who can reach what they publish, too."""
    several = len(stacks) > 1
    rows: list[list[str | Cell]] = [
        [
            *([stack.name] if several else []),
            service.name,
            _listed(addresses(service)),
            _listed(published(service)),
            *([_reachable_from(service)] if wide else []),
        ]
        for stack in stacks
        for service in stack.services
    ]
    header = [*(["STACK"] if several else []), "NAME", "ADDRESSES", "PUBLISHED", *(["REACHABLE FROM"] if wide else [])]
    return table(header, rows, paint=paint)


def exposed(service: ServiceStatus) -> tuple[Published, ...]:
    """What it publishes, each address once."""
    return without_doubles(read_published(service.name, published(service)))


def _reachable_from(service: ServiceStatus) -> Cell:
    found = exposed(service)
    role = "warn" if any(one.reachable_from is From.EVERYONE for one in found) else ""
    return Cell("; ".join(dict.fromkeys(map(tell_from, found))) or NONE, role)


def addresses(service: ServiceStatus) -> tuple[str, ...]:
    """Addresses of the replicas that are ready."""
    return tuple(one.address for one in service.replicas if is_ready(one) and one.address)


def published(service: ServiceStatus) -> tuple[str, ...]:
    """Published host addresses of the replicas that are ready, and those of the ingress that leads to some of them."""
    ready = [one for one in service.replicas if is_ready(one)]
    led = any(one.route is not None for one in ready)
    fronts = tuple(f"{_host(f)}:{f.host_port}->{f.target}/tcp" for f in service.frontends if led)
    return (*fronts, *(port for one in ready for port in one.published))


def _host(frontend: Frontend) -> str:
    return frontend.host_ip or "0.0.0.0"  # noqa: S104 - shown, never bound


def is_ready(replica: Replica) -> bool:
    """Runs, and its check has passed where it has one."""
    return replica.ready


def _listed(values: Sequence[str]) -> str:
    return ",".join(values) or NONE


def _restarts(service: ServiceStatus, replicas: Sequence[Replica], now: Instant) -> str:
    """`0`, `3 (5m ago)`: by Docker, or by us."""
    again = [replica for replica in replicas if replica.id in service.restarted]
    total = sum(service.restarted[replica.id] for replica in again)
    last = max((replica.started_at or 0.0 for replica in again), default=0.0)
    return f"{total} ({age(now - last)} ago)" if total and last else str(total)


def _created(replicas: Sequence[Replica]) -> Instant | None:
    return min((replica.created_at for replica in replicas if replica.created_at), default=None)


def _age(since: Instant | None, now: Instant) -> float | None:
    return None if since is None else now - since
