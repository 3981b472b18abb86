"""`describe` and `why`: one thing in full, and the root of a trouble."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from controller.cli.options import Options, takes_options

if TYPE_CHECKING:
    from controller.cli.selection import Chosen
    from controller.loop.session import Session
    from controller.model.status import Event, StackStatus
    from controller.render.why import Cause

_STACK_WORDS = ("stack", "stacks", "st")
_SERVICE_WORDS = ("service", "services", "svc")


@click.command()
@click.argument("words", nargs=-1, metavar="[stack|service] NAME...")
@takes_options()
def describe(options: Options, words: tuple[str, ...]) -> int:
    """All that is known of a stack or a service: `describe web`, `describe service/web`, `describe stack rag`."""
    from controller.cli.failures import warn_all
    from controller.cli.session import open_session

    kind, names = _split(words)
    with open_session(options) as session:
        stacks = session.status()
        warn_all(session.warnings, options)
        found, services = _resolve(stacks, kind, names)
        _print(session, found, services, options)
    return 0


def _split(words: Sequence[str]) -> tuple[str | None, tuple[str, ...]]:
    if words and "/" in words[0] and words[0].split("/", 1)[0] in (*_STACK_WORDS, *_SERVICE_WORDS):
        words = (*words[0].split("/", 1), *words[1:])
    if words and words[0] in _STACK_WORDS:
        return "stack", tuple(words[1:])
    if len(words) > 1 and words[0] in _SERVICE_WORDS:
        return "service", tuple(words[1:])
    return None, tuple(words)


def _resolve(
    stacks: Sequence[StackStatus], kind: str | None, names: Sequence[str]
) -> tuple[Sequence[StackStatus], Sequence[Chosen]]:
    """Stacks in full, or single services. A bare word is a service first, then a stack."""
    from controller.cli.selection import choose_services, choose_stacks

    stack_names = {stack.name for stack in stacks}
    if kind == "stack" or not names:
        return choose_stacks(stacks, names), ()
    known = {service.name for stack in stacks for service in stack.services}
    if kind is None and all(name in stack_names - known for name in names):
        return choose_stacks(stacks, names), ()
    return (), choose_services(stacks, names)


def _print(session: Session, stacks: Sequence[StackStatus], services: Sequence[Chosen], options: Options) -> None:
    from controller.cli.terminal import paint_for, print_data, print_lines
    from controller.render.data import events_data, service_data, stack_data
    from controller.render.describe import describe_service, describe_stack

    now, paint = time.time(), paint_for(options)
    events = tuple(session.events())
    if options.structured:
        told = [{**stack_data(stack, words=True), **events_data(_of(events, stack.name))} for stack in stacks]
        told += [
            {**service_data(item, words=True), **events_data(_of(events, stack.name, item.name))}
            for stack, item in services
        ]
        print_data(told[0] if len(told) == 1 else told, options)
        return
    blocks = [describe_stack(stack, _of(events, stack.name), now, paint=paint) for stack in stacks]
    blocks += [
        describe_service(stack, item, _of(events, stack.name, item.name), now, paint=paint) for stack, item in services
    ]
    print_lines(line for index, block in enumerate(blocks) for line in ([""] if index else []) + block)


def _of(events: Sequence[Event], stack: str, service: str | None = None) -> tuple[Event, ...]:
    return tuple(event for event in events if event.stack == stack and service in (None, event.service))


@click.command()
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@takes_options()
def why(options: Options, services: tuple[str, ...]) -> int:
    """Why a service is not ready: what it waits for, down to the root cause, and what to do.

    Without a name: every service that is not as it should be, each root cause once.
    """
    from controller.cli.failures import warn_all
    from controller.cli.session import open_session
    from controller.cli.terminal import paint_for, print_data, print_lines
    from controller.render.why import stack_troubles, why_data, why_lines, with_change, with_last_words

    with open_session(options) as session:
        stacks = session.status()
        warn_all(session.warnings, options)
        causes = _causes(stacks, services, tuple(session.events()))
        causes = [with_last_words(cause, lambda replica: session.logs(replica, tail=10)) for cause in causes]
        known = session.generations() if causes else {}
        causes = [with_change(cause, known.get(cause.stack, ())) for cause in causes]
    troubles = () if services else stack_troubles(stacks)
    if options.structured:
        print_data({"causes": [why_data(cause) for cause in causes], "stacks": list(troubles)}, options)
        return 0
    blocks = [[f"{item['stack']}: {item['reason']}: {item['message']}"] for item in troubles]
    blocks += [why_lines(cause, paint=paint_for(options)) for cause in causes]
    told = [line for index, block in enumerate(blocks) for line in ([""] if index else []) + block]
    print_lines(told or ["Every service is as it should be."])
    return 0


def _causes(stacks: Sequence[StackStatus], names: Sequence[str], events: Sequence[Event]) -> list[Cause]:
    from controller.cli.selection import choose_services
    from controller.model.phases import AT_REST
    from controller.render.why import find_cause

    now = time.time()
    chosen = choose_services(stacks, names)
    if names:
        return [find_cause(stack, service.name, now, _of(events, stack.name)) for stack, service in chosen]
    troubled = [(stack, item) for stack, item in chosen if item.phase not in AT_REST]
    found = [find_cause(stack, item.name, now, _of(events, stack.name)) for stack, item in troubled]
    longest: dict[tuple[str, str], Cause] = {}
    for cause in found:
        root = (cause.stack, cause.root.name)
        if root not in longest or len(cause.chain) > len(longest[root].chain):
            longest[root] = cause
    return list(longest.values())
