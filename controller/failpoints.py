"""Places where a test can kill this very process: before and after each write to the engine and to the disk.

Armed by the environment, read once (CONTRIBUTING.md); else each is a call of an empty function.
"""

from __future__ import annotations

import os
import re
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext

CRASH_AT = "CONTROLLER_CRASH_AT"
"""`engine.container.create.after:2`: die by SIGKILL when that point is passed the second time."""

RECORD = "CONTROLLER_CRASH_RECORD"
"""A file that gets the name of each point that is passed, one a line."""

BEFORE, SENT, AFTER = "before", "sent", "after"
"""`sent`: the engine has the request and will answer somebody who is dead."""

DISK = frozenset(
    {
        "folder",
        "database",
        "damaged",
        "schema",
        "lock",
        "holder",
        "socket",
        "recorder",
        "manifest",
        "ingress",
        "token",
        "address",
        "netcheck",
        "hardened",
        "editor",
        "auditfile",
        "auditkey",
        "audithead",
        "auditline",
        "auditlock",
        "auditmended",
        "auditrotated",
        "auditpacked",
        "auditunpacked",
        "auditpruned",
        "access",
        "key",
        "canary",
        "secrets",
        "delivery",
        "unfinished",
        "override",
        "reloads",
        "mount",
        "certificate",
    }
)
"""Writes to the disk that are no transaction; a transaction is named by its last change."""

COMPOSE = frozenset({"up", "pull", "build"})
"""Children that write."""

_TABLES = (
    "acks|adjustments|alerts|events|generations|histories|images|intents|memory|newest|renderings|replicas|revisions"
    "|silences|status|timings|usage"
)
_CONTAINER = "create|start|stop|restart|unpause|rename|update|kill|remove|archive|exec"
NAMES = re.compile(
    rf"(engine\.(container\.({_CONTAINER})|exec\.start|network\.(create|connect|disconnect|remove)|volume\.create|image\.remove"
    rf"|cache\.prune)"
    rf"|compose\.({'|'.join(sorted(COMPOSE))})|disk\.({'|'.join(sorted(DISK))})"
    rf"|store\.({_TABLES})\.(insert|update|delete))\.({BEFORE}|{SENT}|{AFTER})"
)
"""Every point there is."""


def reach(point: str) -> None:
    """This process passes that point."""
    _passed(point)


def around(write: str) -> AbstractContextManager[None]:
    """A write between two points; one that fails passes only the first."""
    return _around(write)


def arm(environment: Mapping[str, str]) -> None:
    """Take what that environment says, in place of what was armed before. Raises ValueError for an unknown point."""
    global _passed, _around
    at, _, times = environment.get(CRASH_AT, "").partition(":")
    file = environment.get(RECORD, "")
    if at and not NAMES.fullmatch(at):
        raise ValueError(f"{CRASH_AT}: there is no point {at}")
    _passed, _around = _pass_by, _go_by
    if at or file:
        _passed, _around = _watch(at, int(times or 1), file), _enclose


def _pass_by(point: str) -> None:
    pass


def _go_by(write: str) -> AbstractContextManager[None]:
    return _NOTHING


def _watch(at: str, times: int, file: str) -> Callable[[str], None]:
    passed: Counter[str] = Counter()

    def watch(point: str) -> None:
        if file:
            _append(file, point)
        passed[point] += 1
        if point == at and passed[point] == times:
            os.kill(os.getpid(), signal.SIGKILL)

    return watch


def _append(file: str, point: str) -> None:
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        os.write(handle, f"{point}\n".encode())
    finally:
        os.close(handle)


@contextmanager
def _enclose(write: str) -> Iterator[None]:
    reach(f"{write}.{BEFORE}")
    yield
    reach(f"{write}.{AFTER}")


_NOTHING = nullcontext()
_passed: Callable[[str], None] = _pass_by
_around: Callable[[str], AbstractContextManager[None]] = _go_by
arm(os.environ)
