"""Manifests as pydantic models: checked where text comes in, frozen afterwards. Import it late."""

from typing import Any

from controller.model.manifest.daemon import Controller, ControllerSpec
from controller.model.manifest.stack import API_VERSION, Stack, StackSpec
from controller.model.manifest.workload import Check, Service, Update, UpdateOrder

__all__ = [
    "API_VERSION",
    "Check",
    "Controller",
    "ControllerSpec",
    "Service",
    "Stack",
    "StackSpec",
    "Update",
    "UpdateOrder",
    "schema",
]


def schema() -> dict[str, Any]:
    """The JSON Schema of manifests."""
    # Only `controller schema` needs it, and all that reads manifests would pay for its imports.
    from controller.model.manifest import json_schema

    return json_schema.make_schema()
