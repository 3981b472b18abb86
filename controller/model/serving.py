"""Where the API is served and to whom, as a person asked for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from controller.model.access import AccessPolicy

REQUESTS = 50
"""A second, of one client."""


@dataclass(frozen=True, slots=True)
class Serving:
    """`host` a name or address, `port` the first one that is tried. `certificate` and `key`: of TLS, both or none."""

    host: str = "127.0.0.1"
    port: int = 7070
    certificate: Path | None = None
    key: Path | None = None
    enabled: bool = True
    discovery: bool = True
    """Endpoints are told as Prometheus' HTTP service discovery wants them."""
    allow: tuple[str, ...] = ()
    """Networks from which one may connect; none: from everywhere."""
    requests_per_second: int = REQUESTS
    """Of one client."""
    access: AccessPolicy = field(default_factory=AccessPolicy)
    """Who may do what."""

    @property
    def scheme(self) -> str:
        return "https" if self.certificate is not None else "http"

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return self.host == "localhost"


def split_address(text: str) -> tuple[str, int]:
    """`127.0.0.1:7070`, `[::1]:7070`, `7070`. Raises ValueError."""
    host, colon, port = text.rpartition(":")
    number = int(port)
    if not 0 <= number <= 65535 or (colon and not host):
        raise ValueError(text)
    return host.strip("[]") or "127.0.0.1", number
