"""What cannot be as it is asked for (errors), and what is asked for but not acted on yet (warnings). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import TYPE_CHECKING

from controller.intake.compose import Model
from controller.intake.findings import Path, at, suggest
from controller.intake.ingress import share_address, stays
from controller.model.desired import DesiredService, UpdatePolicy, Watch
from controller.model.errors import Finding
from controller.model.observed import HOST_SETTINGS, LIMITS, SETTINGS

if TYPE_CHECKING:
    from controller.model.manifest import Stack
    from controller.model.manifest.workload import Service

MAX_REPLICAS = 1000
"""Of one service: a bridge network has no more than 1024 ports."""


def check_replicas(service: DesiredService, model: Model, leads_traffic: bool = True) -> Iterator[Finding]:
    """Several replicas need names and host ports of their own. `leads_traffic`: an ingress could be had."""
    path = ("spec", "services", service.name, "replicas")
    if not 0 <= service.replicas <= MAX_REPLICAS:
        message = f"{service.replicas} replicas of service '{service.name}' cannot be"
        yield at(path, message, hint=f"give a number from 0 to {MAX_REPLICAS}")
        return
    if service.replicas > 1 and service.container_name:
        message = f"{service.replicas} replicas cannot share container_name '{service.container_name}'"
        hint = f"remove container_name from service '{service.name}', or set replicas: 1"
        yield at(path, message, hint=hint)
    for port in service.ports:
        if port.published is None or (port.is_fixed and service.frontends):
            continue
        first, last = port.published
        if service.replicas > last - first + 1:
            yield _short_of_ports(service, port.target, first, last, leads_traffic)
    if model.get("network_mode") == "host" and service.replicas > 1:
        message = f"{service.replicas} replicas cannot share the host's ports (network_mode: host)"
        yield at(path, message, hint="set replicas: 1, or publish a range of ports instead")


def check_names_of_containers(services: Mapping[str, DesiredService]) -> Iterator[Finding]:
    """Two containers cannot have one name, whatever the services are called."""
    first: dict[str, str] = {}
    for name, service in services.items():
        if not service.container_name or not service.replicas:
            continue
        other = first.setdefault(service.container_name, name)
        if other != name:
            message = f"container_name '{service.container_name}' is that of service '{other}' already"
            hint = "give one of them another name, or none at all"
            yield at(("services", name, "container_name"), message, hint=hint)


def check_host_ports(services: Mapping[str, DesiredService]) -> Iterator[Finding]:
    """The ingress has each host port once; told at each of the two that ask for it."""
    fronts = sorted({front for service in filter(stays, services.values()) for front in service.frontends})
    hint = "publish another one, or the ports of one of them only"
    for one, other in combinations(fronts, 2):
        if one.host_port != other.host_port or not share_address(one.host_ip, other.host_ip):
            continue
        if one.service == other.service:
            yield at(("services", one.service, "ports"), f"host port {one.host_port} is published twice", hint=hint)
            continue
        for here, there in ((one, other), (other, one)):
            message = f"host port {here.host_port} is that of service '{there.service}' too: the ingress has it once"
            yield at(("services", here.service, "ports"), message, hint=hint)


def unled(names: tuple[str, ...], place: Path) -> Finding:
    """These are to be behind an ingress that cannot be had."""
    message = (
        f"the ingress stays off, and services keep their host ports ({', '.join(names)}): "
        "the engine is not on this machine, as the proxy's files are"
    )
    off = ", or set ingress.mode: off" if place[0] == "spec" else ""
    return at(place, message, hint=f"run the controller where the engine is{off}")


def check_patience(update: UpdatePolicy, path: Path) -> Iterator[Finding]:
    """A new replica that is watched for as long as an update may go without progress would never count."""
    if update.watch is Watch.READY or update.monitor < update.progress_deadline:
        return
    monitor, deadline = f"{update.monitor:g} s", f"{update.progress_deadline:g} s"
    message = f"a new replica is watched for {monitor} (monitor), and every update would fail after {deadline}"
    yield at(path, message, hint=f"give a progressDeadline of more than {monitor}, or a shorter monitor")


def unchecked(edge: Path, name: str, target: DesiredService, unknown: bool) -> Finding:
    """`name` waits for the health of what has no health check."""
    unless = ", unless its image has one" if unknown else ""
    message = (
        f"'{name}' waits until '{target.name}' is healthy, which has no health check{unless}: "
        f"it counts as healthy once it has run for {target.settle:g} s"
    )
    return at(edge, message, hint=f"give '{target.name}' a healthcheck, or wait for service_started")


def _short_of_ports(service: DesiredService, target: int, first: int, last: int, leads_traffic: bool) -> Finding:
    count, wanted = last - first + 1, service.replicas
    ports = f"1 host port ({first})" if count == 1 else f"{count} host ports ({first}-{last})"
    message = f"{wanted} replicas need {wanted} host ports for port {target}, but there is only {ports}"
    if count > 1:
        message = message.replace("there is only", "there are only")
    hint = f"publish a range, as '{first}-{first + wanted - 1}:{target}', or none at all"
    if count == 1 and leads_traffic:
        hint = f"set ingress.mode: auto, so that they share it, or {hint}"
    return at(("spec", "services", service.name, "replicas"), message, hint=hint)


def check_manifest(manifest: Stack) -> tuple[Finding, ...]:
    """What this version cannot do at all."""
    if manifest.spec.engine == "swarm":
        return (
            at(("spec", "engine"), "the engine 'swarm' is not available in this version", hint="use engine: compose"),
        )
    return ()


_DRIFTS = ("Name", "Networks", "HostConfig", *(f"HostConfig.{name}" for name in LIMITS))
"""What is told of what is set back."""
_MADE = (*SETTINGS, *(f"HostConfig.{name}" for name in HOST_SETTINGS))
"""What is told of what another tool made."""


def _check_ignored(paths: tuple[str, ...], place: Path) -> Iterator[Finding]:
    """A path that nothing is ever found at ignores nothing."""
    for number, path in enumerate(paths):
        if path not in (*_DRIFTS, *_MADE) and not path.startswith("Networks."):
            hint = (
                suggest(path, (*_DRIFTS, *_MADE))
                or suggest(f"HostConfig.{path}", (*_DRIFTS, *_MADE))
                or f"there are: {', '.join(_DRIFTS)}"
            )
            yield at((*place, "ignoreDrift", number), f"no hand's change is ever seen at '{path}'", hint=hint)


def warn(manifest: Stack | None) -> Iterator[Finding]:
    """What is set but changes nothing (yet)."""
    if manifest is None:
        return
    yield from _of_services(manifest.spec.services, ("spec", "services"))
    for name, profile in manifest.spec.startup_profiles.items():
        yield from _of_services(profile.overrides, ("spec", "startupProfiles", name, "overrides"))


def _of_services(services: Mapping[str, Service], place: Path) -> Iterator[Finding]:
    for name, service in services.items():
        yield from _check_ignored(service.ignore_drift, (*place, name))
