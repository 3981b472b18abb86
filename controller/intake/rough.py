"""A Compose project read without Compose: for what it refuses, and for where it is not there. Pure.

Files are merged in their order, `extends` followed, variables filled in where they are known; forms stay as they are
written. Good enough to look for what is wrong, never to run anything from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from controller.intake.inputs import Inputs
from controller.intake.interpolation import expand
from controller.intake.source import Document
from controller.model.project import ComposeProject, RenderedProject

_DEEPEST = 32
"""How far `extends` is followed."""
_MERGED = ("services", "networks", "volumes", "secrets", "configs")


def read_roughly(project: ComposeProject, inputs: Inputs, name: str) -> RenderedProject:
    """What its files say, as far as we can tell."""
    model: dict[str, Any] = {"name": name}
    for document in inputs.documents:
        model = _merge(model, _filled(document.data(), inputs.values))
    services = {key: one for key, one in _mapping(model.get("services")).items() if isinstance(one, dict)}
    bases = [*inputs.documents, *inputs.bases]
    model["services"] = {key: _extended(one, services, bases, inputs.values) for key, one in services.items()}
    for section in _MERGED[1:]:
        model[section] = _mapping(model.get(section))
    return RenderedProject(name, model)


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _filled(value: Any, values: Mapping[str, str]) -> Any:
    """With variables filled in; what cannot be stays as it is written."""
    if isinstance(value, dict):
        return {key: _filled(one, values) for key, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, values) for one in value]
    if isinstance(value, str) and "$" in value:
        found = expand(value, values)
        return value if found is None else found
    return value


def _merge(below: Any, above: Any) -> Any:
    """Mappings key by key, lists one after the other; else what comes later."""
    if isinstance(below, dict) and isinstance(above, dict):
        return {**below, **{key: _merge(below[key], one) if key in below else one for key, one in above.items()}}
    if isinstance(below, list) and isinstance(above, list):
        return [*below, *(one for one in above if one not in below)]
    return above


def _extended(
    service: dict[str, Any],
    services: Mapping[str, dict[str, Any]],
    bases: Sequence[Document],
    values: Mapping[str, str],
    depth: int = 0,
) -> dict[str, Any]:
    """With what it extends below it."""
    extends = service.get("extends")
    wanted = extends.get("service") if isinstance(extends, dict) else extends
    if not isinstance(wanted, str) or depth > _DEEPEST:
        return service
    elsewhere = isinstance(extends, dict) and extends.get("file")
    base = None if elsewhere else services.get(wanted)
    if base is None or base is service:
        found = (_mapping(_mapping(one.data()).get("services")).get(wanted) for one in reversed(bases))
        base = next((_filled(one, values) for one in found if isinstance(one, dict)), None)
    if base is None or base == service:
        return service
    return _merge(_extended(base, services, bases, values, depth + 1), service)  # type: ignore[no-any-return]
