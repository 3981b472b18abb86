"""Progress while something converges: lines redrawn in place on a terminal, one plain line a change elsewhere."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from controller.cli.options import Options
from controller.cli.terminal import paint_for
from controller.model.phases import Phase
from controller.model.status import Event, ServiceStatus, StackStatus
from controller.render.events import clock
from controller.render.live import change_line, progress_lines, tells_phase, warning_line
from controller.render.paint import Paint, plain

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text

_REDRAW_EVERY = 0.1
_BEGINS = frozenset({Phase.STARTING, Phase.UPDATING, Phase.ROLLING_BACK})


class Screen:
    """An audience of the loop that says nothing: the base of what does, usable where nobody looks."""

    watched = False
    """Whether it is a terminal, where somebody looks."""

    def __enter__(self) -> Screen:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def update(self, stacks: Sequence[StackStatus]) -> None:
        return None

    def event(self, event: Event) -> None:
        return None

    def say(self, line: str) -> None:
        """A line beside the progress, whole."""
        return None

    def invite(self, address: str, make_link: Callable[[], str]) -> None:
        """Where the dashboard is; the link that opens it only where nobody keeps what is printed, as journals do."""
        self.say(f"dashboard: {make_link() if self.watched else f'{address} (`controller token link` opens it)'}")

    def close(self) -> None:
        return None


class LineScreen(Screen):
    """One line for each change of phase and each warning, with `verbose` for each event. `put` gets the line."""

    def __init__(self, put: Callable[[str, bool], None], *, verbose: bool = False, watched: bool = False) -> None:
        self.watched = watched
        self._put = put
        self._verbose = verbose
        self._seen: dict[tuple[str, str], tuple[Phase, str]] = {}
        self._began: dict[tuple[str, str], float] = {}
        self._lock = threading.Lock()

    def update(self, stacks: Sequence[StackStatus]) -> None:
        with self._lock:
            for line in self._changes(stacks):
                self._put(line, False)

    def _changes(self, stacks: Sequence[StackStatus]) -> list[str]:
        lines: list[str] = []
        for stack in stacks:
            for service in stack.services:
                key, shown = (stack.name, service.name), (service.phase, service.waits_for or "")
                before = self._seen.get(key)
                if before == shown:
                    continue
                self._seen[key] = shown
                seconds = self._took(key, service)
                line = change_line(stack, service, before[0] if before else None, seconds, several=len(stacks) > 1)
                lines += [line] if line else []
        return lines

    def _took(self, key: tuple[str, str], service: ServiceStatus) -> float | None:
        """Seconds since the service began to start, once it has ended."""
        if service.phase in _BEGINS:
            self._began.setdefault(key, service.since)
            return None
        began = self._began.pop(key, None)
        return None if began is None else service.since - began

    def event(self, event: Event) -> None:
        if self._verbose or (event.kind == "Warning" and not tells_phase(event)):
            with self._lock:
                self._put(warning_line(event), event.kind == "Warning")

    def say(self, line: str) -> None:
        with self._lock:
            self._put(line, False)


def plain_screen(stream: TextIO, paint: Paint = plain, *, verbose: bool = False) -> LineScreen:
    """`12:01:02 redis Ready after 1.2 s`, on a stream."""

    def put(line: str, warns: bool) -> None:
        told = paint(line, "warn") if warns else line
        # A reader that has gone away must not end the loop that tells us.
        with suppress(OSError, ValueError):
            print(f"{paint(clock(time.time()), 'dim')} {told}", file=stream, flush=True)

    return LineScreen(put, verbose=verbose, watched=stream.isatty())


def log_screen(path: Path, *, verbose: bool = False) -> LineScreen:
    """The same lines, dated, in a file that is rotated at 10 MB; five old ones are kept. Raises OSError at once."""
    from loguru import logger

    logger.remove()
    form = "{time:YYYY-MM-DDTHH:mm:ss.SSS!UTC}Z {level:<7} {message}"
    logger.add(path, format=form, rotation="10 MB", retention=5, diagnose=False, backtrace=False, encoding="utf-8")

    def put(line: str, warns: bool) -> None:
        logger.log("WARNING" if warns else "INFO", "{}", line)

    return LineScreen(put, verbose=verbose)


class LiveScreen(Screen):
    """A line a service, redrawn in place, at most ten times a second and only when a line differs."""

    watched = True

    def __init__(self, stream: TextIO, paint: Paint, *, transient: bool = False) -> None:
        self._stream = stream
        self._paint = paint
        self._stacks: tuple[StackStatus, ...] = ()
        self._drawn: list[str] = []
        self._changed = threading.Event()
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._live = _open_live(stream, transient)
        self._painter = threading.Thread(target=self._keep_drawing, name="screen", daemon=True)
        self._painter.start()

    def update(self, stacks: Sequence[StackStatus]) -> None:
        self._stacks = tuple(stacks)
        self._changed.set()

    def event(self, event: Event) -> None:
        if event.kind == "Warning":
            self.say(warning_line(event))

    def say(self, line: str) -> None:
        with self._lock:
            self._live.console.print(_text(f"{clock(time.time())} {line}"))

    def close(self) -> None:
        if not self._over.is_set():
            self._over.set()
            self._changed.set()
            self._painter.join(timeout=2)
            self._draw()
            self._live.stop()

    def _keep_drawing(self) -> None:
        while not self._over.is_set():
            self._draw()
            self._changed.wait(1.0)  # elapsed times are shown in whole seconds
            self._changed.clear()
            self._over.wait(_REDRAW_EVERY)

    def _draw(self) -> None:
        size = shutil.get_terminal_size()
        stacks = self._stacks
        if not stacks:
            return
        lines = progress_lines(stacks, time.time(), height=size.lines - 2, width=size.columns - 1, paint=self._paint)
        with self._lock:
            if lines != self._drawn:
                self._drawn = lines
                self._live.update(_text("\n".join(lines)), refresh=True)


def _text(line: str) -> Text:
    from rich.text import Text

    return Text.from_ansi(line, no_wrap=True, overflow="ellipsis")


def _open_live(stream: TextIO, transient: bool) -> Live:
    from rich.console import Console
    from rich.live import Live

    live = Live(
        console=Console(file=stream, highlight=False), auto_refresh=False, redirect_stdout=False, transient=transient
    )
    live.start()
    return live


class BothScreens(Screen):
    """What is shown goes to a second screen too."""

    def __init__(self, shown: Screen, kept: Screen) -> None:
        self._screens = (shown, kept)

    def update(self, stacks: Sequence[StackStatus]) -> None:
        for screen in self._screens:
            screen.update(stacks)

    def event(self, event: Event) -> None:
        for screen in self._screens:
            screen.event(event)

    def say(self, line: str) -> None:
        for screen in self._screens:
            screen.say(line)

    def invite(self, address: str, make_link: Callable[[], str]) -> None:
        for screen in self._screens:
            screen.invite(address, make_link)

    def close(self) -> None:
        for screen in self._screens:
            screen.close()


def open_screen(options: Options, *, lasting: bool = False) -> Screen:
    """The screen that fits: silent with --quiet, live on a terminal, plain lines elsewhere. Always on stderr.

    The same lines, dated, go to the --log file, where there is one. `lasting`: the last picture stays on the screen;
    else it makes way for the result.
    """
    shown = _shown(options, lasting)
    if options.log is None:
        return shown
    return BothScreens(shown, log_screen(options.log, verbose=options.verbosity > 0))


def _shown(options: Options, lasting: bool) -> Screen:
    if options.verbosity < 0:
        return Screen()
    paint = paint_for(options, sys.stderr)
    if sys.stderr.isatty() and options.verbosity == 0 and os.environ.get("TERM", "dumb") != "dumb":
        return LiveScreen(sys.stderr, paint, transient=not lasting and sys.stdout.isatty())
    return plain_screen(sys.stderr, paint, verbose=options.verbosity > 0)
