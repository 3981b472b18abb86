"""`rollout`: how updates go, what there was before, and the way back."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from controller.cli.options import Options, takes_options
from controller.cli.parameters import DURATION
from controller.model.wish import Wish

if TYPE_CHECKING:
    from controller.loop.session import Session
    from controller.model.generation import Generation
    from controller.render.rollout import Progress, Shown

_LOOK_EVERY = 0.5

_services = click.argument("services", nargs=-1, metavar="[SERVICE]...")
_timeout = click.option("--timeout", type=DURATION, default=600.0, help="Give up after so long without progress [10m].")


@click.group()
def rollout() -> None:
    """Updates: how they go, what there was before, and the way back."""


@rollout.command()
@_services
@click.option("--watch/--no-watch", "-w", default=True, help="Wait until the update has come to its end [yes].")
@_timeout
@takes_options()
def status(options: Options, services: tuple[str, ...], watch: bool, timeout: float) -> int:
    """How far the update is; waits for its end. Exit code 1 if it was rolled back or failed."""
    from controller.cli.session import open_session
    from controller.cli.terminal import print_data
    from controller.render.rollout import progress_data

    with open_session(options) as session:
        progress = _follow(session, options, services, timeout if watch else 0.0)
    if options.structured:
        print_data(progress_data(progress), options)
    going = [name for name, item in progress.items() if item.ok is None]
    if going and watch:
        from controller.model.errors import ControllerError

        raise ControllerError(f"{', '.join(going)}: no progress for {timeout:g} s", hint="controller why")
    return 1 if any(item.ok is False for item in progress.values()) else 0


def _follow(session: Session, options: Options, services: tuple[str, ...], timeout: float) -> Mapping[str, Progress]:
    """Look until all have come to their end, or `timeout` seconds went by without news; each line is told once."""
    from controller.cli.terminal import print_lines

    told: set[str] = set()
    since = time.monotonic()
    best: dict[tuple[str, int], int] = {}
    while True:
        progress = _look(session, services)
        fresh = [line for item in progress.values() for line in item.lines if line not in told]
        told.update(fresh)
        if not options.structured:
            print_lines(fresh)
        for name, item in progress.items():
            if item.replaced > best.get((name, item.revision), -1):
                best[name, item.revision], since = item.replaced, time.monotonic()
        if all(item.ok is not None for item in progress.values()) or time.monotonic() - since >= timeout:
            return progress
        time.sleep(_LOOK_EVERY)


def _look(session: Session, services: tuple[str, ...]) -> Mapping[str, Progress]:
    from controller.cli.selection import choose_services
    from controller.render.rollout import judge_progress

    stacks = session.status()
    chosen = choose_services(stacks, services)
    names = {stack.name: [item.name for of, item in chosen if of is stack] for stack in stacks}
    return {
        stack.name: judge_progress(stack, names[stack.name] if services else ())
        for stack in stacks
        if names[stack.name] or not services
    }


@rollout.command()
@_services
@click.option("--revision", type=click.IntRange(min=1), help="Only this one, in full.")
@click.option("--diff", is_flag=True, help="With what differs from the revision before; secrets are masked.")
@takes_options()
def history(options: Options, services: tuple[str, ...], revision: int | None, diff: bool) -> int:
    """The stack's revisions, newest last: when, who, why, and what became of each."""
    return list_revisions(options, services, revision=revision, diff=diff)


def list_revisions(
    options: Options,
    services: Sequence[str] = (),
    *,
    revision: int | None = None,
    diff: bool = False,
    headers: bool = True,
) -> int:
    """Print the revisions that there are, or one; of services only those in which they changed."""
    from controller.cli.session import open_session
    from controller.cli.terminal import paint_for, print_data, print_lines
    from controller.render.rollout import history_data, history_lines, revision_lines

    with open_session(options) as session:
        shown = _shown(session, services, revision, diff)
    now, paint = time.time(), paint_for(options)
    if options.structured:
        print_data(history_data(shown), options)
    elif options.output == "name":
        print_lines(f"{item.stack}/{item.generation.number}" for item in shown)
    elif revision is None:
        print_lines(history_lines(shown, now, headers=headers, paint=paint))
    else:
        print_lines(line for item in shown for line in revision_lines(item, now, services, paint=paint))
    return 0


def _shown(session: Session, services: Sequence[str], revision: int | None, diff: bool) -> list[Shown]:
    from controller.loop.compare import Side, compare, touches
    from controller.render.rollout import Shown

    found: list[Shown] = []
    for stack, generations in session.generations().items():
        _check_names(stack, generations, services)
        for before, one in zip([None, *generations], generations, strict=False):
            if revision not in (None, one.number) or (services and before and not touches(before, one, services)):
                continue
            changes = None
            if diff:
                old = Side(before, session.definitions(stack, before.number)) if before else Side.empty()
                new = Side(one, session.definitions(stack, one.number))
                changes = [c for c in compare(old, new) if not services or c.service in services]
            found.append(Shown(stack, one, changes))
    if revision is not None and not found:
        from controller.model.errors import ControllerError

        raise ControllerError(f"there is no revision {revision}", hint="controller rollout history")
    return found


def _check_names(stack: str, generations: Sequence[Generation], services: Sequence[str]) -> None:
    from controller.model.errors import ControllerError

    known = dict.fromkeys(name for generation in generations for name in generation.services)
    for name in services:
        if name not in known:
            hint = f"its services: {', '.join(sorted(known)) or 'none'}"
            raise ControllerError(f"{stack} never had a service {name}", hint=hint)


def _act(options: Options, wish: Wish) -> int:
    from controller.cli.acts import converge

    return converge(options, wish)


@rollout.command()
@_services
@click.option("--to", type=click.IntRange(min=1), metavar="REVISION", help="This one [the last good one before].")
@_timeout
@takes_options()
def undo(options: Options, services: tuple[str, ...], to: int | None, timeout: float) -> int:
    """Go back to an earlier revision and stay there until the manifest changes, or `rollout resume`."""
    return _act(options, Wish("rollout-undo", services, to=to, timeout=timeout))


@rollout.command()
@click.argument("services", nargs=-1, required=True, metavar="SERVICE...")
@_timeout
@takes_options()
def restart(options: Options, services: tuple[str, ...], timeout: float) -> int:
    """Replace all replicas by new ones, as an update does, though nothing changed. A moved tag counts."""
    return _act(options, Wish("rollout-restart", services, timeout=timeout))


@rollout.command()
@_services
@takes_options()
def pause(options: Options, services: tuple[str, ...]) -> int:
    """Halt updates: no further replica is replaced until `rollout resume`; what runs is kept in shape."""
    return _act(options, Wish("rollout-pause", services))


@rollout.command()
@_services
@takes_options()
def resume(options: Options, services: tuple[str, ...]) -> int:
    """Go on towards what the manifest asks for, after `rollout pause` or `rollout undo`."""
    return _act(options, Wish("rollout-resume", services))
