"""Stands in front of every request: right host, right key, bounded size; and says to browsers what a page may."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from controller.web.keys import Keys

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

LARGEST_BODY = 64 * 1024
_SAFE = frozenset({"GET", "HEAD"})
_OPEN = frozenset({"/healthz", "/readyz"})
_KEYED = ("/v1/", "/metrics")
"""What begins so wants a key; all else is the dashboard's files, which tell nothing."""
_LOGIN = "/v1/session"

_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = (
    (b"content-security-policy", _CSP.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where we are reached. `names`: beside addresses and `localhost`, those that the certificate is for."""

    scheme: str
    port: int
    names: Collection[str] = ()

    @property
    def cookie(self) -> str:
        """Cookies know no ports: another controller on this machine has its own."""
        return f"controller_{self.port}"

    def is_ours(self, host: str) -> bool:
        """Whether a `Host` header means us. An address cannot be made to point elsewhere, as a name can (rebinding)."""
        try:
            split = urlsplit(f"//{host}")
            name, port = (split.hostname or "").rstrip("."), split.port
        except ValueError:
            return False
        if (port or (443 if self.scheme == "https" else 80)) != self.port:
            return False
        return name == "localhost" or name in self.names or _is_address(name)


class Refused(Exception):
    """A request that goes no further."""

    def __init__(self, status: int, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.hint = hint


class Guard:
    """ASGI around the app. Whoever passes has `scope["state"]["who"]`: `api` or `dashboard`."""

    def __init__(self, app: App, place: Place, keys: Keys) -> None:
        self._app = app
        self._place = place
        self._keys = keys

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        send = _with_headers(send, is_page=not scope["path"].startswith(_KEYED))
        try:
            headers = _read_headers(scope)
            self._check(scope, headers)
            await self._app(scope, _bounded(receive, headers), send)
        except Refused as refused:
            await _answer(send, refused)

    def _check(self, scope: Message, headers: dict[str, str]) -> None:
        if not self._place.is_ours(headers.get("host", "")):
            raise Refused(421, "this address is not served here", "use the address that `controller run` printed")
        path, method = scope["path"], scope["method"]
        who = self._find_out(headers)
        if who == "dashboard" and method not in _SAFE:
            self._check_origin(headers)
        if path in _OPEN or (path == _LOGIN and method == "POST") or (not path.startswith(_KEYED) and method in _SAFE):
            who = who or "nobody"
        if who is None:
            raise Refused(401, "no key, or one that is not valid", "controller token link")
        scope.setdefault("state", {})["who"] = who

    def _find_out(self, headers: dict[str, str]) -> str | None:
        kind, _, shown = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and self._keys.is_token(shown.strip()):
            return "api"
        cookie = read_cookie(headers.get("cookie", ""), self._place.cookie)
        return "dashboard" if cookie and self._keys.is_session(cookie) else None

    def _check_origin(self, headers: dict[str, str]) -> None:
        """A browser says where a request comes from; another site of the same host is another port, and refused."""
        if headers.get("origin", "") != f"{self._place.scheme}://{headers.get('host', '')}":
            raise Refused(403, "this must be asked for from the dashboard itself")


def read_cookie(header: str, name: str) -> str:
    """Its value; "" where there is none."""
    try:
        found = SimpleCookie(header).get(name)
    except CookieError:
        return ""
    return found.value if found is not None else ""


def _read_headers(scope: Message) -> dict[str, str]:
    """The last of each name; of what must not be given twice none counts."""
    headers: dict[str, str] = {}
    for raw, value in scope["headers"]:
        name = raw.decode("latin-1")
        if name in headers and name in ("host", "authorization", "origin", "content-length"):
            raise Refused(400, f"more than one header {name}")
        headers[name] = value.decode("latin-1")
    return headers


def _bounded(receive: Receive, headers: dict[str, str]) -> Receive:
    """A body that is too large is not read on, whatever was said of its length."""
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > LARGEST_BODY:
        raise Refused(413, f"a body has {LARGEST_BODY} bytes at most")
    taken = 0

    async def receive_some() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > LARGEST_BODY:
            raise Refused(413, f"a body has {LARGEST_BODY} bytes at most")
        return message

    return receive_some


def _with_headers(send: Send, *, is_page: bool) -> Send:
    async def send_more(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [*message.get("headers", ()), *_HEADERS]
            if not is_page or not any(name == b"cache-control" for name, _ in headers):
                headers.append((b"cache-control", b"no-store"))
            message = {**message, "headers": headers}
        await send(message)

    return send_more


async def _answer(send: Send, refused: Refused) -> None:
    body = json.dumps({"error": {"message": str(refused), "hint": refused.hint}}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if refused.status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="controller"'))
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
