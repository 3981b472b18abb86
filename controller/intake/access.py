"""Roles and users out of a `Controller` manifest. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from controller.intake.findings import Path, at, unknown
from controller.model.access import ALL, BUILT_IN, RIGHTS, VERBS, AccessPolicy, Role, Rule
from controller.model.errors import Finding

if TYPE_CHECKING:
    from controller.model.manifest import Controller
    from controller.model.manifest.daemon import Permission


def read_access(controller: Controller) -> AccessPolicy:
    """What it says of who may do what."""
    access = controller.spec.access
    own = {name: Role(name, tuple(map(_rule, rules))) for name, rules in access.roles.items()}
    return AccessPolicy({**own, **BUILT_IN}, dict(access.users), access.token_lifetime)


def _rule(permission: Permission) -> Rule:
    return Rule(frozenset(permission.verbs), frozenset(permission.resources), frozenset(permission.stacks))


def check_access(controller: Controller) -> Iterator[Finding]:
    """Names that stand for nothing: they would allow nothing, and nobody would know why."""
    access, path = controller.spec.access, ("spec", "access")
    for role, rules in access.roles.items():
        if role in BUILT_IN:
            message = f"the role '{role}' exists from the start"
            yield at((*path, "roles", role), message, hint="call yours something else: what a user has adds up")
        for number, rule in enumerate(rules):
            place = (*path, "roles", role, number)
            yield from _check("verb", rule.verbs, VERBS, (*place, "verbs"))
            yield from _check("resource", rule.resources, tuple(RIGHTS), (*place, "resources"))
    for user, roles in access.users.items():
        yield from _check("role", roles, (*BUILT_IN, *access.roles), (*path, "users", user), wild=False)


def _check(
    what: str, said: Sequence[str], known: Collection[str], path: Path, *, wild: bool = True
) -> Iterator[Finding]:
    for number, name in enumerate(said):
        if name not in known and not (wild and name == ALL):
            yield unknown(what, name, known, (*path, number))
