"""Create requests for the simulated engine, made from the model that Compose renders. Pure.

They have the shape in which Compose itself would send them, as far as a simulation can tell the difference.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from controller.engines import labels
from controller.engines.simulated_labels import JOB
from controller.engines.template import Request, make_template
from controller.model.project import Recording, RenderedProject
from controller.model.quantities import octets

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")
_NOT_REPLACING = frozenset({"depends_on", "scale", "profiles"})
_NOT_REPLACING_DEPLOY = frozenset({"update_config", "rollback_config", "replicas"})


def record_model(rendered: RenderedProject) -> Recording:
    """One template for every service of the project."""
    services: Mapping[str, Mapping[str, Any]] = rendered.model.get("services") or {}
    ids = {name: hashlib.sha256(name.encode()).hexdigest() for name in services}
    jobs = frozenset(name for name in services if _is_awaited(name, services))
    templates = {}
    for name, service in services.items():
        request = _make_request(rendered.name, name, service, ids)
        template = make_template(request, (), (), ids)
        joined, networks = join_networks(rendered, name, request)
        if name in jobs:
            request.create["Labels"].setdefault(JOB, "true")
        templates[name] = replace(template, body=joined.to_json(), networks=networks)
    return Recording(templates, compose_version="simulated")


def join_networks(rendered: RenderedProject, name: str, request: Request) -> tuple[Request, tuple[str, ...]]:
    """The same on its networks, as Compose would have it on them, and the requests for those that Compose makes.

    It means no other container in a simulation: which networks it is on can be changed while it runs.
    """
    service: Mapping[str, Any] = rendered.model["services"][name]
    if service.get("network_mode"):
        return request, ()
    declared, endpoints, made = rendered.model.get("networks") or {}, {}, []
    for key, given in sorted((service.get("networks") or {"default": None}).items()):
        network = declared.get(key) or {}
        called = network.get("name") or f"{rendered.name}_{key}"
        endpoints[called] = {"Aliases": [request.name, name, *((given or {}).get("aliases") or ())]}
        if not network.get("external"):
            marks = {labels.PROJECT: rendered.name, labels.NETWORK: key}
            kind = {"Driver": network.get("driver") or "", "Internal": bool(network.get("internal"))}
            kind |= {"Options": network["driver_opts"]} if network.get("driver_opts") else {}
            made.append(json.dumps({"Name": called, "Labels": marks, **kind}, sort_keys=True))
    create = {**request.create, "NetworkingConfig": {"EndpointsConfig": endpoints}}
    return replace(request, create=create), tuple(made)


def seconds(duration: object) -> float:
    """Compose's durations (`1m30s`, `500ms`) or plain seconds; 0 where there is none. Raises ValueError."""
    text = str(duration or "0")
    parts = _PART.findall(text)
    if "".join(number + unit for number, unit in parts) == text:
        return sum(float(number) * _UNITS[unit] for number, unit in parts)
    return float(text)


def _make_request(project: str, name: str, service: Mapping[str, Any], ids: Mapping[str, str]) -> Request:
    kept = {key: value for key, value in service.items() if key not in _NOT_REPLACING}
    deploy = service.get("deploy") or {}
    kept["deploy"] = {key: value for key, value in deploy.items() if key not in _NOT_REPLACING_DEPLOY}
    text = json.dumps(kept, sort_keys=True, separators=(",", ":"))
    marks = {
        **{key: str(value) for key, value in (service.get("labels") or {}).items()},
        labels.PROJECT: project,
        labels.SERVICE: name,
        labels.NUMBER: "1",
        labels.ONEOFF: "False",
        labels.CONFIG_HASH: hashlib.sha256(text.encode()).hexdigest(),
    }
    create: dict[str, Any] = {
        "Image": service.get("image") or f"{project}-{name}",
        "Labels": marks,
        "Healthcheck": _make_check(service.get("healthcheck") or {}),
        "ExposedPorts": {f"{port['target']}/{port.get('protocol', 'tcp')}": {} for port in service.get("ports") or ()},
        "HostConfig": _make_host(service, ids),
        "Service": text,
    }
    return Request(service.get("container_name") or f"{project}-{name}-1", None, create)


def _make_host(service: Mapping[str, Any], ids: Mapping[str, str]) -> dict[str, Any]:
    shared = {
        field: _share(service.get(key), ids)
        for field, key in (("NetworkMode", "network_mode"), ("PidMode", "pid"), ("IpcMode", "ipc"))
    }
    volumes = tuple(volume for volume in service.get("volumes") or () if volume.get("type") == "volume")
    bindings: dict[str, list[dict[str, str]]] = {}
    for port in service.get("ports") or ():
        binding = {"HostIp": port.get("host_ip", ""), "HostPort": str(port.get("published", ""))}
        bindings.setdefault(f"{port['target']}/{port.get('protocol', 'tcp')}", []).append(binding)
    return {
        **shared,
        **_limits(service),
        "RestartPolicy": _make_policy(service),
        "PortBindings": bindings,
        "Mounts": [{"Type": "volume", "Source": v.get("source", ""), "Target": v["target"]} for v in volumes],
    }


def _limits(service: Mapping[str, Any]) -> Mapping[str, int]:
    """Only those that are set; `deploy` wins, as in Compose."""
    deployed = ((service.get("deploy") or {}).get("resources") or {}).get("limits") or {}
    memory, cpus = deployed.get("memory") or service.get("mem_limit"), deployed.get("cpus") or service.get("cpus")
    return {
        **({"Memory": octets(memory)} if memory else {}),
        **({"NanoCpus": round(float(cpus) * 1e9)} if cpus else {}),
    }


def _share(mode: object, ids: Mapping[str, str]) -> str:
    """Whose namespace it is to join, by the made-up id of the owner."""
    text = str(mode or "")
    owner = text.removeprefix("service:")
    return f"container:{ids[owner]}" if owner != text and owner in ids else text


def _make_policy(service: Mapping[str, Any]) -> dict[str, Any]:
    """`deploy.restart_policy` wins over `restart`, as in Compose."""
    policy = (service.get("deploy") or {}).get("restart_policy") or {}
    if policy:
        name = {"none": "no", "on-failure": "on-failure"}.get(policy.get("condition") or "any", "always")
        return {"Name": name, "MaximumRetryCount": int(policy.get("max_attempts") or 0)}
    name, _, retries = str(service.get("restart") or "no").partition(":")
    return {"Name": name, "MaximumRetryCount": int(retries or 0)}


def _make_check(check: Mapping[str, Any]) -> dict[str, Any]:
    if check.get("disable"):
        return {"Test": ["NONE"]}
    if not check.get("test"):
        return {}
    times = {"Interval": "interval", "Timeout": "timeout", "StartPeriod": "start_period"}
    nanoseconds = {field: round(seconds(check.get(key)) * 1e9) for field, key in times.items()}
    return {"Test": list(check["test"]), "Retries": int(check.get("retries") or 0), **nanoseconds}


def _is_awaited(name: str, services: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether some service waits for it to complete: then it does, in a simulation."""
    needs = ((service.get("depends_on") or {}).get(name) or {} for service in services.values())
    return any(need.get("condition") == "service_completed_successfully" for need in needs)
