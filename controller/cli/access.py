"""`access`: who may do what through the API and the dashboard."""

from __future__ import annotations

from collections.abc import Collection

import click

from controller.cli.options import Options, takes_options


@click.group()
def access() -> None:
    """Who may do what through the API and the dashboard, by the Controller manifest.

    The command line itself asks for no role: who reaches the engine's socket is root of this machine already.
    """


@access.command("list")
@takes_options()
def list_(options: Options) -> int:
    """Users with their roles, and what each role allows."""
    from controller.cli.policy import read_policy
    from controller.cli.terminal import paint_for, print_data, print_lines, width_for
    from controller.render.tokens import access_data, access_lines

    policy = read_policy(options)
    if options.structured:
        print_data(access_data(policy), options)
    else:
        width = None if options.output == "wide" else width_for()
        print_lines(access_lines(policy, paint=paint_for(options), width=width))
    return 0


@access.command()
@click.argument("user")
@click.argument("verb")
@click.argument("resource")
@takes_options()
def can(options: Options, user: str, verb: str, resource: str) -> int:
    """Whether USER may VERB the RESOURCE: in every stack, or with -s in those. Exit code 1: no.

    It tells of the roles that the manifest gives; a token made with --role has its own.
    """
    from controller.cli.policy import read_policy
    from controller.cli.terminal import print_data, print_lines
    from controller.model.access import RIGHTS, VERBS
    from controller.security.access import may

    _check("resource", resource, RIGHTS)
    _check("verb", verb, VERBS)
    roles = read_policy(options).roles_of(user)
    verdicts = [may(roles, verb, resource, stack) for stack in options.stacks or (None,)]
    verdict = next((one for one in verdicts if not one.allowed), verdicts[0])
    if options.structured:
        print_data({"allowed": verdict.allowed, "why": verdict.why}, options)
    else:
        print_lines([f"{'yes' if verdict.allowed else 'no'}: {verdict.why}"])
    return 0 if verdict.allowed else 1


def _check(what: str, name: str, known: Collection[str]) -> None:
    from controller.intake.findings import suggest
    from controller.model.errors import ControllerError

    if name not in known:
        hint = suggest(name, known) or f"there are: {', '.join(known)}"
        raise ControllerError(f"there is no {what} '{name}'", hint=hint)
