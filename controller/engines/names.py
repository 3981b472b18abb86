"""Under which names a container is found on its networks, as an inspect shows it. Pure.

A container's aliases on a network cannot be changed while it is on it. It is taken off and put on again, and gets the
lowest free address: where that is the one that it had, its connections outlive it (measured on Engine 20.10 and 26.1).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_interface, ip_network
from typing import Any

from controller.engines import labels
from controller.engines.template import Request, name_networks
from controller.model.observed import Difference

_WITHOUT_NAMES = frozenset({"bridge", "host", "none", "default"})
"""Docker's own networks, on which nobody is found by name."""
_ID = re.compile("[0-9a-f]{64}")
_KEPT = ("IPAMConfig", "Links", "DriverOpts", "GwPriority", "MacAddress")
"""What was asked for of an endpoint, beside its aliases, and under which address its neighbours remember it."""
_ADDRESSES = (("IPAddress", "IPv4Address"), ("GlobalIPv6Address", "IPv6Address"))
"""What an address is called where it is, and where it was asked for."""

Address = IPv4Address | IPv6Address


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


def find_lower_address(inspect: Mapping[str, Any], network: Mapping[str, Any]) -> str | None:
    """The free address that it would get on that network (as inspected) instead of the one that it has there.

    None: it gets its own again, or a driver gives it out of which that is not known.
    """
    endpoint = _endpoints(inspect).get(network.get("Name") or "")
    if endpoint is None or network.get("Driver") != "bridge":
        return None
    asked = endpoint.get("IPAMConfig") or {}
    owned = (ip_address(endpoint[has]) for has, given in _ADDRESSES if endpoint.get(has) and not asked.get(given))
    used = set(_used(network))
    lower = (free for own in owned if (free := _lowest_free(own, network, used)) and int(free) < int(own))
    return next((str(free) for free in lower), None)


def _used(network: Mapping[str, Any]) -> Iterator[Address]:
    for other in (network.get("Containers") or {}).values():
        yield from (ip_interface(other[given]).ip for _, given in _ADDRESSES if other.get(given))
    for pool in (network.get("IPAM") or {}).get("Config") or ():
        reserved = (pool.get("Gateway"), *(pool.get("AuxiliaryAddresses") or {}).values())
        yield from (ip_interface(address).ip for address in reserved if address)


def _lowest_free(own: Address, network: Mapping[str, Any], used: set[Address]) -> Address | None:
    for pool in (network.get("IPAM") or {}).get("Config") or ():
        addresses = ip_network(pool.get("IPRange") or pool["Subnet"], strict=False)
        if own in addresses:
            return next((address for address in addresses.hosts() if address == own or address not in used), None)
    return None


def lacks_name(network: str, wanted: Mapping[str, Any], inspect: Mapping[str, Any]) -> bool:
    """It is on that network, but not under its service's name, which is `wanted` there."""
    there = _endpoints(inspect).get(network)
    service = _service(inspect)
    return (
        there is not None and service in (wanted.get("Aliases") or ()) and service not in (there.get("Aliases") or ())
    )


def find_misjoined(
    network: str, wanted: Mapping[str, Any], name: str, inspect: Mapping[str, Any]
) -> Iterator[Difference]:
    """What was asked for on that network and is not so. More than that is nobody's business.

    `name`: the container's own, under which the engine finds it anyway. Whether it has its service's is asked before.
    Of links only that there are none at all: which
    ones there are follows from how many there were to link to.
    """
    there = _endpoints(inspect).get(network)
    if there is None:
        return
    aliases = sorted({*(wanted.get("Aliases") or ())} - {name, _service(inspect)})
    if not set(aliases) <= set(there.get("Aliases") or ()):
        yield _difference(network, "Aliases", aliases, (one for one in aliases if one in (there.get("Aliases") or ())))
    asked, given = wanted.get("IPAMConfig") or {}, there.get("IPAMConfig") or {}
    fixed = [kind for _, kind in _ADDRESSES if asked.get(kind)]
    has = {_address(there.get("IPAddress")), _address(there.get("GlobalIPv6Address"))}
    if any(_address(asked[kind]) not in {_address(given.get(kind)), *has} for kind in fixed):
        yield _difference(network, "IPAMConfig", (asked[k] for k in fixed), (given[k] for k in fixed if given.get(k)))
    if wanted.get("Links") and not there.get("Links"):
        yield _difference(network, "Links", sorted({*wanted["Links"]}), ())


