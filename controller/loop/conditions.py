"""The conditions of a stack, and the likely cause where adopting it would change what runs. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from controller.decide.goback import find_way_back
from controller.decide.identity import is_shut_out
from controller.decide.networks import PENDING, tell_unconfined
from controller.decide.shortage import tell_overcommitment, tell_waiting
from controller.decide.status import find_stack_phase
from controller.decide.trouble import find_drifted, tell_drifted, tell_stuck
from controller.decide.world import World
from controller.loop.loaded import Loaded
from controller.loop.setbacks import find_setbacks, has_pin
from controller.model.decision import History
from controller.model.desired import DriftPolicy, Leaving
from controller.model.names import Instant
from controller.model.observed import Observed, Replica
from controller.model.phases import StackPhase
from controller.model.status import Condition, StackStatus

_NEW = History()


class Obstacles(NamedTuple):
    """What is in the way that the world does not show, each in a sentence."""

    broken: str | None = None
    """The newest files cannot be used."""
    unavailable: str | None = None
    """The engine does not answer."""
    ingress: str | None = None
    """The proxy is not as it is to be."""
    audit: str | None = None
    """Acts are not in the audit log; nobody's way is barred by that."""
    vault: str | None = None
    """Secrets cannot be opened."""


class Told(NamedTuple):
    """One condition in words."""

    kind: str
    reason: str
    message: str
    holds: bool = True


def make_conditions(
    world: World, obstacles: Obstacles, now: Instant, before: StackStatus | None = None, more: tuple[Told, ...] = ()
) -> tuple[Condition, ...]:
    """`Converged` always; the others only while they say something is in the way. `before`: the status until now.

    `more`: what is in nobody's way.
    """
    phase = find_stack_phase(world, before)
    converged = phase is StackPhase.CONVERGED and not any(obstacles[:3])
    told = (
        Told("Converged", str(phase), _tell_open(world), converged),
        *_tell_obstacles(world, obstacles),
        *_tell_services(world),
        *_tell_updates(world),
        *more,
    )
    return tuple(Condition(kind, str(holds), reason, message, now) for kind, reason, message, holds in told)


def _tell_obstacles(world: World, obstacles: Obstacles) -> Iterator[Told]:
    if obstacles.unavailable is not None:
        yield Told("EngineUnavailable", "EngineUnavailable", obstacles.unavailable)
    if obstacles.broken is not None:
        yield Told("GenerationHeld", "InvalidInput", obstacles.broken)
    if obstacles.ingress is not None:
        yield Told("IngressUnavailable", "IngressFailed", obstacles.ingress)
    if obstacles.audit is not None:
        yield Told("AuditDegraded", "AuditFailed", obstacles.audit)
    if obstacles.vault is not None:
        yield Told("VaultLocked", "NoKey", f"{obstacles.vault}; what containers have of secrets stays")
    if world.hold is not None:
        yield Told(world.hold.reason, world.hold.reason, world.hold.message)


def _tell_services(world: World) -> Iterator[Told]:
    """What is to be known of some of them, whatever becomes of their updates."""
    services = world.desired.services
    if foreign := [r.name for name, want in services.items() for r in _replicas(world, name) if is_shut_out(r, want)]:
        message = f"made by hand with host ports that the ingress has, and replaced: {', '.join(sorted(foreign))}"
        yield Told("ForeignUp", "HostPortOfIngress", message)
    if orphans := [n for n, want in services.items() if want.leaving is Leaving.ORPHANED and n in world.views]:
        message = f"not in the Compose file: {', '.join(sorted(orphans))}; `prune` removes them"
        yield Told("Orphans", "Orphans", message)
    if changed := [n for n, want in services.items() if want.contents_changed and want.leaving is None]:
        names = ", ".join(sorted(changed))
        message = f"configs, secrets or mounted files have new contents, which `contents: report` only tells: {names}"
        yield Told("ContentsChanged", "ContentsChanged", message)
    if touched := sorted(_tell_touched(world)):
        message = f"changed by hand, which `drift: report` only tells: {'; '.join(touched)}"
        yield Told("Drifted", "ChangedByHand", message)
    if stuck := tell_stuck(world.views.values()):
        yield Told("Stuck", "RemovalPending", stuck)
    if barred := sorted(world.desired.kept_out.items()):
        yield Told("Insecure", "FindingsGated", "; ".join(f"{name} {why}" for name, why in barred))
    yield from _tell_networks(world)
    yield from tell_room(world)
    if unverified := [n for n, view in world.views.items() if view.unverified]:
        message = f"no registry answers; the present image is kept: {', '.join(sorted(unverified))}"
        yield Told("ImageUnverified", "PullFailed", message)


