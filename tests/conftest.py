"""What holds for all tests, in whatever shell they were started."""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    """A shell has what it starts in the background ignore Ctrl-C, and children inherit that; some are sent one here."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
