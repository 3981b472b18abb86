"""The seam to the loop: what the commands ask of it. One session serves one call of the command line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from controller.cli.live import Progress
from controller.cli.options import Options
from controller.model.applied import StackResult
from controller.model.errors import ControllerError, Finding
from controller.model.names import ReplicaId
from controller.model.plan import Plan
from controller.model.status import Event, StackStatus
from controller.model.wish import Wish

if TYPE_CHECKING:
    from controller.model.desired import DesiredStack
    from controller.model.project import RenderedProject


@dataclass(frozen=True, slots=True)
class Target:
    """One stack as it was read: what is wanted of it, or what is wrong with its files."""

    place: str
    stack: DesiredStack | None = None
    rendered: RenderedProject | None = field(default=None, repr=False)
    override: str = field(default="", repr=False)
    findings: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()


class Session(Protocol):
    """What the commands need of the loop. Every method raises only `ControllerError`s."""

    def load(self) -> Sequence[Target]:
        """Read every target; one that is broken carries its findings."""
        ...

    def plan(self, wish: Wish) -> Sequence[Plan]: ...

    def act(self, wish: Wish, progress: Progress) -> Sequence[StackResult]:
        """Do it here, or let the daemon that holds the lock do it; follow to the end."""
        ...

    def run(self, progress: Progress, *, watch: bool) -> int:
        """Reconcile until told to stop; the exit code."""
        ...

    def status(self) -> Sequence[StackStatus]: ...

    def events(self, *, since: float | None = None, follow: bool = False) -> Iterator[Event]: ...

    def logs(
        self, replica: ReplicaId, *, tail: int | None = None, follow: bool = False, since: float | None = None
    ) -> Iterator[str]: ...


@contextmanager
def open_session(options: Options) -> Iterator[Session]:
    """A session on the targets that the options name."""
    raise ControllerError("this build has no loop yet", hint=f"engine {options.engine}")
    yield
