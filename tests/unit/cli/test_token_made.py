"""Tokens that the command line would not make: what could open nothing, and names that would mislead."""

from __future__ import annotations

import pytest

from controller.cli.token import _make
from controller.model.access import BUILT_IN, AccessPolicy
from controller.model.errors import ControllerError

pytestmark = pytest.mark.unit

POLICY = AccessPolicy(BUILT_IN, {"ada": ("operator",), "bob": ("gone",)}, 7200.0)


@pytest.mark.parametrize("user", ["", "dashboard", "api", "owner", "x" * 129, " ada", "a\nb", "a\x1b[31m"])
def test_a_name_that_would_mislead_is_none(user: str) -> None:
    with pytest.raises(ControllerError, match="no name of a user"):
        _make(user, ("admin",), (), POLICY, None)


@pytest.mark.parametrize("user", ["eve", "bob"])
def test_who_has_no_role_needs_one(user: str) -> None:
    with pytest.raises(ControllerError, match="has no role"):
        _make(user, (), (), POLICY, None)
    assert _make(user, ("viewer",), (), POLICY, None).roles == ("viewer",)


@pytest.mark.parametrize("seconds", [0.0, 59.0, 367 * 86400.0])
def test_it_is_valid_neither_too_short_nor_for_ever(seconds: float) -> None:
    with pytest.raises(ControllerError, match="366 days"):
        _make("ada", (), (), POLICY, seconds)


def test_the_manifest_says_how_long_unless_somebody_else_does() -> None:
    made, told = _make("ada", (), ("shop",), POLICY, None), _make("ada", (), (), POLICY, 60.0)
    assert (made.expires - made.issued, told.expires - told.issued) == (7200.0, 60.0)
    assert (made.roles, made.stacks, len(made.id)) == (None, ("shop",), 16) and made.id != told.id
