"""Where containers reach the engine's machine."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any

from controller.engines.client import Client
from controller.engines.ensure import find_at


def find_gateway(client: Client, *, deadline: float) -> str | None:
    """The gateway of the default bridge; None: the engine has no such network. Raises EngineErrors."""
    seen = find_at(client, "/networks/bridge", deadline)
    return read_gateway(seen) if seen is not None else None


def read_gateway(network: Mapping[str, Any]) -> str | None:
    """Of IPv4 where it has both. One that it does not tell (Docker 20.10) is the first address of its subnet."""
    pools = (network.get("IPAM") or {}).get("Config") or ()
    found = [gateway for pool in pools if (gateway := _gateway(pool)) is not None]
    return min(found, key=lambda one: ":" in one, default=None)


def _gateway(pool: Mapping[str, Any]) -> str | None:
    if pool.get("Gateway"):
        return str(pool["Gateway"]).partition("/")[0]
    if not pool.get("Subnet"):
        return None
    return str(next(iter(ip_network(pool["Subnet"], strict=False).hosts())))
