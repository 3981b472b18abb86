"""Networks and volumes that must exist before a create: made as recorded, never replaced."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from controller.engines import labels
from controller.engines.client import Client
from controller.engines.errors import Failure
from controller.model.desired import Template
from controller.model.errors import Conflict, Rejected


def ensure_surroundings(client: Client, template: Template, *, deadline: float) -> None:
    """Raises Rejected where one of that name is there and is something else: data and other containers hang on it."""
    for text in template.networks:
        _ensure_network(client, json.loads(text), deadline)
    for text in template.volumes:
        _ensure_volume(client, json.loads(text), deadline)


def _ensure_network(client: Client, request: Mapping[str, Any], deadline: float) -> None:
    name = request["Name"]
    there = _find(client, f"/networks/{quote(name, safe='')}", deadline)
    if there is None:
        try:
            client.call("POST", "/networks/create", body={**request, "CheckDuplicate": True}, deadline=deadline)
        except Conflict:
            return  # somebody else was faster
        return
    if difference := network_difference(request, there):
        raise Rejected(
            f"network {name} exists with another {difference}",
            hint=f"remove it (docker network rm {name}) or declare it `external: true`",
        )


def _ensure_volume(client: Client, request: Mapping[str, Any], deadline: float) -> None:
    name = request["Name"]
    there = _find(client, f"/volumes/{quote(name, safe='')}", deadline)
    if there is None:
        client.call("POST", "/volumes/create", body=request, deadline=deadline)
    elif difference := volume_difference(request, there):
        raise Rejected(
            f"volume {name} exists with another {difference}; it holds data and is not replaced",
            hint=f"move its data and remove it (docker volume rm {name}), or set the old {difference} again",
        )


def remove_networks(client: Client, stack: str, *, deadline: float) -> tuple[str, ...]:
    """Remove the networks that carry the project's label and that no container uses; the names of those that went."""
    filters = json.dumps({"label": [f"{labels.PROJECT}={stack}"]})
    gone = []
    for network in client.get(f"/networks?filters={quote(filters)}", deadline=deadline):
        try:
            client.call("DELETE", f"/networks/{network['Id']}", deadline=deadline)
        except (Conflict, Rejected):
            continue  # in use, or gone already
        gone.append(str(network["Name"]))
    return tuple(gone)


def _find(client: Client, path: str, deadline: float) -> Mapping[str, Any] | None:
    try:
        found: Mapping[str, Any] = client.get(path, deadline=deadline)
    except Conflict as error:
        if isinstance(error.__cause__, Failure) and error.__cause__.status == 404:
            return None
        raise
    return found


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
