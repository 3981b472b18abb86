"""The conditions of a stack, and the likely cause where adopting it would change what runs. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from controller.decide.status import stack_phase
from controller.decide.world import World
from controller.loop.loaded import Loaded
from controller.loop.setbacks import find_setbacks, has_pin
from controller.model.decision import History, StackPhase
from controller.model.desired import Leaving
from controller.model.names import Instant
from controller.model.observed import Observed
from controller.model.status import Condition


class Obstacles(NamedTuple):
    """What is in the way that the world does not show, each in a sentence."""

    broken: str | None = None
    """The newest files cannot be used."""
    unavailable: str | None = None
    """The engine does not answer."""
    ingress: str | None = None
    """The proxy is not as it is to be."""


def make_conditions(world: World, obstacles: Obstacles, now: Instant) -> tuple[Condition, ...]:
    """`Converged` always; the others only while they say something is in the way."""
    broken, unavailable, ingress = obstacles
    phase = stack_phase(world.decisions.values(), world.hold is not None)
    converged = phase is StackPhase.CONVERGED and not any(obstacles)
    conditions = [_condition("Converged", converged, str(phase), _tell_open(world), now)]
    if unavailable is not None:
        conditions.append(_condition("EngineUnavailable", True, "EngineUnavailable", unavailable, now))
    if broken is not None:
        conditions.append(_condition("GenerationHeld", True, "InvalidInput", broken, now))
    if ingress is not None:
        conditions.append(_condition("IngressUnavailable", True, "IngressFailed", ingress, now))
    if world.hold is not None:
        conditions.append(_condition(world.hold.reason, True, world.hold.reason, world.hold.message, now))
    orphans = [n for n, s in world.desired.services.items() if s.leaving is Leaving.ORPHANED and n in world.views]
    if orphans:
        message = f"not in the Compose file: {', '.join(sorted(orphans))}; `prune` removes them"
        conditions.append(_condition("Orphans", True, "Orphans", message, now))
    changed = [n for n, s in world.desired.services.items() if s.contents_changed and s.leaving is None]
    if changed:
        names = ", ".join(sorted(changed))
        message = f"configs, secrets or mounted files have new contents, which `contents: report` only tells: {names}"
        conditions.append(_condition("ContentsChanged", True, "ContentsChanged", message, now))
    conditions += [_condition(*told, now) for told in _tell_updates(world)]
    unverified = [n for n, v in world.views.items() if v.unverified]
    if unverified:
        message = f"no registry answers; the present image is kept: {', '.join(sorted(unverified))}"
        conditions.append(_condition("ImageUnverified", True, "PullFailed", message, now))
    return tuple(conditions)


def _tell_open(world: World) -> str:
    waiting = [d for d in world.decisions.values() if d.message]
    first = min(waiting, key=lambda d: world.graph.index.get(d.service, 0), default=None)
    return "" if first is None else f"{first.service}: {first.message}"


def _tell_updates(world: World) -> Iterator[tuple[str, bool, str, str]]:
    """What became of updates, and what a person has put in their way."""
    setbacks = find_setbacks(world)
    if setbacks:
        message = "; ".join(f"{name}: {why}" for name, why in sorted(setbacks.items()))
        yield "RolledBack", True, "UpdateFailed", f"{message}; not tried again until something changes, or `retry`"
    services, known = world.desired.services, tuple(_histories(world))
    if baking := [name for name, history in known if history.attempt and history.attempt.settled_at]:
        yield "Baking", True, "Baking", f"updated, and watched a while longer: {', '.join(baking)}"
    if pinned := [name for name, history in known if has_pin(services[name], history)]:
        message = f"a person went back to an earlier release of {', '.join(pinned)}"
        yield "Pinned", True, "Undone", f"{message}; `rollout resume` goes on"
    if halted := [name for name, history in known if history.halted]:
        message = f"a person halted the updates of {', '.join(halted)}"
        yield "Halted", True, "RolloutPaused", f"{message}; `rollout resume` goes on"


def _histories(world: World) -> Iterator[tuple[str, History]]:
    """Of the services that are to run, by name."""
    for name, want in sorted(world.desired.services.items()):
        if want.leaving is None and name in world.histories:
            yield name, world.histories[name]


def _condition(kind: str, holds: bool, reason: str, message: str, now: Instant) -> Condition:
    return Condition(kind, "True" if holds else "False", reason, message, now)


def tell_cause(observed: Observed | None, loaded: Loaded) -> str:
    """Why a running project is probably not what its files say."""
    if observed is None or not observed.config_files:
        return "The Compose file was probably edited since it was brought up."
    running = {str(Path(name)) for name in observed.config_files}
    given = {str(name) for name in loaded.project.files}
    if running != given:
        return f"It was brought up from other files: {', '.join(observed.config_files)}."
    if observed.working_dir and observed.working_dir != str(loaded.project.directory):
        return f"It was brought up from another project directory: {observed.working_dir}."
    if loaded.blank:
        return f"Variables that it uses are unset here: {', '.join(loaded.blank)}."
    return "The Compose file or a variable that it uses was probably changed since it was brought up."
