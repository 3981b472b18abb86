"""Why a service is not ready: the chain of what waits for what, the root cause, its evidence, what to do. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from controller.cli.render.data import timestamp
from controller.cli.render.describe import last_words
from controller.cli.render.phases import remark_on, role_of
from controller.cli.render.status import is_ready, is_trouble, replica_state
from controller.cli.render.text import Paint, age, clean, plain, span
from controller.model.decision import Phase
from controller.model.generation import Generation
from controller.model.names import Instant
from controller.model.observed import Health, Replica
from controller.model.status import Condition, ServiceStatus, StackStatus


@dataclass(frozen=True, slots=True)
class Cause:
    """The answer: from the service that was asked about to the one at the root, with what shows it and mends it."""

    chain: tuple[ServiceStatus, ...]
    evidence: tuple[str, ...]
    advice: tuple[str, ...]
    witness: Replica | None = None
    stack: str = ""
    change: Generation | None = None
    """The last one before this began in which the root was changed."""

    @property
    def root(self) -> ServiceStatus:
        return self.chain[-1]


def find_cause(stack: StackStatus, service: str, now: Instant) -> Cause:
    """Follow `waits_for` from a service to the one that waits for nobody. Raises KeyError for an unknown service."""
    chain = _chain({item.name: item for item in stack.services}, service)
    root = chain[-1]
    witness = _witness(root.replicas)
    held = [condition for condition in stack.conditions if is_trouble(condition)]
    return Cause(chain, _evidence(root, witness, held, now), _advice(root, witness, now), witness, stack.name)


def with_change(cause: Cause, generations: Sequence[Generation]) -> Cause:
    """With what was changed of the root before this began, if that is known. `generations`: oldest first."""
    name, changes = cause.root.name, []
    for before, after in pairwise(generations):
        if name in before.revisions and before.revisions[name] != after.revisions.get(name):
            changes.append(after)
    change = next((one for one in reversed(changes) if one.at <= cause.root.since), None)
    if change is None:
        return cause
    why = f" ({change.cause.why})" if change.cause.why else ""
    who = f", by {change.cause.who}{why}" if change.cause.who else ""
    told = f"{name} was changed {age(cause.root.since - change.at)} before, in revision {change.number}{who}"
    return replace(cause, change=change, evidence=(*cause.evidence, told))


def _chain(services: Mapping[str, ServiceStatus], name: str) -> tuple[ServiceStatus, ...]:
    chain = [services[name]]
    while (following := chain[-1].waits_for) in services and following not in {item.name for item in chain}:
        chain.append(services[str(following)])
    return tuple(chain)


def _witness(replicas: Sequence[Replica]) -> Replica | None:
    """The replica that tells most: the one in the worst state, of these the newest."""
    wrong = [one for one in replicas if not is_ready(one)]
    return max(wrong, key=lambda one: (not one.running, bool(one.last_output), one.created_at), default=None)


def _evidence(root: ServiceStatus, witness: Replica | None, held: Sequence[Condition], now: Instant) -> tuple[str, ...]:
    lines = [f"{item.reason}: {item.message}" for item in held]
    if witness is not None:
        lines.append(f"{witness.name} is {replica_state(witness)}{_ended(witness, now)}")
        if witness.restarts:
            lines.append(f"{witness.name} was restarted {witness.restarts} times by Docker")
        if witness.health is Health.UNHEALTHY:
            asked = "liveness probe" if witness.alive is Health.UNHEALTHY else "health check"
            lines.append(f"{witness.name} fails its {asked}")
    if root.wake_at is not None and root.wake_at > now and root.phase not in (Phase.READY, Phase.COMPLETED):
        lines.append(f"the next look or try is in {age(root.wake_at - now)}")
    if root.phase is Phase.STARTING:
        lines.append(_usually(root, now))
    return tuple(lines)


def _ended(replica: Replica, now: Instant) -> str:
    return f", {age(now - replica.finished_at)} ago" if replica.finished_at and not replica.running else ""


def _usually(root: ServiceStatus, now: Instant) -> str:
    so_far = f"starting for {age(now - root.since)}"
    return f"{so_far}; it usually takes {span(root.usually)}" if root.usually is not None else f"{so_far} (first start)"


def _advice(root: ServiceStatus, witness: Replica | None, now: Instant) -> tuple[str, ...]:
    """What a person can do, the most likely first. `retry` only where waiting would not do."""
    if root.phase is Phase.STARTING and root.usually is not None and now - root.since <= 3 * root.usually:
        return ("nothing: it is starting as it usually does",)
    commands = _COMMANDS.get(root.phase, ("controller logs {0}", "controller describe {0}"))
    ended = () if root.phase in _BY_WILL else _by_end(witness)
    return (*ended, *(command.format(root.name) for command in commands))


_BY_WILL = frozenset({Phase.PAUSED, Phase.STOPPED, Phase.READY, Phase.COMPLETED})
_COMMANDS: Mapping[Phase, tuple[str, ...]] = {
    Phase.READY: (),
    Phase.COMPLETED: (),
    Phase.PAUSED: ("controller resume {0}",),
    Phase.STOPPED: ("controller start {0}",),
    Phase.CRASH_LOOP: ("controller logs {0}", "controller retry {0}, once it is mended"),
    Phase.FAILED: ("controller logs {0}", "controller retry {0}, once it is mended"),
    Phase.DEGRADED: ("controller logs {0}", "controller retry {0}, once it is mended"),
}
_EXIT_CODES = {
    126: "exit code 126: its command is not executable; look at `command`, `entrypoint` and the image's architecture",
    127: "exit code 127: its command was not found in the image; look at `command` and `entrypoint`",
    137: "exit code 137: it was killed (SIGKILL), by a person, by its stop timeout, or for want of memory",
    139: "exit code 139: it crashed (segmentation fault); try another version of the image",
    143: "exit code 143: it was asked to end (SIGTERM) and did",
}


def _by_end(witness: Replica | None) -> tuple[str, ...]:
    if witness is not None and witness.oom_killed:
        return ("raise its memory limit (deploy.resources.limits.memory): the kernel killed it for want of memory",)
    said = _EXIT_CODES.get(witness.exit_code) if witness is not None and witness.exit_code is not None else None
    return (said,) if said else ()


def why_lines(cause: Cause, *, paint: Paint = plain) -> list[str]:
    """The chain downwards, the root's own words, its evidence and last output, and what to do."""
    steps = [f"{'   ' * depth}{'└─ ' if depth else ''}{_told(item, paint)}" for depth, item in enumerate(cause.chain)]
    lines = [*steps, ""] if len(cause.chain) > 1 else steps
    if len(cause.chain) > 1:
        lines.append(f"Root cause: {_told(cause.root, paint)}")
    lines += [f"  {clean(line)}" for line in cause.evidence]
    if cause.witness is not None:
        lines += last_words(cause.witness, 2)
    if cause.advice:
        lines += ["", "What to do:", *(f"  {clean(line)}" for line in cause.advice)]
    return lines


