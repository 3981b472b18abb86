"""The door: runs a command line, turns every failure into one clear line and a code. Loads only what is called."""

from __future__ import annotations

import gc
import os
import sys
from io import TextIOWrapper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

_INTERRUPTED = 130


def entry(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and end the process with its exit code (docs/cli.md, exit codes)."""
    collect_seldom()
    fill_closed_streams()
    show_what_can_be_shown()
    code = run(sys.argv[1:] if arguments is None else arguments)
    if code == _INTERRUPTED or _is_somebody_at_work():
        _leave_at_once(code)
    sys.exit(code)


def _is_somebody_at_work() -> bool:
    """A thread that would be waited for. Who never loaded threads has none."""
    if "threading" not in sys.modules:
        return False
    import threading

    return any(not one.daemon for one in threading.enumerate() if one is not threading.main_thread())


def _leave_at_once(code: int) -> NoReturn:
    """Wait for no thread: a Ctrl-C between a lock and its `with` leaves the lock held for ever (`threading.Condition`),
    and a hand of a pool may be at a plan or a scrape of which nobody wants to know any more.

    Nothing is lost by it: locks are the kernel's, and what is on the disk outlives a SIGKILL.
    """
    from contextlib import suppress

    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def collect_seldom() -> None:
    """Our values seldom form cycles: to look for them at every 700th takes a tenth of what a command computes."""
    gc.set_threshold(20_000, 20, 20)


def fill_closed_streams() -> None:
    """Who closed one (`>&-`) wants nothing of it; and the next file that is opened must not take its place."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - for as long as the process lives


def show_what_can_be_shown() -> None:
    """A terminal of few characters shows `?` for one that it has not: a dot in a line is no reason to end."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and stream.encoding.lower() not in ("utf-8", "utf8"):
            stream.reconfigure(errors="replace")


def run(arguments: Sequence[str]) -> int:
    """Run one command line; returns its exit code. Every foreseen failure is printed, never raised."""
    try:
        result = _quick(arguments)
        if result is None:
            from controller.cli.words import controller

            result = controller.main(args=list(arguments), prog_name="controller", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return _INTERRUPTED
    except Exception as error:
        from click import Abort

        from controller.cli.failures import report

        if isinstance(error, Abort):
            return _INTERRUPTED
        if os.environ.get("CONTROLLER_DEBUG"):
            raise
        return report(error)
    return result if isinstance(result, int) else 0


def _quick(arguments: Sequence[str]) -> int | None:
    """The line of a prompt takes the way past the command line's library; None: this is none, or it is for that one."""
    if list(arguments[:2]) != ["ide", "status"]:
        return None
    from controller.cli.indicator import quick

    return quick(arguments[2:])
