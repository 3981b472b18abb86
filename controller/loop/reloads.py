"""Has services take up new values of secrets while they run: by a signal to their first process, or by a command.

What services have taken up is on the disk, by service and by what stands for the values, so that whoever comes after
a controller that died goes on. Twice is as good as once. The signal comes from a shell inside: `docker kill` would have
Docker forget that it is to start the container again after a reboot.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from controller.engines.base import Engine, Execution
from controller.loop.codec import decode, encode
from controller.loop.whole import write_whole
from controller.model.delivered import Delivery
from controller.model.errors import ControllerError
from controller.model.names import Instant
from controller.model.observed import Replica, ServiceView

if TYPE_CHECKING:
    from controller.model.manifest.security import Reload

FILE = "secrets.taken-up"
PATIENCE = 30.0
"""Seconds for a command, or for a signal to be sent."""
_FIRST, _LONGEST = 5.0, 300.0
"""Seconds until it is tried again after a failure; they double."""


class Say(Protocol):
    """Tells an event."""

    def __call__(
        self, now: Instant, service: str | None, reason: str, message: str, *, warning: bool = False
    ) -> None: ...


Views = Mapping[str, ServiceView]


class _Done(NamedTuple):
    service: str
    tags: str
    failures: Sequence[str]
    reached: int


class Reloads:
    """Of one stack. `tend` is called after each look and returns at once; a thread does what takes long."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine, self._path = engine, folder / FILE
        self._known: dict[str, str] | None = None
        self._failed: dict[str, tuple[int, Instant]] = {}
        """By service: how often, and until when it is left."""
        self._thread: threading.Thread | None = None
        self._done: list[_Done] = []

    def tend(self, delivery: Delivery, views: Views, now: Instant, say: Say) -> None:
        """Tell what came of the last one, and begin the next."""
        if not delivery.sets:
            return  # nearly always
        self._settle(now, say)
        self._begin_anew(delivery)
        if self._thread is None and (service := self._find_due(delivery, views, now)) is not None:
            replicas = [replica for replica in views[service].replicas if replica.running]
            work = (service, delivery.sets[service], delivery.reloads[service], replicas)
            self._thread = threading.Thread(target=self._work, args=work, name="reload", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """What is under way is waited for."""
        if self._thread is not None:
            self._thread.join(PATIENCE)

    @property
    def _taken_up(self) -> dict[str, str]:
        if self._known is None:
            self._known = {}
            with suppress(OSError, ValueError):
                self._known = dict(decode(dict[str, str], self._path.read_text("utf-8")))
        return self._known

    def _begin_anew(self, delivery: Delivery) -> None:
        """Who was never here before is made with what is there; who is no more is forgotten."""
        known = {name: self._taken_up.get(name, tags) for name, tags in delivery.sets.items()}
        if known != self._taken_up:
            self._keep(known)

    def _keep(self, known: dict[str, str]) -> None:
        write_whole(self._path, encode(known).encode(), "reloads")
        self._known = known

    def _find_due(self, delivery: Delivery, views: Views, now: Instant) -> str | None:
        for service, tags in sorted(delivery.sets.items()):
            waits = self._failed.get(service, (0, now))[1] > now
            if self._taken_up.get(service) != tags and not waits and service in views:
                return service
        return None

    def _settle(self, now: Instant, say: Say) -> None:
        if self._thread is None or self._thread.is_alive():
            return
        self._thread = None
        for done in self._done:
            if done.failures:
                times = self._failed.get(done.service, (0, 0.0))[0] + 1
                self._failed[done.service] = times, now + min(_LONGEST, _FIRST * 2.0 ** (times - 1))
                say(now, done.service, "SecretsNotTakenUp", "; ".join(done.failures), warning=True)
            else:
                self._failed.pop(done.service, None)
                self._keep({**self._taken_up, done.service: done.tags})
                say(now, done.service, "SecretsTakenUp", f"new secrets in {done.reached} replicas")
        self._done.clear()

    def _work(self, service: str, tags: str, how: Reload, replicas: Sequence[Replica]) -> None:
        failures = [why for replica in replicas if (why := self._reload(replica, how)) is not None]
        self._done.append(_Done(service, tags, failures, len(replicas)))

    def _reload(self, replica: Replica, how: Reload) -> str | None:
        """Why it did not take them up. What the command says is nobody's business: it may be a secret."""
        try:
            came = self._engine.execute(replica.id, command_of(how), timeout=PATIENCE)
        except ControllerError as error:
            return f"{replica.name}: {error.message}"
        return None if came.exit_code == 0 else f"{replica.name}: {_tell(how, came)}"


def command_of(how: Reload) -> Sequence[str]:
    """What is run in a container."""
    if how.mode == "signal":
        return "/bin/sh", "-c", 'kill -s "$0" 1', how.signal.removeprefix("SIG")
    return how.command


def _tell(how: Reload, came: Execution) -> str:
    if how.mode == "signal" and came.exit_code in (None, 126, 127):
        return f"no shell in it could send {how.signal}; use mode: exec or roll"
    what = f"sending {how.signal}" if how.mode == "signal" else how.command[0]
    return f"{what} could not be run" if came.exit_code is None else f"{what} ended with {came.exit_code}"
