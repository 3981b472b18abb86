"""Who may do what, as a manifest says it: verbs on resources of stacks, gathered in roles that users have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

ALL = "*"
"""Stands for every verb, resource or stack."""

RIGHTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "stacks": (
            "get", "apply", "start", "stop", "retry", "pause", "resume", "adopt",
            "confirm", "prune", "cleanup", "release",
        ),
        "rollouts": ("get", "undo", "restart", "pause", "resume"),
        "limits": ("get", "apply", "undo", "resume"),
        "alerts": ("ack", "silence"),
        "logs": ("get",),
        "plans": ("get",),
        "security": ("get",),
        "metrics": ("get",),
        "audit": ("get", "verify", "export"),
        "certificates": ("get", "issue", "renew", "rotate"),
        "secrets": ("get", "set", "rotate"),
        "tokens": ("get", "create", "revoke", "rotate"),
    }
)  # fmt: skip
"""By resource, the verbs that there are. `get stacks` tells all that is and was: services, events, alerts, use."""

VERBS = tuple(dict.fromkeys(verb for verbs in RIGHTS.values() for verb in verbs))


@dataclass(frozen=True, slots=True)
class Rule:
    """Each of these verbs on each of these resources, in each of these stacks; `*`: all of them."""

    verbs: frozenset[str]
    resources: frozenset[str]
    stacks: frozenset[str] = frozenset({ALL})

    def allows(self, verb: str, resource: str) -> bool:
        """In some stack at least."""
        return not self.verbs.isdisjoint((ALL, verb)) and not self.resources.isdisjoint((ALL, resource))

    def reaches(self, stack: str | None) -> bool:
        """None: what is of no stack, or of all of them at once."""
        return ALL in self.stacks or stack in self.stacks


@dataclass(frozen=True, slots=True)
class Role:
    """What its rules add up to is allowed, and nothing else."""

    name: str
    rules: tuple[Rule, ...] = ()


def _rule(verbs: str, resources: str) -> Rule:
    return Rule(frozenset(verbs.split()), frozenset(resources.split()))


_SEEN = _rule("get", "stacks rollouts limits logs plans security metrics certificates")
VIEWER = Role("viewer", (_SEEN,))
OPERATOR = Role(
    "operator",
    (
        _SEEN,
        _rule("apply start stop retry pause resume cleanup", "stacks"),
        _rule("undo restart pause resume", "rollouts"),
        _rule("apply undo resume", "limits"),
        _rule("ack silence", "alerts"),
    ),
)
"""Keeps things running. What takes over, gives away or removes is an admin's."""
ADMIN = Role("admin", (_rule(ALL, ALL),))
BUILT_IN: Mapping[str, Role] = MappingProxyType({role.name: role for role in (VIEWER, OPERATOR, ADMIN)})

LIFETIME = 43200.0
"""Seconds for which a token is valid, unless something else is said."""


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """`roles`: all that there are, by name. `users`: the names of each one's roles. `lifetime`: of a token, seconds."""

    roles: Mapping[str, Role] = field(default_factory=lambda: BUILT_IN)
    users: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    lifetime: float = LIFETIME

    def named(self, names: tuple[str, ...]) -> tuple[Role, ...]:
        """Those that there are; one that is gone allows nothing."""
        return tuple(self.roles[name] for name in names if name in self.roles)

    def roles_of(self, user: str) -> tuple[Role, ...]:
        return self.named(self.users.get(user, ()))
