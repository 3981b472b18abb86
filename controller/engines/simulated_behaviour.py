"""What a simulated revision is made to do: crash, never become ready, flap, be refused; scripted, never random."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from controller.model.names import Revision


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the processes of one revision behave; the default starts, becomes ready and stops when it is asked to.

    Seconds count from the start of the process. `lives` bounds how many starts (of all replicas of the revision
    together) end in the crash; None: every one. `fails` is the same for a job that ends with `exit_code`.
    """

    crash_after: float | None = None
    exit_code: int = 1
    lives: int | None = None
    fails: int = 0
    becomes_ready: bool = True
    flaps_every: float | None = None
    create_refused: bool = False
    stop_code: int = 143
    """What the process exits with when it is asked to stop; many servers say 0."""
    ignores_stop: bool = False
    """It has to be killed after the grace."""

    def crashes(self, life: int) -> bool:
        """Whether start number `life` (1-based) ends in the crash."""
        return self.crash_after is not None and (self.lives is None or life <= self.lives)


Script = Mapping[tuple[str, Revision], Behaviour]
"""By service and revision; revision "" stands for all that have no line of their own."""

OK = Behaviour()


def behaviour_of(script: Script, service: str, revision: Revision) -> Behaviour:
    """The line for this revision, else for the service, else a well-behaved one."""
    return script.get((service, revision)) or script.get((service, Revision("")), OK)


def crash_after(seconds: float, exit_code: int = 1, lives: int | None = None) -> Behaviour:
    return Behaviour(crash_after=seconds, exit_code=exit_code, lives=lives)


def never_ready() -> Behaviour:
    return Behaviour(becomes_ready=False)


def flaky(period: float) -> Behaviour:
    """Ready, then unhealthy after `period` seconds, then healthy again, and so on."""
    return Behaviour(flaps_every=period)


def create_refused() -> Behaviour:
    return Behaviour(create_refused=True)


def job_fails(times: int, exit_code: int = 1) -> Behaviour:
    """The first `times` runs end with `exit_code`, the next one with 0."""
    return Behaviour(fails=times, exit_code=exit_code)
