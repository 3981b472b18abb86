"""The keys that sign tokens, and which tokens were issued and revoked: one private file, shared by all processes.

It is written as a whole, so that no key, token or revocation is ever there in half. A token itself is kept nowhere.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import threading
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from controller import failpoints
from controller.loop.database import make_private
from controller.loop.disk import exclusive, sync_folder
from controller.model.errors import ControllerError
from controller.model.names import Instant
from controller.security.signing import LEEWAY, Claims, Key, Ring, read_secret_key

FILE = "access.json"
_KEPT_AFTER = 7 * 86400.0
"""Seconds for which a token that has expired is still listed."""
_MOST = 10_000
"""Tokens that are listed; each request reads what was written only when it has changed."""


@dataclass(frozen=True, slots=True)
class Made:
    """A generated key (Ed25519). `retired`: since when it signs nothing any more."""

    kid: str
    secret: str = field(repr=False)
    made: Instant
    retired: Instant | None = None

    @property
    def key(self) -> Key:
        return Key(self.kid, "EdDSA", base64.b64decode(self.secret))


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


class TokenBook:
    """Of one engine's controller. Safe from several threads and processes. Raises ControllerErrors.

    `secret`: the key of `JWT_SECRET_KEY`; None: keys are generated here.
    """

    def __init__(self, folder: Path, secret: Key | None = None) -> None:
        self._folder, self._path = folder, folder / FILE
        self.secret = secret
        self._lock = threading.Lock()
        self._seen: tuple[object, Page | None] = (None, None)

    # --- what is known

    def page(self) -> Page | None:
        """As it is now; None: nothing was issued here yet. Read anew only where it has changed."""
        with self._lock:
            mark = _mark(self._path)
            if self._seen[0] != mark:
                self._seen = (mark, _read(self._path) if mark is not None else None)
            return self._seen[1]

    def ring(self) -> Ring | None:
        """The keys that are in use; None: there are none yet."""
        page = self.page()
        return None if page is None else self._ring(page)

    def is_good(self, number: str) -> bool:
        """Whether a token of that number was issued here, and not revoked."""
        page = self.page()
        found = page.find(number) if page is not None else None
        return found is not None and found.revoked is None

    def _ring(self, page: Page) -> Ring | None:
        keys = (self.secret,) if self.secret is not None else tuple(one.key for one in page.keys)
        return Ring(page.id, keys) if keys else None

    # --- what changes

    def issue(self, issued: Issued, now: Instant) -> tuple[Ring, Issued]:
        """Write it down, and then the keys to sign it with: what is not written down opens nothing."""
        with self._changing(now) as change:
            ring = self._ring(change.page)
            assert ring is not None
            valid = [one for one in change.page.tokens if one.state(now) == "valid"]
            if len(valid) >= _MOST:
                raise ControllerError(f"{_MOST} tokens are valid already", hint="controller token revoke ID")
            made = replace(issued, kid=ring.active.kid)
            change.page = replace(change.page, tokens=(*change.page.tokens, made))
        return ring, made

    def revoke(self, chosen: Callable[[Issued], bool], now: Instant) -> tuple[Issued, ...]:
        """Those that are chosen open nothing from now on; the ones that did until now."""
        with self._changing(now) as change:
            page = change.page
            found = tuple(one for one in page.tokens if chosen(one) and one.state(now) == "valid")
            change.page = _revoked(page, {one.id for one in found}, now)
        return found

    def rotate(self, now: Instant, *, revoke_all: bool = False) -> Key:
        """A new key signs from now on. What the old ones signed is good until it expires, or no more (`revoke_all`)."""
        if self.secret is not None:
            message = "the key is JWT_SECRET_KEY, which is not kept here"
            raise ControllerError(message, hint="set another one and restart the controller: that voids all tokens")
        with self._changing(now) as change:
            page, made = change.page, _make_key(now)
            old = tuple(replace(one, retired=one.retired or now) for one in page.keys)
            if revoke_all:
                page, old = _revoked(page, {one.id for one in page.tokens}, now), ()
            change.page = replace(page, keys=(made, *old))
        return made.key

    def settle(self, now: Instant) -> None:
        """A controller begins to serve with these keys: what others have signed is void, now and for ever."""
        page = self.page()
        ring = self._ring(page) if page is not None else None
        if page is None and self.secret is None:
            return
        if page is not None and ring is not None and page.signer == self._name(ring):
            return
        with self._changing(now) as change:
            ring = self._ring(change.page)
            assert ring is not None
            kids = {key.kid for key in ring.keys}
            others = {one.id for one in change.page.tokens if one.kid not in kids}
            change.page = replace(_revoked(change.page, others, now), signer=self._name(ring))

    def check_signer(self) -> None:
        """Raises ControllerError where the controller that serves has another key than this process."""
        page = self.page()
        mine = self.secret.kid if self.secret is not None else "EdDSA"
        if page is not None and page.signer and page.signer != mine:
            message = "the running controller signs with another key than this command would"
            hint = "give both the same JWT_SECRET_KEY, or none"
            raise ControllerError(message, hint=hint)

    def _name(self, ring: Ring) -> str:
        """Generated keys follow each other; a secret is one key."""
        return ring.active.kid if ring.algorithm == "HS256" else "EdDSA"

    @contextmanager
    def _changing(self, now: Instant) -> Iterator[_Change]:
        """One at a time of all processes; written where it is another one in the end."""
        with _explained(self._path):
            make_private(self._folder)
        with _explained(self._path), exclusive(self._folder):
            before = self.page()
            change = _Change(before or Page(secrets.token_hex(16)))
            if self.secret is None and not change.page.keys:
                change.page = replace(change.page, keys=(_make_key(now),))
            yield change
            after = _tidy(change.page, now)
            if after != before:
                _write(self._path, after)


def take_key(environment: MutableMapping[str, str]) -> Key | None:
    """The key of `JWT_SECRET_KEY`, which no child of this process gets then. None: it is not set. Raises
    ControllerError where it is too weak."""
    text = environment.pop("JWT_SECRET_KEY", "")
    return read_secret_key(text) if text else None


@dataclass(slots=True)
class _Change:
    page: Page


def _make_key(now: Instant) -> Made:
    return Made(f"ed-{secrets.token_hex(8)}", base64.b64encode(secrets.token_bytes(32)).decode(), now)


def _revoked(page: Page, numbers: set[str], now: Instant) -> Page:
    tokens = tuple(replace(one, revoked=one.revoked or now) if one.id in numbers else one for one in page.tokens)
    return replace(page, tokens=tokens)


def _tidy(page: Page, now: Instant) -> Page:
    """Tokens that are long over go, and retired keys of which no token is left that is not over."""
    tokens = tuple(one for one in page.tokens if one.expires + _KEPT_AFTER > now)
    living = {one.kid for one in tokens if one.state(now) == "valid"}
    keys = tuple(one for one in page.keys if one.retired is None or one.kid in living)
    return replace(page, tokens=tokens[-2 * _MOST :], keys=keys)


def _mark(path: Path) -> object:
    """Differs whenever the file is another one; None: there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreadable(path, error.strerror or "") from None
    return (found.st_ino, found.st_mtime_ns, found.st_size)


def _read(path: Path) -> Page:
    try:
        if path.stat().st_mode & 0o077:
            raise ControllerError(f"{path}: others can reach it", hint=f"chmod 600 {path}, and rotate the keys")
        said: Any = json.loads(path.read_text(encoding="utf-8"))
        keys = tuple(Made(**one) for one in said["keys"])
        for one in keys:
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


def _write(path: Path, page: Page) -> None:
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


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        hint = "free some space, or run as the user who owns the state folder; nothing was issued or changed"
        raise ControllerError(f"{error.filename or path}: {error.strerror}", hint=hint) from None
