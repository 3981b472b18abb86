"""Which published ports the ingress takes, where it speaks TLS, and what replicas are made from then. Pure.

The template keeps Compose's own hash: by hand, `docker compose up -d` finds the replicas as they are to be.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path as Folder
from typing import TYPE_CHECKING, Any

from controller.intake.compose import Model, read_ports
from controller.intake.findings import Path, at
from controller.intake.revisions import digest
from controller.model.desired import DesiredService, Port, Template
from controller.model.errors import Finding
from controller.model.routes import NO_TLS_PORTS, Frontend, IngressPolicy, Mode, TlsPorts

if TYPE_CHECKING:
    from controller.model.manifest import Service, Stack


def find_frontends(name: str, model: Model, policy: Service | None) -> tuple[Frontend, ...]:
    """Its TCP ports with one fixed host port; none where it has no network on which a proxy could reach it."""
    if model.get("network_mode"):
        return ()
    ports = zip(read_ports(model), model.get("ports") or (), strict=True)
    return tuple(
        Frontend(name, port.published[0], port.target, port.host_ip, _mode_of(port, written, model, policy))
        for port, written in ports
        if port.is_fixed and port.published is not None
    )


def read_ingress(manifest: Stack | None, folder: Folder, image: str = "") -> IngressPolicy:
    """Paths are relative to `folder`. `image`: of the proxy, "": the usual one."""
    if manifest is None:
        return IngressPolicy(image)
    certificate, key = (
        Folder(os.path.normpath(folder / path)) if path and has_pair(manifest) else None
        for path in (manifest.spec.security.tls.certificate, manifest.spec.security.tls.key)
    )
    return IngressPolicy(image, tls_ports(manifest), certificate, key, manifest.spec.ingress.log)


def tls_ports(manifest: Stack | None) -> TlsPorts:
    """Where the manifest asks for TLS."""
    if manifest is None:
        return NO_TLS_PORTS
    asked = manifest.spec.ingress.tls.ports
    return TlsPorts(frozenset(asked or ()), http=asked is None and has_pair(manifest))


def has_pair(manifest: Stack) -> bool:
    """The user has a certificate of its own."""
    return bool(manifest.spec.security.tls.certificate and manifest.spec.security.tls.key)


def warn_ingress(manifest: Stack | None, services: Mapping[str, DesiredService]) -> Iterator[Finding]:
    """Where TLS is asked for at an ingress that is not there, or has no such port."""
    if manifest is None:
        return
    fronts = {front for service in services.values() for front in service.frontends}
    led = sorted({front.host_port for front in fronts})
    there = f"there are: {', '.join(map(str, led))}" if led else "no fixed TCP port is published"
    hint = there if led or manifest.spec.ingress.mode == "auto" else "set ingress.mode: auto"
    place: Path = ("spec", "ingress", "tls", "ports")
    for number, port in enumerate(manifest.spec.ingress.tls.ports or ()):
        if port not in led:
            yield at((*place, number), f"no port {port} is behind the ingress", hint=hint)
    asked = tls_ports(manifest)
    if asked.http and not any(map(asked.covers, fronts)):
        message = "no HTTP port is behind the ingress that could serve this certificate"
        named = f"name some: ingress.tls.ports ({there})" if led else hint
        yield at(("spec", "security", "tls", "certificate"), message, hint=named)


def _mode_of(port: Port, written: Any, model: Model, policy: Service | None) -> Mode:
    """HTTP where somebody says so: Compose's `app_protocol`, the manifest's probe, or a check that asks by HTTP."""
    said = str(written.get("app_protocol") or "") if isinstance(written, dict) else ""
    if said:
        return Mode.HTTP if said.lower() in ("http", "http/1.1", "ws", "websocket") else Mode.TCP
    checks = (policy.readiness, policy.liveness, policy.startup_probe) if policy else ()
    if any(check is not None and check.http is not None and check.http.port == port.target for check in checks):
        return Mode.HTTP
    test = " ".join(map(str, (model.get("healthcheck") or {}).get("test") or ()))
    asked = (f"//{host}{tail}" for host in ("localhost", "127.0.0.1", "[::1]") for tail in _tails(port.target))
    return Mode.HTTP if any(f"http:{url}" in f"{test} " for url in asked) else Mode.TCP


def _tails(port: int) -> Iterable[str]:
    yield from (f":{port}/", f":{port} ", f":{port}'", f':{port}"')
    if port == 80:
        yield from ("/", " ", "'", '"')


def without_ports(template: Template, frontends: Iterable[Frontend]) -> Template:
    """The same, but these ports of it are published by somebody else; others that lead to the same target stay."""
    fronts = tuple(frontends)
    led = sorted({_key(front) for front in fronts})
    fingerprint = digest([template.fingerprint, "behind the ingress", led])
    if not template.body:
        return replace(template, fingerprint=fingerprint)
    document = json.loads(template.body)
    host = document["create"]["HostConfig"]
    taken = {(_key(front), str(front.host_port), _bare(front.host_ip)) for front in fronts}
    kept = {
        key: [each for each in bindings or () if (key, each.get("HostPort"), _bare(each.get("HostIp"))) not in taken]
        for key, bindings in (host.get("PortBindings") or {}).items()
    }
    host["PortBindings"] = {key: bindings for key, bindings in kept.items() if bindings or key not in led}
    return replace(template, body=json.dumps(document, sort_keys=True, separators=(",", ":")), fingerprint=fingerprint)


def _key(frontend: Frontend) -> str:
    """As Docker names the port inside."""
    return f"{frontend.target}/tcp"


def _bare(address: str | None) -> str:
    return (address or "").strip("[]")


def give_up_ports(services: Mapping[str, DesiredService]) -> Mapping[str, DesiredService]:
    """Who leaves, or is to have no replica, gives up the host ports that one who stays publishes.

    What else of it is behind the ingress stays there: what it still runs can be drained, and an orphan serves on.
    """
    wanted = [port for service in services.values() if stays(service) for port in service.ports]
    return {name: service if stays(service) else _without(service, wanted) for name, service in services.items()}


def stays(service: DesiredService) -> bool:
    """It is to have replicas, which need its host ports."""
    return service.leaving is None and service.replicas > 0


def _without(service: DesiredService, wanted: Iterable[Port]) -> DesiredService:
    kept = tuple(front for front in service.frontends if not any(_claims(port, front) for port in wanted))
    return replace(service, frontends=kept, networks=service.networks if kept else ())


def _claims(port: Port, front: Frontend) -> bool:
    if port.protocol != "tcp" or port.published is None:
        return False
    first, last = port.published
    return first <= front.host_port <= last and share_address(port.host_ip, front.host_ip)


def share_address(one: str, other: str) -> bool:
    """Whether two host addresses have one in common; "" stands for all, 0.0.0.0 and :: for all of their kind."""
    one, other = _bare(one), _bare(other)
    if "" in (one, other) or one == other:
        return True
    wide = {"0.0.0.0", "::"} & {one, other}  # noqa: S104 - compared, never listened on
    return bool(wide) and (":" in one) == (":" in other)
