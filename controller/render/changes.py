"""Changes of files, shown as a diff. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

from controller.render.paint import Paint, clean, plain

_LONG = 400
"""Lines of a diff that nobody reads."""

_ROLES = {"+": "good", "-": "bad", "@": "busy"}


def change_lines(file: str, before: str | None, after: str, *, paint: Paint = plain) -> Iterator[str]:
    """A headline and the diff; of a long one, which no person reads, the headline alone."""
    old, new = ((one or "").removeprefix("\ufeff").splitlines() for one in (before, after))
    what = "new" if before is None else "changed"
    diff = list(difflib.unified_diff(old, new, n=2, lineterm=""))[2:]
    is_long = len(diff) > _LONG
    yield f"{paint(clean(file), 'bold')}  {paint(f'{what}, {len(new)} lines' if is_long else what, 'dim')}"
    if not is_long:
        for line in diff:
            yield f"  {paint(clean(line), _ROLES.get(line[:1], ''))}"
    yield ""


def change_data(file: str, before: str | None) -> dict[str, Any]:
    return {"file": file, "change": "new" if before is None else "changed"}
