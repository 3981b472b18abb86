"""Who may ask for what: of the API and the dashboard, and where a stack's metrics are scraped."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie

from controller.web.guard import Asking, Place, Refused
from controller.web.keys import Keys

_SAFE = frozenset({"GET", "HEAD"})
_OPEN = frozenset({"/healthz", "/readyz"})
_KEYED = ("/v1/", "/metrics")
"""What begins so wants a key; all else is the dashboard's files, which tell nothing."""
_LOGIN = "/v1/session"


@dataclass(frozen=True, slots=True)
class ApiAccess:
    """The token opens all (`api`), a session too (`dashboard`); what tells nothing is open to anybody (`nobody`)."""

    place: Place
    keys: Keys

    def admit(self, asking: Asking) -> str:
        who = self._find_out(asking)
        if who == "dashboard" and asking.method not in _SAFE:
            self._check_origin(asking)
        if who is None and self._is_open(asking):
            return "nobody"
        if who is None:
            raise Refused(401, "no key, or one that is not valid", "controller token link")
        return who

    def is_page(self, path: str) -> bool:
        return not path.startswith(_KEYED)

    def _is_open(self, asking: Asking) -> bool:
        path, method = asking.path, asking.method
        return path in _OPEN or (path == _LOGIN and method == "POST") or (self.is_page(path) and method in _SAFE)

    def _find_out(self, asking: Asking) -> str | None:
        if asking.bearer and self.keys.is_token(asking.bearer):
            return "api"
        cookie = read_cookie(asking.headers.get("cookie", ""), self.place.cookie)
        return "dashboard" if cookie and self.keys.is_session(cookie) else None

    def _check_origin(self, asking: Asking) -> None:
        """A browser says where a request comes from; another site of the same host is another port, and refused."""
        if asking.headers.get("origin", "") != f"{self.place.scheme}://{asking.headers.get('host', '')}":
            raise Refused(403, "this must be asked for from the dashboard itself")


@dataclass(frozen=True, slots=True)
class ScrapeAccess:
    """One token, which opens nothing elsewhere."""

    token: str = field(repr=False)

    def admit(self, asking: Asking) -> str:
        if not hmac.compare_digest(asking.bearer.encode(), self.token.encode()):
            raise Refused(401, "no token, or one that is not valid", "the token of metrics.tokenFile: docs/metrics.md")
        return "scraper"

    def is_page(self, path: str) -> bool:
        return False


def read_cookie(header: str, name: str) -> str:
    """Its value; "" where there is none."""
    try:
        found = SimpleCookie(header).get(name)
    except CookieError:
        return ""
    return found.value if found is not None else ""
