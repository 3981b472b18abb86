"""Errors that a person is to read: one line with place and cause, and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of an input: where it is (1-based; None where unknown), what is wrong, how to mend it."""

    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None
    path: str | None = None
    hint: str | None = None

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        where = " ".join(part for part in (f"{place}:" if place else "", f"{self.path}:" if self.path else "") if part)
        return f"{where} {self.message}".strip()


class ControllerError(Exception):
    """A failure that we foresaw. `hint` says what to do about it."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def whole(self) -> str:
        """The message with its mend, for places that have one line."""
        return f"{self.message} ({self.hint})" if self.hint else self.message


class InvalidInput(ControllerError):
    """Manifests, Compose files or arguments that cannot be used; nothing was changed."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__("; ".join(str(finding) for finding in findings), hint=findings[0].hint if findings else None)
        self.findings = findings


class EngineError(ControllerError):
    """The engine could not do what was asked of it."""


class Transient(EngineError):
    """The engine is away, slow or busy: try again later. The effect of the call may be unknown."""


class Conflict(EngineError):
    """The world is not what the call took for granted: observe again."""


class Rejected(EngineError):
    """The engine refuses and will refuse again."""
