"""Tokens, and who may do what, as text and data. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from controller.loop.tokenpage import Issued
from controller.model.access import AccessPolicy, Rule
from controller.model.names import Instant
from controller.render.data import timestamp
from controller.render.paint import Paint, age, plain
from controller.render.text import Cell, table

_ROLES = {"valid": "", "expired": "dim", "revoked": "dim"}


def tokens_data(tokens: Sequence[Issued], now: Instant) -> dict[str, Any]:
    """`token list -o json`. A token itself is nowhere."""
    return {"tokens": [token_data(one, now) for one in tokens]}


def token_data(one: Issued, now: Instant) -> dict[str, Any]:
    return {
        "id": one.id,
        "user": one.user,
        "roles": None if one.roles is None else list(one.roles),
        "stacks": list(one.stacks),
        "issuedAt": timestamp(one.issued),
        "expiresAt": timestamp(one.expires),
        "revokedAt": None if one.revoked is None else timestamp(one.revoked),
        "state": one.state(now),
    }


def token_lines(tokens: Sequence[Issued], now: Instant, *, paint: Paint = plain, width: int | None = None) -> list[str]:
    """A row for each, newest last."""
    if not tokens:
        return ["no token was issued here"]
    rows = [_row(one, now) for one in tokens]
    header = ("ID", "USER", "ROLES", "STACKS", "AGE", "EXPIRES", "STATE")
    return table(header, rows, paint=paint, width=width)


def _row(one: Issued, now: Instant) -> tuple[str | Cell, ...]:
    state = one.state(now)
    left = f"in {age(one.expires - now)}" if one.expires > now else f"{age(now - one.expires)} ago"
    roles = "by manifest" if one.roles is None else ",".join(one.roles)
    told = (one.id, one.user, roles, ",".join(one.stacks) or "*", age(now - one.issued), left, state)
    return tuple(Cell(text, _ROLES[state]) for text in told)


def access_data(policy: AccessPolicy) -> dict[str, Any]:
    """`access list -o json`."""
    return {
        "roles": [
            {"name": role.name, "rules": [_rule_data(rule) for rule in role.rules]} for role in policy.roles.values()
        ],
        "users": [{"name": user, "roles": list(roles)} for user, roles in sorted(policy.users.items())],
        "tokenLifetime": policy.lifetime,
    }


def _rule_data(rule: Rule) -> dict[str, list[str]]:
    return {"verbs": sorted(rule.verbs), "resources": sorted(rule.resources), "stacks": sorted(rule.stacks)}


def access_lines(policy: AccessPolicy, *, paint: Paint = plain, width: int | None = None) -> Iterator[str]:
    """Users with their roles, and what each role allows."""
    users = [(user, ",".join(roles)) for user, roles in sorted(policy.users.items())]
    if users:
        yield from table(("USER", "ROLES"), users, paint=paint, width=width)
        yield ""
    rules = [
        (role.name, _words(rule.resources), _words(rule.stacks), _words(rule.verbs))
        for role in policy.roles.values()
        for rule in role.rules
    ]
    yield from table(("ROLE", "RESOURCES", "STACKS", "VERBS"), rules, paint=paint, width=width)


def _words(words: frozenset[str]) -> str:
    return ",".join(sorted(words))
