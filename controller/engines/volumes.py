"""Who has a volume that nobody else may have at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from controller.engines import labels
from controller.engines.answers import get_list
from controller.engines.client import Client
from controller.engines.holders import read_published


def find_users(client: Client, stack: str, volumes: Collection[str], *, deadline: float) -> Mapping[str, str]:
    """By volume, a container that runs with it and is no replica of the stack, in words. Raises EngineErrors."""
    query = {"filters": {"volume": sorted(volumes)}}
    return read_users(get_list(client, "/containers/json", query, deadline=deadline), stack, volumes)


def read_users(listed: Iterable[Mapping[str, Any]], stack: str, volumes: Collection[str]) -> Mapping[str, str]:
    """Of the engine's list of running containers. Pure."""
    found: dict[str, str] = {}
    for item in listed:
        marks = item.get("Labels") or {}
        mine = marks.get(labels.PROJECT) == stack and marks.get(labels.ONEOFF) != "True" and labels.SERVICE in marks
        for name in () if mine else (mount.get("Name") for mount in item.get("Mounts") or ()):
            if name in volumes:
                found.setdefault(name, str(read_published((item,))[0]))
    return found
