"""Which stacks and services a person means by the words of a command. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from controller.intake.findings import suggest
from controller.model.errors import ControllerError
from controller.model.status import ServiceStatus, StackStatus

Chosen = tuple[StackStatus, ServiceStatus]


def choose_services(stacks: Sequence[StackStatus], words: Sequence[str]) -> tuple[Chosen, ...]:
    """Services by `SERVICE` or `STACK/SERVICE`; no words mean all. Raises ControllerError for a word that fits none."""
    every = tuple((stack, service) for stack in stacks for service in stack.services)
    if not words:
        return every
    return tuple(pair for word in words for pair in _matching(every, word))


def _matching(every: Sequence[Chosen], word: str) -> tuple[Chosen, ...]:
    found = tuple(pair for pair in every if word in (pair[1].name, f"{pair[0].name}/{pair[1].name}"))
    if not found:
        names = [service.name for _, service in every]
        near = suggest(word.rsplit("/", 1)[-1], names)
        known = f"there are: {', '.join(dict.fromkeys(names))}" if names else "no service is known here"
        raise ControllerError(f"there is no service '{word}'", hint=near or known)
    return found


def choose_one(stacks: Sequence[StackStatus], word: str) -> Chosen:
    """The one service that a word means. Raises ControllerError where two stacks have one of that name."""
    found = choose_services(stacks, (word,))
    if len(found) > 1:
        places = ", ".join(f"{stack.name}/{service.name}" for stack, service in found)
        raise ControllerError(f"'{word}' is in several stacks", hint=f"say which: {places}")
    return found[0]


def choose_stacks(stacks: Sequence[StackStatus], names: Sequence[str]) -> tuple[StackStatus, ...]:
    """Stacks by name; no names mean all. Raises ControllerError for a name that is not known."""
    known = {stack.name: stack for stack in stacks}
    for name in names:
        if name not in known:
            hint = suggest(name, tuple(known)) or f"there are: {', '.join(known) or 'none'}"
            raise ControllerError(f"there is no stack '{name}'", hint=hint)
    return tuple(known[name] for name in names) if names else tuple(stacks)


def narrow(stacks: Sequence[StackStatus], chosen: Sequence[Chosen]) -> tuple[StackStatus, ...]:
    """The stacks with only the chosen services in them; stacks without one are left out."""
    from dataclasses import replace

    wanted = {(stack.name, service.name) for stack, service in chosen}
    kept = (
        replace(stack, services=tuple(item for item in stack.services if (stack.name, item.name) in wanted))
        for stack in stacks
    )
    return tuple(stack for stack in kept if stack.services)
