"""The findings of `doctor` as text and data. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from controller.cli.checks.judge import Check, Verdict
from controller.render.paint import Paint, clean, plain
from controller.render.text import count

_ROLE = {Verdict.OK: "good", Verdict.WARN: "warn", Verdict.FAIL: "bad"}


def check_lines(checks: Sequence[Check], *, paint: Paint = plain) -> list[str]:
    """A line a check, its mend below it, and a sentence at the end."""
    width = max((len(check.name) for check in checks), default=0)
    lines: list[str] = []
    for check in checks:
        verdict = paint(f"{check.verdict:<4}", _ROLE[check.verdict])
        lines.append(f"{verdict}  {check.name:<{width}}  {clean(check.message)}")
        if check.mend:
            lines.append(f"{'':{width + 8}}mend: {clean(check.mend)}")
    return [*lines, "", _sum(checks)]


def _sum(checks: Sequence[Check]) -> str:
    failed = sum(check.verdict is Verdict.FAIL for check in checks)
    warned = sum(check.verdict is Verdict.WARN for check in checks)
    parts = [*([count(failed, "failure")] if failed else []), *([count(warned, "warning")] if warned else [])]
    return f"{count(len(checks), 'check')}: {', '.join(parts) or 'all is well'}"


def check_data(checks: Sequence[Check]) -> dict[str, Any]:
    """`doctor -o json`."""
    return {
        "checks": [
            {"name": check.name, "verdict": str(check.verdict), "message": check.message, "mend": check.mend or None}
            for check in checks
        ]
    }
