"""Why a service is not ready: the chain of what waits for what, the root cause, its evidence, what to do. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from controller.decide.goback import find_culprit
from controller.model.errors import EngineError
from controller.model.generation import Generation
from controller.model.names import Instant, ReplicaId
from controller.model.observed import Health, Replica
from controller.model.phases import AT_REST, SICK, Phase
from controller.model.status import Condition, Event, ServiceStatus, StackStatus
from controller.render.advice import OF_ITS_OWN, UNKNOWN, End, Evidence, advise, advise_on_change, without_undo
from controller.render.data import timestamp
from controller.render.describe import last_words
from controller.render.paint import Paint, age, clean, plain
from controller.render.phases import remark_on
from controller.render.roles import role_of
from controller.render.status import is_ready, is_trouble, replica_state
from controller.render.text import span


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
    end: End = UNKNOWN
    """How the witness's last life ended, also where its next one runs already."""

    @property
    def root(self) -> ServiceStatus:
        return self.chain[-1]


def find_cause(stack: StackStatus, service: str, now: Instant, events: Sequence[Event] = ()) -> Cause:
    """Follow `waits_for` from a service to the one that waits for nobody, or whose failure takes the others back.

    Raises KeyError for an unknown service.

    `events`: of this stack, oldest first.
    """
    chain = _chain({item.name: item for item in stack.services}, service)
    root = chain[-1]
    witness = _witness(root)
    held = tuple(condition for condition in stack.conditions if is_trouble(condition))
    own = [event for event in reversed(events) if event.service == root.name]
    answer, refused = _find_answer(root, witness, own), _find_refused(root, own, now)
    end = _find_end(root, witness, answer)
    told = (*_evidence(root, witness, held, now), *_retell(root, witness, answer, now))
    if refused is not None:
        told += (f"{refused.reason} {age(now - refused.at)} ago: {_words_of(refused)}",)
    heeded = end if _is_to_blame(root, witness, answer, now) else UNKNOWN
    advice = advise(Evidence(stack.name, chain, witness, heeded, held, refused is not None), now)
    return Cause(chain, told, advice, witness, stack.name, end=end)


_STARTS = frozenset({"Started", "Restarted"})
_ENDED = re.compile(r"exited with (-?\d+)( \(out of memory\))?")
LATELY = 600.0
"""Seconds for which a warning, or an end, may still be about what is wrong now."""


def _find_end(root: ServiceStatus, witness: Replica | None, answer: Event | None) -> End:
    """What the container says of its end; of one that runs, or is gone, what was said of it then."""
    if witness is not None and not witness.running:
        return End(witness.exit_code, witness.oom_killed)
    said = root.message if witness is None else answer.message if answer is not None else ""
    found = list(_ENDED.finditer(said))[-1:]  # on a way back that fails as well the first is another's
    if not found and _lacks_memory(root):
        return End(oom=True)  # Docker's own policy put it up again before anybody could say more
    return End(int(found[0][1]), found[0][2] is not None) if found else UNKNOWN


def _lacks_memory(root: ServiceStatus) -> bool:
    return any(one.type == "Stable" and one.reason == "OutOfMemory" for one in root.conditions)


def _find_answer(root: ServiceStatus, witness: Replica | None, own: Sequence[Event]) -> Event | None:
    """The newest start of the witness, where it answered an end, or was to end what is sick. `own`: newest first."""
    if witness is None:
        return None
    mine = f"{root.name}-{witness.number}: "
    newest = next((event for event in own if event.reason in _STARTS and event.message.startswith(mine)), None)
    answers = newest is not None and (newest.reason == "Restarted" or _ENDED.search(newest.message))
    return newest if answers else None


def _is_to_blame(root: ServiceStatus, witness: Replica | None, answer: Event | None, now: Instant) -> bool:
    """Whether that end is about what is wrong now: it was lately, and nobody wanted it."""
    if witness is not None and witness.running:
        return (answer is not None and now - answer.at <= LATELY) or (answer is None and _lacks_memory(root))
    return root.phase in SICK or _ENDED.search(root.message) is not None


def _retell(root: ServiceStatus, witness: Replica | None, answer: Event | None, now: Instant) -> Iterator[str]:
    """Of one that runs nothing shows any more how its last life ended."""
    if witness is not None and witness.running and answer is not None:
        yield f"it was started again {age(now - answer.at)} ago: {answer.message}"
    elif witness is not None and witness.running and _lacks_memory(root):
        yield "an earlier life of it was out of memory, and the kernel killed it"


