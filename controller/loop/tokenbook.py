"""The keys that sign tokens, and which tokens were issued and revoked: one private file, shared by all processes.

It is written as a whole, so that no key, token or revocation is ever there in half. A token itself is kept nowhere.
Keys are encrypted where there is an encryption key; what was written in clear before is taken over by the next write.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, Protocol

from controller.loop.database import make_private
from controller.loop.disk import exclusive
from controller.loop.tokenfile import FILE, is_sealed
from controller.loop.tokenpage import Issued, Made, Page, mark_of, read_page, write_page
from controller.model.errors import ControllerError
from controller.model.names import Instant
from controller.security.signing import Key, Ring, read_secret_key

_KEPT_AFTER = 7 * 86400.0
"""Seconds for which a token that has expired is still listed."""
_GIVE = "give the key that it was encrypted with in ENCRYPTION_KEY_FILE"
_MOST = 10_000
"""Tokens that are listed; each request reads what was written only when it has changed."""


class Sealing(NamedTuple):
    """How keys are encrypted: by context and content. `seal` None: they are not; `locked`: why they cannot be."""

    seal: Callable[[str, bytes], str] | None = None
    locked: str | None = None


class Sealer(Protocol):
    """What encrypts keys."""

    def open(self, context: str, sealed: str) -> bytes:
        """Raises ControllerErrors where the encryption key is not at hand, or it was sealed for something else."""
        ...

    def sealing(self) -> AbstractContextManager[Sealing]:
        """As long as it is held no encryption key goes."""
        ...


class TokenBook:
    """Of one engine's controller. Safe from several threads and processes. Raises ControllerErrors.

    `secret`: the key of `JWT_SECRET_KEY`; None: keys are generated here. `seals` None: what is encrypted stays so, and
    nothing else is.
    """

    def __init__(self, folder: Path, secret: Key | None = None, seals: Sealer | None = None) -> None:
        self._folder, self._path = folder, folder / FILE
        self.secret = secret
        self._seals = seals
        self._lock = threading.Lock()
        self._opened: dict[str, bytes] = {}
        self._seen: tuple[object, Page | None] = (None, None)

    # --- what is known

    def page(self) -> Page | None:
        """As it is now; None: nothing was issued here yet. Read anew only where it has changed."""
        with self._lock:
            mark = mark_of(self._path)
            if self._seen[0] != mark:
                self._seen = (mark, read_page(self._path) if mark is not None else None)
            return self._seen[1]

    def ring(self) -> Ring | None:
        """The keys that are in use; None: there are none yet. Raises where they are encrypted, and cannot be opened."""
        page = self.page()
        return None if page is None else self._ring(page)

    def is_good(self, number: str) -> bool:
        """Whether a token of that number was issued here, and not revoked."""
        page = self.page()
        found = page.find(number) if page is not None else None
        return found is not None and found.revoked is None

    def _ring(self, page: Page) -> Ring | None:
        keys = (self.secret,) if self.secret is not None else tuple(self._key(page, one) for one in page.keys)
        return Ring(page.id, keys) if keys else None

    def _key(self, page: Page, made: Made) -> Key:
        """What is encrypted is opened once."""
        if not is_sealed(made.secret):
            return Key(made.kid, "EdDSA", base64.b64decode(made.secret))
        if made.secret not in self._opened:
            if self._seals is None:
                raise ControllerError(f"{self._path}: its keys are encrypted", hint=_GIVE)
            known = {one.secret: self._opened[one.secret] for one in page.keys if one.secret in self._opened}
            self._opened = {**known, made.secret: self._seals.open(_context(page, made), made.secret)}
        return Key(made.kid, "EdDSA", self._opened[made.secret])

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
            key = self._key(page, made)
        return key

    def turn(self, rewrap: Callable[[str], str]) -> int:
        """Bring each key that is encrypted under another encryption key, in one write; how many there were to bring."""
        with _explained(self._path), exclusive(self._folder):
            page = self.page()
            if page is None:
                return 0
            keys = tuple(replace(one, secret=rewrap(one.secret)) if is_sealed(one.secret) else one for one in page.keys)
            turned = sum(new != old for new, old in zip(keys, page.keys, strict=True))
            if turned:
                write_page(self._path, replace(page, keys=keys))
            return turned

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
        held = self._seals.sealing() if self._seals is not None else nullcontext(Sealing())
        with held as sealing, _explained(self._path), exclusive(self._folder):
            before = self.page()
            change = _Change(before or Page(secrets.token_hex(16)))
            if self.secret is None and not change.page.keys:
                change.page = replace(change.page, keys=(_make_key(now),))
            yield change
            after = _tidy(change.page, now)
            if after != before:
                write_page(self._path, _sealed(after, before, sealing))


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


def _context(page: Page, made: Made) -> str:
    """What binds an encrypted key: it opens in no other file, and for no other number."""
    return json.dumps(["token key", page.id, made.kid])


def _sealed(page: Page, before: Page | None, sealing: Sealing) -> Page:
    """No new key is written in clear where others are encrypted, and those cannot be opened."""
    known = {one.kid for one in before.keys} if before is not None else set()
    keys = []
    for one in page.keys:
        if not is_sealed(one.secret) and sealing.seal is not None:
            one = replace(one, secret=sealing.seal(_context(page, one), base64.b64decode(one.secret)))  # noqa: PLW2901
        elif not is_sealed(one.secret) and sealing.locked is not None and one.kid not in known:
            raise ControllerError(f"no key can be made that signs tokens: {sealing.locked}", hint=_GIVE)
        keys.append(one)
    return replace(page, keys=tuple(keys))


def _revoked(page: Page, numbers: set[str], now: Instant) -> Page:
    tokens = tuple(replace(one, revoked=one.revoked or now) if one.id in numbers else one for one in page.tokens)
    return replace(page, tokens=tokens)


def _tidy(page: Page, now: Instant) -> Page:
    """Tokens that are long over go, and retired keys of which no token is left that is not over."""
    tokens = tuple(one for one in page.tokens if one.expires + _KEPT_AFTER > now)
    living = {one.kid for one in tokens if one.state(now) == "valid"}
    keys = tuple(one for one in page.keys if one.retired is None or one.kid in living)
    return replace(page, tokens=tokens[-2 * _MOST :], keys=keys)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        hint = "free some space, or run as the user who owns the state folder; nothing was issued or changed"
        raise ControllerError(f"{error.filename or path}: {error.strerror}", hint=hint) from None
