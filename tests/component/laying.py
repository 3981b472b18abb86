"""An engine that lays a second file over the first as far as our override needs it, and remembers what was run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from controller.engines.base import Execution
from controller.model.names import ReplicaId
from controller.model.project import ComposeProject, RenderedProject
from tests.component.house import Reading


class _Loader(yaml.SafeLoader):
    pass


_Loader.add_constructor("!override", lambda loader, node: loader.construct_sequence(node, deep=True))


class Laying(Reading):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.ran: list[tuple[str, ...]] = []
        self.fails = 0

    def render(self, project: ComposeProject, *, deadline: float = 60.0) -> RenderedProject:
        first, *others = (yaml.load(file.read_text(), _Loader) for file in project.files)
        for service in first["services"].values():
            service["secrets"] = [_long(entry) for entry in service.get("secrets") or ()]
        for other in others:
            _lay_over(first, other)
        return RenderedProject(project.name or first["name"], first)

    def execute(self, replica: ReplicaId, command: Sequence[str], *, timeout: float, alone: bool = False) -> Execution:
        self.ran.append(tuple(command))
        if self.fails:
            self.fails -= 1
            return Execution(1, "it holds what nobody is to read")
        return Execution(0, "")


def _long(entry: Any) -> dict[str, Any]:
    if isinstance(entry, str):
        return {"source": entry, "target": f"/run/secrets/{entry}"}
    return dict(entry)


def _lay_over(model: dict[str, Any], other: dict[str, Any]) -> None:
    for name, service in other["services"].items():
        kept = model["services"][name]
        kept["secrets"] = service["secrets"]
        kept["volumes"] = [*(kept.get("volumes") or ()), *(service.get("volumes") or ())]
    model.setdefault("secrets", {}).update(other.get("secrets") or {})
