"""Failures as people read them: one line with place and cause, a hint on its own line, never a traceback."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

import click

from controller.cli.options import Options
from controller.model.errors import ControllerError, Finding, InvalidInput
from controller.render.paint import clean


def report(error: Exception) -> int:
    """Print an error to standard error; returns the exit code that it stands for."""
    match error:
        case click.UsageError():
            where = error.ctx.command_path if error.ctx else "controller"
            say(error.format_message(), hint=f"{where} --help")
            return 2
        case InvalidInput():
            say_findings(error.findings)
        case ControllerError():
            say(error.message, hint=error.hint)
        case click.ClickException():
            say(error.format_message())
        case OSError():
            say(_os_message(error))
        case _:
            say(
                f"internal fault: {type(error).__name__}: {error}",
                hint="this should not happen; CONTROLLER_DEBUG=1 shows where",
            )
    return 1


def say(message: str, *, hint: str | None = None) -> None:
    """`error: …` and `hint: …` on standard error."""
    print(f"error: {_first_lower(clean(message, keep_lines=True).strip())}", file=sys.stderr)
    if hint:
        print(f"hint: {clean(hint, keep_lines=True)}", file=sys.stderr)


def say_findings(findings: Sequence[Finding]) -> None:
    """Each finding as `file:line:col: path: message`, which editors and terminals can follow."""
    for finding in findings:
        print(f"error: {clean(str(finding), keep_lines=True)}", file=sys.stderr)
        if finding.hint:
            print(f"hint: {clean(finding.hint)}", file=sys.stderr)


def warn(finding: Finding) -> None:
    """As an error is told, and no more than that."""
    print(f"warning: {clean(str(finding))}", file=sys.stderr)
    if finding.hint:
        print(f"hint: {clean(finding.hint)}", file=sys.stderr)


def warn_all(findings: Iterable[Finding], options: Options) -> None:
    """All of them, unless the user wants it quiet."""
    if options.verbosity >= 0:
        for finding in findings:
            warn(finding)


def _os_message(error: OSError) -> str:
    reason = (error.strerror or str(error)).lower()
    return f"{error.filename}: {reason}" if error.filename else reason


def _first_lower(text: str) -> str:
    first_word = text.split(" ", 1)[0]
    return text[:1].lower() + text[1:] if first_word[1:].islower() or len(first_word) == 1 else text