def _told(service: ServiceStatus, paint: Paint) -> str:
    name, phase = paint(clean(service.name), "bold"), paint(str(service.phase), role_of(service.phase))
    message = clean(remark_on(service))
    return f"{name} is {phase}{f': {message}' if message else ''}"


def stack_troubles(stacks: Sequence[StackStatus]) -> tuple[dict[str, str], ...]:
    """What is in the way of whole stacks: their conditions that say so."""
    return tuple(
        {"stack": clean(stack.name), "reason": item.reason, "message": clean(item.message)}
        for stack in stacks
        for item in stack.conditions
        if is_trouble(item)
    )


def why_data(cause: Cause) -> dict[str, Any]:
    """`why -o json`."""
    return {
        "service": cause.chain[0].name,
        "rootCause": cause.root.name,
        "chain": [
            {"service": item.name, "phase": str(item.phase), "reason": item.reason, "message": item.message}
            for item in cause.chain
        ],
        "evidence": list(cause.evidence),
        "exitCode": cause.witness.exit_code if cause.witness else None,
        "oomKilled": bool(cause.witness and cause.witness.oom_killed),
        "lastOutput": cause.witness.last_output if cause.witness else "",
        "change": None
        if cause.change is None
        else {
            "revision": cause.change.number,
            "at": timestamp(cause.change.at),
            "who": cause.change.cause.who,
            "why": cause.change.cause.why,
        },
        "advice": list(cause.advice),
    }
