"""`cleanup`: removes what is unused, and says what each thing takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from controller.cli.options import Options, takes_options
from controller.cli.parameters import DURATION
from controller.model.wish import Wish

if TYPE_CHECKING:
    from controller.cli.live import Screen
    from controller.model.cleanup import CleanupReport
    from controller.model.status import Event, StackStatus


class _Aside:
    """An audience to which nothing is news but what happens: how services are is not what is asked for."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def update(self, stacks: Sequence[StackStatus]) -> None:
        return None

    def event(self, event: Event) -> None:
        self._screen.event(event)


@click.command()
@click.argument("stack", required=False)
@click.option("--dry-run", is_flag=True, help="Only list what would go, with what it takes.")
@click.option("--images/--no-images", default=None, help="Images that nothing needs any more.  [the manifest's word]")
@click.option("--build-cache/--no-build-cache", default=None, help="The engine's build cache, too.")
@click.option("--older-than", type=DURATION, metavar="DURATION", help="Only what was unused for so long, such as 2d.")
@takes_options()
def cleanup(
    options: Options,
    stack: str | None,
    dry_run: bool,
    images: bool | None,
    build_cache: bool | None,
    older_than: float | None,
) -> int:
    """Remove leftovers of `docker compose run`, superseded images and unused networks of a stack. Never a volume,
    never what a revision needs that can be gone back to, never anything of another project."""
    wish = Wish("cleanup", images=images, build_cache=build_cache, older_than=older_than)
    chosen = replace(options, stacks=(*options.stacks, stack)) if stack else options
    return _clean_up(chosen, wish, dry_run=dry_run)


def _clean_up(options: Options, wish: Wish, *, dry_run: bool) -> int:
    from controller.cli.failures import warn_all
    from controller.cli.live import open_screen
    from controller.cli.session import open_session

    with open_session(options) as session:
        with open_screen(options) as screen:
            reports = session.cleanup(wish, _Aside(screen), dry_run=dry_run)
        warn_all(session.warnings, options)
    return _report(reports, options)


def _report(reports: Sequence[CleanupReport], options: Options) -> int:
    from controller.cli.failures import say, warn_all
    from controller.cli.terminal import note, paint_for, print_data, print_lines, width_for
    from controller.model.errors import Finding
    from controller.render.cleanup import cleanup_lines, log_hint, reports_data

    if options.structured:
        print_data(reports_data(reports), options)
    elif options.output == "name":
        print_lines(f"{one.item.kind}/{one.item.name}" for report in reports for one in report.done)
    else:
        wide = options.output == "wide"
        width = None if wide else width_for()
        print_lines(cleanup_lines(reports, wide=wide, paint=paint_for(options), width=width))
        if (hint := log_hint(reports)) is not None:
            note(f"hint: {hint}", options)
    warn_all((Finding(one) for report in reports for one in report.notes), options)
    for report in reports:
        if not report.ok:
            say(f"{report.stack}: {report.message}", hint=report.hint)
    return 0 if all(report.ok for report in reports) else 1
