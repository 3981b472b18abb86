"""Which services a stack has now: startup profile, what it requires, and the order of the whole. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

from controller.intake.findings import Path, at, unknown
from controller.model.desired import Need
from controller.model.errors import Finding

if TYPE_CHECKING:
    from controller.model.manifest import Stack

Needs = Mapping[str, Mapping[str, Need]]

ALL = "*"


def select_services(manifest: Stack | None, profile: str | None, needs: Needs) -> frozenset[str]:
    """The services of the chosen startup profile and all that they require; every service where none is chosen."""
    if manifest is None or profile is None or profile not in manifest.spec.startup_profiles:
        return frozenset(needs)
    named = manifest.spec.startup_profiles[profile].services
    return closure(needs if ALL in named else named, needs)


def closure(names: Collection[str], needs: Needs) -> frozenset[str]:
    """The names and all that they require, as far as it exists."""
    found: set[str] = set()
    waiting = [name for name in names if name in needs]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [target for target, need in needs[name].items() if need.required and target in needs]
    return frozenset(found)


def check_names(manifest: Stack, profile: str | None, known: Collection[str]) -> tuple[Finding, ...]:
    """Every service and profile that the manifest names must exist. `known` includes services of inactive profiles."""
    spec = manifest.spec
    named: list[tuple[str, Path]] = [(name, ("spec", "services", name)) for name in spec.services]
    for name, service in spec.services.items():
        place = ("spec", "services", name)
        named += [(target, (*place, "dependsOn", target)) for target in service.depends_on]
        named += [(target, (*place, "connectsTo", index)) for index, target in enumerate(service.connects_to)]
    for title, startup in spec.startup_profiles.items():
        place = ("spec", "startupProfiles", title)
        named += [(name, (*place, "services", index)) for index, name in enumerate(startup.services) if name != ALL]
        named += [(name, (*place, "overrides", name)) for name in startup.overrides]
    missing = tuple(unknown("service", name, known, path) for name, path in named if name not in known)
    if profile is not None and profile not in spec.startup_profiles:
        return (unknown("startup profile", profile, spec.startup_profiles, ("spec", "profile")), *missing)
    return missing


def check_graph(needs: Needs, declared: Collection[str], place: Callable[[str, str], Path]) -> tuple[Finding, ...]:
    """Every required dependency exists, and none waits for itself in the end.

    `declared`: services in any Compose profile; `place`: where an edge stands.
    """
    absent = tuple(
        _absent(place(name, target), target, needs, declared)
        for name in sorted(needs)
        for target, need in sorted(needs[name].items())
        if need.required and target not in needs
    )
    cycle = find_cycle(needs)
    if cycle is None:
        return absent
    message = f"dependency cycle: {' → '.join(cycle)}"
    return (*absent, at(place(cycle[0], cycle[1]), message, hint="remove one of these dependencies"))


def _absent(path: Path, target: str, needs: Needs, declared: Collection[str]) -> Finding:
    if target not in declared:
        return unknown("service", target, needs, path)
    message = f"depends on '{target}', which belongs to a Compose profile that is not active"
    return at(path, message, hint="activate the profile (spec.compose.profiles), or say required: false")


def find_cycle(needs: Needs) -> tuple[str, ...] | None:
    """One cycle, from its first name in alphabetical order back to it; None where there is none."""
    done: set[str] = set()
    for start in sorted(needs):
        cycle = _walk(start, needs, done)
        if cycle:
            first = cycle.index(min(cycle))
            turned = cycle[first:] + cycle[:first]
            return (*turned, turned[0])
    return None


def _walk(start: str, needs: Needs, done: set[str]) -> tuple[str, ...] | None:
    # A stack of our own: chains of thousands of services would exhaust Python's.
    path: dict[str, list[str]] = {}
    current: str | None = start if start not in done else None
    while current is not None:
        if current not in path:
            path[current] = sorted(needs.get(current, ()), reverse=True)
        following = path[current].pop() if path[current] else None
        if following is None:
            done.add(current)
            del path[current]
            current = next(reversed(path), None)
        elif following in path:
            names = list(path)
            return tuple(names[names.index(following) :])
        elif following not in done:
            current = following
    return None
