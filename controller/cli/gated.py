"""`scan --gate`: whom an `apply` of the same would not start, by the very gate that it has."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from controller.cli.scanned import ScannedStack
from controller.engines.base import Engine
from controller.loop.gate import gate_of, make_gate
from controller.loop.generation import render_target, resolve_target
from controller.loop.store import state_dir
from controller.model.desired import DesiredService
from controller.model.errors import EngineError, Finding, InvalidInput


class Gated(NamedTuple):
    """`barred`: a sentence for each service that would not be started; `errors`: why that is not known of others."""

    barred: tuple[str, ...] = ()
    errors: tuple[Finding, ...] = ()


def find_gated(engine: Engine, stacks: Sequence[ScannedStack], services: Collection[str] = ()) -> Gated:
    """Of these stacks; with `services` of those alone, and of what they need. Other than a scan it leaves out what is
    not to be started at all, and asks the engine for what images say whatever else is looked at."""
    told, errors = list[str](), list[Finding]()
    for stack in stacks:
        try:
            barred = _find(engine, stack, services)
        except InvalidInput as error:
            errors += error.findings
            continue
        told += (f"{stack.written.rendered.name}/{name}: {why}" for name, why in sorted(barred.items()))
    return Gated(tuple(told), tuple(errors))


def _find(engine: Engine, stack: ScannedStack, services: Collection[str]) -> Mapping[str, str]:
    if stack.written.fail_on is None:
        return {}
    try:
        rendered = render_target(engine, stack.target)  # in the profile that is asked for, not in each
    except EngineError:
        gate = gate_of(stack.written, stack.known)  # without Compose, as it is written
        return gate.barred(stack.today) if gate is not None else {}
    gate = make_gate(engine, stack.target, rendered, state_dir(os.environ, os.geteuid()))
    resolution = resolve_target(engine, stack.target, rendered)
    if gate is None or resolution.stack is None:
        raise InvalidInput(resolution.errors)
    barred = replace(resolution.stack, barred=gate.barred(stack.today)).kept_out
    asked = set(_with_needs(resolution.stack.services, services))
    return {name: why for name, why in barred.items() if not services or name in asked}


def _with_needs(known: Mapping[str, DesiredService], names: Collection[str]) -> Iterator[str]:
    seen, left = set[str](), list(names)
    while left:
        if (name := left.pop()) in known and name not in seen:
            seen.add(name)
            left += known[name].needs
            yield name
