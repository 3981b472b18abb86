"""What a recorder answers to Compose, and what it keeps of Compose's requests; no IO."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote

from controller.engines import labels
from controller.engines.template import Request, make_template, name_networks
from controller.model.desired import Template
from controller.model.project import RenderedProject

_NEVER = "0001-01-01T00:00:00Z"


class Pass:
    """The answer is the daemon's."""


PASS = Pass()
Answer = tuple[int, Any] | Pass


@dataclass(frozen=True, slots=True)
class Facts:
    """What the recorder knows of the project beforehand: names that are not Compose's to make, known ids."""

    external_networks: frozenset[str]
    external_volumes: frozenset[str]
    platforms: Mapping[str, str]
    ids: Mapping[str, str]


def read_facts(rendered: RenderedProject, known_ids: Mapping[str, str]) -> Facts:
    """`known_ids`: containers that exist, by service; the others get made-up ids that depend on the names alone."""
    model = rendered.model
    services = model.get("services") or {}
    return Facts(
        external_networks=_external(model.get("networks")) | {"bridge", "host", "none"},
        external_volumes=_external(model.get("volumes")),
        platforms={
            str(service.get("image") or f"{rendered.name}-{name}"): str(service["platform"])
            for name, service in services.items()
            if service.get("platform")
        },
        ids={name: known_ids.get(name) or _digest(f"{rendered.name}/{name}") for name in services},
    )


def _external(section: Mapping[str, Any] | None) -> frozenset[str]:
    items = (section or {}).items()
    return frozenset(str(item.get("name") or key) for key, item in items if item and item.get("external"))