def _find_refused(root: ServiceStatus, own: Sequence[Event], now: Instant) -> Event | None:
    """The call that failed last, unless that is long ago, or told already."""
    newest = next((event for event in own if event.kind == "Warning"), None)
    if newest is None or now - newest.at > LATELY or root.phase in (*AT_REST, Phase.PAUSED):
        return None
    is_call = newest.reason.endswith("Failed") and newest.reason not in OF_ITS_OWN
    return newest if is_call and _words_of(newest) not in root.message else None


def _words_of(event: Event) -> str:
    """Without the phase that stands before them."""
    phase, colon, words = event.message.partition(": ")
    return words if colon and phase in set(Phase) else event.message


def with_last_words(cause: Cause, read: Callable[[ReplicaId], Iterable[str]]) -> Cause:
    """A container that Docker restarts has often said nothing in its newest life; what it said before tells more.

    `read`: the last lines of a replica; what it raises of the engine is no answer.
    """
    witness = cause.witness
    if witness is None or witness.last_output or witness.started_at is None:
        return cause
    try:
        said = "\n".join(read(witness.id))
    except EngineError:
        return cause
    return replace(cause, witness=replace(witness, last_output=said))


def with_change(cause: Cause, generations: Sequence[Generation]) -> Cause:
    """With what was changed of the root before this began, if that is known. `generations`: oldest first."""
    root = cause.root
    change = _find_change(root, generations)
    back = _settled_before(root.name, change, generations)
    if change is None:
        return cause if back else replace(cause, advice=without_undo(root, cause.advice))
    before = root.since - change.at
    why = f" ({change.cause.why})" if change.cause.why else ""
    who = f", by {change.cause.who}{why}" if change.cause.who else ""
    told = f"{root.name} was changed {age(before)} before, in revision {change.number}{who}"
    advice = tuple(dict.fromkeys((*cause.advice, *advise_on_change(root, change.number, before))))
    advice = advice if back else without_undo(root, advice)
    return replace(cause, change=change, evidence=(*cause.evidence, told), advice=advice)


def _find_change(root: ServiceStatus, generations: Sequence[Generation]) -> Generation | None:
    """The last one before this began in which it was changed."""
    name, changes = root.name, []
    for before, after in pairwise(generations):
        if name in before.revisions and before.revisions[name] != after.revisions.get(name):
            changes.append(after)
    return next((one for one in reversed(changes) if one.at <= root.since), None)


def _settled_before(name: str, change: Generation | None, generations: Sequence[Generation]) -> bool:
    """Whether there is an earlier generation to go back to; else an undo is refused."""
    latest = change.number if change is not None else generations[-1].number if generations else 0
    return any(name in one.releases for one in generations if one.number < latest)


def _chain(services: Mapping[str, ServiceStatus], name: str) -> tuple[ServiceStatus, ...]:
    chain = [services[name]]
    while (following := _find_next(chain[-1])) in services and following not in {item.name for item in chain}:
        chain.append(services[str(following)])
    return tuple(chain)


def _find_next(service: ServiceStatus) -> str | None:
    """Who is waited for, or takes this one back though nothing is wrong with it."""
    if service.waits_for is not None:
        return service.waits_for
    goes_back = service.phase is Phase.ROLLING_BACK or service.reason == "RolledBack"
    return find_culprit(service.message) if goes_back else None


def _witness(root: ServiceStatus) -> Replica | None:
    """The replica that tells most: the one in the worst state, of these the newest."""
    wrong = [one for one in root.replicas if not is_ready(one)]
    if not wrong and root.phase is Phase.CRASH_LOOP:  # it runs again, for now
        wrong = sorted(root.replicas, key=lambda one: one.started_at or 0.0)[-1:]
    return max(wrong, key=lambda one: (not one.running, bool(one.last_output), one.created_at), default=None)


def _evidence(root: ServiceStatus, witness: Replica | None, held: Sequence[Condition], now: Instant) -> tuple[str, ...]:
    lines = [f"{item.reason}: {item.message}" for item in held if not root.message or root.message not in item.message]
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
        "exitCode": cause.end.code,
        "oomKilled": cause.end.oom,
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
