"""Who reaches whom in a stack, by really connecting, beside what its files declare. Needs no lock: it only looks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from controller.intake.findings import suggest
from controller.loop.reachbook import keep_reach
from controller.model.errors import ControllerError
from controller.model.manifest.security import NetworkPolicy
from controller.model.reach import Knock, Knocked, Reach, Spot
from controller.security.published import Published, all_published, frontend_ports
from controller.security.reach import judge, told_aside, told_strangers
from controller.security.ways import MOST_KNOCKS, Question, Wanted, plan_again, plan_knocks

if TYPE_CHECKING:
    from controller.engines.base import NetProbe
    from controller.intake.targets import Target
    from controller.loop.ground import Ground
    from controller.loop.loaded import Loaded
    from controller.model.desired import DesiredService

_PATIENCE = 0.3
"""Seconds for an answer."""
_LONGER = 2.0
"""The same, of what is needed and was not answered: a machine with much to do is no firewall."""
_LOOK = 10.0

Progress = Callable[[str, int, int], None]
"""Told the stack, how many connections were tried, and how many there are."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A pair that a person names: `STACK/SERVICE` or `SERVICE`, twice, and a port of the second."""

    source: str
    target: str
    port: int | None = None


class Checked(NamedTuple):
    """One stack: who reaches whom, and, of a whole check, what it publishes."""

    reach: Reach
    published: tuple[Published, ...]


def check_all(
    ground: Ground, pairs: Sequence[tuple[Target, Loaded]], asked: Sequence[Asked], progress: Progress
) -> tuple[Checked, ...]:
    """Every stack, or those of the pairs that are asked for. Raises ControllerErrors, for a service not known too."""
    wanted = _choose({loaded.name: loaded.desired.services for _, loaded in pairs}, asked)
    return tuple(
        _check(ground, target, loaded, wanted.get(loaded.name, ()), progress)
        for target, loaded in sorted(pairs, key=lambda pair: pair[1].name)
        if not asked or loaded.name in wanted
    )


def _choose(
    stacks: Mapping[str, Mapping[str, DesiredService]], asked: Sequence[Asked]
) -> Mapping[str, tuple[Wanted, ...]]:
    """By stack, the pairs that are meant of it."""
    found: dict[str, tuple[Wanted, ...]] = {}
    for pair in asked:
        stack, source = _find(stacks, pair.source)
        other, target = _find({stack: stacks[stack]}, pair.target)
        if source == target:
            raise ControllerError(f"'{source}' twice: a pair is two services")
        found[other] = (*found.get(other, ()), Wanted(source, target, pair.port))
    return found


def _find(stacks: Mapping[str, Mapping[str, DesiredService]], word: str) -> tuple[str, str]:
    """Stack and service."""
    fitting = [(stack, name) for stack, of in stacks.items() for name in of if word in (name, f"{stack}/{name}")]
    if len(fitting) > 1:
        places = ", ".join(f"{stack}/{name}" for stack, name in fitting)
        raise ControllerError(f"'{word}' is in several stacks", hint=f"say which: {places}")
    if not fitting:
        names = [name for of in stacks.values() for name in of]
        near = suggest(word.rpartition("/")[2], names)
        raise ControllerError(f"there is no service '{word}'", hint=near or f"there are: {', '.join(names) or 'none'}")
    return fitting[0]


def _check(ground: Ground, target: Target, loaded: Loaded, wanted: tuple[Wanted, ...], progress: Progress) -> Checked:
    services, now = loaded.desired.services, ground.now()
    probe = ground.engine.netprobe

    def look() -> tuple[Spot, ...]:
        return tuple(_with_frontends(spot, services) for spot in probe.spots(loaded.name, deadline=_LOOK))

    question = Question(services, look(), is_enforced(target), wanted)
    _refuse_large(loaded.name, question)
    answers = _ask(probe, loaded.name, question, progress)
    pairs = judge(question, answers)
    if any(pair.counts for pair in pairs):
        question = _without_moved(question, look())
        pairs = judge(question, answers)
    idle = tuple(sorted(services.keys() - set(question.names)))
    strange = () if wanted else told_strangers(probe.strangers(loaded.name, deadline=_LOOK))
    notes = (*question.notes(), *told_aside(question.spots, answers), *strange)
    reach = Reach(loaded.name, question.enforced, now, pairs, idle, notes)
    return Checked(reach, ()) if wanted else Checked(_keep(ground, reach), all_published(services, question.spots))


def _refuse_large(stack: str, question: Question) -> None:
    if question.size > MOST_KNOCKS:
        raise ControllerError(
            f"{stack}: about {question.size:,} connections would have to be tried, and {MOST_KNOCKS:,} is the most",
            hint="name the pairs that matter: controller netcheck FROM TO[:PORT] …",
        )


def _without_moved(question: Question, now: Sequence[Spot]) -> Question:
    """Of one that ended, or changed its networks, while it was tried nothing follows."""
    there = {(spot.replica, tuple(sorted(spot.addresses.items()))) for spot in now}
    kept = [one for one in question.spots if (one.replica, tuple(sorted(one.addresses.items()))) in there]
    return replace(question, spots=tuple(kept))


def is_enforced(target: Target) -> bool:
    """Whether its manifest asks for networks by declared edges alone."""
    return target.manifest is not None and target.manifest.spec.security.network_policy is NetworkPolicy.DEPENDENCIES


def _with_frontends(spot: Spot, services: Mapping[str, DesiredService]) -> Spot:
    """What the ingress publishes for it leads to it, too."""
    service = services.get(spot.service)
    return spot if service is None else replace(spot, published=(*spot.published, *frontend_ports(service)))


def _ask(probe: NetProbe, stack: str, question: Question, progress: Progress) -> Mapping[Knock, Knocked]:
    knocks, done = plan_knocks(question), 0

    def told(more: int) -> None:
        nonlocal done
        done += more
        progress(stack, done, len(knocks))

    answers = dict(probe.knock(knocks, patience=_PATIENCE, told=told)) if knocks else {}
    again = plan_again(question, answers)
    return {**answers, **probe.knock(again, patience=_LONGER)} if again else answers


def _keep(ground: Ground, reach: Reach) -> Reach:
    """Where it cannot be kept, that is one more thing to tell."""
    try:
        keep_reach(ground.folder(reach.stack), reach)
    except OSError as error:
        return replace(reach, notes=(*reach.notes, f"not kept: {error.strerror or error}"))
    return reach
