"""What is known of the secrets of a stack, for people: everything but their values."""

from __future__ import annotations

from dataclasses import dataclass

from controller.model.names import Instant


@dataclass(frozen=True, slots=True)
class SecretSeen:
    """`version` 0: it has no value yet. `users`: services that are given it."""

    name: str
    version: int = 0
    set_at: Instant | None = None
    by: str = ""
    key_id: str | None = None
    users: tuple[str, ...] = ()
    managed: bool = False
    """The manifest leaves it to the controller."""


@dataclass(frozen=True, slots=True)
class StackSecrets:
    """`key_id`: of the key that new values are encrypted with; `locked`: why values cannot be opened."""

    stack: str
    secrets: tuple[SecretSeen, ...] = ()
    key_id: str | None = None
    locked: str | None = None


@dataclass(frozen=True, slots=True)
class SecretSet:
    """What came of setting one; not `changed`: it had that value. `kept`: a controller runs that takes it up."""

    stack: str
    name: str
    version: int
    changed: bool
    users: tuple[str, ...] = ()
    managed: bool = False
    kept: bool = False
