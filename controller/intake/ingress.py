"""Which published ports of a service the ingress takes, and what its replicas are made from then. Pure.

The template keeps Compose's own hash: by hand, `docker compose up -d` finds the replicas as they are to be.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from controller.intake.compose import Model, read_ports
from controller.intake.revisions import digest
from controller.model.desired import DesiredService, Port, Template
from controller.model.routes import Frontend, Mode

if TYPE_CHECKING:
    from controller.model.manifest import Service


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