@dataclass(slots=True)
class Recorder:
    """The state behind a recording socket. Not thread-safe: its server calls it under a lock."""

    facts: Facts
    containers: dict[str, Request] = field(default_factory=dict)
    networks: dict[str, dict[str, Any]] = field(default_factory=dict)
    volumes: dict[str, dict[str, Any]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    """Of networks that are there, by their ids: some Composes ask for external ones by id, containers show the name."""

    def answer(self, method: str, path: str, query: Mapping[str, Any], body: Any) -> Answer:
        """Status and JSON for one request; PASS where the daemon is to answer. Paths come without a version."""
        if method in ("GET", "HEAD"):
            return self._read(path, query)
        made = self._write(path, query, body) if method in ("POST", "PUT") else None
        if made is None:
            self.refused.append(f"{method} {path}")
            return 500, {"message": f"recording only: {method} {path} is refused"}
        return made

    def make_up_image(self, name: str) -> dict[str, Any]:
        """An inspect for an image that is not here, so that nothing must be pulled to know what would be created."""
        system, _, rest = (self.facts.platforms.get(name) or "linux/").partition("/")
        architecture, _, variant = rest.partition("/")
        return {
            "Id": f"sha256:{_digest(name)}",
            "RepoTags": [name],
            "RepoDigests": [],
            "Created": _NEVER,
            "Os": system,
            "Architecture": architecture,
            "Variant": variant,
            "Config": {},
            "RootFS": {"Type": "layers", "Layers": []},
        }

    def note(self, path: str, answer: Any) -> None:
        """What the daemon answered to a read that was its own."""
        if path == "/networks" or path.startswith("/networks/"):
            found = answer if isinstance(answer, list) else [answer]
            self.names |= {one["Id"]: one["Name"] for one in found if isinstance(one, dict) and one.get("Id")}

    def templates(self) -> dict[str, Template]:
        """One template a service."""
        networks, volumes = tuple(self.networks.values()), tuple(self.volumes.values())
        named = (name_networks(request, self.names) for request in self.containers.values())
        made = (make_template(request, networks, volumes, self.facts.ids) for request in named)
        return {template.service: template for template in made}

    def _read(self, path: str, query: Mapping[str, Any]) -> Answer:
        parts = tuple(unquote(part) for part in path.strip("/").split("/"))
        match parts:
            case ("containers", "json"):
                return 200, self._list_containers(query)
            case ("containers", name, "json") if found := self._find(name):
                return 200, self._inspect(found, self.containers[found])
            case ("networks" | "volumes", *_):
                return self._read_surroundings(parts, query)
            case ("events",):
                return 500, {"message": "recording only: no events"}
            case _:
                return PASS

    def _read_surroundings(self, parts: tuple[str, ...], query: Mapping[str, Any]) -> Answer:
        """The project's own networks and volumes are not there, until Compose has made them here."""
        match parts:
            case ("networks", name) if name not in self.facts.external_networks:
                return _known(self.networks, name, "network")
            case ("networks",):
                wanted = set((query.get("filters") or {}).get("name") or ())
                if wanted & self.facts.external_networks:
                    return PASS
                return 200, [_as_network(item) for name, item in self.networks.items() if not wanted or name in wanted]
            case ("volumes", name) if name not in self.facts.external_volumes:
                return _known(self.volumes, name, "volume")
            case ("volumes",):
                return 200, {"Volumes": [_as_volume(item) for item in self.volumes.values()], "Warnings": []}
            case _:
                return PASS

    def _write(self, path: str, query: Mapping[str, Any], body: Any) -> Answer | None:
        parts = tuple(unquote(part) for part in path.strip("/").split("/"))
        match parts:
            case ("containers", "create"):
                made = self.facts.ids[body["Labels"][labels.SERVICE]]
                self.containers[made] = Request(query["name"], query.get("platform"), body)
                return 201, {"Id": made, "Warnings": []}
            case ("networks", "create"):
                self.networks[body["Name"]] = body
                return 201, {"Id": body["Name"], "Warning": ""}
            case ("volumes", "create"):
                self.volumes[body["Name"]] = body
                return 201, _as_volume(body)
            case ("networks", network, "connect") if found := self._find(body["Container"]):
                request = self.containers[found]
                connect = {"network": network, "endpoint": body.get("EndpointConfig")}
                self.containers[found] = replace(request, connects=(*request.connects, connect))
                return 200, None
            case ("containers", name, "archive") if found := self._find(name):
                request = self.containers[found]
                archive = {"query": dict(query), "data": b64encode(body).decode()}
                self.containers[found] = replace(request, archives=(*request.archives, archive))
                return 200, None
            case _:
                return None

    def _find(self, name: str) -> str | None:
        if name in self.containers:
            return name
        return next((key for key, request in self.containers.items() if request.name == name), None)

    def _list_containers(self, query: Mapping[str, Any]) -> list[dict[str, Any]]:
        wanted = (query.get("filters") or {}).get("label") or ()
        return [
            self._summary(key, request)
            for key, request in self.containers.items()
            if all(_has_label(request.create["Labels"], label) for label in wanted)
        ]

    @staticmethod
    def _summary(key: str, request: Request) -> dict[str, Any]:
        return {
            "Id": key,
            "Names": [f"/{request.name}"],
            "Image": request.create["Image"],
            "ImageID": request.create["Labels"].get(labels.IMAGE, ""),
            "Labels": request.create["Labels"],
            "State": "created",
            "Status": "Created",
            "HostConfig": {"NetworkMode": request.create["HostConfig"].get("NetworkMode", "")},
            "NetworkSettings": {"Networks": {}},
            "Mounts": [],
        }

    @staticmethod
    def _inspect(key: str, request: Request) -> dict[str, Any]:
        create = dict(request.create)
        host, networking = create.pop("HostConfig"), create.pop("NetworkingConfig", None) or {}
        endpoints = dict(networking.get("EndpointsConfig") or {})
        endpoints.update({connect["network"]: connect["endpoint"] for connect in request.connects})
        return {
            "Id": key,
            "Name": f"/{request.name}",
            "Created": _NEVER,
            "State": {"Status": "created", "StartedAt": _NEVER, "FinishedAt": _NEVER},
            "Image": create["Labels"].get(labels.IMAGE, ""),
            "Config": create,
            "HostConfig": host,
            "NetworkSettings": {"Networks": endpoints},
            "Mounts": [],
        }


def strip_version(path: str) -> str:
    return re.sub(r"^/v[0-9.]+(?=/)", "", path)


def _known(made: Mapping[str, dict[str, Any]], name: str, kind: str) -> Answer:
    if name not in made:
        return 404, {"message": f"{kind} {name} not found"}
    return 200, _as_network(made[name]) if kind == "network" else _as_volume(made[name])


def _as_network(body: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in body.items() if key != "CheckDuplicate"}
    return {**kept, "Id": body["Name"], "Scope": "local", "Driver": body.get("Driver") or "bridge", "Containers": {}}


def _as_volume(body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Name": body["Name"],
        "Driver": body.get("Driver") or "local",
        "Labels": body.get("Labels"),
        "Options": body.get("DriverOpts"),
        "Mountpoint": "",
        "Scope": "local",
        "CreatedAt": _NEVER,
    }


def _has_label(marks: Mapping[str, str], wanted: str) -> bool:
    name, equals, value = wanted.partition("=")
    return name in marks and (not equals or marks[name] == value)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
