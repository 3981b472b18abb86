"""Reads in the shape that was asked for: an answer of another shape is none, and nothing follows from it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from controller.engines.client import Client
from controller.model.errors import Transient


def get_list(
    client: Client, path: str, query: Mapping[str, Any] | None = None, *, deadline: float, anew: bool = False
) -> list[dict[str, Any]]:
    """Containers, images or networks, each with its `Id`: what is no list is no empty world. Raises EngineErrors."""
    answer = client.get(path, query, deadline=deadline, anew=anew)
    if isinstance(answer, list) and all(isinstance(item, dict) and isinstance(item.get("Id"), str) for item in answer):
        return answer
    kind = re.split(r"\W", path)[1]
    raise Transient(f"GET /{kind}: Docker's answer is no list of {kind}")


def get_object(client: Client, path: str, mark: str, *, deadline: float) -> dict[str, Any]:
    """One thing, known by a word that it has at `mark`, as all of its kind do. Raises EngineErrors."""
    answer = client.get(path, deadline=deadline)
    if isinstance(answer, dict) and isinstance(answer.get(mark), str):
        return answer
    raise Transient(f"GET {path}: Docker's answer is not what was asked for")


def get_container(client: Client, container: str, *, deadline: float) -> dict[str, Any]:
    """The inspect of this container and no other. Raises EngineErrors."""
    path = f"/containers/{container}/json"
    answer = client.get(path, deadline=deadline)
    if isinstance(answer, dict) and answer.get("Id") == container and isinstance(answer.get("State"), dict):
        return answer
    raise Transient(f"GET {path}: Docker's answer is not about that container")
