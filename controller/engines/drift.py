"""What of a container differs from what a template would make: field by field, with the engine's own defaults."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from controller.engines import labels
from controller.engines.limits import restart_policy
from controller.engines.names import by_name, find_misjoined, lacks_name, network_names
from controller.engines.template import Request, name_networks
from controller.model.observed import HOST_SETTINGS, SETTINGS, Difference

_SPECIAL = frozenset(
    {"Links", "NetworkMode", "PidMode", "IpcMode", "VolumesFrom", "ConsoleSize", "ContainerIDFile", "LogConfig",
     "RestartPolicy", "PortBindings", "Mounts", "Binds"}
)  # fmt: skip
"""Compared in their own way, or nowhere shown as they were asked for."""
_SETS = frozenset(
    {"CapAdd", "CapDrop", "Dns", "DnsOptions", "DnsSearch", "ExtraHosts", "GroupAdd", "SecurityOpt", "Devices",
     "DeviceRequests", "DeviceCgroupRules", "BlkioWeightDevice", "BlkioDeviceReadBps", "BlkioDeviceWriteBps",
     "BlkioDeviceReadIOps", "BlkioDeviceWriteIOps", "MaskedPaths", "ReadonlyPaths", "Ulimits"}
)  # fmt: skip
_UNSET = ("Memory", "NanoCpus", "CpuShares", "PidsLimit", "Privileged", "ReadonlyRootfs")
"""What a hand may set where nobody asked for it."""
_PLAIN = ("Hostname", "Domainname", "StopTimeout", "Tty", "OpenStdin", "Image")
_INHERITED = ("User", "WorkingDir", "StopSignal")
_EMPTY: tuple[object, ...] = (None, "", 0, False, [], {}, [0, 0], -1)
_CHECK = ("Test", "Interval", "Timeout", "StartPeriod", "Retries")
_PROXIES = frozenset({"http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy"})
_DESKTOP = "/host_mnt"
_ANONYMOUS = re.compile("[0-9a-f]{64}")
_MODES = ("NetworkMode", "PidMode", "IpcMode")


def find_drift(
    request: Request, inspect: Mapping[str, Any], image: Mapping[str, Any], ours: Collection[str] = ()
) -> tuple[str, ...]:
    """Names of the fields that differ, sorted; `image`: the `Config` of the container's own image; `ours`: networks.

    Only what the request sets or what only a request can set is compared; who owns a shared namespace is not.
    """
    request, inspect = by_name(request, inspect)
    create, config = request.create, inspect["Config"]
    host, seen = create["HostConfig"], inspect["HostConfig"]
    found = {
        *_config(create, config, image),
        *_host(host, seen),
        *_mounts(create, host, inspect, image),
        *_networks(request, inspect),
    }
    if _may_move(request, inspect, ours):
        found = {name for name in found if name != "NetworkMode" and not name.startswith("Networks")}
    return tuple(sorted(found))


def made_otherwise(
    request: Request, inspect: Mapping[str, Any], image: Mapping[str, Any], ours: Collection[str] = ()
) -> tuple[str, ...]:
    """Paths of settings that nobody gave it who made it from this request, though its labels say so; sorted.

    Of what another Compose made, or from other files, nothing is said. Nor of what is in no hash of Compose's: proxies
    and seccomp profiles of whoever ran it, volumes without a name that were carried over, an image named by its id.
    """
    request, inspect = by_name(request, inspect)
    create, config = request.create, inspect["Config"]
    marks = config.get("Labels") or {}
    if any(create["Labels"].get(name) != marks.get(name) for name in (labels.CONFIG_HASH, labels.VERSION)):
        return ()
    host, seen = _hashed_host(create["HostConfig"], {}), _hashed_host(inspect["HostConfig"], create["HostConfig"])
    found = {*_config(_hashed(create), _hashed(config), _hashed(image))} & {*SETTINGS}
    if _is_id(create.get("Image")) or _is_id(config.get("Image")):
        found -= {"Image"}
    mounted = _mounts(create, host, {**inspect, "HostConfig": seen}, image)
    found |= {f"HostConfig.{name}" for name in {*_host(host, seen), *mounted} & {*HOST_SETTINGS}}
    return tuple(sorted(found - ({"HostConfig.NetworkMode"} if _may_move(request, inspect, ours) else set())))


def _may_move(request: Request, inspect: Mapping[str, Any], ours: Collection[str]) -> bool:
    """Some of its networks are ours, or are to be: it is led from one to the other, whatever it was made with.

    What is only half made never was on those that it is to be on.
    """
    if not ours:
        return False  # nearly always
    there = (inspect.get("NetworkSettings") or {}).get("Networks") or {}
    made = (inspect.get("State") or {}).get("Status") != "created"
    return made and any(name in ours for name in (*wanted_endpoints(request), *there))


def _hashed(config: Mapping[str, Any]) -> Mapping[str, Any]:
    entries = [entry for entry in config.get("Env") or () if entry.partition("=")[0].lower() not in _PROXIES]
    return {**config, "Env": entries}


def _hashed_host(host: Mapping[str, Any], asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """`asked`: whose mounts stay, named or not. Docker Desktop shows its own way to the host's folders."""
    targets = {mount["Target"] for mount in asked.get("Mounts") or ()}
    return {
        **host,
        "SecurityOpt": [option for option in host.get("SecurityOpt") or () if not option.startswith("seccomp")],
        "Binds": [bind.removeprefix(_DESKTOP) for bind in host.get("Binds") or ()],
        "Mounts": [
            {**mount, "Source": str(mount.get("Source") or "").removeprefix(_DESKTOP)}
            for mount in host.get("Mounts") or ()
            if mount["Target"] in targets or not _ANONYMOUS.fullmatch(str(mount.get("Source") or ""))
        ],
    }


