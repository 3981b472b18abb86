"""Published addresses and who can reach them, as a table and for programs. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from controller.render.paint import Paint, plain
from controller.render.text import Cell, table
from controller.security.published import AROUND_FIREWALLS, MEND, From, Published, tell_from

_ROLES = {From.EVERYONE: "warn", From.INTERFACE: "", From.MACHINE: "good"}


def published_lines(found: Sequence[Published], *, paint: Paint = plain, width: int | None = None) -> list[str]:
    """A row for each address; then, where one is open to all, what that means and how to mend it."""
    rows: list[list[str | Cell]] = [
        [one.service, one.address, Cell(tell_from(one), _ROLES[one.reachable_from])] for one in found
    ]
    lines = table(("SERVICE", "PUBLISHED", "REACHABLE FROM"), rows, paint=paint, width=width)
    return [*lines, *warning_lines(found, paint=paint)]


def warning_lines(found: Sequence[Published], *, paint: Paint = plain) -> list[str]:
    """Nothing where no address is open to all."""
    names = dict.fromkeys(one.service for one in found if one.reachable_from is From.EVERYONE)
    if not names:
        return []
    told = f"{', '.join(names)}: published at every address of the machine; {AROUND_FIREWALLS}"
    return [
        f"{paint('warning:', 'warn')} {told}",
        f"hint: {MEND}",
    ]


def published_data(found: Sequence[Published]) -> list[dict[str, Any]]:
    """`published` of `netcheck -o json`."""
    return [
        {
            "service": one.service,
            "address": one.address,
            "target": one.target,
            "protocol": one.protocol,
            "reachableFrom": str(one.reachable_from),
        }
        for one in found
    ]
