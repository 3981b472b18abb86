"""The secrets of stacks: as tables, in lines, and in shapes for programs (docs/cli.md). Pure; no value is in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from controller.model.names import Instant
from controller.model.secret import SecretSeen, SecretSet, StackSecrets
from controller.render.data import timestamp
from controller.render.paint import NONE, Paint, age, clean, plain
from controller.render.text import Cell, joined, table

Data = dict[str, Any]


def secrets_data(stacks: Sequence[StackSecrets]) -> Data:
    """`secrets list -o json`."""
    return {"stacks": [stack_secrets_data(stack) for stack in stacks]}


def stack_secrets_data(stack: StackSecrets) -> Data:
    """`GET /v1/stacks/{stack}/secrets`."""
    return {
        "name": stack.stack,
        "keyId": stack.key_id,
        "locked": stack.locked,
        "secrets": [_data(one) for one in stack.secrets],
    }


def _data(one: SecretSeen) -> Data:
    return {
        "name": one.name,
        "version": one.version,
        "setAt": None if one.set_at is None else timestamp(one.set_at),
        "setBy": one.by or None,
        "keyId": one.key_id,
        "users": list(one.users),
        "managed": one.managed,
    }


def set_data(done: Sequence[SecretSet]) -> Data:
    """`secrets set -o json` and the like."""
    return {
        "secrets": [
            {
                "stack": one.stack,
                "name": one.name,
                "version": one.version,
                "changed": one.changed,
                "users": list(one.users),
            }
            for one in done
        ]
    }


def secrets_lines(
    stacks: Sequence[StackSecrets], now: Instant, *, paint: Paint = plain, width: int | None = None
) -> Iterator[str]:
    """A table, and what is wrong."""
    rows = [_row(stack, one, now) for stack in stacks for one in stack.secrets]
    if rows:
        yield from table(("STACK", "SECRET", "VERSION", "AGE", "KEY", "USED BY"), rows, paint=paint, width=width)
    for locked in dict.fromkeys(stack.locked for stack in stacks if stack.locked):
        yield paint(f"VaultLocked: {clean(locked)}", "bad")


def _row(stack: StackSecrets, one: SecretSeen, now: Instant) -> tuple[str | Cell, ...]:
    version = Cell("no value", "bad") if not one.version else Cell(str(one.version), "")
    since = NONE if one.set_at is None else age(now - one.set_at)
    stale = one.key_id is not None and one.key_id != stack.key_id
    key = Cell(one.key_id or NONE, "warn" if stale else "")
    used = ", ".join(map(clean, one.users)) or ("nobody" if one.managed else "not in secrets.managed")
    return clean(stack.stack), clean(one.name), version, since, key, used


def set_lines(done: Sequence[SecretSet]) -> Iterator[str]:
    """What came of setting them, and what follows."""
    for one in done:
        said = f"version {one.version}" if one.changed else f"unchanged, version {one.version}"
        yield f"{clean(one.stack)}/{clean(one.name)}: {said}{_follows(one)}"


def _follows(one: SecretSet) -> str:
    if not one.changed:
        return ""
    if not one.managed:
        return "; nobody gets it until security.secrets.managed names it"
    if not one.users:
        return "; no service uses it"
    names = clean(joined(one.users))
    return f"; {names} will get it" if one.kept else f"; {names} will get it by the next apply"
