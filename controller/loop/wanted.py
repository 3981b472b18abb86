"""What is wanted beyond the generation in force, only while somebody asks for it: moved tags, pruning. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from controller.model.desired import DesiredStack, Leaving
from controller.model.observed import ServiceView


def with_tags(desired: DesiredStack, views: Mapping[str, ServiceView]) -> DesiredStack:
    """A tag that stands for another image now counts as a change (CONTRACTS 2.11)."""
    services = {
        name: replace(service, image_id=views[name].image_id if name in views else None)
        for name, service in desired.services.items()
    }
    return replace(desired, services=services)


def without_orphans(desired: DesiredStack, *, everything: bool) -> DesiredStack:
    """What is in no file is to go; with `everything` all of the stack is."""
    services = {
        name: replace(service, replicas=0, leaving=Leaving.REMOVED)
        if everything or service.leaving is Leaving.ORPHANED
        else service
        for name, service in desired.services.items()
    }
    return replace(desired, services=services)
