"""`run` and `apply`: reconcile for ever, or once."""

from __future__ import annotations

from typing import Any

import click

from controller.cli.options import Options, takes_options
from controller.cli.parameters import ADDRESS, DURATION


@click.command()
@click.option("--watch", is_flag=True, help="Follow changes of manifests, Compose, env, config and secret files.")
@click.option("--once", is_flag=True, help="Converge once and end, exactly as apply.")
@click.option("--api", type=ADDRESS, help="Where to serve API and dashboard [127.0.0.1:7070, or the next free port].")
@click.option("--no-api", is_flag=True, help="Serve neither.")
@takes_options()
def run(options: Options, watch: bool, once: bool, api: tuple[str, int] | None, no_api: bool) -> int:
    """Keep stacks as their manifests describe them, until told to stop.

    Ctrl-C or SIGTERM ends the controller and leaves the containers running. Without --watch it keeps to the
    manifest as read at the start; SIGHUP reads it again.
    """
    from controller.cli.acts import converge
    from controller.cli.dashboard import serve_for
    from controller.cli.live import open_screen
    from controller.cli.notify import ServiceManager
    from controller.cli.session import open_session
    from controller.model.wish import Wish

    if once:
        return converge(options, Wish("apply", profile=options.profile))
    with open_session(options) as session, ServiceManager(open_screen(options, lasting=True)) as screen:
        return session.run(screen, watch=watch, serve=serve_for(screen, api, api=not no_api))


@click.command()
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@click.option("--adopt", is_flag=True, help="Take a running project over although that replaces something.")
@click.option("--confirm", is_flag=True, help="Allow the removal of many services at once.")
@click.option("--keep-going", is_flag=True, help="Where one stack of several is broken, do the others.")
@click.option("--build", is_flag=True, help="Build images of services with `build:` anew.")
@click.option("--timeout", type=DURATION, default=600.0, help="Give up after so long without progress [10m].")
@takes_options()
def apply(options: Options, services: tuple[str, ...], **given: Any) -> int:
    """Converge once and wait until every selected service is ready.

    Never asks. Exit code 1 if the stack did not converge; what was done stays done, and the next apply goes on.
    """
    from controller.cli.acts import converge
    from controller.model.wish import Wish

    return converge(options, Wish("apply", services, profile=options.profile, **given))
