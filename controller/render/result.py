"""What came of `apply` and of a person's commands, as text and as data (docs/cli.md). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from controller.model.applied import ServiceResult, StackResult
from controller.render.paint import NONE, Paint, clean, plain
from controller.render.text import Cell, count, span, table

_GOOD = frozenset({"unchanged", "Ready", "Completed", "Stopped", "Paused"})


def result_data(results: Sequence[StackResult]) -> dict[str, Any]:
    """One object for one stack; for several `{"stacks": […]}` of the same objects."""
    return _stack(results[0]) if len(results) == 1 else {"stacks": [_stack(result) for result in results]}


def _stack(result: StackResult) -> dict[str, Any]:
    return {
        "stack": result.stack,
        "generation": result.generation,
        "outcome": result.outcome,
        "seconds": round(result.seconds, 3),
        "services": [_service(service) for service in result.services],
    }


def _service(service: ServiceResult) -> dict[str, Any]:
    return {
        "name": service.name,
        "outcome": service.outcome,
        "seconds": None if service.seconds is None else round(service.seconds, 3),
        "waitedFor": service.waited_for,
        "attempts": service.attempts,
        "downtimeSeconds": None if service.downtime is None else round(service.downtime, 3),
    }


def result_lines(results: Sequence[StackResult], *, paint: Paint = plain) -> list[str]:
    """One sentence a stack; a table of the services that did anything worth telling."""
    blocks = [_block(result, paint) for result in results]
    airy = any(len(block) > 1 for block in blocks)
    return [line for index, block in enumerate(blocks) for line in ([""] if airy and index else []) + block]


def _block(result: StackResult, paint: Paint) -> list[str]:
    role = "good" if result.ok else "bad"
    name = paint(clean(result.stack), "bold")
    what = f"{count(len(result.services), 'service')} in {span(result.seconds)}, generation {result.generation}"
    first = f"{name}  {paint(result.outcome, role)}  {what}"
    # Of a held stack nothing was done: its plan says what would be.
    told = [item for item in result.services if item.outcome != "unchanged" and result.outcome != "held"]
    more = [clean(result.message)] if result.ok and result.message else []
    return [first, *more, *([""] if told else []), *(_services(told, paint) if told else [])]


def _services(services: Sequence[ServiceResult], paint: Paint) -> list[str]:
    rows = [
        (
            service.name,
            Cell(service.outcome, "good" if service.outcome in _GOOD else "bad"),
            NONE if service.seconds is None else span(service.seconds),
            service.waited_for or NONE,
            str(service.attempts),
            NONE if service.downtime is None else span(service.downtime),
        )
        for service in services
    ]
    return table(("NAME", "OUTCOME", "TIME", "WAITED FOR", "ATTEMPTS", "DOWNTIME"), rows, paint=paint)
