"""Subnets for networks of ours: the first free ones of an address pool. The networks themselves are the memory.

What has a subnet keeps it for as long as it exists, so that nothing else has to be remembered, and one network more or
less moves no other.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import quote

from controller.engines import labels
from controller.engines.answers import get_list
from controller.engines.base import Emptied
from controller.engines.client import Client
from controller.engines.deadline import left
from controller.engines.errors import Failure
from controller.model.confined import MARK, POOL, PREFIX
from controller.model.errors import Conflict, EngineError, Rejected

_ROUTES = Path("/proc/net/route")
_UP = 0x1
_LARGEST = 8
"""Length of the prefix of the largest networks that there are: what is larger leads everywhere."""
_TRIES = 64
"""Subnets that somebody else may take from under us while one is being made, or that the engine knows to be taken."""
_OVERLAPS = ("overlap", "conflicts with network")


def create_from_pool(client: Client, request: Mapping[str, Any], *, deadline: float) -> None:
    """Make that network with the first subnet that no network of the engine and no route of this machine overlaps.

    Raises Rejected where there is none left.
    """
    ends_at = time.monotonic() + deadline
    pool, prefix = ip_network(request[POOL]), int(request[PREFIX])
    if not isinstance(pool, IPv4Network):
        raise Rejected(f"the address pool {pool} is none of IPv4", hint=_OTHER)
    body = {key: value for key, value in request.items() if key not in (POOL, PREFIX)}
    taken = [*_subnets(get_list(client, "/networks", {}, deadline=deadline)), *_routes_beside(client)]
    for number, subnet in enumerate(free_subnets(pool, prefix, taken)):
        if number == _TRIES:
            break
        ipam = {"Driver": "default", "Config": [{"Subnet": str(subnet)}]}
        try:
            body = {**body, "IPAM": ipam, "CheckDuplicate": True}
            client.call("POST", "/networks/create", body=body, deadline=left(ends_at))
            return
        except EngineError as error:
            if not any(word in error.message.lower() for word in _OVERLAPS):
                raise
    message = f"no subnet of /{prefix} is free in the address pool {pool} for network {request['Name']}"
    raise Rejected(message, hint=_OTHER)


_OTHER = "set security.addressPool to a private network that nothing here uses, as 10.213.0.0/16"


def free_subnets(pool: IPv4Network, prefix: int, taken: Iterable[IPv4Network]) -> Iterator[IPv4Network]:
    """Those of that size that overlap none of what is taken, from the lowest address on."""
    if prefix < pool.prefixlen:
        return
    blocks = sorted((one for one in taken if one.overlaps(pool)), key=lambda one: int(one.broadcast_address))
    size, at, end = 2 ** (32 - prefix), int(pool.network_address), int(pool.broadcast_address)
    while at + size - 1 <= end:
        candidate = IPv4Network((at, prefix))
        over = [int(one.broadcast_address) for one in blocks if one.overlaps(candidate)]
        if not over:
            yield candidate
        at = max(at + size, *(-(-(last + 1) // size) * size for last in over)) if over else at + size


def _subnets(networks: Iterable[Mapping[str, Any]]) -> Iterator[IPv4Network]:
    for network in networks:
        for config in (network.get("IPAM") or {}).get("Config") or ():
            with suppress(ValueError):
                found = ip_network(config.get("Subnet") or "", strict=False)
                if isinstance(found, IPv4Network):
                    yield found


def _routes_beside(client: Client) -> tuple[IPv4Network, ...]:
    """Those of the engine's machine, which an engine that is reached over the network has not in common with us."""
    return read_routes() if client.endpoint.socket_path is not None else ()


def read_routes(path: Path = _ROUTES) -> tuple[IPv4Network, ...]:
    """What this machine has a route to, the default route aside, also one in pieces, as a VPN sets it; nothing where
    that cannot be read."""
    try:
        lines = path.read_text().splitlines()[1:]
    except OSError:
        return ()
    return tuple(found for line in lines if (found := _route(line.split())) is not None)


def _route(row: list[str]) -> IPv4Network | None:
    """Both numbers are in the byte order of the machine: the kernel writes them as it has them."""
    try:
        address, mask = (int.from_bytes(bytes.fromhex(row[column])[::-1], "big") for column in (1, 7))
        length = mask.bit_count()
        if not int(row[3], 16) & _UP or length < _LARGEST:
            return None
        return IPv4Network((IPv4Address(address), length), strict=False)
    except (ValueError, IndexError):
        return None


def remove_ours(client: Client, stack: str, but: Collection[str], *, deadline: float) -> Emptied:
    """Those of that project that have none of these names and on which nobody is."""
    ends_at = time.monotonic() + deadline
    query = {"filters": {"label": [MARK, f"{labels.PROJECT}={stack}"]}}
    found = sorted(one["Name"] for one in get_list(client, "/networks", query, deadline=deadline))
    surplus = [name for name in found if name not in but]
    gone = tuple(name for name in surplus if remove_unused(client, name, deadline=left(ends_at)))
    return Emptied(gone, tuple(name for name in surplus if name not in gone))


def remove_unused(client: Client, name: str, *, deadline: float) -> bool:
    """Whether it went: a network of ours on which nobody is, running or not."""
    query = {"filters": {"name": [name], "label": [MARK]}}
    found = [one for one in get_list(client, "/networks", query, deadline=deadline) if one["Name"] == name]
    if not found:
        return False
    users = {"all": "1", "filters": {"network": [found[0]["Id"], name]}}  # who has not run yet has the name alone
    if get_list(client, "/containers/json", users, deadline=deadline):
        return False
    try:
        client.call("DELETE", f"/networks/{quote(found[0]['Id'], safe='')}", deadline=deadline)
    except (Conflict, Rejected) as error:
        if isinstance(error.__cause__, Failure) and error.__cause__.status in (403, 404):
            return False  # somebody came to be on it, or it is gone
        raise
    return True
