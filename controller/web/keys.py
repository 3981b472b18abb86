"""Who may: the token in the state folder, codes that open the dashboard once, and the sessions that they become."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from controller import failpoints
from controller.loop.database import make_private
from controller.loop.secret import PRIVATE, read_secret

ADDRESS_FILE = "api.json"
TOKEN_FILE = "api.token"  # noqa: S105 - its name
CODE_SECONDS, SESSION_SECONDS = 3600.0, 43200.0


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


class Keys:
    """Checks what clients show. Safe from several threads.

    Codes and sessions are signed instants, so that whoever can read the token can make a code without asking us. A
    code is good for one process (`epoch`), once; a session for one `port`, whoever serves there: pages that are open
    when a controller ends go on showing theirs to it.
    """

    def __init__(self, token: str, epoch: str, port: int = 0, clock: Callable[[], float] = time.time) -> None:
        self._token = token
        self._epoch = epoch
        self._session = f"session:{port}"
        self._clock = clock
        self._lock = threading.Lock()
        self._void: dict[str, float] = {}
        """Codes that were used and sessions that were ended, and until when they would be good else."""

    def is_token(self, shown: str) -> bool:
        return hmac.compare_digest(shown.encode(), self._token.encode())

    def who(self, shown: str) -> str | None:
        """Whose key that is: `api` for the token, `dashboard` for a session, None for no key of ours."""
        if not shown:
            return None
        if self.is_token(shown):
            return "api"
        return "dashboard" if self.is_session(shown) else None

    def make_code(self) -> str:
        """A code that opens one session, within an hour."""
        return self._issue(f"code:{self._epoch}", CODE_SECONDS)

    def use_code(self, code: str) -> bool:
        """Whether it was good; it is no more."""
        return self._is_good(f"code:{self._epoch}", code) and self._end(code)

    def open_session(self) -> str:
        """What the dashboard shows from now on."""
        return self._issue(self._session, SESSION_SECONDS)

    def is_session(self, shown: str) -> bool:
        return self._is_good(self._session, shown)

    def end_session(self, shown: str) -> None:
        """It is void from now on, as long as this process lives."""
        if self.is_session(shown):
            self._end(shown)

    def _issue(self, purpose: str, seconds: float) -> str:
        said = f"{int(self._clock() + seconds)}.{secrets.token_urlsafe(12)}"
        return f"{said}.{self._sign(purpose, said)}"

    def _is_good(self, purpose: str, shown: str) -> bool:
        said, _, sign = shown.rpartition(".")
        if not hmac.compare_digest(sign.encode(), self._sign(purpose, said).encode()):
            return False
        return _until(said) > self._clock() and said not in self._void

    def _end(self, shown: str) -> bool:
        """Whether it was good until now."""
        said, now = shown.rpartition(".")[0], self._clock()
        with self._lock:
            fresh = said not in self._void
            self._void = {**{known: until for known, until in self._void.items() if until > now}, said: _until(said)}
            return fresh

    def _sign(self, purpose: str, said: str) -> str:
        digest = hmac.new(self._token.encode(), f"{purpose}:{said}".encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _until(said: str) -> float:
    return float(said.partition(".")[0])
