"""What of a stack's networks stands against `networkPolicy: dependencies`, and what it does not reach. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from controller.intake.findings import Path, at
from controller.model.confined import BRIDGES, MTU, Joining, may_be_ours, read_joining
from controller.model.desired import DesiredService
from controller.model.errors import Finding

if TYPE_CHECKING:
    from controller.model.manifest import Service, Stack

_FIXED = ("ipv4_address", "ipv6_address", "link_local_ips", "mac_address")
"""Of a service on a network: what another network cannot give it."""
_DROPPED = ("driver_opts", "interface_name", "gw_priority", "priority")
"""What it could have there, and has not on ours: the way out is always the one that has one."""

Policies = Mapping[str, "Service"]
Services = Mapping[str, DesiredService]


def is_confined(manifest: Stack | None) -> bool:
    """Whether the manifest asks for networks by edges."""
    return manifest is not None and manifest.spec.security.network_policy == "dependencies"


def check_networks(
    manifest: Stack | None, policies: Policies, services: Services, model: Mapping[str, Any]
) -> Iterator[Finding]:
    """Addresses given by hand on a network that is to be replaced; ports without a way on which they are reached;
    names that ours have."""
    if is_confined(manifest):
        yield from _refuse_names(model)
        yield from _refuse_closed_ports(policies, services)
        for name, one in _moved(services, model):
            yield from _refuse_fixed(name, one, model)


def _refuse_names(model: Mapping[str, Any]) -> Iterator[Finding]:
    project = str(model.get("name") or "")
    for key, network in sorted((model.get("networks") or {}).items()):
        called = str((network or {}).get("name") or "")
        if may_be_ours(project, called):
            message = f"network '{key}' is called {called}, as networks of networkPolicy are"
            yield at(("networks", key, "name"), message, hint=f"give it a name that does not begin with {project}.")


def _refuse_closed_ports(policies: Policies, services: Services) -> Iterator[Finding]:
    for name, said in sorted(policies.items()):
        if said.egress is False and name in services and _loses_ports(services[name]):
            message = f"'{name}' publishes ports itself, which nobody could reach without a way out"
            mend = "set ingress.mode: auto, publish none, or remove egress: false"
            yield at(("spec", "services", name, "egress"), message, hint=mend)


def _refuse_fixed(name: str, one: Mapping[str, Any], model: Mapping[str, Any]) -> Iterator[Finding]:
    hint = "leave it out, or put the service on an external network, or set networkPolicy: off"
    for key, given in _replaced(one, model):
        for setting in _FIXED:
            if given.get(setting):
                message = f"'{name}' has a {setting} on '{key}', which networkPolicy replaces"
                yield at(("services", name, "networks", key, setting), message, hint=hint)
    if one.get("mac_address"):
        message = f"'{name}' has a mac_address, which no network of networkPolicy can give it"
        yield at(("services", name, "mac_address"), message, hint=hint)


def warn_networks(
    manifest: Stack | None, policies: Policies, services: Services, model: Mapping[str, Any]
) -> Iterator[Finding]:
    """Whom it does not reach, and who is reached all the same."""
    written, confined = model.get("services") or {}, is_confined(manifest)
    for name, said in sorted(policies.items()):
        if name in services:
            mode = str((written.get(name) or {}).get("network_mode") or "")
            yield from _warn_egress(name, said, mode, confined=confined)
            if confined and said.egress is False and not mode:
                yield from _warn_other_ways(name, written.get(name) or {}, model)
    if confined:
        yield from _warn_modes(services, written)
        for name, one in _moved(services, model):
            yield from _warn_kept(name, one, model)
            yield from _warn_dropped(name, one, model)
        yield from _warn_settings(services, model)


def _warn_modes(services: Services, written: Mapping[str, Any]) -> Iterator[Finding]:
    for name, one in sorted(written.items()):
        if services[name].leaving is None and (mode := one.get("network_mode")):
            message = f"'{name}' has network_mode: {mode}, which networkPolicy leaves as it is"
            yield at(("services", name, "network_mode"), message, hint="remove network_mode to have it confined, too")


def _warn_dropped(name: str, one: Mapping[str, Any], model: Mapping[str, Any]) -> Iterator[Finding]:
    for key, given in _replaced(one, model):
        if dropped := [setting for setting in _DROPPED if given.get(setting)]:
            message = f"'{name}' has {' and '.join(dropped)} on '{key}', which networkPolicy replaces without"
            yield at(("services", name, "networks", key), message)


def _warn_settings(services: Services, model: Mapping[str, Any]) -> Iterator[Finding]:
    """What networks that are replaced have, and ours have not."""
    networks = model.get("networks") or {}
    used = {key for _, one in _moved(services, model) for key in one.get("networks") or {"default": None}}
    replaced = {key: network for key in sorted(used) if _is_replaced(network := networks.get(key) or {})}
    mtus = {key: str((one.get("driver_opts") or {}).get(MTU) or "") for key, one in replaced.items()}
    for key, network in replaced.items():
        options = [name for name in sorted(network.get("driver_opts") or {}) if name != MTU]
        options += [MTU] if mtus[key] and len({*mtus.values()}) > 1 else []
        lost = [name for name in ("enable_ipv6", "ipam") if _says(network.get(name))]
        if options or lost:
            message = f"network '{key}' has {', '.join([*options, *lost])}, which networkPolicy replaces without"
            place = "driver_opts" if options else lost[0]
            hint = "declare it external to keep it, or set networkPolicy: off, where that is needed"
            yield at(("networks", key, place), message, hint=hint)


def _says(value: Any) -> bool:
    """Compose shows an `ipam` in which nothing is said."""
    return any(value.values()) if isinstance(value, Mapping) else bool(value)


def _is_replaced(network: Mapping[str, Any]) -> bool:
    return not network.get("external") and network.get("driver") in BRIDGES


def _warn_egress(name: str, said: Service, mode: str, *, confined: bool) -> Iterator[Finding]:
    place: Path = ("spec", "services", name, "egress")
    if said.egress is None:
        return
    if not confined:
        yield at(place, "'egress' changes nothing", hint="set security.networkPolicy: dependencies")
    elif mode:
        message = f"'egress' changes nothing: '{name}' has network_mode: {mode}"
        yield at(place, message, hint="say it of the service whose network it shares, or remove network_mode")


def _warn_other_ways(name: str, one: Mapping[str, Any], model: Mapping[str, Any]) -> Iterator[Finding]:
    """Of an external network the files do not say whether it is internal."""
    networks = model.get("networks") or {}
    for key in sorted(one.get("networks") or {"default": None}):
        network = networks.get(key) or {}
        if not _is_replaced(network) and (network.get("external") or not network.get("internal")):
            unless = ", unless that is internal" if network.get("external") else ""
            message = f"'{name}' stays on network '{key}', and may get out by it{unless}"
            yield at(("spec", "services", name, "egress"), message, hint="take it off, or make that network internal")


def _loses_ports(service: DesiredService) -> bool:
    """On internal networks Docker publishes nothing; on one that is kept it goes on doing so."""
    joining = _joining(service)
    return service.leaving is None and joining.publishes and joining.outside and not joining.kept


def _joining(service: DesiredService) -> Joining:
    return read_joining(service.template.body, service.template.networks)


def _warn_kept(name: str, one: Mapping[str, Any], model: Mapping[str, Any]) -> Iterator[Finding]:
    for key in sorted(one.get("networks") or {"default": None}):
        network = (model.get("networks") or {}).get(key) or {}
        if not _is_replaced(network):
            kind = "external" if network.get("external") else f"of the driver {network['driver']}"
            message = f"network '{key}' is {kind}, and stays: whoever is on it reaches '{name}'"
            yield at(("services", name, "networks", key), message, hint="take it off where that is too much")


def _moved(services: Services, model: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, one in sorted((model.get("services") or {}).items()):
        if services[name].leaving is None and not one.get("network_mode"):
            yield name, one


def _replaced(one: Mapping[str, Any], model: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    networks = model.get("networks") or {}
    for key, given in sorted((one.get("networks") or {}).items()):
        network = networks.get(key) or {}
        if _is_replaced(network):
            yield key, given or {}
