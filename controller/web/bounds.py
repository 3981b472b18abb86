"""How much one may ask for: requests a second of each client, and failed logins. Values and an instant in."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from ipaddress import ip_network

_MOST_CLIENTS = 4096


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


@dataclass(slots=True)
class Rate:
    """Belongs to the server's thread. A client has so many requests a second, and twice as many at once."""

    _buckets: dict[Hashable, _Bucket] = field(default_factory=dict)

    def take(self, client: Hashable, rate: float, now: float) -> float:
        """Take one. 0: it is granted; else seconds after which there will be one."""
        bucket = self._buckets.get(client)
        if bucket is None:
            self._make_room(rate, now)
            bucket = self._buckets[client] = _Bucket(2 * rate, now)
        bucket.left = min(2 * rate, bucket.left + rate * max(0.0, now - bucket.at))
        bucket.at = now
        if bucket.left < 1:
            return (1 - bucket.left) / rate
        bucket.left -= 1
        return 0.0

    def _make_room(self, rate: float, now: float) -> None:
        """Who has asked for nothing in the last seconds has his whole measure again; then the longest silent go."""
        if len(self._buckets) < _MOST_CLIENTS:
            return
        busy = {who: one for who, one in self._buckets.items() if one.left + rate * (now - one.at) < 2 * rate}
        kept = sorted(busy.items(), key=lambda item: item[1].at)[-_MOST_CLIENTS // 2 :]
        self._buckets = dict(kept)


WINDOW = 300.0
"""Seconds for which a failed login counts."""
MOST_FAILED = 10
_MOST_KEPT = 10_000
"""Failed logins that are remembered; what is shown has 96 bits and more, so that many are no way in."""


@dataclass(slots=True)
class Throttle:
    """Belongs to the server's thread. Ten failed logins of one address in five minutes.

    Not of all together: whoever can fail would keep everybody out. An IPv6 network of 64 bits is one address.
    """

    _failed: deque[tuple[float, str]] = field(default_factory=lambda: deque(maxlen=_MOST_KEPT))

    def wait(self, address: str, now: float) -> float:
        """0: it may try; else seconds for which nobody from there is listened to, whatever he shows."""
        while self._failed and self._failed[0][0] + WINDOW <= now:
            self._failed.popleft()
        client = _client(address)
        own = [at for at, whose in self._failed if whose == client]
        return own[-MOST_FAILED] + WINDOW - now if len(own) >= MOST_FAILED else 0.0

    def fail(self, address: str, now: float) -> None:
        self._failed.append((now, _client(address)))


def _client(address: str) -> str:
    """Who has one address of a network of IPv6 has them all."""
    if ":" not in address:
        return address
    try:
        return str(ip_network((address.partition("%")[0], 64), strict=False))
    except ValueError:
        return address


def retry_after(seconds: float) -> int:
    """Whole seconds, one at least (RFC 9110, 10.2.3)."""
    return max(1, math.ceil(seconds))
