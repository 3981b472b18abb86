"""A process of its own that takes one message out: `python -m controller.alerts.errand`, the message on its input.

Whatever a library does with an address: each connection is judged by where it really goes, so that no name that is
resolved twice, and no redirect, leads elsewhere; no program is started; time, memory and the answer are bounded.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import signal
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, TextIO

from controller.model.receivers import refuse_address

PATIENCE = 30
"""Seconds for all of it, after which the process is ended."""
TIMEOUT = 10.0
"""Seconds for a step of a message to an Alertmanager webhook; apprise has 4 for connecting and 4 for the answer."""

_MEMORY = 1 << 29
_GOES_OUT = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_RUNS = ("subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.system", "pty.", "syslog.")
_BUSES = frozenset({"dbus", "dbus_fast", "dbus_next", "gi", "jeepney", "pydbus"})
"""Modules that speak to the desktop of this machine."""


class Refused(OSError):
    """What is not done, however a library asks for it."""


class Watch:
    """An audit hook (PEP 578): Python asks it before it connects, sends or starts anything. `seen`: what it refused."""

    def __init__(self) -> None:
        self.seen = ""

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        why = None
        if event in _GOES_OUT:
            why = self._judge(arguments[1])
        elif event.startswith(_RUNS):
            why = "it would start something on this machine"
        elif event == "ctypes.dlopen" and arguments[0] is not None:  # None: Python itself, as `import ctypes` does
            why = "it would speak to a service of this machine"
        elif event == "import" and str(arguments[0]).partition(".")[0] in _BUSES:
            raise ImportError(name=str(arguments[0]))  # which libraries are ready for; they are asked for by the way
        if why is not None:
            self.seen = why
            raise Refused(why)

    def _judge(self, address: object) -> str | None:
        match address:
            case None:  # connected already, and judged then
                return None
            case (str(host), *_):
                return refuse_address(host) or _judge_name(host)
        return "it would speak to a service of this machine"


def _judge_name(host: str) -> str | None:
    """Where a library leaves resolving to the system: everything that the name stands for now."""
    try:
        found = socket.getaddrinfo(host, None)
    except OSError:
        return None
    return next((why for *_, place in found if (why := refuse_address(str(place[0])))), None)


def main() -> int:
    """One message; the answer is a line of JSON: `{"trouble": why it was not taken}`, "" where it was."""
    signal.alarm(PATIENCE + 5)  # where nobody is left to end us
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no answer
    _bound(resource.RLIMIT_DATA, _MEMORY)
    _bound(resource.RLIMIT_CORE, 0)  # a core would hold the address
    _answer(answer, json.load(sys.stdin))
    return 0


def _bound(kind: int, most: int) -> None:
    _, hard = resource.getrlimit(kind)
    least = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (least, least))


def _answer(answer: TextIO, message: Mapping[str, Any]) -> None:
    watch = Watch()
    sys.addaudithook(watch)
    try:
        trouble = _post(**message) if "body" in message else _notify(**message)
    except MemoryError:
        trouble = "its answer is too large"
    except Exception as error:  # whatever a library says of an address may quote it
        trouble = f"its address cannot be used ({type(error).__name__})"
    json.dump({"trouble": watch.seen or trouble}, answer)
    answer.flush()


def _notify(address: str, title: str, text: str, kind: str) -> str:
    import apprise  # late: it takes half a second, and 30 MB
    import requests
    from apprise.utils.parse import parse_urls

    if "://" in address and parse_urls(address) != [address.strip()]:  # type: ignore[no-untyped-call]
        return "it is not one address alone"
    requests.Session.get_redirect_target = lambda *_: None  # type: ignore[method-assign]
    said: list[str] = []
    target = apprise.Apprise(log_callback=lambda entry, _: said.append(entry.message), log_level=logging.WARNING)
    if not target.add(address):
        return "apprise does not know such an address"
    if not target.notify(title=title, body=text, notify_type=kind):
        return said[0] if said else "it was not taken"
    return ""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A message that is sent on as a GET elsewhere is lost."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _post(address: str, body: Mapping[str, Any]) -> str:
    """Of the answer the status counts, and nothing else is read."""
    opener = urllib.request.build_opener(_NoRedirect)
    try:
        head = {"Content-Type": "application/json"}
        request = urllib.request.Request(address, json.dumps(body).encode(), head)  # noqa: S310 - http(s), see sinks
        with opener.open(request, timeout=TIMEOUT):
            return ""
    except urllib.error.HTTPError as error:
        error.close()
        return f"it answered {error.code}"
    except urllib.error.URLError as error:
        return _tell(error.reason)
    except (OSError, ValueError) as error:
        return _tell(error)


def _tell(reason: object) -> str:
    if isinstance(reason, TimeoutError):
        return f"no answer within {TIMEOUT:g} s"
    return getattr(reason, "strerror", None) or type(reason).__name__


if __name__ == "__main__":
    sys.exit(main())
