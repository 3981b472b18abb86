"""Who may do what: every role against every verb of every resource, and why not."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.model.access import ADMIN, ALL, BUILT_IN, OPERATOR, RIGHTS, VERBS, VIEWER, AccessPolicy, Role, Rule
from controller.security.access import may, restrict

pytestmark = pytest.mark.unit

MANUAL = (Path(__file__).parents[3] / "docs" / "security.md").read_text(encoding="utf-8")

SEEN = {
    f"get {one}" for one in ["stacks", "rollouts", "limits", "logs", "plans", "security", "metrics", "certificates"]
}
STEERED = {f"{verb} stacks" for verb in ["apply", "start", "stop", "retry", "pause", "resume", "cleanup"]}
STEERED |= {f"{verb} rollouts" for verb in ["undo", "restart", "pause", "resume"]}
STEERED |= {f"{verb} limits" for verb in ["apply", "undo", "resume"]} | {"ack alerts", "silence alerts"}
EVERY = {f"{verb} {resource}" for resource in RIGHTS for verb in VERBS}
ALLOWED = {"viewer": SEEN, "operator": SEEN | STEERED, "admin": EVERY}


@pytest.mark.parametrize("role", BUILT_IN.values(), ids=lambda role: role.name)
def test_the_whole_matrix(role: Role) -> None:
    assert len(EVERY) > 250
    for resource in RIGHTS:
        for verb in VERBS:
            expected = f"{verb} {resource}" in ALLOWED[role.name]
            for stack in (None, "shop"):
                verdict = may((role,), verb, resource, stack)
                assert verdict.allowed is expected, (role.name, verb, resource, stack)
                assert verdict.why and role.name in verdict.why


def test_nobody_may_anything() -> None:
    assert not any(may((), verb, resource, "shop").allowed for resource in RIGHTS for verb in VERBS)
    assert may((), "get", "stacks").why == "no role was given"


@pytest.mark.parametrize(
    ("stack", "allowed"), [("shop", True), ("bank", False), (None, False), (ALL, False), ("", False)]
)
def test_a_rule_for_a_stack_is_one_for_that_stack(stack: str | None, allowed: bool) -> None:
    role = Role("own", (Rule(frozenset({"get"}), frozenset({"stacks"}), frozenset({"shop"})),))
    assert may((role,), "get", "stacks", stack).allowed is allowed


@pytest.mark.parametrize(
    ("roles", "asked", "why"),
    [
        ((OPERATOR,), ("stop", "stacks", "shop"), "role operator allows to stop stacks in shop"),
        ((VIEWER,), ("stop", "stacks", "shop"), "role viewer does not allow to stop stacks"),
        ((VIEWER, OPERATOR), ("prune", "stacks", "shop"), "none of the roles viewer, operator allows to prune stacks"),
        (restrict((OPERATOR,), ("bank",)), ("stop", "stacks", "shop"), "to stop stacks is allowed in bank only"),
        ((ADMIN,), ("create", "tokens", None), "role admin allows to create tokens"),
    ],
)
def test_it_says_why(roles: tuple[Role, ...], asked: tuple[str, str, str | None], why: str) -> None:
    assert may(roles, *asked).why == why


def test_who_is_kept_to_stacks_may_nothing_that_is_of_none() -> None:
    roles = restrict((ADMIN,), ("shop",))
    assert may(roles, "release", "stacks", "shop").allowed
    assert not may(roles, "release", "stacks", "bank").allowed
    assert not any(may(roles, verb, resource).allowed for resource in RIGHTS for verb in VERBS)


def test_a_role_that_is_gone_allows_nothing() -> None:
    policy = AccessPolicy(users={"ada": ("gone", "viewer"), "bob": ("gone",)})
    assert policy.roles_of("ada") == (VIEWER,) and policy.roles_of("bob") == policy.roles_of("eve") == ()


STACKS = ("shop", "bank", ALL)


def some(words: tuple[str, ...]) -> st.SearchStrategy[frozenset[str]]:
    return st.frozensets(st.sampled_from(words), max_size=3)


RULES = st.builds(Rule, some((*VERBS[:5], ALL)), some((*tuple(RIGHTS)[:4], ALL)), some(STACKS))
ROLES = st.lists(st.builds(Role, st.sampled_from(("a", "b")), st.lists(RULES, max_size=3).map(tuple)), max_size=3)
ASKED = [(v, r, s) for v in VERBS[:6] for r in tuple(RIGHTS)[:5] for s in (None, "shop", "bank", "other")]


def rights(roles: list[Role] | tuple[Role, ...]) -> set[tuple[str, str, str | None]]:
    return {asked for asked in ASKED if may(roles, *asked).allowed}


@given(ROLES, RULES, st.integers(0, 9))
def test_a_rule_more_takes_no_right_away_and_one_less_gives_none(roles: list[Role], rule: Rule, place: int) -> None:
    """Read from the right: without that rule there is no right that there was not."""
    before = rights(roles)
    added = [*roles, Role("more", (rule,))]
    assert before <= rights(added)
    if roles:
        index = place % len(roles)
        grown = Role(roles[index].name, (*roles[index].rules, rule))
        assert before <= rights([*roles[:index], grown, *roles[index + 1 :]])
        assert rights([*roles[:index], *roles[index + 1 :]]) <= before


@given(ROLES)
def test_what_roles_allow_is_what_each_of_them_allows(roles: list[Role]) -> None:
    assert rights(roles) == set().union(*(rights((role,)) for role in roles))


@given(ROLES, st.lists(st.sampled_from(("shop", "bank")), max_size=2))
def test_a_restriction_gives_nothing_and_keeps_all_within(roles: list[Role], stacks: list[str]) -> None:
    kept = rights(restrict(roles, stacks))
    assert kept == {asked for asked in rights(roles) if not stacks or asked[2] in stacks}


def test_the_table_of_who_may_do_what_is_what_roles_allow() -> None:
    part = MANUAL.partition("## Who may do what")[2].partition("\n## ")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if line.startswith("| `")
    ]
    told = {row[0].strip("`"): [set(cell.replace("–", "").split()) for cell in row[2:]] for row in rows}
    assert set(told) == set(RIGHTS)
    for resource, (viewer, operator, admin) in told.items():
        allowed = {verb for verb in RIGHTS[resource] if may((VIEWER,), verb, resource).allowed}
        more = {verb for verb in RIGHTS[resource] if may((OPERATOR,), verb, resource).allowed}
        assert (viewer, viewer | operator) == (allowed, more), resource
        assert viewer | operator | admin == set(RIGHTS[resource]), resource
