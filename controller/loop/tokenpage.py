"""What is written of tokens: the keys that sign them, which were issued, and what became of them. One private file."""

from __future__ import annotations

import base64
import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from controller import failpoints
from controller.loop.disk import sync_folder
from controller.loop.tokenfile import is_sealed
from controller.model.errors import ControllerError
from controller.model.names import Instant
from controller.security.signing import LEEWAY, Claims


@dataclass(frozen=True, slots=True)
class Made:
    """A generated key (Ed25519). `secret`: its seed, encrypted or in base64; `retired`: since when it signs nothing any
    more."""

    kid: str
    secret: str = field(repr=False)
    made: Instant
    retired: Instant | None = None


@dataclass(frozen=True, slots=True)
class Issued:
    """What is known of a token. `roles` None: those that the manifest gives its user. `stacks`: these alone."""

    id: str
    user: str
    issued: Instant
    expires: Instant
    kid: str
    roles: tuple[str, ...] | None = None
    stacks: tuple[str, ...] = ()
    revoked: Instant | None = None

    def state(self, now: Instant) -> str:
        """`valid`, `expired` or `revoked`."""
        if self.revoked is not None:
            return "revoked"
        return "expired" if self.expires + LEEWAY < now else "valid"

    @property
    def claims(self) -> Claims:
        return Claims(self.id, self.user, self.issued, self.expires, self.roles, self.stacks)


@dataclass(frozen=True, slots=True)
class Page:
    """All that is written. `signer`: the key with which the last controller that served signed."""

    id: str
    keys: tuple[Made, ...] = ()
    tokens: tuple[Issued, ...] = ()
    signer: str = ""

    def find(self, number: str) -> Issued | None:
        return next((one for one in self.tokens if one.id == number), None)


def mark_of(path: Path) -> object:
    """Differs whenever the file is another one; None: there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreadable(path, error.strerror or "") from None
    return (found.st_ino, found.st_mtime_ns, found.st_size)


def read_page(path: Path) -> Page:
    """Raises ControllerError where it is damaged, or others can reach it."""
    try:
        if path.stat().st_mode & 0o077:
            raise ControllerError(f"{path}: others can reach it", hint=f"chmod 600 {path}, and rotate the keys")
        said: Any = json.loads(path.read_text(encoding="utf-8"))
        keys = tuple(Made(**one) for one in said["keys"])
        for one in keys:
            if not is_sealed(one.secret):
                base64.b64decode(one.secret, validate=True)
        return Page(said["id"], keys, tuple(map(_issued, said["tokens"])), said["signer"])
    except OSError as error:
        raise _unreadable(path, error.strerror or "") from None
    except (ValueError, TypeError, KeyError) as error:
        raise _unreadable(path, f"damaged ({type(error).__name__})") from None


def _issued(said: dict[str, Any]) -> Issued:
    roles = said["roles"]
    return Issued(**{**said, "roles": None if roles is None else tuple(roles), "stacks": tuple(said["stacks"])})


def _unreadable(path: Path, why: str) -> ControllerError:
    return ControllerError(f"{path}: {why}", hint="mend it, or remove it: all tokens are void then")


def write_page(path: Path, page: Page) -> None:
    """Whole or not at all, also where the power fails."""
    beside = path.with_name(f".{path.name}.new")
    with failpoints.around("disk.access"):
        with suppress(FileNotFoundError):
            beside.unlink()  # of somebody who died
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(handle, "w", encoding="utf-8") as file:
            json.dump(asdict(page), file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
        sync_folder(path.parent)
