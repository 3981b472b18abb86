"""The proxy's configuration: pure text. It holds the whole table, so that a proxy that dies comes back with it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from controller.ingress.routes import FEWEST_SLOTS, NOWHERE, Slot, Table, backend_name, own_port, port_of
from controller.model.routes import NO_TLS_PORTS, Frontend, Mode, RouteState, TlsPorts

CONF, RUN = "/run/ingress/conf", "/run/ingress/run"
"""Where the container has its configuration (read-only) and its sockets."""
RUNTIME, MASTER, FILE = "runtime.sock", "master.sock", "haproxy.cfg"
PAIR = "tls.pem"
"""The certificate that it serves, and its key, beside the configuration."""

COMMAND = ("haproxy", "-W", "-db", "-S", f"{RUN}/{MASTER},mode,600", "-f", f"{CONF}/{FILE}")
"""A master that reloads on SIGUSR2, and its worker."""

_SERVER = re.compile(r"  server s\d+ (?:\[(?P<v6>[^\]]+)\]|(?P<v4>[^:\s]+)):(?P<port>\d+)(?P<off> disabled)?$")
_FIRST_SPARE_PORT = 49152


class Tls(NamedTuple):
    """Where the proxy speaks TLS, and with what: `mark` stands for the certificate, "": there is none.

    `pair`: the certificate's chain and its key, PEM.
    """

    at: TlsPorts = NO_TLS_PORTS
    mark: str = ""
    pair: bytes = b""

    def __repr__(self) -> str:
        return f"Tls({self.at!r}, {self.mark!r})"


NO_TLS = Tls()


def listen_ports(frontends: Iterable[Frontend]) -> Mapping[Frontend, int]:
    """The port inside the container for each published one: the same, unless two host addresses share its number."""
    given: dict[Frontend, int] = {}
    ordered = sorted(frontends, key=lambda front: (front.host_port, front.host_ip, front.service))
    spare = _FIRST_SPARE_PORT
    numbers = {front.host_port for front in ordered}
    for front in ordered:
        port = front.host_port
        while port in given.values() or (port != front.host_port and port in numbers):
            port, spare = spare, spare + 1
        given[front] = port
    return given


def render(frontends: Sequence[Frontend], table: Table, tls: Tls = NO_TLS, *, log: bool = False) -> str:
    """The whole file. Backends without slots in the table get empty ones.

    A port of TLS without a certificate turns everybody away: what is asked for is never had without it. Another
    certificate is another file, so that a proxy is known by what it serves.
    """
    sections = [_GLOBAL.format(level="info" if log else "warning", more=_TLS if tls.at else ""), _DEFAULTS]
    for front, port in sorted(listen_ports(frontends).items(), key=lambda item: item[1]):
        sections.append(
            _FRONTEND.format(
                port=port,
                mode=front.mode,
                bind=_bind(front, tls),
                backend=backend_name(front),
                more=_MORE[front.mode] + _secured(front, tls) + (_LOG[front.mode] if log else ""),
            )
        )
    for name, mode in sorted({backend_name(front): front.mode for front in frontends}.items()):
        slots = table.get(name) or (Slot(),) * FEWEST_SLOTS
        sections.append(_BACKEND[mode].format(name=name) + "\n".join(_servers(name, slots)))
    return _seal("\n\n".join(sections) + "\n")


def _bind(front: Frontend, tls: Tls) -> str:
    if not tls.at.covers(front) or not tls.mark:
        return ""
    return f" ssl crt {CONF}/{PAIR}" + (" alpn h2,http/1.1" if front.mode is Mode.HTTP else "")


def _secured(front: Frontend, tls: Tls) -> str:
    if not tls.at.covers(front):
        return ""
    if not tls.mark:
        return "  tcp-request connection reject\n"
    told = "  http-request set-header X-Forwarded-Proto https\n" if front.mode is Mode.HTTP else ""
    return f"  # certificate {tls.mark}\n{told}"


def rewrite(text: str, table: Table) -> str:
    """The same file with another table, whose slots may be more. What the table does not hold stays as it is."""
    lines: list[str] = []
    for line, backend in _walk(text):
        if backend is None or backend not in table or not _SERVER.match(line):
            lines.append(line)
        elif line.startswith("  server s1 "):
            lines.extend(_servers(backend, table[backend]))
    return _seal("\n".join(lines) + "\n")


def read_table(text: str) -> Table:
    """The table that a proxy which starts from this file has."""
    table: dict[str, list[Slot]] = {}
    for line, backend in _walk(text):
        if backend is not None and (found := _SERVER.match(line)):
            state = RouteState.OUT if found["off"] else RouteState.IN
            port = own_port(backend, int(found["port"]))
            table.setdefault(backend, []).append(Slot(found["v4"] or found["v6"], state, port=port))
    return {name: tuple(slots) for name, slots in table.items()}


def structure(text: str) -> str:
    """A digest of all that commands cannot change. The proxy says it itself, so that a reload can be seen."""
    kept = (_without_address(line) for line in text.splitlines() if not line.startswith("  description "))
    return hashlib.sha256("\n".join(kept).encode()).hexdigest()[:16]


def _without_address(line: str) -> str:
    return " ".join(line.split()[:2]) if _SERVER.match(line) else line


def _seal(text: str) -> str:
    """With its own digest in it."""
    return re.sub(r"(?m)^  description .*$", f"  description {structure(text)}", text)


def _walk(text: str) -> Iterator[tuple[str, str | None]]:
    """Each line and the backend in which it stands."""
    backend: str | None = None
    for line in text.splitlines():
        if line and not line.startswith(" "):
            kind, _, name = line.partition(" ")
            backend = name if kind == "backend" else None
        yield line, backend


def _servers(backend: str, slots: Sequence[Slot]) -> Iterator[str]:
    """A slot that is not in is off: who was draining is asked to drain anew."""
    for number, slot in enumerate(slots, start=1):
        address = f"[{slot.address}]" if ":" in slot.address else slot.address
        is_in = slot.state is RouteState.IN and slot.address != NOWHERE
        yield f"  server s{number} {address}:{slot.port or port_of(backend)}" + ("" if is_in else " disabled")


# One thread: what is drained is then drained, with no other thread that chose the server an instant before.
_GLOBAL = f"""\
global
  description unknown
  log stdout format raw daemon {{level}}
  maxconn 4096
  nbthread 1
  hard-stop-after 3600s
  mworker-max-reloads 16
  stats socket {RUN}/{RUNTIME} mode 600 level admin expose-fd listeners{{more}}"""

# What clients of the last ten years can do (Mozilla's "intermediate"); no tickets, whose key lives as long as we do.
_TLS = """
  ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets
  ssl-default-bind-ciphers ECDHE+AESGCM:ECDHE+CHACHA20
  ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"""

# No `log global`: a request's line can hold a secret. A refused connection is tried on another server at once.
_DEFAULTS = """\
defaults
  retries 3
  option redispatch 1
  timeout connect 1s
  timeout check 1s
  timeout queue 5s
  timeout tunnel 86400s
  default-server check inter 1s fastinter 250ms downinter 500ms fall 3 rise 1"""

_FRONTEND = """\
frontend port:{port}
  mode {mode}
  bind :{port}{bind}
{more}  default_backend {backend}"""

# Idle connections get one more answer when the process is to end: a client that sends just then is not turned away.
_MORE = {
    Mode.HTTP: """\
  option forwardfor
  option http-keep-alive
  option http-no-delay
  option idle-close-on-response
  timeout http-request 30s
  timeout http-keep-alive 60s
  timeout client 300s
