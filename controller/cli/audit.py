"""`audit`: who did what; whether that log is what was written; and a copy that others can prove."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import click

from controller.cli.options import Options, takes_options
from controller.cli.parameters import DURATION

_MOST = 200


class _Where(NamedTuple):
    root: Path
    engine_id: str


@click.group()
def audit() -> None:
    """Who did what, what came of it, and whether the log of it is whole."""


@audit.command()
@click.option("--since", type=DURATION, help="Only what is not older than this, such as 24h.")
@click.option("--who", default="", metavar="NAME", help="Only what this one did.")
@click.option("--verb", default="", metavar="WORD", help="Only this, such as apply or login.")
@click.option("--act", default="", metavar="ID", help="Only this act, in all logs that tell of it.")
@click.option("--limit", type=click.IntRange(min=1), default=_MOST, help=f"The newest so many [{_MOST}].")
@click.option("--checkpoints", is_flag=True, help="Signatures of the log, too.")
@takes_options()
def show(options: Options, since: float | None, limit: int, checkpoints: bool, **named: str) -> int:
    """What is in it, newest last; of all stacks, or of those named with -s."""
    from controller.cli.terminal import paint_for, print_data, print_lines, width_for
    from controller.loop.auditread import Query, find
    from controller.render.audit import record_lines, records_data

    with _opened(options) as where:
        who, verb, act = named["who"], named["verb"], named["act"]
        query = Query(_instant(since), "", who, verb, options.stacks, act=act, checkpoints=checkpoints)
        found = find(where.root, where.engine_id, query, limit)[::-1]
    if options.structured:
        print_data(records_data(found), options)
    elif options.output == "name":
        print_lines(f"{read.log or 'controller'}/{read.data.get('seq')}" for read in found)
    else:
        wide = options.output == "wide"
        print_lines(record_lines(found, wide=wide, paint=paint_for(options), width=None if wide else width_for()))
    return 0


@audit.command()
@click.option(
    "--export", "exported", type=click.Path(path_type=Path), help="Prove this file of `audit export` instead."
)
@click.option("--public", metavar="HEX", help="The key that its signatures must be of [the one that it names].")
@takes_options()
def verify(options: Options, exported: Path | None, public: str | None) -> int:
    """Prove that nothing was edited, removed, reordered, inserted or cut off, and say where it was.

    Exit code 0: all is as it was written; 1: something was tampered with; 2: something is missing that a crash or a
    full disk may have taken.
    """
    if public is not None and exported is None:
        raise click.UsageError("--public belongs to --export")
    return _verify_here(options) if exported is None else _verify_export(options, exported, public)


def _verify_here(options: Options) -> int:
    from controller.cli.terminal import paint_for, print_data, print_lines
    from controller.loop.auditread import prove_all
    from controller.render.audit import code_of, verdict_lines, verdicts_data

    with _opened(options) as where:
        verdicts = prove_all(where.root, where.engine_id, options.stacks)
    if options.structured:
        print_data(verdicts_data(verdicts), options)
    else:
        print_lines(verdict_lines(verdicts, paint=paint_for(options)))
    return code_of(tuple(verdicts.values()))


def _verify_export(options: Options, path: Path, public: str | None) -> int:
    from controller.cli.terminal import paint_for, print_data, print_lines
    from controller.loop.auditread import prove_export
    from controller.render.audit import code_of, exports_data, verdict_lines

    found = prove_export(path, public)
    if options.structured:
        print_data(exports_data(found), options)
    else:
        print_lines(verdict_lines({one.log: one.verdict for one in found}, paint=paint_for(options)))
        if public is None:
            print_lines(["signed by " + ", ".join(sorted({one.public for one in found}))])
    return code_of([one.verdict for one in found])


@audit.command()
@click.option("--since", type=DURATION, help="From the last checkpoint before that on, such as 24h.")
@takes_options()
def export(options: Options, since: float | None) -> int:
    """Print it as JSON lines, signed up to the last one: `audit verify --export FILE` proves them on any machine."""
    from controller.cli.terminal import note
    from controller.loop.auditfiles import known_logs
    from controller.loop.auditor import AuditBook
    from controller.loop.auditread import export as export_log
    from controller.loop.auditread import prove_all
    from controller.render.audit import code_of

    with _opened(options) as where:
        proven, there = prove_all(where.root, where.engine_id, options.stacks), known_logs(where.root, where.engine_id)
        logs = tuple(log for log in proven if log in there)  # of what is gone nothing is made anew
        book = AuditBook(where.root, lambda: where.engine_id)
        book.sign_all(logs, "export")
        for log in logs:
            for line in export_log(where.root, where.engine_id, log, _instant(since)):
                sys.stdout.buffer.write(line)
    if code := code_of(list(proven.values())):
        note("what was exported is not as it was written: controller audit verify says where", options)
    return code


@audit.command()
@click.argument("stack")
@takes_options()
def end(options: Options, stack: str) -> int:
    """Say that the log of STACK was taken away lawfully: `audit verify` misses it no more. That is recorded."""
    from controller.cli.terminal import print_lines
    from controller.loop.acting import who
    from controller.loop.auditmissed import end_log, open_shelf
    from controller.loop.auditor import AuditBook, caller
    from controller.security.audit import Act, Via
    from controller.security.auditbegun import END

    with _opened(options) as where:
        act = Act(who(), Via.CLI, END, "audit", stack, origin=caller())
        shelf = open_shelf(where.root, where.engine_id)
        end_log(shelf, stack, AuditBook(where.root, lambda: where.engine_id), act)
    print_lines([f"the log of {stack} has ended; it is missed no more"])
    return 0


def _instant(since: float | None) -> str:
    from controller.security.audit import stamp

    return "" if since is None else stamp(time.time() - since)


@contextmanager
def _opened(options: Options) -> Iterator[_Where]:
    from controller.cli.engine import open_engine
    from controller.loop.auditfiles import engines_with_logs
    from controller.loop.store import state_dir
    from controller.model.errors import EngineError

    root = state_dir(os.environ, os.geteuid())
    with open_engine(options) as engine:
        try:
            found = engine.info().id
        except EngineError:
            engines = engines_with_logs(root)
            if len(engines) != 1:  # whose is meant, only it could tell
                raise
            found = engines[0]
        yield _Where(root, found)
