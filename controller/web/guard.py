"""Stands in front of every request: right host, right key, bounded size; and says to browsers what a page may."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

LARGEST_BODY = 64 * 1024

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
    """Where we are reached. `names`: beside addresses and `localhost`, those that the certificate is for.

    None: by any, where a browser has nothing to show that would open anything.
    """

    scheme: str
    port: int
    names: Collection[str] | None = ()

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
        return self.names is None or name == "localhost" or name in self.names or _is_address(name)


class Refused(Exception):
    """A request that goes no further."""

    def __init__(self, status: int, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.hint = hint


class Asking(NamedTuple):
    """The head of a request; names of headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]

    @property
    def bearer(self) -> str:
        """The token that is shown; "": none."""
        kind, _, shown = self.headers.get("authorization", "").partition(" ")
        return shown.strip() if kind.lower() == "bearer" else ""


class Access(Protocol):
    """Who may ask for what."""

    def admit(self, asking: Asking) -> str:
        """Who it is, in a word. Raises Refused."""
        ...

    def is_page(self, path: str) -> bool:
        """Whether what is there tells nothing, so that a browser may keep it if it says so."""
        ...


class Guard:
    """ASGI around the app. Whoever passes has `scope["state"]["who"]`, as `access` calls them."""

    def __init__(self, app: App, place: Place, access: Access) -> None:
        self._app = app
        self._place = place
        self._access = access

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        send = _with_headers(send, is_page=self._access.is_page(scope["path"]))
        try:
            headers = _read_headers(scope)
            self._check(scope, headers)
            await self._app(scope, _bounded(receive, headers), send)
        except Refused as refused:
            await _answer(send, refused)

    def _check(self, scope: Message, headers: dict[str, str]) -> None:
        if not self._place.is_ours(headers.get("host", "")):
            raise Refused(421, "this address is not served here", "use the address that `controller run` printed")
        who = self._access.admit(Asking(scope["method"], scope["path"], headers))
        scope.setdefault("state", {})["who"] = who


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
