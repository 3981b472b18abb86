"""One desired state that was in force: a revision of the stack, in the words of `controller rollout history`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from controller.model.names import Instant, Release, Revision


class Ending(StrEnum):
    """What became of a generation."""

    UNKNOWN = "Unknown"
    """An older version of this program kept it."""
    PROGRESSING = "Progressing"
    CONVERGED = "Converged"
    ROLLED_BACK = "RolledBack"
    """Some service of it failed, and what ran before runs again."""
    SUPERSEDED = "Superseded"
    """A newer one came before it had an end."""
    FAILED = "Failed"


class Cause(NamedTuple):
    """Who brought a generation about, and why, for people: `ada`, `manifests/rag.yaml changed`."""

    who: str = ""
    why: str = ""


UNTOLD = Cause()


@dataclass(frozen=True, slots=True)
class Generation:
    """One desired state that was in force. `variables` are names, never values."""

    number: int
    digest: str
    at: Instant
    services: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    source: str = ""
    revisions: Mapping[str, Revision] = field(default_factory=dict)
    """What the manifest asks for of each service, by its name."""
    contents: Mapping[str, str] = field(default_factory=dict)
    """Digests of the contents that count (configs, secrets, small files), where there are any. Never printed."""
    cause: Cause = UNTOLD
    ending: Ending = Ending.UNKNOWN
    ended_at: Instant | None = None
    failed: Mapping[str, str] = field(default_factory=dict)
    """Why it did not come to be, by service."""
    unrestarted: Mapping[str, str] = field(default_factory=dict)
    """Why a restart that a person asked for failed, by service: what ran before runs on, and it never converges."""
    releases: Mapping[str, Release] = field(default_factory=dict)
    """What settled in it, with the image that its replicas had: what can be gone back to."""

    @property
    def reason(self) -> str:
        """Why it failed, in one line; "" where it did not."""
        return "; ".join(f"{name}: {why}" for name, why in sorted(self.failed.items()))
