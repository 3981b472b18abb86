"""A container as Compose would define it: from an inspect, or from the request that makes one. Pure.

What nobody set is left out, so that the same rules hold for what is written and for what runs.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from controller.model.certified import is_own_mount
from controller.model.running import Model

NOTHING: Mapping[str, Any] = {}
_ANONYMOUS = re.compile(r"[0-9a-f]{64}$")
_QUIET_MODES = ("", "default", "private", "shareable", "none")
"""What the engine sets where nobody asks for anything."""
_PLAIN = {
    "Privileged": "privileged",
    "CapAdd": "cap_add",
    "CapDrop": "cap_drop",
    "DeviceCgroupRules": "device_cgroup_rules",
    "GroupAdd": "group_add",
    "ReadonlyRootfs": "read_only",
    "Memory": "mem_limit",
    "CpuShares": "cpu_shares",
    "CpuQuota": "cpu_quota",
    "CpusetCpus": "cpuset",
    "PidsLimit": "pids_limit",
    "OomKillDisable": "oom_kill_disable",
    "OomScoreAdj": "oom_score_adj",
    "Sysctls": "sysctls",
    "CgroupParent": "cgroup_parent",
    "VolumesFrom": "volumes_from",
    "ExtraHosts": "extra_hosts",
}
_DESKTOP = "/host_mnt"
"""Where the machine of Docker Desktop has the files of its host."""
_DESKTOP_DRIVE = re.compile(r"/run/desktop/mnt/host/([a-z])(?=/|$)")
"""The same of a host that has drives."""
_DRIVE = re.compile(r"[A-Za-z]:\\")
_QUIET_RUNTIMES = ("runc", "io.containerd.runc.v2")


def like_compose(
    inspect: Mapping[str, Any],
    project: str,
    *,
    brought: Mapping[str, Any] = NOTHING,
    shares_groups: bool = False,
    runtime: str = "runc",
) -> Model:
    """`brought`: what its image says of how it is run. `shares_groups`: the engine gives all the host's control groups.
    `runtime`: what it runs containers with."""
    config, host = inspect.get("Config") or {}, inspect.get("HostConfig") or {}
    networks = (inspect.get("NetworkSettings") or {}).get("Networks") or ()
    found = _like(config, host, [*_mounts(inspect.get("Mounts") or (), project)], networks, project, brought)
    unasked = {"cgroup"} if shares_groups else set()
    unasked |= {"runtime"} if found.get("runtime") == runtime else set()
    return {key: value for key, value in found.items() if key not in unasked}


def like_request(create: Mapping[str, Any], project: str) -> Model:
    """The same of a create request."""
    host = create.get("HostConfig") or {}
    networks = (create.get("NetworkingConfig") or {}).get("EndpointsConfig") or ()
    return _like(create, host, [*_asked_mounts(host, project)], networks, project)


def _like(
    config: Mapping[str, Any],
    host: Mapping[str, Any],
    volumes: list[Any],
    networks: Collection[str],
    project: str,
    brought: Mapping[str, Any] = NOTHING,
) -> Model:
    found: dict[str, Any] = {word: host[key] for key, word in _PLAIN.items() if host.get(key)}
    found |= _modes(host) | _sizes(host) | _of_config(config, brought)
    found["volumes"] = volumes
    found["ports"] = [*_ports(host)]
    found["devices"] = [one["PathOnHost"] for one in host.get("Devices") or () if one.get("PathOnHost")]
    found["tmpfs"] = [f"{path}:{options}" for path, options in (host.get("Tmpfs") or {}).items()]
    if host.get("DeviceRequests"):
        found["gpus"] = "all"
    joined = [_key(name, project) for name in networks if name not in ("bridge", "host", "none")]
    if joined and "network_mode" not in found:
        found["networks"] = joined
    return {key: value for key, value in found.items() if value not in (None, [], {}, "", False)}


def _key(name: str, project: str) -> str:
    """A network's or a volume's key in the Compose file."""
    return name.removeprefix(f"{project}_")


def _modes(host: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    network = str(host.get("NetworkMode") or "")
    if network in ("host", "bridge", "default") or network.startswith(("container:", "service:")):
        found["network_mode"] = "bridge" if network == "default" else network
    for key, word in (("PidMode", "pid"), ("IpcMode", "ipc"), ("UTSMode", "uts"), ("UsernsMode", "userns_mode")):
        if str(host.get(key) or "") not in _QUIET_MODES:
            found[word] = host[key]
    if host.get("CgroupnsMode") == "host":
        found["cgroup"] = "host"
    if str(host.get("Runtime") or "") not in ("", *_QUIET_RUNTIMES):
        found["runtime"] = host["Runtime"]
    found["security_opt"] = [*_options(host)]
    return found


def _options(host: Mapping[str, Any]) -> Iterator[str]:
    """`security_opt`, without the label that the engine adds by itself where processes or memory are shared."""
    shares = host.get("Privileged") or any(
        str(host.get(key) or "").startswith(("host", "container:")) for key in ("IpcMode", "PidMode")
    )
    for one in host.get("SecurityOpt") or ():
        if not (shares and str(one).replace(":", "=").startswith("label=")):
            yield str(one)
    masked = host.get("MaskedPaths")
    if masked is not None and not masked and not host.get("Privileged"):
        yield "systempaths=unconfined"


def _sizes(host: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if host.get("NanoCpus"):
        found["cpus"] = host["NanoCpus"] / 1e9
    if host.get("MemorySwap") == -1 and host.get("Memory"):
        found["memswap_limit"] = -1
    found["ulimits"] = {
        one["Name"]: {"soft": one.get("Soft"), "hard": one.get("Hard")} for one in host.get("Ulimits") or ()
    }
    policy = host.get("RestartPolicy") or {}
    if name := policy.get("Name"):
        most = policy.get("MaximumRetryCount")
        found["restart"] = f"{name}:{most}" if most else name
    log = host.get("LogConfig") or {}
    if log.get("Type"):
        found["logging"] = {"driver": log["Type"], "options": log.get("Config") or {}}
    return found


def _of_config(config: Mapping[str, Any], brought: Mapping[str, Any]) -> dict[str, Any]:
    """Without what its image says of it, which nobody here asked for."""
    variables, labels = brought.get("Env") or (), brought.get("Labels") or {}
    image = str(config.get("Image") or "")
    found: dict[str, Any] = {
        "image": "" if image.startswith("sha256:") else image,
        "user": config.get("User"),
        "labels": {key: one for key, one in (config.get("Labels") or {}).items() if labels.get(key) != one},
        "environment": dict(line.partition("=")[::2] for line in config.get("Env") or () if line not in variables),
    }
    for word, key in (("command", "Cmd"), ("entrypoint", "Entrypoint")):
        if config.get(key) != brought.get(key):
            found[word] = config.get(key)
    test = (config.get("Healthcheck") or {}).get("Test")
    if test:
        found["healthcheck"] = {"disable": True} if test[0] == "NONE" else {"test": test}
    return found


def _mounts(mounts: Collection[Mapping[str, Any]], project: str) -> Iterator[dict[str, Any]]:
    for one in mounts:
        read_only = not one.get("RW", True)
        kind, source = one.get("Type"), one.get("Source")
        if kind == "tmpfs" or is_own_mount(kind, source, one.get("Destination"), read_only=read_only):
            continue
        name = str(one.get("Name") or "")
        source = "" if _ANONYMOUS.match(name) else _key(name, project) if name else source
        source = _of_host(str(source or ""))
        mount = {"type": one.get("Type"), "source": source, "target": one.get("Destination")}
        if read_only:
            mount["read_only"] = True
        if one.get("Propagation") not in ("", "rprivate", "private", None):
            mount["bind"] = {"propagation": one["Propagation"]}
        yield mount


def _of_host(source: str) -> str:
    """As the host itself calls it."""
    found = _DESKTOP_DRIVE.match(source)
    if found is None:
        return source.removeprefix(_DESKTOP)
    return f"{found[1].upper()}:" + (source[found.end() :] or "/").replace("/", "\\")


def _asked_mounts(host: Mapping[str, Any], project: str) -> Iterator[Any]:
    """Of a create request."""
    for bind in host.get("Binds") or ():
        drive = str(bind)[:2] if _DRIVE.match(str(bind)) else ""
        source, _, rest = str(bind)[len(drive) :].partition(":")
        yield f"{drive}{source if drive or source.startswith('/') else _key(source, project)}:{rest}"
    for one in host.get("Mounts") or ():
        source = str(one.get("Source") or "")
        mount = {"type": one.get("Type"), "source": source if source.startswith("/") else _key(source, project)}
        mount |= {"target": one.get("Target"), "read_only": bool(one.get("ReadOnly"))}
        if propagation := (one.get("BindOptions") or {}).get("Propagation"):
            mount["bind"] = {"propagation": propagation}
        own = is_own_mount(one.get("Type"), source, one.get("Target"), read_only=bool(one.get("ReadOnly")))
        if one.get("Type") != "tmpfs" and not own:
            yield mount


def _ports(host: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for target, bound in (host.get("PortBindings") or {}).items():
        port, _, protocol = target.partition("/")
        for one in bound or ():
            yield {
                "target": port,
                "published": one.get("HostPort") or None,
                "host_ip": one.get("HostIp") or "",
                "protocol": protocol or "tcp",
            }
