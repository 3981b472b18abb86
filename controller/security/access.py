"""May somebody do that? Rules add up, what none of them allows is refused. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from controller.model.access import ALL, Role, Rule


class Verdict(NamedTuple):
    """`why`: which role allows it, or what is missing; a sentence's end."""

    allowed: bool
    why: str


def may(roles: Sequence[Role], verb: str, resource: str, stack: str | None = None) -> Verdict:
    """Whether these roles together allow it. `stack` None: what is of no stack, or of every stack at once."""
    elsewhere: list[str] = []
    for role, rule in _rules(roles):
        if rule.allows(verb, resource):
            if rule.reaches(stack):
                return Verdict(True, f"role {role.name} allows to {verb} {resource}{_where(stack)}")
            elsewhere += sorted(rule.stacks)
    if elsewhere:
        return Verdict(False, f"to {verb} {resource} is allowed in {', '.join(dict.fromkeys(elsewhere))} only")
    if not roles:
        return Verdict(False, "no role was given")
    return Verdict(False, f"{_none_of(roles)} to {verb} {resource}")


def _none_of(roles: Sequence[Role]) -> str:
    names = ", ".join(role.name for role in roles)
    return f"role {names} does not allow" if len(roles) == 1 else f"none of the roles {names} allows"


def restrict(roles: Iterable[Role], stacks: Sequence[str]) -> tuple[Role, ...]:
    """The same roles in these stacks alone; none: as they are."""
    if not stacks:
        return tuple(roles)
    return tuple(replace(role, rules=tuple(_within(rule, frozenset(stacks)) for rule in role.rules)) for role in roles)


def _within(rule: Rule, stacks: frozenset[str]) -> Rule:
    both = stacks if ALL in rule.stacks else rule.stacks if ALL in stacks else rule.stacks & stacks
    return replace(rule, stacks=both)


def _rules(roles: Iterable[Role]) -> Iterator[tuple[Role, Rule]]:
    return ((role, rule) for role in roles for rule in role.rules)


def _where(stack: str | None) -> str:
    return f" in {stack}" if stack is not None else ""
