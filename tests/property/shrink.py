"""From a life that breaks a promise to a smaller one that breaks the same: fewer services, events and faults."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from controller.engines.simulated_faults import Faults
from controller.model.desired import DesiredService, UpdatePolicy
from tests.builders import template
from tests.property.life import Event, Life

_POLICY = [field.name for field in fields(UpdatePolicy)]

HERE = str(Path(__file__).parent)


@dataclass(frozen=True, slots=True)
class Break:
    """What went wrong, and the innermost line of these tests that noticed: it tells one fault from another."""

    message: str
    place: str


def find_break(live: Callable[[Life], object], life: Life) -> Break | None:
    """What comes of living it; None: all is well."""
    try:
        live(life)
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        ours = [frame for frame in frames if frame.filename.startswith(HERE)]
        return Break(f"{type(error).__name__}: {error}", f"{Path(ours[-1].filename).name}:{ours[-1].lineno}")
    return None


def shrink(live: Callable[[Life], object], life: Life, broken: Break, patience: int = 400) -> Life:
    """The smallest life found in so many trials that breaks at the same place."""
    trials = 0
    improved = True
    while improved:
        improved = False
        for candidate in smaller(life):
            trials += 1
            if trials > patience:
                return life
            found = find_break(live, candidate)
            if found is not None and found.place == broken.place:
                life, improved = candidate, True
                break
    return life


def smaller(life: Life) -> Iterator[Life]:
    """Lives with something less, the boldest first."""
    for names in _portions(tuple(life.stack.services)):
        if len(names) < len(life.stack.services):
            yield _without_services(life, frozenset(names))
    for events in _portions(life.events):
        yield replace(life, events=tuple(event for event in life.events if event not in events))
    yield from _calmer(life)
    for name in life.stack.services:
        yield from _simpler(life, name)
    yield from _rounder(life)


def _rounder(life: Life) -> Iterator[Life]:
    for number, event in enumerate(life.events):
        for at in (round(event.at), round(event.at, 1)):
            if at != event.at:
                rounded = replace(event, at=float(at))
                yield replace(life, events=(*life.events[:number], rounded, *life.events[number + 1 :]))


def _portions(items: Sequence[object]) -> Iterator[Sequence[object]]:
    """Halves, quarters … single ones."""
    size = len(items) // 2
    while size >= 1:
        yield from (items[begin : begin + size] for begin in range(0, len(items), size))
        size //= 2
    if len(items) == 1:
        yield items


def _without_services(life: Life, gone: frozenset[object]) -> Life:
    kept = {name: _without_needs(service, gone) for name, service in life.stack.services.items() if name not in gone}
    return replace(
        life,
        stack=replace(life.stack, services=kept),
        events=tuple(event for event in life.events if event.service not in gone),
        behaviours={key: behaviour for key, behaviour in life.behaviours.items() if key[0] not in gone},
        views=life.views and {name: view for name, view in life.views.items() if name in kept},
    )


def _without_needs(service: DesiredService, gone: Iterable[object]) -> DesiredService:
    needs = {name: need for name, need in service.needs.items() if name not in gone}
    owner = None if service.namespace_of in gone else service.namespace_of
    made = template(service.name, service.revision, namespace_of=owner)
    return replace(service, needs=needs, namespace_of=owner, template=made)


def _calmer(life: Life) -> Iterator[Life]:
    """Fewer faults, and fewer containers that misbehave."""
    if life.faults is not None:
        yield replace(life, faults=None)
        for field in fields(Faults):
            if field.name != "seed" and getattr(life.faults, field.name) != field.default:
                yield replace(life, faults=replace(life.faults, **{field.name: field.default}))
    for key in life.behaviours:
        yield replace(life, behaviours={other: b for other, b in life.behaviours.items() if other != key})


def _simpler(life: Life, name: str) -> Iterator[Life]:
    service = life.stack.services[name]

    def put(**changes: object) -> Life:
        changed = replace(service, **changes)  # type: ignore[arg-type]
        return replace(life, stack=replace(life.stack, services={**life.stack.services, name: changed}))

    for dep in service.needs:
        if dep != service.namespace_of:
            yield put(needs={other: need for other, need in service.needs.items() if other != dep})
    for policy in _plainer(service.update):
        yield put(update=policy)
    if service.replicas > 1:
        yield put(replicas=service.replicas - 1)
    if life.views and life.views[name].replicas:
        found = life.views[name]
        for gone in found.replicas:
            fewer = replace(found, replicas=tuple(r for r in found.replicas if r is not gone))
            yield replace(life, views={**life.views, name: fewer})


def _plainer(policy: UpdatePolicy) -> Iterator[UpdatePolicy]:
    for field in fields(UpdatePolicy):
        if field.name not in ("order", "parallelism") and getattr(policy, field.name) != field.default:
            yield replace(policy, **{field.name: field.default})


def tell(life: Life) -> str:
    """A readable script of a life."""
    lines = ["services"]
    policy = life.stack.policy
    lines[0] += f" ({policy.mode}, at most {policy.max_parallel or 'all'} starting at once)"
    lines += [f"  {_tell_service(service)}" for service in life.stack.services.values()]
    for name, view in (life.views or {}).items():
        lines += [f"  found: {name}-{r.number} {r.revision} {r.phase} {r.health}" for r in view.replicas]
    lines += [f"  {name} {revision or '*'} behaves: {_tell(b)}" for (name, revision), b in life.behaviours.items()]
    if life.faults is not None:
        lines.append(f"faults  {_tell(life.faults)}")
    lines.append("events" if life.events else "no events")
    lines += [f"  {_tell_event(event)}" for event in sorted(life.events, key=lambda event: event.at)]
    return "\n".join(lines)


def _tell_service(service: DesiredService) -> str:
    what = "job" if service.is_job else f"{service.replicas} ×"
    update = service.update
    words = [f"{service.name}  {what} {service.revision}"]
    words += [
        f"needs {name} {need.condition}{' restart' if need.restart else ''}" for name, need in service.needs.items()
    ]
    if service.namespace_of:
        words.append(f"shares the namespace of {service.namespace_of}")
    words.append(f"{update.order} by {update.parallelism or 'all'}, monitor {update.monitor:g} s")
    plain = UpdatePolicy(update.order, update.parallelism, monitor=update.monitor)
    words += [f"{n} {getattr(update, n)}" for n in _POLICY if getattr(update, n) != getattr(plain, n)]
    if service.irreversible is not None:
        words.append("irreversible" if service.irreversible else "reversible")
    words.append(f"{'checked' if service.readiness else 'no check'}, restart {service.docker_restart}")
    return ", ".join(words)


def _tell_event(event: Event) -> str:
    words = [f"+{event.at:g} s  {event.act}"]
    if event.service:
        words.append(event.service)
    if event.number:
        words.append(f"{event.number:g}")
    if event.lasts:
        words.append(f"for {event.lasts:g} s")
    return " ".join(words)


def _tell(value: object) -> str:
    """The fields of a value that differ from their defaults."""
    told = {field.name: getattr(value, field.name) for field in fields(value)}  # type: ignore[arg-type]
    defaults = {field.name: field.default for field in fields(value)}  # type: ignore[arg-type]
    return ", ".join(f"{name} {told[name]}" for name in told if told[name] != defaults[name])
