"""Who asks, by what is shown: the token in the state folder, a session, or a token that was issued to a user."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from controller.loop.tokenbook import TokenBook
from controller.model.access import ADMIN, AccessPolicy, Role, Rule
from controller.model.errors import ControllerError
from controller.security.access import Verdict, may, restrict
from controller.security.signing import BadToken, Claims, Ring, verify
from controller.web.keys import OWNER, Badge, Keys

_REMEMBERED = 256
"""Tokens of which is known that they were signed rightly: to check that takes a quarter of a millisecond."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody whose key is good. `name` is what is recorded of what he asks for."""

    name: str
    roles: tuple[Role, ...] = ()
    badge: Badge | None = None
    """Of the user that he is."""
    until: float | None = None
    """When his key ends; None: it does not."""

    def may(self, verb: str, resource: str, stack: str | None = None) -> Verdict:
        return may(self.roles, verb, resource, stack)


NOBODY = Caller("nobody")
SCRAPER = Caller("scraper", (Role("scraper", (Rule(frozenset({"get"}), frozenset({"metrics"})),)),))


class Shown(NamedTuple):
    """What a request shows: the bearer, and the cookies that may be the other half of a session."""

    bearer: str
    cookies: tuple[str, ...] = ()


class Doors:
    """Says whose key that is. Roles are those of the manifest in force, at each request. Safe from several threads."""

    def __init__(self, keys: Keys, book: TokenBook, policy: Callable[[], AccessPolicy]) -> None:
        self.keys, self.book, self._policy = keys, book, policy
        self._known: dict[bytes, tuple[Ring, Claims]] = {}

    def identify(self, shown: Shown) -> Caller | None:
        """None: it is no key, or not any more."""
        if not shown.bearer:
            return None
        if self.keys.is_token(shown.bearer):
            return Caller("api", (ADMIN,), OWNER)
        session = self.keys.read_session(shown.bearer, shown.cookies)
        if session is not None:
            return self._admit(session.badge, "dashboard", session.until)
        claims = self.read_token(shown.bearer)
        return None if claims is None else self._admit(_badge_of(claims), "api", claims.expires)

    def may_enter(self, token: str) -> Badge | None:
        """Who opens a session with that: the token in the state folder, or one that was issued. None: nobody."""
        if self.keys.is_token(token):
            return OWNER
        claims = self.read_token(token)
        return None if claims is None else _badge_of(claims)

    def read_token(self, text: str) -> Claims | None:
        """What an issued token says, if it is good."""
        try:
            ring = self.book.ring()
            if ring is None:
                return None
            claims = self._verify(ring, text)
            return claims if self.book.is_good(claims.id) else None
        except (BadToken, ControllerError):  # what cannot be looked up opens nothing
            return None

    def _verify(self, ring: Ring, text: str) -> Claims:
        digest, now = hashlib.sha256(text.encode(errors="replace")).digest(), self.keys.now()
        known = self._known.get(digest)
        if known is not None and known[0] == ring and known[1].expires > now:
            return known[1]
        claims = verify(ring, text, now)
        if claims.issued <= now:
            if len(self._known) >= _REMEMBERED:
                self._known = {}
            self._known[digest] = (ring, claims)
        return claims

    def _admit(self, badge: Badge, name: str, until: float) -> Caller | None:
        """None: the token by which the session was opened was revoked."""
        if badge == OWNER:
            return Caller(name, (ADMIN,), badge, until)
        try:
            if not self.book.is_good(badge.token):
                return None
        except ControllerError:
            return None
        policy = self._policy()
        roles = policy.roles_of(badge.user) if badge.roles is None else policy.named(badge.roles)
        return Caller(badge.user, restrict(roles, badge.stacks), badge, until)


def _badge_of(claims: Claims) -> Badge:
    return Badge(claims.user, claims.id, claims.roles, claims.stacks, claims.expires)
