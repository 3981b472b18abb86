"""Who may ask for what: of the API and the dashboard, and where a stack's metrics are scraped."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

from controller.model.serving import Serving
from controller.web.bounds import Rate, retry_after
from controller.web.callers import NOBODY, SCRAPER, Caller, Doors, Shown
from controller.web.guard import SAFE, Asking, Refused

_OPEN = frozenset({"/healthz", "/readyz"})
_KEYED = ("/v1/", "/metrics")
"""What begins so wants a key; all else is the dashboard's files, which tell nothing."""
_LOGIN = "/v1/session"
_OTHERS = frozenset({"cross-site", "same-site"})
"""What a browser says of a request that a page of another origin has made (Fetch Metadata)."""


@dataclass(frozen=True, slots=True)
class ApiAccess:
    """A token or a session opens what its roles allow, which routes say (`needs`); what tells nothing is open to all.

    A session is shown in a header that no browser adds by itself, beside a cookie that no page can read: the cookie
    goes to every port of this host, and the header's half lies where a script of the page could take it; neither
    opens anything alone. `serving`: the manifest's word, as it is now; `clock`: seconds.
    """

    doors: Doors
    cookie: str
    serving: Callable[[], Serving]
    clock: Callable[[], float]
    rate: Rate = field(default_factory=Rate)

    def admit(self, asking: Asking) -> Caller:
        serving = self.serving()
        if not _is_allowed(serving.allow, asking.peer):
            raise Refused(403, "nobody is served at that address", "api.allow of the Controller manifest")
        if asking.method not in SAFE and asking.headers.get("sec-fetch-site") in _OTHERS:
            raise Refused(403, "a page of another site asks for this")
        caller = self.doors.identify(self.shown(asking))
        self._bound(asking, caller, serving.requests_per_second)
        if caller is None and self._is_open(asking):
            return NOBODY
        if caller is None:
            raise Refused(401, "no key, or one that is not valid", "controller token link")
        return caller

    def shown(self, asking: Asking) -> Shown:
        return Shown(asking.bearer, asking.cookies(self.cookie))

    def is_page(self, path: str) -> bool:
        return not path.startswith(_KEYED)

    def _bound(self, asking: Asking, caller: Caller | None, rate: int) -> None:
        wait = self.rate.take(client_of(caller, asking.bearer, asking.peer), rate, self.clock())
        if wait:
            message = f"more than {rate} requests a second"
            raise Refused(429, message, "api.requestsPerSecond of the Controller manifest", retry_after(wait))

    def _is_open(self, asking: Asking) -> bool:
        path, method = asking.path, asking.method
        return path in _OPEN or (path == _LOGIN and method == "POST") or (self.is_page(path) and method in SAFE)


def client_of(caller: Caller | None, bearer: str, peer: str) -> Hashable:
    """Whose measure it is: a token's, with all sessions that it has opened, else it would grow with each; a session's
    that the link of `token link` has opened; who shows no good key shares that of his address."""
    if caller is None:
        return ("address", peer)
    if caller.badge is not None and caller.badge.token:
        return ("token", caller.badge.token)
    return ("key", hashlib.sha256(bearer.encode()).digest())


@lru_cache(maxsize=1024)
def _is_allowed(networks: tuple[str, ...], peer: str) -> bool:
    """By the address at the other end of the connection, whatever a header says of another one."""
    if not networks:
        return True
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in ip_network(one) for one in networks)


@dataclass(frozen=True, slots=True)
class ScrapeAccess:
    """One token, which opens nothing elsewhere."""

    token: str = field(repr=False)

    def admit(self, asking: Asking) -> Caller:
        if not hmac.compare_digest(asking.bearer.encode(), self.token.encode()):
            raise Refused(401, "no token, or one that is not valid", "the token of metrics.tokenFile: docs/metrics.md")
        return SCRAPER

    def shown(self, asking: Asking) -> Shown:
        return Shown(asking.bearer)

    def is_page(self, path: str) -> bool:
        return False
