"""What came of converging once: per stack and per service (docs/cli.md). Times in seconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServiceResult:
    """One service. `waited_for`: the dependency that it waited for longest; `downtime` None: not measured."""

    name: str
    outcome: str
    seconds: float | None = None
    waited_for: str | None = None
    attempts: int = 0
    downtime: float | None = None


@dataclass(frozen=True, slots=True)
class StackResult:
    """One stack. `ok` decides the exit code; `message` says why it is not, with `hint` as the mend; else what else came
    of it, for people."""

    stack: str
    generation: int
    outcome: str
    ok: bool
    seconds: float = 0.0
    services: tuple[ServiceResult, ...] = ()
    message: str = ""
    hint: str | None = None
