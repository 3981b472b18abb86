"""All that a scrape tells, taken at one moment from what the loop and the metering have published."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from controller import __version__
from controller.loop.controller import Passes
from controller.loop.window import UnknownStack, Window
from controller.model.errors import ControllerError
from controller.model.names import Instant
from controller.model.status import StackStatus
from controller.model.usage import Usage
from controller.render.alerts import Shown, show_alerts

if TYPE_CHECKING:
    from controller.model.certified import StackCertificates
    from controller.security.state import Scanned


class StackFacts(NamedTuple):
    """One stack. `up`: the engine answered the last look. `scanned`: its last scan, None: there was none; `barred`: how
    many services may not be started, None: nothing bars any."""

    status: StackStatus
    up: bool = True
    passes: Passes = Passes()
    alerts: tuple[Shown, ...] | None = ()
    """Open ones; None: the stack's store cannot be read now."""
    scanned: Scanned | None = None
    barred: int | None = None
    certificates: StackCertificates | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`usage` None: nothing was measured yet."""

    began_at: Instant
    stacks: tuple[StackFacts, ...] = ()
    usage: Usage | None = None
    version: str = __version__


def take_snapshot(window: Window, only: str | None = None) -> Snapshot:
    """Of all stacks, or of one of them. Reads the stores, for alerts."""
    return Snapshot(window.began_at, tuple(_facts(window, only)), window.metering.latest)


def _facts(window: Window, only: str | None) -> Iterator[StackFacts]:
    for status in statuses(window, only):
        name = status.name
        with suppress(UnknownStack):  # it has just gone
            up = window.unavailable(name) is None
            alerts, certificates = _open_alerts(window, name), window.last_certificates(name)
            yield StackFacts(status, up, window.passes(name), alerts, *window.scanned(name), certificates)


def _open_alerts(window: Window, stack: str) -> tuple[Shown, ...] | None:
    try:
        posted = window.alerts(stack)
    except UnknownStack:
        raise
    except ControllerError:  # what else is known of it is told all the same
        return None
    return tuple(show_alerts([posted], time.time(), everything=False))


def statuses(window: Window, only: str | None) -> Iterator[StackStatus]:
    """As they were published last: of all stacks, or of one of them."""
    return (status for status in window.statuses() if only in (None, status.name))