def tell_room(world: World) -> Iterator[Told]:
    """What waits for the machine, and whether more was promised than it has."""
    if waiting := tell_waiting(world):
        yield Told("InsufficientRoom", *waiting)
    if short := tell_overcommitment(world):
        yield Told("Overcommitted", "InsufficientMemory", short)


def _tell_networks(world: World) -> Iterator[Told]:
    if unconfined := tell_all_unconfined(world):
        yield Told("Unconfined", PENDING, "; ".join(unconfined))


def tell_all_unconfined(world: World) -> tuple[str, ...]:
    """Of each service that is not on the networks of its edges alone, or not off them again, why."""
    services, views = world.desired.services, world.views
    decisions = [one for one in world.decisions.values() if one.unconfined]
    seen = ((one, views[one.service]) for one in decisions if one.service in services and one.service in views)
    return tuple(f"{one.service}: {said.message}" for one, view in seen for said in tell_unconfined(world, one, view))


def _tell_touched(world: World) -> Iterator[str]:
    for name, want in world.desired.services.items():
        if want.leaving is not None or want.drift is not DriftPolicy.REPORT or name not in world.views:
            continue
        for replica, found in find_drifted(want, world.views[name]):
            yield from tell_drifted(replica, found)


def _replicas(world: World, name: str) -> tuple[Replica, ...]:
    view = world.views.get(name)
    return view.replicas if view is not None else ()


def _tell_open(world: World) -> str:
    waiting = [d for d in world.decisions.values() if d.message]
    first = min(waiting, key=lambda d: world.graph.index.get(d.service, 0), default=None)
    return "" if first is None else f"{first.service}: {first.message}"


def _tell_updates(world: World) -> Iterator[Told]:
    """What became of updates, and what a person has put in their way."""
    services, known = world.desired.services, tuple(_histories(world))
    if setbacks := find_setbacks(world):
        message = "; ".join(f"{name}: {why}" for name, why in sorted(setbacks.items()))
        back = find_way_back(world.failed, services, lambda name: world.histories.get(name, _NEW), world.settled)
        message += f"; {back.barred}" if back.barred else ""
        yield Told("RolledBack", "UpdateFailed", f"{message}; not tried again until something changes, or `retry`")
    if baking := [name for name, history in known if history.attempt and history.attempt.settled_at]:
        yield Told("Baking", "Baking", f"updated, and watched a while longer: {', '.join(baking)}")
    if pinned := [name for name, history in known if has_pin(services[name], history)]:
        message = f"a person went back to an earlier release of {', '.join(pinned)}"
        yield Told("Pinned", "Undone", f"{message}; `rollout resume` goes on")
    if halted := [name for name, history in known if history.halted]:
        message = f"a person halted the updates of {', '.join(halted)}"
        yield Told("Halted", "RolloutPaused", f"{message}; `rollout resume` goes on")


def _histories(world: World) -> Iterator[tuple[str, History]]:
    """Of the services that are to run, by name."""
    for name, want in sorted(world.desired.services.items()):
        if want.leaving is None and name in world.histories:
            yield name, world.histories[name]


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
