"""The scan: every rule on every service, and on the project as a whole. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache

from controller.model.running import Model, Running
from controller.model.scanning import Rule
from controller.security.addresses import without_secrets
from controller.security.likened import added, liken
from controller.security.rules import daemon, running
from controller.security.rules.capabilities import CAPABILITIES
from controller.security.rules.certificates import CERTIFICATES
from controller.security.rules.files import FILES
from controller.security.rules.host import HOST
from controller.security.rules.images import IMAGES
from controller.security.rules.namespaces import NAMESPACES
from controller.security.rules.ports import PORTS
from controller.security.rules.resources import RESOURCES
from controller.security.rules.secretfiles import SECRET_FILES
from controller.security.rules.secrets import SECRETS
from controller.security.rules.tls import TLS
from controller.security.subject import Hit, Project, Subject

CHAPTERS = (HOST, CAPABILITIES, NAMESPACES, FILES, PORTS, TLS, CERTIFICATES, RESOURCES, IMAGES, SECRETS, SECRET_FILES)
"""In the order of docs/security.md."""

Found = tuple[Rule, str | None, Hit]
"""A rule, whose service it is about (None: the project's), and what was found. The hit's path is below the service."""


@cache
def all_rules() -> Mapping[str, Rule]:
    """Every rule of the scan by its id."""
    found = [rule for chapter in CHAPTERS for rule, _ in (*chapter.services, *chapter.projects)]
    found += [running.WEAKER, running.COMMANDS, running.STRANGERS, *daemon.RULES]
    return {rule.id: rule for rule in reversed(found)}


def scan_project(project: Project) -> Iterator[Found]:
    """All that the definition shows."""
    for name in project.services:
        yield from scan_service(project, name)
    for chapter in CHAPTERS:
        for rule, check in chapter.projects:
            for hit in check(project):
                yield (rule, *_of_service(_masked(hit)))


def scan_service(project: Project, name: str) -> Iterator[Found]:
    """What the definition of one service shows, by itself."""
    subject = Subject(name, project.services[name], project)
    for chapter in CHAPTERS:
        for rule, check in chapter.services:
            for hit in check(subject):
                yield rule, name, _masked(hit)


def _masked(hit: Hit) -> Hit:
    """No message holds a secret, whoever tells it."""
    return hit._replace(message=without_secrets(hit.message))


def _of_service(hit: Hit) -> tuple[str | None, Hit]:
    if hit.path[:1] == ("services",) and len(hit.path) > 1:
        return str(hit.path[1]), hit._replace(path=hit.path[2:])
    return None, hit


def scan_running(project: Project, seen: Running) -> Iterator[Found]:
    """What runs otherwise than the definition says, and is worse for it; and who else is there."""
    for name, models in seen.services.items():
        yield from _weaker(project, name, models)
    for service, hit in running.commands(seen):
        yield running.COMMANDS, service, _masked(hit)
    for hit in running.strangers(seen):
        yield running.STRANGERS, None, _masked(hit)
    if seen.posture is not None:
        for rule, message in daemon.judge_daemon(seen.posture):
            yield rule, None, Hit((), message)


_CARE = ("R04", "R06", "R07", "R08", "I01", "I02", "I07")
"""Rules on how well it is looked after: what only they find in it gives it no rights."""
_IMPLIED = {"H02": "H01"}
"""What comes of the one thing that is said."""


def _weaker(project: Project, name: str, models: tuple[Model, ...]) -> Iterator[Found]:
    """Of replicas that are the same in this, once."""
    said = [(rule, hit) for rule, _, hit in scan_service(project, name)] if name in project.services else []
    known = {_key(rule, hit) for rule, hit in said}
    implied = {_IMPLIED.get(rule.id) for rule, _ in said}
    told: dict[tuple[str, str], None] = {}
    for model in models:
        alike = liken(project, name, model)
        alone = replace(project, services={**project.services, name: alike}, is_written=False)
        for rule, _, hit in scan_service(alone, name):
            if _key(rule, hit) not in known and rule.id not in implied and (rule.id, hit.message) not in told:
                told[rule.id, hit.message] = None
                yield rule, name, hit
        if name in project.services and project.is_exact:
            told |= {("", one): None for one in added(project, name, alike)}
    words = [*sorted({id_ for id_, _ in told} - {"", *_CARE}), *(one for id_, one in told if not id_)]
    if words and name in project.services:
        told_all = f"it runs with what its definition does not say: {', '.join(words)}"
        yield running.WEAKER, name, _masked(Hit((), told_all))


def _key(rule: Rule, hit: Hit) -> tuple[str, str]:
    """One of several of a list is known by what is said of it; what there is one of, by its rule: the words for what
    is missing and for what is said differ."""
    return rule.id, hit.message if len(hit.path) > 1 and hit.path[0] not in ("deploy", "logging", "healthcheck") else ""
