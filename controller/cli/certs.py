"""`certs`: certificates of services, and the authority that signs them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from controller.cli.options import Options, takes_options

if TYPE_CHECKING:
    from controller.model.certified import CertificateAct, StackCertificates


@click.group(invoke_without_command=True)
@takes_options()
def certs(options: Options) -> int:
    """Certificates of services, of the controller's own authority; without a sub-command: list them."""
    if click.get_current_context().invoked_subcommand is not None:
        return 0
    return _list(options)


@certs.command(name="list")
@takes_options()
def list_(options: Options) -> int:
    """How long each lasts, when it is renewed, and whether its service has it."""
    return _list(options)


def _list(options: Options) -> int:
    _print(_read(options), options)
    return 0


@certs.command()
@takes_options()
def verify(options: Options) -> int:
    """Whether each pair fits, is in its time, names its service, is signed by who is trusted, and is served.

    Exit code 1 where something is wrong.
    """
    from controller.cli.failures import say
    from controller.render.certificates import find_wrong

    known = _read(options)
    _print(known, options)
    wrong = find_wrong(known)
    for place, fault in wrong:
        say(f"{place}: {fault}", hint=f"controller certs renew {place.rpartition('/')[2]}")
    return 1 if wrong else 0


@certs.command()
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@takes_options()
def renew(options: Options, services: tuple[str, ...]) -> int:
    """Renew certificates now, with the keys that they have: of all services, or of these."""
    return _act(options, "renew", services)


@certs.command()
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@takes_options()
def issue(options: Options, services: tuple[str, ...]) -> int:
    """Issue certificates anew, with new keys: of all services, or of these."""
    return _act(options, "issue", services)


@certs.command(name="rotate-ca")
@takes_options()
def rotate_ca(options: Options) -> int:
    """Begin to change the authority. It takes as long as certificates last; a running controller sees it through."""
    return _act(options, "rotate-ca", ())


def _read(options: Options) -> Sequence[StackCertificates]:
    from controller.cli.session import open_session

    with open_session(options) as session:
        return session.certificates()


def _act(options: Options, verb: str, services: tuple[str, ...]) -> int:
    from controller.cli.live import open_screen
    from controller.cli.session import open_session
    from controller.model.wish import Wish

    with open_session(options) as session:
        acts = session.act_on_certificates(verb, services)
        restarts = tuple(dict.fromkeys(name for act in acts for name in act.restarts))
        code = _report(acts, options)
        if restarts:
            with open_screen(options) as screen:
                results = session.act(Wish("rollout-restart", restarts), screen)
            code = max(code, 0 if all(result.ok for result in results) else 1)
    return code


def _report(acts: Sequence[CertificateAct], options: Options) -> int:
    from controller.cli.failures import say
    from controller.cli.terminal import print_data, print_lines
    from controller.render.certificates import act_lines, acts_data

    if options.structured:
        print_data(acts_data(acts), options)
    elif options.output == "name":
        print_lines(f"{act.stack}/{name}" for act in acts for name in act.services)
    else:
        print_lines(act_lines(acts))
    for act in acts:
        if not act.ok:
            say(f"{act.stack}: {act.message}", hint=act.hint)
    return 0 if all(act.ok for act in acts) else 1


def _print(known: Sequence[StackCertificates], options: Options) -> None:
    from controller.cli.terminal import paint_for, print_data, print_lines
    from controller.render.certificates import certificate_lines, certificates_data

    if options.structured:
        print_data(certificates_data(known), options)
    elif options.output == "name":
        print_lines(f"{one.stack}/{one.service}" for of in known for one in of.certificates)
    else:
        print_lines(certificate_lines(known, time.time(), wide=options.output == "wide", paint=paint_for(options)))
