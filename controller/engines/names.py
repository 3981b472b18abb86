"""Under which names a container is found on its networks, as an inspect shows it. Pure.

A container's aliases on a network cannot be changed while it is on it. It is taken off and put on again, and gets the
address back that it had, the lowest free one: connections outlive that (measured on Engine 20.10 and 26.1).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controller.engines import labels

_WITHOUT_NAMES = frozenset({"bridge", "host", "none", "default"})
"""Docker's own networks, on which nobody is found by name."""
_KEPT = ("IPAMConfig", "Links", "DriverOpts", "GwPriority")
"""What was asked for of an endpoint, beside its aliases."""


def found_by_name(inspect: Mapping[str, Any]) -> bool | None:
    """Whether who looks its service up finds it on one of its networks; None: it is on none that has names."""
    aliases = [endpoint.get("Aliases") or () for endpoint in _endpoints(inspect).values()]
    return any(_service(inspect) in names for names in aliases) if aliases else None


def nameless_endpoints(inspect: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """By network the settings under which it would be there, but is not found, where it is found now."""
    return {
        network: {key: endpoint[key] for key in _KEPT if endpoint.get(key)}
        for network, endpoint in sorted(_endpoints(inspect).items())
        if _service(inspect) in (endpoint.get("Aliases") or ())
    }


def lacks_name(network: str, wanted: Mapping[str, Any], inspect: Mapping[str, Any]) -> bool:
    """It is on that network, but not under its service's name, which is `wanted` there."""
    there = _endpoints(inspect).get(network)
    service = _service(inspect)
    return (
        there is not None and service in (wanted.get("Aliases") or ()) and service not in (there.get("Aliases") or ())
    )


def _endpoints(inspect: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    networks = (inspect.get("NetworkSettings") or {}).get("Networks") or {}
    return {name: endpoint or {} for name, endpoint in networks.items() if name not in _WITHOUT_NAMES}


def _service(inspect: Mapping[str, Any]) -> str:
    return str(((inspect.get("Config") or {}).get("Labels") or {}).get(labels.SERVICE) or "")
