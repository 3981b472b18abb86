"""The last look before something comes up: at the very request, or at where the mounts of what is there lead by now."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace

from controller.engines.base import Engine
from controller.engines.likeness import like_request
from controller.intake.findings import dotted
from controller.loop.scanfacts import look_again
from controller.model.running import Model
from controller.model.scanning import Rule
from controller.model.steps import Create
from controller.security.likened import liken
from controller.security.reading import Keys, devices, items, mapping, mounts, text
from controller.security.scan import scan_service
from controller.security.subject import Hit, Project
from controller.security.waivers import Waived

Found = tuple[Rule, Hit, tuple[str, ...]]
"""A rule, what it found, and where that stands in the definition; nowhere: it is in the request alone."""

_PORT = ("target", "published", "host_ip", "protocol")


def look_at_create(project: Project, step: Create, engine: Engine) -> Iterator[Found]:
    """What the request shows, with what its image says now. Raises Transient."""
    create = json.loads(step.template.body)["create"]
    alike = liken(project, step.service, like_request(create, project.name))
    facts = engine.image_facts(step.image_id or str(create.get("Image") or ""))
    asked = replace(
        look_again(project, alike),  # a link may have been turned since
        services={**project.services, step.service: alike},
        images={step.service: facts} if facts is not None else {},
        is_written=False,
    )
    said = project.services.get(step.service, {})
    for rule, _, hit in scan_service(asked, step.service):
        yield rule, hit, tuple(_places(hit.path, alike, said))


def look_at_links(project: Project, service: str) -> Iterator[Found]:
    """What came of links that were turned since it was scanned: Docker follows them at each start. Mostly nothing."""
    if service not in project.services:
        return
    now = look_again(project, project.services[service])
    if all(one.path == _leads(project, path) for path, one in now.sources.items()):
        return
    known = {(rule.id, hit.message) for rule, _, hit in scan_service(project, service)}
    for rule, _, hit in scan_service(now, service):
        if (rule.id, hit.message) not in known:
            yield rule, hit, (dotted(hit.path),)


def is_waived(one: Waived, service: str, found: Found) -> bool:
    """A place that a waiver names is one of the definition: a request has them in another order."""
    rule, hit, places = found
    if one.only is None or not _is_one_of_several(hit.path):
        return one.is_of(rule.id, service)
    return any(one.is_of(rule.id, service, place) for place in places)


def _leads(project: Project, path: str) -> str:
    known = project.sources.get(path)
    return path if known is None else known.path


def _is_one_of_several(path: Keys) -> bool:
    return len(path) > 1 and isinstance(path[1], int)


def _places(path: Keys, alike: Model, said: Model) -> Iterator[str]:
    """Where the definition has what stands there in a request."""
    match path:
        case (str(key), int(at), *rest):
            mark = _marks(alike, key).get(at)
            yield from (dotted((key, index, *rest)) for index, one in _marks(said, key).items() if one == mark)


def _marks(model: Model, key: str) -> Mapping[int, object]:
    """What makes each of a list the same one, wherever it stands."""
    match key:
        case "volumes":
            return {mount.at: (mount.source, mount.target.rstrip("/")) for mount in mounts(model)}
        case "devices":
            return dict(devices(model))
        case "ports":
            found = [mapping(one) for one in items(model.get(key))]
            return {at: tuple(text(one.get(word)) for word in _PORT) for at, one in enumerate(found)}
        case "tmpfs":
            return {at: text(one).partition(":")[0] for at, one in enumerate(items(model.get(key)))}
        case _:
            return {at: text(one) for at, one in enumerate(items(model.get(key)))}
