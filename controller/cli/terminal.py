"""Where output goes and how it may look there: data on stdout, everything else on stderr (docs/cli.md)."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable
from typing import Any, TextIO

from controller.cli.colour import wants_colour
from controller.cli.options import Options
from controller.render.paint import Paint, ansi, plain


def has_colour(options: Options, stream: TextIO) -> bool:
    """`--color` over NO_COLOR over FORCE_COLOR over what the stream is."""
    return wants_colour(options.color, stream)


def paint_for(options: Options, stream: TextIO | None = None) -> Paint:
    """The brush for a stream (default: stdout)."""
    return ansi if has_colour(options, stream or sys.stdout) else plain


def width_for(stream: TextIO | None = None) -> int | None:
    """Columns to fit into: COLUMNS, else the terminal's; None where nothing may be shortened."""
    given = os.environ.get("COLUMNS", "")
    if given.isdigit() and int(given) > 0:
        return int(given)
    return shutil.get_terminal_size().columns if (stream or sys.stdout).isatty() else None


def has_blocks(stream: TextIO | None = None) -> bool:
    """Whether a stream shows more than ASCII: block characters of a chart, for instance."""
    encoding = getattr(stream or sys.stdout, "encoding", None) or "ascii"
    try:
        "█─".encode(encoding)
    except (LookupError, UnicodeError):
        return False
    return os.environ.get("TERM") != "dumb"


def print_lines(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)
    sys.stdout.flush()


def print_data(data: Any, options: Options) -> None:
    """JSON, or the same as YAML."""
    if options.output == "yaml":
        import yaml

        print(yaml.safe_dump(data, sort_keys=False, allow_unicode=True, default_flow_style=False), end="")
    else:
        print(json.dumps(data, indent=2, ensure_ascii=False))
    sys.stdout.flush()


def note(text: str, options: Options) -> None:
    """A word beside the result, on stderr; silent with --quiet."""
    if options.verbosity >= 0:
        print(text, file=sys.stderr)
