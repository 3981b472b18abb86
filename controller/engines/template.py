"""The create request of one service as Compose wrote it: its digest, and the request for one replica made of it."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from controller.engines import labels
from controller.model.desired import Template
from controller.model.names import ImageId, ReplicaId
from controller.model.observed import Mount

_SHARED = ("NetworkMode", "PidMode", "IpcMode")


@dataclass(frozen=True, slots=True)
class Request:
    """A container create request, and the network connects and the files put into it that follow."""

    name: str
    platform: str | None
    create: Mapping[str, Any]
    connects: tuple[Mapping[str, Any], ...] = ()
    archives: tuple[Mapping[str, Any], ...] = ()

    def to_json(self) -> str:
        document = {"name": self.name, "platform": self.platform, "create": self.create}
        return _canonical({**document, "connects": list(self.connects), "archives": list(self.archives)})


def read_request(template: Template) -> Request:
    document = json.loads(template.body)
    return Request(
        document["name"],
        document["platform"],
        document["create"],
        tuple(document["connects"]),
        tuple(document.get("archives") or ()),
    )


def make_template(
    request: Request,
    networks: Sequence[Mapping[str, Any]],
    volumes: Sequence[Mapping[str, Any]],
    ids: Mapping[str, str],
) -> Template:
    """`networks`, `volumes`: create requests of the project; those that this one uses are kept. `ids`: by service."""
    marks = request.create["Labels"]
    used = used_names(request)
    return Template(
        service=marks[labels.SERVICE],
        config_hash=marks[labels.CONFIG_HASH],
        fingerprint=fingerprint(request, ids),
        body=request.to_json(),
        networks=tuple(_canonical(item) for item in networks if item["Name"] in used),
        volumes=tuple(_canonical(item) for item in volumes if item["Name"] in used),
        namespace_of=_holder(request.create["HostConfig"], {value: key for key, value in ids.items()}),
        filled_later=bool(request.archives),
    )


def name_networks(request: Request, names: Mapping[str, str]) -> Request:
    """The same, with the networks that it asks for by their ids under their names. `names`: by id."""
    networking, host = request.create.get("NetworkingConfig") or {}, request.create.get("HostConfig") or {}
    endpoints, mode = networking.get("EndpointsConfig") or {}, str(host.get("NetworkMode") or "")
    asked = {mode, *endpoints, *(connect["network"] for connect in request.connects)}
    if not asked & names.keys():
        return request  # nearly always
    create = dict(request.create)
    if endpoints:
        named = {names.get(key, key): endpoint for key, endpoint in endpoints.items()}
        create["NetworkingConfig"] = {**networking, "EndpointsConfig": named}
    if mode in names:
        create["HostConfig"] = {**host, "NetworkMode": names[mode]}
    connects = ({**one, "network": names.get(one["network"], one["network"])} for one in request.connects)
    return replace(request, create=create, connects=tuple(connects))


def used_names(request: Request) -> frozenset[str]:
    """Names of the networks and volumes that must exist before the create."""
    host = request.create["HostConfig"]
    endpoints = (request.create.get("NetworkingConfig") or {}).get("EndpointsConfig") or {}
    mounts = (mount.get("Source", "") for mount in host.get("Mounts") or ())
    binds = (bind.split(":", 1)[0] for bind in host.get("Binds") or ())
    connects = (connect["network"] for connect in request.connects)
    return frozenset((host.get("NetworkMode", ""), *endpoints, *mounts, *binds, *connects))


def fingerprint(request: Request, ids: Mapping[str, str]) -> str:
    """A digest without what replaces nothing: volatile labels, the number, the ids of namespace owners, list order.

    Empty fields are left out and late connects are put where a newer API has them, so that neither a Compose nor an
    engine upgrade replaces what stays the same.
    """
    create = json.loads(request.to_json())["create"]
    create["Labels"] = {key: value for key, value in create["Labels"].items() if key not in labels.VOLATILE}
    endpoints = (create.pop("NetworkingConfig", None) or {}).get("EndpointsConfig") or {}
    endpoints.update({connect["network"]: connect["endpoint"] for connect in request.connects})
    document = {"create": create, "platform": request.platform or None, "networks": sorted(endpoints)}
    joined = {name: _normalise(endpoint or {}) for name, endpoint in endpoints.items()}
    text = _canonical([_normalise(document), joined])
    for service, made_up in ids.items():
        text = text.replace(made_up, f"service:{service}")
    return hashlib.sha256(text.encode()).hexdigest()


_SETS = frozenset({"Aliases", "Mounts", "Binds", "Ulimits", "Env", "Links", "ExtraHosts", "CapAdd", "CapDrop"})


def _normalise(value: Any, key: str = "") -> Any:
    """Without empty fields; lists whose order means nothing, and changes from run to run, sorted."""
    match value:
        case dict():
            kept = {name: _normalise(item, name) for name, item in value.items()}
            return {name: item for name, item in kept.items() if item not in (None, "", 0, False, [], {}, [0, 0])}
        case list() if key in _SETS:
            return sorted((_normalise(item) for item in value), key=_canonical)
        case list():
            return [_normalise(item) for item in value]
        case _:
            return value


@dataclass(frozen=True, slots=True)
class Place:
    """What one replica has of its own."""

    number: int
    holder: ReplicaId | None = None
    carry: tuple[Mount, ...] = ()
    image_id: ImageId | None = None


def instantiate(request: Request, place: Place, image: ImageId | None = None) -> Request:
    """The request that makes this very replica, as Compose itself would send it for that number.

    `image`: that one, whatever the image's name stands for now.
    """
    create = copy.deepcopy(dict(request.create))
    create["Image"] = image or create["Image"]
    name = replica_name(request, place.number)
    marks = create["Labels"]
    marks[labels.NUMBER] = str(place.number)
    if place.image_id is not None:
        marks[labels.IMAGE] = str(place.image_id)
    if place.holder is not None:
        _join(create["HostConfig"], place.holder)
    _carry(create["HostConfig"], place.carry)
    connects = copy.deepcopy(list(request.connects))
    endpoints = (create.get("NetworkingConfig") or {}).get("EndpointsConfig") or {}
    for endpoint in (*endpoints.values(), *(connect["endpoint"] for connect in connects)):
        if endpoint and endpoint.get("Aliases"):
            endpoint["Aliases"] = [name if alias == request.name else alias for alias in endpoint["Aliases"]]
    return replace(request, name=name, create=create, connects=tuple(connects))


def replica_name(request: Request, number: int) -> str:
    """`<project>-<service>-<number>`, or the fixed `container_name`."""
    marks = request.create["Labels"]
    for separator in "-_":
        stem = f"{marks[labels.PROJECT]}{separator}{marks[labels.SERVICE]}{separator}"
        if request.name == f"{stem}{marks[labels.NUMBER]}":
            return f"{stem}{number}"
    return request.name


def _holder(host: Mapping[str, Any], services: Mapping[str, str]) -> str | None:
    """The service of the project whose namespace or volumes this one takes part in."""
    shared = [str(host.get(key) or "").removeprefix("container:") for key in _SHARED]
    taken = [str(item).split(":", 1)[0] for item in host.get("VolumesFrom") or ()]
    return next((services[owner] for owner in (*shared, *taken) if owner in services), None)


def _join(host: dict[str, Any], holder: ReplicaId) -> None:
    """Put the holder's id where the recorded owner's is."""
    owners = {str(host.get(key)) for key in _SHARED if str(host.get(key) or "").startswith("container:")}
    taken = {str(item).split(":", 1)[0] for item in host.get("VolumesFrom") or ()}
    if len(owners | {f"container:{owner}" for owner in taken}) > 1:
        return  # several owners: only a fresh recording knows which id goes where
    for key in _SHARED:
        if str(host.get(key) or "").startswith("container:"):
            host[key] = f"container:{holder}"
    host["VolumesFrom"] = [
        ":".join((holder, *str(item).split(":")[1:])) for item in host.get("VolumesFrom") or ()
    ] or host.get("VolumesFrom")


def _carry(host: dict[str, Any], carry: Sequence[Mount]) -> None:
    """Mount the anonymous volumes of the replaced replica where they were, as Compose's recreate does."""
    bound = {str(bind).split(":")[1] for bind in host.get("Binds") or () if ":" in str(bind)}
    mounts: list[dict[str, Any]] = host.get("Mounts") or []
    by_target = {mount["Target"]: mount for mount in mounts}
    for item in carry:
        if item.target in bound:
            continue
        mount = by_target.get(item.target)
        if mount is None:
            mounts.append({"Type": "volume", "Source": item.volume, "Target": item.target})
        elif mount.get("Type") == "volume" and not mount.get("Source"):
            mount["Source"] = item.volume
    if mounts:
        host["Mounts"] = mounts


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
