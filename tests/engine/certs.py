"""What `controller certs list` says of a scene's stack."""

from __future__ import annotations

from typing import Any

from tests.engine.scenario import Scene


def listed(scene: Scene) -> dict[str, Any]:
    (found,) = scene.data("certs", "list")["stacks"]
    return dict(found)


def seen(scene: Scene) -> dict[str, str]:
    return {one["service"]: one["seen"] for one in listed(scene)["certificates"]}


def serials(scene: Scene) -> dict[str, str]:
    return {one["service"]: one["serial"] for one in listed(scene)["certificates"]}
