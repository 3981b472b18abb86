"""Who may ask for what: of the API and the dashboard, and where a stack's metrics are scraped."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field

from controller.web.guard import SAFE, Asking, Refused
from controller.web.keys import Keys

_OPEN = frozenset({"/healthz", "/readyz"})
_KEYED = ("/v1/", "/metrics")
"""What begins so wants a key; all else is the dashboard's files, which tell nothing."""
_LOGIN = "/v1/session"


@dataclass(frozen=True, slots=True)
class ApiAccess:
    """The token opens all (`api`), a session too (`dashboard`); what tells nothing is open to anybody (`nobody`).

    Both are shown in a header that no browser adds by itself. A cookie it would: to every port of this host, and for
    every page that asks it to.
    """

    keys: Keys

    def admit(self, asking: Asking) -> str:
        who = self.keys.who(asking.bearer)
        if who is None and self._is_open(asking):
            return "nobody"
        if who is None:
            raise Refused(401, "no key, or one that is not valid", "controller token link")
        return who

    def is_page(self, path: str) -> bool:
        return not path.startswith(_KEYED)

    def _is_open(self, asking: Asking) -> bool:
        path, method = asking.path, asking.method
        return path in _OPEN or (path == _LOGIN and method == "POST") or (self.is_page(path) and method in SAFE)


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
