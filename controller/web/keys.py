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
from controller.model.errors import ControllerError

ADDRESS_FILE = "api.json"
TOKEN_FILE = "api.token"  # noqa: S105 - its name
PRIVATE, SHARED = 0o600, 0o644
"""For its owner alone; and for whoever is on this machine, such as a container with users of its own."""
_BITS = 32
_LEAST = 32
"""Characters below which a token that somebody wrote by hand is no token."""

CODE_SECONDS, SESSION_SECONDS = 3600.0, 43200.0


def read_token(root: Path) -> str:
    """The token of this state folder; made where there is none. Raises ControllerError."""
    make_private(root)
    return read_secret(root / TOKEN_FILE, PRIVATE)


def read_secret(path: Path, mode: int) -> str:
    """The token in that file; made, with that mode, where there is none. Raises ControllerError."""
    try:
        with suppress(FileNotFoundError):
            return _checked(path, mode)
        _make(path, mode)
        return _checked(path, mode)
    except OSError as error:
        raise ControllerError(f"{path}: {error.strerror}", hint=_mend(error, path)) from None


def _mend(error: OSError, path: Path) -> str:
    match error:
        case IsADirectoryError():
            return f"rmdir {path}: Docker makes a folder where the file of a mount is missing"
        case FileNotFoundError():
            return f"mkdir -p {path.parent}"
    return "let the controller read and write it"


def _make(path: Path, mode: int) -> None:
    """Whole or not at all."""
    token = secrets.token_urlsafe(_BITS)
    beside = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    with failpoints.around("disk.token"):
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE)
        try:
            os.write(handle, f"{token}\n".encode())
            os.fchmod(handle, mode)  # whatever the umask says
            os.fsync(handle)
            os.close(handle)
            with suppress(FileExistsError):  # another process was quicker: its token counts
                os.link(beside, path)
        finally:
            beside.unlink()


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
            (folder / ADDRESS_FILE).write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Address | None:
        """None: nobody serves here."""
        try:
            return cls(**json.loads((folder / ADDRESS_FILE).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None


def _checked(path: Path, mode: int) -> str:
    """Nobody may do with it what its mode does not say, but for its owner, and nobody else may write it."""
    token = path.read_text(encoding="utf-8", errors="replace").strip()
    if excess := path.stat().st_mode & ~mode & 0o066:
        hint = f"chmod {mode:o} {path}, or remove it for a new one"
        raise ControllerError(f"{path}: others can {'read' if excess & 0o044 else 'write'} it", hint=hint)
    if len(token) < _LEAST:
        raise ControllerError(f"{path}: no token of {_LEAST} characters or more", hint="remove it for a new one")
    return token


class Keys:
    """Checks what clients show. Safe from several threads.

    Codes and sessions are signed instants, so that whoever can read the token can make a code without asking us. A
    code is good for one process (`epoch`), once; a session outlives it, and ends with the token that signs it.
    """

    def __init__(self, token: str, epoch: str, clock: Callable[[], float] = time.time) -> None:
        self._token = token
        self._epoch = epoch
        self._clock = clock
        self._lock = threading.Lock()
        self._void: dict[str, float] = {}
        """Codes that were used and sessions that were ended, and until when they would be good else."""

    def is_token(self, shown: str) -> bool:
        return hmac.compare_digest(shown.encode(), self._token.encode())

    def make_code(self) -> str:
        """A code that opens one session, within an hour."""
        return self._issue(f"code:{self._epoch}", CODE_SECONDS)

    def use_code(self, code: str) -> bool:
        """Whether it was good; it is no more."""
        return self._is_good(f"code:{self._epoch}", code) and self._end(code)

    def open_session(self) -> str:
        """The cookie's value."""
        return self._issue("session", SESSION_SECONDS)

    def is_session(self, cookie: str) -> bool:
        return self._is_good("session", cookie)

    def end_session(self, cookie: str) -> None:
        """It is void from now on, as long as this process lives."""
        if self.is_session(cookie):
            self._end(cookie)

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