def _is_id(image: str | None) -> bool:
    return image is not None and (image.startswith("sha256:") or _ANONYMOUS.fullmatch(image) is not None)


def _config(create: Mapping[str, Any], config: Mapping[str, Any], image: Mapping[str, Any]) -> Iterator[str]:
    for name in _PLAIN:
        if create.get(name) and _differs(create[name], config.get(name)):
            yield name
    for name in _INHERITED:
        if _differs(create.get(name) or image.get(name), config.get(name)):
            yield name
    expected, seen = _expect(create, image), _expect(config, {})
    yield from (name for name, value in expected.items() if value != seen[name])


def _expect(create: Mapping[str, Any], image: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the engine makes of a request and an image; of an inspect and no image: the inspect itself."""
    entrypoint = _argv(create.get("Entrypoint"))
    return {
        "Env": _environment(create.get("Env"), image.get("Env")),
        "Entrypoint": entrypoint or _argv(image.get("Entrypoint")),
        "Cmd": _argv(create.get("Cmd")) or (() if entrypoint else _argv(image.get("Cmd"))),
        "Labels": _own({**(image.get("Labels") or {}), **(create.get("Labels") or {})}),
        "ExposedPorts": {*(create.get("ExposedPorts") or ()), *(image.get("ExposedPorts") or ())},
        "Healthcheck": _check(create.get("Healthcheck"), image.get("Healthcheck")),
    }


def _host(host: Mapping[str, Any], seen: Mapping[str, Any]) -> Iterator[str]:
    for name, wanted in host.items():
        if name in _SPECIAL or wanted in _EMPTY:
            continue
        if not _set(wanted) <= _set(seen.get(name)) if name in _SETS else _differs(wanted, seen.get(name)):
            yield name
    yield from (name for name in _UNSET if host.get(name) in _EMPTY and seen.get(name) not in _EMPTY)
    yield from (name for name in _MODES if _mode(host.get(name), name) != _mode(seen.get(name), name))
    yield from (name for name, judge in _OWN_WAY.items() if judge(host.get(name)) != judge(seen.get(name)))
    if (host.get("LogConfig") or {}).get("Type") and _differs(host["LogConfig"], seen.get("LogConfig")):
        yield "LogConfig"


def _mounts(
    create: Mapping[str, Any], host: Mapping[str, Any], inspect: Mapping[str, Any], image: Mapping[str, Any]
) -> Iterator[str]:
    """Every mount that was asked for is there, and no other but the image's own volumes and inherited ones."""
    seen = inspect["HostConfig"]
    if _set(host.get("Binds")) != _set(seen.get("Binds")):
        yield "Binds"
    wanted = {mount["Target"]: _mount(mount) for mount in host.get("Mounts") or ()}
    there = {mount["Target"]: _mount(mount) for mount in seen.get("Mounts") or ()}
    for target, mount in wanted.items():
        other = there.pop(target, None)
        if other is None or mount[0] != other[0] or mount[2] != other[2] or (mount[1] and mount[1] != other[1]):
            yield "Mounts"
    anonymous = {*(image.get("Volumes") or ()), *(create.get("Volumes") or ())}
    if any(kind != "volume" or target not in anonymous for target, (kind, _, _) in there.items()):
        yield "Mounts"
    if not set(create.get("Volumes") or ()) <= {mount.get("Destination") for mount in inspect.get("Mounts") or ()}:
        yield "Volumes"


def _networks(request: Request, inspect: Mapping[str, Any]) -> Iterator[str]:
    mode = str(request.create["HostConfig"].get("NetworkMode") or "")
    if mode in ("host", "none") or mode.startswith("container:"):
        return
    wanted = wanted_endpoints(request)
    there = (inspect.get("NetworkSettings") or {}).get("Networks") or {}
    if set(wanted or ([mode] if mode else [])) != set(there):
        yield "Networks"
    for name in set(wanted) & set(there):
        asked, got = wanted[name] or {}, there[name] or {}
        aliases = {alias for alias in asked.get("Aliases") or () if alias != request.name}
        if not (aliases <= set(got.get("Aliases") or ()) or lacks_name(name, asked, inspect)):
            yield f"Networks.{name}.Aliases"
        for key in ("Links", "DriverOpts", "IPAMConfig"):
            if _drop_empty(asked.get(key)) != _drop_empty(got.get(key)):
                yield f"Networks.{name}.{key}"
        if asked.get("MacAddress") and asked["MacAddress"] != got.get("MacAddress") and inspect["State"].get("Running"):
            yield f"Networks.{name}.MacAddress"


def wanted_endpoints(request: Request, inspect: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The settings by network that the request and the calls after it ask for. `inspect`: has the names to ids."""
    if inspect is not None:
        request = name_networks(request, network_names(inspect))
    wanted = dict((request.create.get("NetworkingConfig") or {}).get("EndpointsConfig") or {})
    wanted.update({connect["network"]: connect["endpoint"] for connect in request.connects})
    return wanted


def lost_networks(request: Request, inspect: Mapping[str, Any]) -> tuple[str, ...]:
    """Those of the request's networks that it is not connected to, or not under its service's name, sorted."""
    there = (inspect.get("NetworkSettings") or {}).get("Networks") or {}
    wanted = wanted_endpoints(request, inspect)
    found = (name for name, asked in wanted.items() if name not in there or lacks_name(name, asked or {}, inspect))
    return tuple(sorted(found))


def misjoined(request: Request, inspect: Mapping[str, Any]) -> tuple[Difference, ...]:
    """What the request asks for on the networks that are not lost, and is not so: names, an address, links."""
    wanted, lost = wanted_endpoints(request, inspect), lost_networks(request, inspect)
    kept = (name for name in sorted(wanted) if name not in lost)
    return tuple(found for name in kept for found in find_misjoined(name, wanted[name] or {}, request.name, inspect))


def _differs(wanted: Any, seen: Any) -> bool:
    return bool(_drop_empty(wanted) != _drop_empty(seen))


def _drop_empty(value: Any) -> Any:
    match value:
        case dict():
            kept = {key: _drop_empty(item) for key, item in value.items()}
            return {key: item for key, item in kept.items() if item not in (None, "", 0, [], {})} or None
        case list():
            return [_drop_empty(item) for item in value] or None
        case _:
            return value if value not in ("", 0, False) else None


def _set(items: Iterable[Any] | None) -> frozenset[str]:
    return frozenset(json.dumps(_drop_empty(item), sort_keys=True) for item in items or ())


def _argv(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) and value else tuple(value or ())


def _environment(entries: Iterable[str] | None, base: Iterable[str] | None) -> Mapping[str, str]:
    """A map; an entry without `=` removes what the image set."""
    merged: dict[str, str] = {}
    for entry in (*(base or ()), *(entries or ())):
        name, equals, value = entry.partition("=")
        if equals:
            merged[name] = value
        else:
            merged.pop(name, None)
    return merged


def _own(marks: Mapping[str, str] | None) -> Mapping[str, str]:
    return {key: value for key, value in (marks or {}).items() if key not in labels.VOLATILE}


def _check(check: Mapping[str, Any] | None, base: Mapping[str, Any] | None) -> Any:
    merged = {key: (check or {}).get(key) or (base or {}).get(key) for key in _CHECK}
    return _drop_empty(merged)


def _mode(value: Any, name: str) -> str:
    mode = str(value or "")
    if mode.startswith("container:"):
        return "container:"
    if name == "IpcMode" and mode in ("", "private", "shareable"):
        return ""  # the daemon's default
    return "" if name == "NetworkMode" and mode in ("", "default", "bridge") else mode


def _ports(bindings: Mapping[str, Any] | None) -> Mapping[str, frozenset[tuple[str, str]]]:
    return {
        port: frozenset((item.get("HostIp") or "", item.get("HostPort") or "") for item in items or ())
        for port, items in (bindings or {}).items()
        if items
    }


def _mount(mount: Mapping[str, Any]) -> tuple[str, str, bool]:
    return str(mount.get("Type")), str(mount.get("Source") or ""), bool(mount.get("ReadOnly"))


_OWN_WAY: Mapping[str, Callable[[Any], object]] = {
    "RestartPolicy": restart_policy,
    "PortBindings": _ports,
    "VolumesFrom": bool,
}
