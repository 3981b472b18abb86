"""What is wanted beyond the generation in force, only while somebody asks for it: moved tags, pruning. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from enum import StrEnum

from controller.loop.handback import as_composed
from controller.loop.loaded import Loaded
from controller.model.desired import DesiredStack, Leaving
from controller.model.observed import ServiceView


class Extra(StrEnum):
    """What may be asked for beside a generation."""

    TAGS = "tags"
    ORPHANS = "orphans"
    EVERYTHING = "everything"
    COMPOSED = "composed"
    """As many replicas as Compose itself would run (`release`)."""


def with_extras(
    loaded: Loaded, extras: Collection[Extra], views: Mapping[str, ServiceView], tagged: Collection[str] = ()
) -> DesiredStack:
    """The generation in force, with what is asked for beside it. `tagged`: services of which a moved tag counts."""
    desired = as_composed(loaded) if Extra.COMPOSED in extras else loaded.desired
    if Extra.ORPHANS in extras or Extra.EVERYTHING in extras:
        desired = without_orphans(desired, everything=Extra.EVERYTHING in extras)
    return with_tags(desired, views, everywhere=Extra.TAGS in extras, also=tagged)


def with_tags(
    desired: DesiredStack, views: Mapping[str, ServiceView], *, everywhere: bool = True, also: Collection[str] = ()
) -> DesiredStack:
    """A tag that stands for another image now counts as a change: in an `apply`, or where the manifest says so."""
    followed = {name: view.image_id for name, view in views.items() if name in desired.services}
    services = {
        name: replace(service, image_id=followed.get(name))
        if everywhere or service.follows_tag or name in also
        else service
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
