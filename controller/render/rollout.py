"""Revisions of a stack and how far an update is, in kubectl's manner. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from controller.decide.phase import QUARANTINED
from controller.loop.compare import MASK, Change
from controller.loop.setbacks import wait_in_vain
from controller.model.generation import Ending, Generation
from controller.model.names import Instant, split_release
from controller.model.phases import AT_REST, Phase
from controller.model.status import ServiceStatus, StackStatus
from controller.render.data import timestamp
from controller.render.paint import NONE, Paint, age, clean, plain
from controller.render.text import Cell, count, table

_ROLES = {Ending.CONVERGED: "good", Ending.PROGRESSING: "busy", Ending.ROLLED_BACK: "warn", Ending.FAILED: "bad"}


class Shown(NamedTuple):
    """One revision of one stack, with what differs from the one before it (None: not asked for)."""

    stack: str
    generation: Generation
    changes: Sequence[Change] | None = None


def history_lines(shown: Sequence[Shown], now: Instant, *, headers: bool = True, paint: Paint = plain) -> list[str]:
    """`rollout history`, `get revisions`: newest last. Changes follow the table, each under its revision."""
    if not shown:
        return ["No revisions are known."]
    several = len({item.stack for item in shown}) > 1
    rows = [[*([item.stack] if several else []), *_row(item.generation, now)] for item in shown]
    header = [*(["STACK"] if several else []), "REVISION", "AGE", "OUTCOME", "WHO", "CHANGE"]
    lines = table(header, rows, paint=paint)[0 if headers else 1 :]
    for item in shown:
        if item.changes is not None:
            name = f"{item.stack} " if several else ""
            title = f"{name}revision {item.generation.number}"
            lines += ["", paint(title, "bold"), *change_lines(item.changes, paint=paint)]
    return lines


def _row(generation: Generation, now: Instant) -> list[str | Cell]:
    cause = generation.cause
    why = f"{cause.why or NONE} ({generation.reason})" if generation.failed else cause.why or NONE
    return [
        str(generation.number),
        age(now - generation.at),
        Cell(str(generation.ending), _ROLES.get(generation.ending, "dim")),
        cause.who or NONE,
        why,
    ]


def revision_lines(item: Shown, now: Instant, services: Sequence[str], *, paint: Paint = plain) -> list[str]:
    """`rollout history --revision N`: one in full."""
    generation = item.generation
    ended = f" for {age(now - generation.ended_at)}" if generation.ended_at is not None else ""
    fields = [
        ("Stack", item.stack),
        ("Revision", str(generation.number)),
        ("Made", f"{timestamp(generation.at)} ({age(now - generation.at)} ago) by {generation.cause.who or NONE}"),
        ("Change", generation.cause.why or NONE),
        ("Source", generation.source or NONE),
        ("Outcome", f"{generation.ending}{ended}"),
        *([("Reason", generation.reason)] if generation.failed else []),
    ]
    lines = [f"{name + ':':<11} {clean(value)}" for name, value in fields]
    rows = [_service_row(generation, name) for name in generation.services if name in services or not services]
    lines += ["Services:", *(f"  {line}" for line in table(("NAME", "REVISION", "IMAGE ID"), rows, paint=paint))]
    if item.changes is not None:
        lines += ["Changes:", *(f"  {line}" for line in change_lines(item.changes, paint=paint))]
    return lines


def _service_row(generation: Generation, name: str) -> tuple[str, str, str]:
    revision, image = _made_of(generation, name)
    return name, revision or NONE, (image or "").removeprefix("sha256:")[:12] or NONE


def _made_of(generation: Generation, name: str) -> tuple[str, str | None]:
    """What settled in it, else what was asked for."""
    release = generation.releases.get(name)
    if release is not None:
        revision, image = split_release(release)
        return revision, image
    return generation.revisions.get(name, ""), None


def change_lines(changes: Sequence[Change], *, paint: Paint = plain) -> list[str]:
    """`- image: nginx:1.26`, `+ image: nginx:1.27` under the name of each service."""
    lines: list[str] = []
    for name in dict.fromkeys(change.service for change in changes):
        mine = [change for change in changes if change.service == name]
        lines.append(clean(name))
        lines += [line for change in mine for line in _change(change, paint)]
    return lines or ["no change of any definition"]


def _change(change: Change, paint: Paint) -> Iterator[str]:
    path = f"{change.path}: " if change.path else ""
    hidden = " (changed)" if change.old == change.new == MASK else ""
    if change.old is not None:
        yield "  " + paint(clean(f"- {path}{change.old}"), "bad")
    if change.new is not None:
        yield "  " + paint(clean(f"+ {path}{change.new}{hidden}"), "good")


def history_data(shown: Sequence[Shown]) -> dict[str, Any]:
    """`rollout history -o json`."""
    return {"revisions": [_revision_data(item) for item in shown]}


def _revision_data(item: Shown) -> dict[str, Any]:
    generation = item.generation
    data: dict[str, Any] = {
        "stack": item.stack,
        "revision": generation.number,
        "time": timestamp(generation.at),
        "outcome": str(generation.ending),
        "outcomeTime": None if generation.ended_at is None else timestamp(generation.ended_at),
        "reason": generation.reason,
        "who": generation.cause.who,
        "change": generation.cause.why,
        "source": generation.source,
        "services": [_service_data(generation, name) for name in generation.services],
    }
    if item.changes is not None:
        data["changes"] = [change._asdict() for change in item.changes]
    return data


def _service_data(generation: Generation, name: str) -> dict[str, Any]:
    revision, image = _made_of(generation, name)
    return {"name": name, "revision": revision, "imageId": image, "settled": name in generation.releases}


class Progress(NamedTuple):
    """How far an update is: a line a service that is not done; `ok` None while it goes on."""

    lines: tuple[str, ...]
    ok: bool | None
    revision: int = 0
    replaced: int = 0
    """Replicas that are up to date, and those that serve: grows while it makes progress."""

    def data(self, stack: str) -> dict[str, Any]:
        outcome = "Progressing" if self.ok is None else "Converged" if self.ok else "Failed"
        return {"stack": stack, "revision": self.revision, "outcome": outcome, "messages": list(self.lines)}


def judge_progress(stack: StackStatus, services: Sequence[str] = ()) -> Progress:
    """Over the chosen services, all where none is. Failed as soon as nothing but failure is left."""
    all_told = {item.name: _tell(item) for item in stack.services}
    for name in wait_in_vain(_find_waits(stack), [name for name, (_, ok) in all_told.items() if ok is False]):
        all_told[name] = (all_told[name][0], False)
    chosen = [item for item in stack.services if item.name in services or not services]
    told = {item.name: all_told[item.name] for item in chosen}
    lines = tuple(line for line, _ in told.values() if line)
    verdicts = [ok for _, ok in told.values()]
    if False in verdicts and None not in verdicts:
        return Progress(lines, False, stack.generation)
    if None in verdicts:
        return Progress(lines, None, stack.generation, sum(item.updated + item.ready for item in chosen))
    done = f"{', '.join(services)}: " if services else f"{stack.name}: "
    return Progress((*lines, f"{done}revision {stack.generation} successfully rolled out"), True, stack.generation)


def _find_waits(stack: StackStatus) -> Mapping[str, str]:
    """Whom each service waits for that is not there yet; on the way back those only that go back before it."""
    open_ones = (item for item in stack.services if item.phase not in AT_REST and item.phase is not Phase.ROLLING_BACK)
    return {item.name: item.waits_for for item in open_ones if item.waits_for}


def _tell(service: ServiceStatus) -> tuple[str, bool | None]:
    """One line, and whether it has come to its end well."""
    name = service.name
    if service.phase in AT_REST:
        return "", True
    if service.reason == "Pinned" and min(service.ready, service.updated) >= service.desired:
        return f"{name}: on an earlier release, until `controller rollout resume`", True
    if service.reason in QUARANTINED or service.phase is Phase.FAILED:
        return f"{name}: {service.message or service.reason}", False
    if service.phase is Phase.PAUSED:
        return f"{name}: paused: {service.message or service.reason}", False
    counts = f"{service.updated} of {count(service.desired, 'replica')} updated, {service.ready} ready"
    return f"waiting for {name}: {counts} ({service.phase})", None


def progress_data(progress: Mapping[str, Progress]) -> dict[str, Any]:
    """`rollout status -o json`."""
    return {"rollouts": [item.data(name) for name, item in progress.items()]}