def _difference(network: str, key: str, wanted: Iterable[str], seen: Iterable[str]) -> Difference:
    return Difference(f"Networks.{network}.{key}", " ".join(wanted), " ".join(seen) or "none")


def add_names(wanted: Mapping[str, Any], there: Mapping[str, Any], inspect: Mapping[str, Any]) -> Mapping[str, Any]:
    """The settings that are asked for, with the names beside them that it has there: a name that was added stays."""
    asked = list(wanted.get("Aliases") or ())
    more = [alias for alias in there.get("Aliases") or () if alias not in asked and not _is_id(alias, inspect)]
    return {**wanted, "Aliases": [*asked, *more]} if more else wanted


def present_endpoint(there: Mapping[str, Any], inspect: Mapping[str, Any]) -> Mapping[str, Any]:
    """The settings with which it would be there again just as it is."""
    return add_names({key: there[key] for key in _KEPT if there.get(key)}, there, inspect)


def find_holder(wanted: Mapping[str, Any], replica: str, network: Mapping[str, Any]) -> tuple[str, str] | None:
    """An address that is asked for on that network (as inspected), and the name of who else has it now."""
    asked = wanted.get("IPAMConfig") or {}
    for container, other in (network.get("Containers") or {}).items():
        for _, kind in _ADDRESSES:
            if container != replica and asked.get(kind) and _address(other.get(kind)) == _address(asked[kind]):
                return asked[kind], str(other.get("Name"))
    return None


def _address(text: Any) -> object:
    """As a value: newer engines write IPv6 in its short form. With or without the length of its network."""
    bare = str(text or "").partition("/")[0]
    try:
        return ip_address(bare)
    except ValueError:
        return bare or None


def _is_id(alias: str, inspect: Mapping[str, Any]) -> bool:
    """Older engines list it among the names."""
    return bool(alias) and str(inspect.get("Id")).startswith(alias)


def _endpoints(inspect: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    networks = (inspect.get("NetworkSettings") or {}).get("Networks") or {}
    return {name: endpoint or {} for name, endpoint in networks.items() if name not in _WITHOUT_NAMES}


def network_names(inspect: Mapping[str, Any]) -> dict[str, str]:
    """Of all networks that it is on, by their ids."""
    there = (inspect.get("NetworkSettings") or {}).get("Networks") or {}
    return {end["NetworkID"]: name for name, end in there.items() if end and end.get("NetworkID")}


def by_name(request: Request, inspect: Mapping[str, Any]) -> tuple[Request, Mapping[str, Any]]:
    """Both with the names of the networks that it is on, where they have ids: Compose asks for external ones by id.

    One that never ran does not show its networks' ids: there any id will do, if it is on the one that is asked for.
    """
    names, host = network_names(inspect), inspect.get("HostConfig") or {}
    request, mode = name_networks(request, names), str(host.get("NetworkMode") or "")
    if mode not in names and _ID.fullmatch(mode) and not names:
        asked = request.create["HostConfig"].get("NetworkMode")
        names = {mode: asked} if asked in ((inspect.get("NetworkSettings") or {}).get("Networks") or {}) else {}
    if mode in names:
        inspect = {**inspect, "HostConfig": {**host, "NetworkMode": names[mode]}}
    return request, inspect


def _service(inspect: Mapping[str, Any]) -> str:
    return str(((inspect.get("Config") or {}).get("Labels") or {}).get(labels.SERVICE) or "")


def spells_same(name: str, proper: str) -> bool:
    """Compose's older way to spell a container's name, with underscores, is as good."""
    return name.replace("_", "-") == proper.replace("_", "-")
