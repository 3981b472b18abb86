"""Where a message to a channel may go. Pure: words and addresses in, the reason against them out.

Receivers on this machine and in private networks are usual. What is refused has no receiver, but something to steal:
link-local addresses and those from which clouds hand out credentials to whoever asks from within.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

ON_THE_HOST = frozenset({"blink1", "dbus", "gio", "glib", "gnome", "kde", "macosx", "qt", "syslog", "windows"})
"""apprise's schemes that start a program or speak to a service on this machine instead of sending something."""

_METADATA = tuple(
    map(
        ip_network,
        (
            "100.100.100.200/32",  # Alibaba
            "168.63.129.16/32",  # Azure
            "192.0.0.192/32",  # Oracle
            "fd00:42::42/128",  # Scaleway
            "fd00:ec2::/32",  # Amazon
            "fd20:ce::254/128",  # Google
        ),
    )
)
_NAT64 = ip_network("64:ff9b::/96")
_SCHEME = re.compile(r"\s*[a-z0-9]+://", re.IGNORECASE)
_ANOTHER = re.compile(r"[\s,;][a-z0-9]+://", re.IGNORECASE)
"""Where apprise takes what follows for one more address."""


def refuse_url(url: str) -> str | None:
    """Why nothing is sent to such an address, which is not quoted; None: nothing speaks against it so far."""
    if "://" in url and (_SCHEME.match(url) is None or _ANOTHER.search(url.lstrip()) is not None):
        return "it is not one address alone: it begins with scheme://, and a channel has one"
    scheme, colon, _ = url.partition("://")
    if colon and (scheme := scheme.strip().lower()) in ON_THE_HOST:
        return f"{scheme}:// acts on this machine itself, it sends nothing"
    try:
        host = urlsplit(url).hostname
    except ValueError:
        return None
    return refuse_address(host) if host else None


def refuse_address(text: str) -> str | None:
    """Why nothing is sent to this IP address. A name is none: it is judged when it is known what it stands for."""
    try:
        address = _unwrap(ip_address(text.strip("[]")))
    except ValueError:
        return None
    if address.is_link_local or any(address in network for network in _METADATA):
        return f"it leads to {address}, where clouds hand out credentials, and no receiver is"
    if address.is_multicast or address.is_unspecified:
        return f"it leads to {address}, which is no receiver's address"
    return None


def _unwrap(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 one stands for."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
