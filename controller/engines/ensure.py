"""Networks and volumes that must exist before a create: made as recorded, never replaced."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from controller.engines import labels
from controller.engines.answers import get_list, get_object
from controller.engines.client import Client
from controller.engines.errors import Failure
from controller.engines.pool import create_from_pool
from controller.model.confined import POOL
from controller.model.desired import Template
from controller.model.errors import Conflict, EngineError, Rejected
from controller.model.steps import Made

_AMBIGUOUS = re.compile(r"network (\S+) is ambiguous")
_LOST = re.compile(r"network \S+ not found")


def ensure_surroundings(client: Client, template: Template, *, deadline: float) -> tuple[Made, ...]:
    """What was missing and is made.

    Raises Rejected where one of that name is there and is something else: data and other containers hang on it.
    """
    networks, volumes = map(json.loads, template.networks), map(json.loads, template.volumes)
    found = [Made("network", request["Name"]) for request in networks if _ensure_network(client, request, deadline)]
    found += [Made("volume", request["Name"]) for request in volumes if _ensure_volume(client, request, deadline)]
    return tuple(found)


def _ensure_network(client: Client, request: Mapping[str, Any], deadline: float) -> bool:
    """Whether it was missing."""
    name = request["Name"]
    there = _find_network(client, name, deadline)
    if there is None:
        _create_network(client, request, deadline)
        merge_networks(client, name, deadline=deadline)
        return True
    if difference := network_difference(request, there):
        raise Rejected(
            f"network {name} exists with another {difference}",
            hint=f"remove it (docker network rm {name}) or declare it `external: true`",
        )
    return False


def _create_network(client: Client, request: Mapping[str, Any], deadline: float) -> None:
    """Where somebody else was faster, that will do. Everything else is a failure: no container can start without."""
    try:
        if POOL in request:
            create_from_pool(client, request, deadline=deadline)
        else:
            client.call("POST", "/networks/create", body={**request, "CheckDuplicate": True}, deadline=deadline)
    except Conflict as error:
        if not (isinstance(error.__cause__, Failure) and error.__cause__.status == 409):
            raise


def _find_network(client: Client, name: str, deadline: float) -> Mapping[str, Any] | None:
    path = f"/networks/{quote(name, safe='')}"
    try:
        return find_at(client, path, deadline)
    except EngineError as error:
        if ambiguous_network(error) is None:
            raise
    merge_networks(client, name, deadline=deadline)
    return find_at(client, path, deadline)


def ambiguous_network(error: EngineError) -> str | None:
    """The name that two networks share, if that is what the engine complains of."""
    found = _AMBIGUOUS.search(error.message)
    return found.group(1) if found else None


def lacks_network(error: EngineError) -> bool:
    """Whether the engine complains that a network of the container is not there any more."""
    return _LOST.search(error.message) is not None


def merge_networks(client: Client, name: str, *, deadline: float) -> None:
    """Engines before 25 let two writers make two networks of a name, which nobody can join then: one of them stays.

    The one in use, else the oldest; what is in use the engine does not remove. Networks that Compose did not label are
    not ours to remove.
    """
    query = {"filters": {"name": [name], "label": [labels.PROJECT]}}
    found = [net for net in get_list(client, "/networks", query, deadline=deadline) if net["Name"] == name]
    if len(found) < 2:
        return
    full = [get_object(client, f"/networks/{net['Id']}", "Id", deadline=deadline) for net in found]
    for net in sorted(full, key=lambda net: (not net.get("Containers"), net["Created"], net["Id"]))[1:]:
        with suppress(Conflict, Rejected):  # in use, or gone already
            client.call("DELETE", f"/networks/{net['Id']}", deadline=deadline)


def _ensure_volume(client: Client, request: Mapping[str, Any], deadline: float) -> bool:
    """Whether it was missing."""
    name = request["Name"]
    there = find_at(client, f"/volumes/{quote(name, safe='')}", deadline)
    if there is None:
        client.call("POST", "/volumes/create", body=request, deadline=deadline)
        return True
    if difference := volume_difference(request, there):
        raise Rejected(
            f"volume {name} exists with another {difference}; it holds data and is not replaced",
            hint=f"move its data and remove it (docker volume rm {name}), or set the old {difference} again",
        )
    return False


def remove_networks(client: Client, stack: str, *, deadline: float) -> tuple[str, ...]:
    """Remove the networks that carry the project's label and that no container uses; the names of those that went."""
    query = {"filters": {"label": [f"{labels.PROJECT}={stack}"]}}
    gone = []
    for network in get_list(client, "/networks", query, deadline=deadline):
        try:
            client.call("DELETE", f"/networks/{network['Id']}", deadline=deadline)
        except (Conflict, Rejected):
            continue  # in use, or gone already
        gone.append(str(network["Name"]))
    return tuple(gone)


def find_at(client: Client, path: str, deadline: float) -> Mapping[str, Any] | None:
    """A network or another thing with a name; None: there is none. Raises EngineErrors."""
    try:
        return get_object(client, path, "Name", deadline=deadline)
    except Conflict as error:
        if isinstance(error.__cause__, Failure) and error.__cause__.status == 404:
            return None
        raise


def network_difference(request: Mapping[str, Any], there: Mapping[str, Any]) -> str | None:
    """What differs between the network that is asked for and the one that exists; None: it will do."""
    if _foreign(request, there, labels.NETWORK):
        return "owner"
    for key in ("Internal", "EnableIPv6", "Attachable"):
        if key in request and bool(request[key]) != bool(there.get(key)):
            return key
    if request.get("Driver") and request["Driver"] != there.get("Driver"):
        return "driver"
    if not _within(request.get("Options"), there.get("Options")):
        return "driver options"
    wanted = [_subnet(item) for item in (request.get("IPAM") or {}).get("Config") or ()]
    present = [_subnet(item) for item in (there.get("IPAM") or {}).get("Config") or ()]
    return "subnet" if any(item not in present for item in wanted) else None


def volume_difference(request: Mapping[str, Any], there: Mapping[str, Any]) -> str | None:
    if request.get("Driver") and request["Driver"] != there.get("Driver"):
        return "driver"
    wanted, present = request.get("DriverOpts") or {}, there.get("Options") or {}
    return None if wanted == present else "driver options"


def _foreign(request: Mapping[str, Any], there: Mapping[str, Any], kind: str) -> bool:
    ours, theirs = request.get("Labels") or {}, there.get("Labels") or {}
    return any(ours.get(key) != theirs.get(key) for key in (labels.PROJECT, kind))


def _within(wanted: Mapping[str, str] | None, present: Mapping[str, str] | None) -> bool:
    return all((present or {}).get(key) == value for key, value in (wanted or {}).items())


def _subnet(item: Mapping[str, Any]) -> tuple[object, ...]:
    return (item.get("Subnet") or None, item.get("IPRange") or None)
