"""Stands in front of every request: right host, right key, bounded size; and says to browsers what a page may."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import urlsplit

from controller.security.audit import Act

if TYPE_CHECKING:
    from controller.web.callers import Caller, Shown

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

LARGEST_BODY = 64 * 1024
SAFE = frozenset({"GET", "HEAD"})
"""Methods that change nothing."""

_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = (
    (b"content-security-policy", _CSP.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-embedder-policy", b"require-corp"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)
"""Of every answer, whoever gives it."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where we are reached. `names`: beside addresses and `localhost`, those that the certificate is for.

    `*.ops.example` stands for one label (RFC 6125, 6.4.3). None: by any, where a browser has nothing to show that
    would open anything.
    """

    scheme: str
    port: int
    names: Collection[str] | None = ()

    def is_ours(self, host: str) -> bool:
        """Whether a `Host` header means us. An address cannot be made to point elsewhere, as a name can (rebinding)."""
        try:
            split = urlsplit(f"//{host}")
            name, port = (split.hostname or "").rstrip("."), split.port
        except ValueError:
            return False
        if (port or (443 if self.scheme == "https" else 80)) != self.port:
            return False
        return self.names is None or name == "localhost" or self._is_named(self.names, name) or _is_address(name)

    def _is_named(self, names: Collection[str], name: str) -> bool:
        return name in names or f"*.{name.partition('.')[2]}" in names


class Refused(Exception):
    """A request that goes no further."""

    def __init__(self, status: int, message: str, hint: str | None = None, after: int | None = None) -> None:
        """`after`: seconds after which it may be tried again."""
        super().__init__(message)
        self.status = status
        self.hint = hint
        self.after = after

    @property
    def headers(self) -> dict[str, str]:
        """What its answer says beside why."""
        told = {"retry-after": str(self.after)} if self.after is not None else {}
        return told | ({"www-authenticate": 'Bearer realm="controller"'} if self.status == 401 else {})


def complaint(message: str, hint: str | None, **more: Any) -> dict[str, Any]:
    """How every failure is told."""
    return {"error": {"message": message, "hint": hint, **more}}


class Asking(NamedTuple):
    """The head of a request; names of headers are in lower case. `peer`: the address at the connection's other end,
    and its `port`."""

    method: str
    path: str
    headers: Mapping[str, str]
    peer: str = ""
    port: int = 0

    @property
    def origin(self) -> str:
        """Address and port; "": not known."""
        return f"{self.peer}:{self.port}" if self.peer else ""

    @property
    def bearer(self) -> str:
        """The token that is shown; "": none."""
        kind, _, shown = self.headers.get("authorization", "").partition(" ")
        return shown.strip() if kind.lower() == "bearer" else ""

    def cookies(self, name: str) -> tuple[str, ...]:
        """All of that name: other servers of this host may set one too. A few; nobody in earnest sends many."""
        pairs = (one.strip().partition("=") for one in self.headers.get("cookie", "").split(";"))
        return tuple(value for key, _, value in pairs if key == name)[:8]


class Access(Protocol):
    """Who may ask for what."""

    def admit(self, asking: Asking) -> Caller:
        """Who it is. Raises Refused."""
        ...

    def shown(self, asking: Asking) -> Shown:
        """By what."""
        ...

    def is_page(self, path: str) -> bool:
        """Whether what is there tells nothing, so that a browser may keep it if it says so."""
        ...


class Records(Protocol):
    """Where is written down who changes something, and who is turned away."""

    async def begin(self, asking: Asking, who: str) -> Act:
        """Raises Refused where it cannot be: then it must not be done."""
        ...

    async def end(self, act: Act, status: int, why: str) -> None: ...
    async def deny(self, asking: Asking, refused: Refused, who: str = "nobody") -> None: ...
    async def meet(self, peer: str) -> None: ...


class Guard:
    """ASGI around the app. `scope["state"]` has of whoever passes the `caller` that he is, the `key` that he has
    shown, the address of his `peer`, and the id under which his `act` is recorded; the app leaves there `why` it has
    refused him.

    `on_failure` is told in a line what the app failed with: a fault of ours. `records`: what changes something is
    done only if it can be written there.
    """

    def __init__(
        self,
        app: App,
        place: Place,
        access: Access,
        on_failure: Callable[[str], None] = lambda why: None,
        records: Records | None = None,
    ) -> None:
        self._records = records
        self._app = app
        self._place = place
        self._access = access
        self._on_failure = on_failure

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] != "http":
            await self._app(scope, receive, send)
        else:
            await self._pass(scope, receive, _Answer(send, is_page=self._access.is_page(scope["path"])))

    async def _pass(self, scope: Message, receive: Receive, answer: _Answer) -> None:
        asking = Asking(scope["method"], scope["path"], {}, *(scope.get("client") or ("", 0)))
        try:
            if self._records is not None:
                await self._records.meet(asking.origin)
            asking = asking._replace(headers=_read_headers(scope))
            self._check(scope, asking)
            body = await _read_body(scope, receive, asking.headers)
            await self._let_in(scope, _once(body, receive), answer, asking)
        except Refused as refused:
            if self._records is not None and refused.status != 503:
                await self._records.deny(asking, refused)
            await answer.refuse(refused)
        except Exception as error:  # answered already
            self._on_failure(f"{scope['method']} {scope['path']}: {type(error).__name__}: {error}")

    async def _let_in(self, scope: Message, receive: Receive, answer: _Answer, asking: Asking) -> None:
        """The one place that whatever changes something passes."""
        who = scope["state"]["caller"].name
        if self._records is None or asking.method in SAFE:
            await self._app(scope, receive, answer.send)
            if self._records is not None and answer.status == 403:
                why = scope["state"].get("why") or "no role of this one allows it"
                await self._records.deny(asking, Refused(403, why), who)
            return
        act = await self._records.begin(asking, who)
        scope["state"]["act"] = act.id
        try:
            await self._app(scope, receive, answer.send)
        finally:
            await self._records.end(act, answer.status, scope["state"].get("why", ""))

    def _check(self, scope: Message, asking: Asking) -> None:
        if not self._place.is_ours(asking.headers.get("host", "")):
            raise Refused(421, "this address is not served here", "use the address that `controller run` printed")
        caller, shown = self._access.admit(asking), self._access.shown(asking)
        scope.setdefault("state", {}).update(caller=caller, key=shown, peer=asking.peer, act="")


def _read_headers(scope: Message) -> dict[str, str]:
    """The last of each name; of what must not be given twice none counts."""
    headers: dict[str, str] = {}
    for raw, value in scope["headers"]:
        name = raw.decode("latin-1")
        if name in headers and name in ("host", "authorization", "content-length"):
            raise Refused(400, f"more than one header {name}")
        headers[name] = value.decode("latin-1")
    return headers


async def _read_body(scope: Message, receive: Receive, headers: Mapping[str, str]) -> bytes:
    """All of it, for who changes something; nobody reads what others send. It is small, whatever is said of it."""
    length = headers.get("content-length", "0")
    if not length.isdecimal() or len(length) > 9 or int(length) > LARGEST_BODY:
        raise Refused(413, f"a body has {LARGEST_BODY} bytes at most")
    body, more = b"", scope["method"] not in SAFE
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > LARGEST_BODY:
            raise Refused(413, f"a body has {LARGEST_BODY} bytes at most")
    return body


def _once(body: bytes, receive: Receive) -> Receive:
    """What was read already, and then what comes."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_some() -> Message:
        return waiting.pop() if waiting else await receive()

    return receive_some


class _Answer:
    """What is sent, with what every answer says to browsers."""

    def __init__(self, send: Send, *, is_page: bool) -> None:
        self._send = send
        self._is_page = is_page
        self.status = 0
        """That was answered; 0: none yet."""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            said = [one for one in message.get("headers", ()) if self._is_page or one[0] != b"cache-control"]
            headers = [*said, *HEADERS]
            if not any(name == b"cache-control" for name, _ in said):
                headers.append((b"cache-control", b"no-store"))
            message = {**message, "headers": headers}
        await self._send(message)

    async def refuse(self, refused: Refused) -> None:
        body = json.dumps(complaint(str(refused), refused.hint)).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        headers += [(name.encode(), value.encode()) for name, value in refused.headers.items()]
        await self.send({"type": "http.response.start", "status": refused.status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
