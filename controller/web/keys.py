"""Keys: the token in the state folder, codes that open the dashboard once, and the sessions that they become."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from controller import failpoints
from controller.loop.database import make_private
from controller.loop.secret import PRIVATE, read_secret

ADDRESS_FILE = "api.json"
TOKEN_FILE = "api.token"  # noqa: S105 - its name
CODE_SECONDS, SESSION_SECONDS = 3600.0, 43200.0
SWEEP = 60.0
"""Seconds between two looks at which void keys would be over anyway."""


def read_token(root: Path) -> str:
    """The token of this state folder; made where there is none. Raises ControllerError."""
    make_private(root)
    return read_secret(root / TOKEN_FILE, PRIVATE)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a controller serves: what whoever can read the token needs for a link. `epoch`: of its process."""

    url: str
    epoch: str

    def link(self, code: str) -> str:
        """A fragment stays in the browser: no log of a server, and no other site, ever sees it."""
        return f"{self.url}/#code={code}"

    def write(self, folder: Path) -> None:
        """A full disk is no reason not to serve."""
        make_private(folder)
        with suppress(OSError), failpoints.around("disk.address"):
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
            with open(os.open(folder / ADDRESS_FILE, flags, PRIVATE), "w", encoding="utf-8") as file:
                os.fchmod(file.fileno(), PRIVATE)  # of an older one
                file.write(json.dumps(asdict(self)))

    @classmethod
    def read(cls, folder: Path) -> Address | None:
        """None: nobody serves here."""
        try:
            return cls(**json.loads((folder / ADDRESS_FILE).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None


@dataclass(frozen=True, slots=True)
class Badge:
    """Who has a session. `token`: the number of the token by which he came in; with its roles and stacks, and its end.

    `roles` None: those that the manifest gives the user.
    """

    user: str
    token: str = ""
    roles: tuple[str, ...] | None = None
    stacks: tuple[str, ...] = ()
    expires: float | None = None


OWNER = Badge("owner")
"""Who can read the state folder, and so is root of what is kept here already."""


class Session(NamedTuple):
    """A session that is good, and until when."""

    badge: Badge
    until: float


class Halves(NamedTuple):
    """What opens nothing but together: a page shows the one in a header, the browser adds the other as a cookie."""

    shown: str
    cookie: str
    seconds: float


class Keys:
    """Checks what clients show. Safe from several threads.

    Codes and sessions are signed words, so that whoever can read the token can make a code without asking us. A code is
    good for one process (`epoch`), once; a session for one `port`, whoever serves there: pages that are open when a
    controller ends go on showing theirs to it.
    """

    def __init__(self, token: str, epoch: str, port: int = 0, clock: Callable[[], float] = time.time) -> None:
        self._token = token
        self._epoch = epoch
        self._session = f"session:{port}"
        self.now = clock
        self._lock = threading.Lock()
        self._swept = clock()
        self._void: dict[str, float] = {}
        """Codes that were used and sessions that were ended, and until when they would be good else."""

    def is_token(self, shown: str) -> bool:
        return hmac.compare_digest(shown.encode(), self._token.encode())

    def make_code(self) -> str:
        """A code that opens one session, within an hour."""
        return self._issue(f"code:{self._epoch}", CODE_SECONDS, "")

    def use_code(self, code: str) -> bool:
        """Whether it was good; it is no more."""
        return self._is_good(f"code:{self._epoch}", code) and self._end(code)

    def open_session(self, badge: Badge = OWNER) -> Halves:
        """What the dashboard shows from now on, and the cookie that goes with it."""
        cookie, now = secrets.token_urlsafe(32), self.now()
        seconds = min(SESSION_SECONDS, badge.expires - now if badge.expires is not None else SESSION_SECONDS)
        said = json.dumps({**asdict(badge), "cookie": _digest(cookie)})
        return Halves(self._issue(self._session, seconds, _pack(said.encode())), cookie, seconds)

    def read_session(self, shown: str, cookies: Collection[str]) -> Session | None:
        """Whose that is. `cookies`: other servers of this host may have set some of the same name."""
        if not self._is_good(self._session, shown):
            return None
        try:
            said = json.loads(_unpack(shown.split(".")[2]))
            cookie = said.pop("cookie")
        except (ValueError, LookupError, AttributeError):
            return None  # of an earlier version
        if not any([hmac.compare_digest(cookie, _digest(one)) for one in cookies]):
            return None
        roles = said["roles"]
        badge = Badge(**{**said, "roles": None if roles is None else tuple(roles), "stacks": tuple(said["stacks"])})
        return Session(badge, _until(shown))

    def end_session(self, shown: str) -> None:
        """It is void from now on, as long as this process lives."""
        if self._is_good(self._session, shown):
            self._end(shown)

    def _issue(self, purpose: str, seconds: float, word: str) -> str:
        said = f"{int(self.now() + seconds)}.{secrets.token_urlsafe(12)}.{word}"
        return f"{said}.{self._sign(purpose, said)}"

    def _is_good(self, purpose: str, shown: str) -> bool:
        said, _, sign = shown.rpartition(".")
        if not hmac.compare_digest(sign.encode(), self._sign(purpose, said).encode()):
            return False
        return _until(said) > self.now() and said not in self._void

    def _end(self, shown: str) -> bool:
        """Whether it was good until now."""
        said, now = shown.rpartition(".")[0], self.now()
        with self._lock:
            fresh = said not in self._void
            self._void[said] = _until(said)
            if now >= self._swept + SWEEP:
                self._swept = now
                for old in [known for known, until in self._void.items() if until <= now]:
                    del self._void[old]
            return fresh

    def _sign(self, purpose: str, said: str) -> str:
        return _pack(hmac.new(self._token.encode(), f"{purpose}:{said}".encode(), hashlib.sha256).digest())


def _digest(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()


def _pack(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _unpack(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _until(said: str) -> float:
    return float(said.partition(".")[0])
