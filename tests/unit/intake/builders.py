"""Short ways to say what a test is about: a rendered project, a manifest, their resolution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controller.intake.resolve import Resolution, Sources, resolve
from controller.model.desired import DesiredService
from controller.model.manifest import Stack
from controller.model.project import RenderedProject


def rendered(services: Mapping[str, Mapping[str, Any]], **top: Any) -> RenderedProject:
    """What Compose would print of these services."""
    model = {"name": "demo", "services": {name: {"image": name, **service} for name, service in services.items()}}
    return RenderedProject("demo", {**model, **top})


def stack(spec: Mapping[str, Any] | None = None, name: str = "demo") -> Stack:
    """A manifest with this spec."""
    document = {"apiVersion": "controller/v1", "kind": "Stack", "metadata": {"name": name}, "spec": spec or {}}
    return Stack.model_validate(document)


def needs(*names: str, condition: str = "service_started", required: bool = True) -> dict[str, Any]:
    """`depends_on` as Compose renders it."""
    return {"depends_on": {name: {"condition": condition, "required": required} for name in names}}


def resolved(
    services: Mapping[str, Mapping[str, Any]],
    spec: Mapping[str, Any] | None = None,
    previous: Mapping[str, DesiredService] | None = None,
    **sources: Any,
) -> Resolution:
    """The resolution of services and, where there is a spec, a manifest beside them."""
    manifest = None if spec is None else stack(spec)
    return resolve(Sources(rendered(services), manifest=manifest, **sources), previous)


def service(definition: Mapping[str, Any], policy: Mapping[str, Any] | None = None) -> DesiredService:
    """One service `web` as it is to be."""
    spec = None if policy is None else {"services": {"web": policy}}
    found = resolved({"web": definition, "db": {}}, spec)
    assert found.errors == ()
    assert found.stack is not None
    return found.stack.services["web"]


def mount(**others: Any) -> Mapping[str, Any]:
    """A service with this mount at /data, a volume unless told otherwise."""
    return {"volumes": [{"type": "volume", "target": "/data", **others}]}


def port(protocol: str = "tcp", **others: Any) -> Mapping[str, Any]:
    """A service that publishes port 80."""
    return {"ports": [{"target": 80, "protocol": protocol, **others}]}
