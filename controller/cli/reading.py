"""Targets as they are written, for the commands that act on nothing: needs Compose, not a running engine."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from controller.cli.options import Options
from controller.engines.base import Engine
from controller.intake.targets import Request, Target, Targets, find_targets
from controller.loop.generation import render_target, resolve_target
from controller.model.desired import DesiredStack
from controller.model.errors import ControllerError, Finding, InvalidInput
from controller.model.project import ComposeProject, RenderedProject
from controller.model.variables import OWN


@dataclass(frozen=True, slots=True)
class Read:
    """One target: what Compose and we make of it, and what is wrong with it. `name` "" where nobody could tell."""

    place: str
    name: str
    project: ComposeProject | None = field(default=None, repr=False)
    rendered: RenderedProject | None = field(default=None, repr=False)
    stack: DesiredStack | None = field(default=None, repr=False)
    errors: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything that the options name. `notes` are for people."""

    reads: tuple[Read, ...]
    notes: tuple[str, ...] = ()

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(finding for read in self.reads for finding in read.errors)

    def whole(self) -> Reading:
        """Itself, where nothing is wrong. Raises InvalidInput else."""
        if self.errors:
            raise InvalidInput(self.errors)
        return self


def read_all(options: Options, engine: Engine) -> Reading:
    """Read, render and resolve each target; one that is broken does not hide the others."""
    targets = _find(options)
    reads = [Read(item.place, item.name, errors=item.findings) for item in targets.broken]
    reads += [_read(engine, target) for target in targets.stacks]
    chosen = [read for read in reads if not options.stacks or read.name in options.stacks or not read.name]
    _check_names(options.stacks, {read.name for read in chosen}, [read.name for read in reads if read.name])
    return Reading(tuple(chosen), targets.notes)


def read_project(options: Options, engine: Engine) -> tuple[ComposeProject, RenderedProject]:
    """The one Compose project that is meant. Raises InvalidInput for its faults, ControllerError for more than one."""
    targets = _find(options)
    if targets.findings:
        raise InvalidInput(targets.findings)
    if len(targets.stacks) != 1:
        places = ", ".join(target.place for target in targets.stacks)
        raise ControllerError(f"there are several projects: {places}", hint="name one with -f")
    [target] = targets.stacks
    return target.project, render_target(engine, target)


def find_chosen(options: Options) -> tuple[tuple[Finding, ...], tuple[Target, ...], tuple[str, ...]]:
    """What is wrong with targets that cannot be used at all, the others, and notes for people."""
    targets = _find(options)
    chosen = [one for one in targets.stacks if not options.stacks or one.name in options.stacks or not one.name]
    broken = [one for one in targets.broken if not options.stacks or one.name in options.stacks or not one.name]
    _check_names(options.stacks, {one.name for one in chosen}, [one.name for one in targets.stacks if one.name])
    return tuple(found for one in broken for found in one.findings), tuple(chosen), targets.notes


def has_targets(options: Options) -> bool:
    """Whether stacks were named, or are in this directory."""
    return bool(options.files or _find(options).stacks or (Path.cwd() / "manifests").is_dir())


def _find(options: Options) -> Targets:
    files = tuple(map(str, options.files))
    return find_targets(Request(Path.cwd(), os.environ, files, options.profile))


def _read(engine: Engine, target: Target) -> Read:
    try:
        rendered = render_target(engine, target)
    except InvalidInput as error:
        return Read(target.place, target.name, target.project, errors=error.findings)
    resolution = resolve_target(engine, target, rendered)
    return Read(
        target.place,
        rendered.name,
        target.project,
        rendered,
        resolution.stack,
        resolution.errors,
        (*_said_by_compose(target, rendered), *resolution.warnings),
    )


def _said_by_compose(target: Target, rendered: RenderedProject) -> Iterator[Finding]:
    """Its warnings, but for variables that are unset: of these we have told the place, where it is in the project's own
    files; in others only Compose knows what is set."""
    own = (name for name in target.inputs.variables if name.startswith(OWN))
    told = tuple(f'The "{name}" variable is not set' for name in (*target.inputs.blank, *own))
    for text in rendered.warnings:
        if not text.startswith(told):
            yield Finding(text, file=target.place)


def _check_names(asked: Sequence[str], found: set[str], known: Sequence[str]) -> None:
    for name in asked:
        if name not in found:
            raise ControllerError(f"there is no stack '{name}' here", hint=f"there are: {', '.join(known) or 'none'}")


def learned_times(engine: Engine, stack: DesiredStack) -> Mapping[str, float | None]:
    """Learned seconds to ready by service; all None where no engine answers or nothing was learned yet."""
    from controller.loop.store import Store, stack_dir, state_dir
    from controller.model.timings import Span

    unknown: dict[str, float | None] = dict.fromkeys(stack.services)
    try:
        engine_id = engine.info(deadline=2.0).id
    except ControllerError:
        return unknown
    folder = stack_dir(state_dir(os.environ, os.geteuid()), engine_id, stack.name)
    if not os.access(folder, os.W_OK | os.X_OK):
        return unknown
    store = Store(folder)
    try:
        timings = store.timings.load()
    finally:
        store.close()
    return {name: timings.usual(name, Span.READY) for name in stack.services}
