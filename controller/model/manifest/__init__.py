"""Manifests as pydantic models: checked where text comes in, frozen afterwards. Import it late."""

from controller.model.manifest.daemon import Controller, ControllerSpec
from controller.model.manifest.schema import schema
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