""",
    Mode.TCP: """\
  option clitcpka
  timeout client 86400s
""",
}

# A line of JSON for each request or connection, times in milliseconds. Neither path nor header: they can hold a secret.
_SAID = (
    '"at":%Ts.%ms,"client":"%ci:%cp","port":%fp,"backend":"%b","server":"%si:%sp",'
    '"bytes":%B,"time":%Tt,"ended":"%ts","tls":"%sslv"'
)
_LOGGED = """\
  log global
  log-format '{{{said}}}'
  error-log-format '{{"at":%Ts.%ms,"client":"%ci:%cp","port":%fp,"ended":"%[fc_err_str]"}}'
"""
_LOG = {
    Mode.HTTP: _LOGGED.format(said=f'{_SAID},"method":"%HM","status":%ST'),
    Mode.TCP: _LOGGED.format(said=_SAID),
}

# Only a request that is whole when it is sent the first time can be sent a second time, and a body may come in a packet
# of its own; one that would not fit the buffer (16 KiB with the headers), and a stream, goes on as it comes.
_BACKEND = {
    Mode.HTTP: """\
backend {name}
  mode http
  balance roundrobin
  option http-keep-alive
  option http-no-delay
  timeout server 3600s
  retry-on conn-failure empty-response
  acl idempotent method GET HEAD OPTIONS TRACE PUT DELETE
  acl fits req.hdr_val(content-length) 1:12288
  http-request disable-l7-retry unless idempotent
  http-request wait-for-body time 300s if idempotent fits
""",
    Mode.TCP: """\
backend {name}
  mode tcp
  balance leastconn
  option srvtcpka
  timeout server 86400s
""",
}
