"""What Compose does beside the create request: hooks, files put into containers, other programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from controller.engines.template import read_request
from controller.model.desired import Template
from controller.model.errors import Rejected
from controller.model.project import RenderedProject

_HOOKS = ("post_start", "pre_stop", "pre_start", "use_api_socket")
_KINDS = ("configs", "secrets")


def refuse_programs(rendered: RenderedProject) -> None:
    """Raises Rejected for services whose create would run other programs at once, a recording too."""
    for name, service in (rendered.model.get("services") or {}).items():
        for key in ("provider", "models"):
            if service.get(key):
                raise Rejected(f"service {name}: `{key}` runs other programs at create, which is not supported")


def mark_compose_starts(templates: Mapping[str, Template], rendered: RenderedProject) -> dict[str, Template]:
    """The templates, those marked that Compose itself must start.

    A newer Compose puts inline configs and secrets into a container at its start; an older one at its create, and
    then they were recorded.
    """
    injected = {
        (kind, name)
        for kind in _KINDS
        for name, item in (rendered.model.get(kind) or {}).items()
        if item and ("content" in item or "environment" in item)
    }
    services = rendered.model["services"]
    return {
        name: replace(template, starts_by_compose=_needs_compose(services[name], template, injected))
        for name, template in templates.items()
    }


def _needs_compose(service: Mapping[str, Any], template: Template, injected: set[tuple[str, str]]) -> bool:
    if any(service.get(key) for key in _HOOKS):
        return True
    if read_request(template).archives:
        return False
    return any((kind, _source(item)) in injected for kind in _KINDS for item in service.get(kind) or ())


def _source(item: str | Mapping[str, Any]) -> str:
    return item if isinstance(item, str) else str(item.get("source"))
