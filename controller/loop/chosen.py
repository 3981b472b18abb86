"""Which services of a stack a wish means. Pure."""

from __future__ import annotations

from controller.decide.world import World
from controller.model.errors import ControllerError


def chosen_services(world: World, words: tuple[str, ...]) -> tuple[str, ...]:
    """The named services, all where none is named. Raises ControllerError for one that the stack does not have."""
    known = world.desired.services
    for name in words:
        if name not in known:
            hint = f"its services: {', '.join(sorted(known))}"
            raise ControllerError(f"{world.desired.name} has no service {name}", hint=hint)
    return words or tuple(known)


def with_dependencies(world: World, names: tuple[str, ...]) -> frozenset[str]:
    """What was asked for cannot become ready without what it needs."""
    found: set[str] = set()
    open_names = list(names)
    while open_names:
        name = open_names.pop()
        if name not in found:
            found.add(name)
            open_names.extend(world.graph.needs.get(name, {}))
    return frozenset(found)
