"""How soon to ask again. Pure; all in seconds. Pauses grow with the time that has passed: lateness stays in share."""

from __future__ import annotations

from controller.health.verdict import ProbeResult, Verdict
from controller.model.desired import Probe
from controller.model.observed import Health

KNOCK = 0.02
"""Between two knocks at a port; one costs 0.1 ms (measured)."""

EXEC_FIRST, EXEC_LAST = 0.025, 1.0
"""Between two commands in a starting container; one takes 67-92 ms and a core of the engine (measured)."""


def knock_pause(age: float) -> float:
    """Until the next knock at a closed port, `age` seconds after the start: at most 2 % of that late."""
    return min(max(KNOCK, age / 50), EXEC_LAST)


def exec_pause(age: float) -> float:
    """Until it is asked again while it is starting: at most 10 % late at first, beyond a minute 2 %."""
    return min(max(EXEC_FIRST, age / 10), max(EXEC_LAST, age / 50))


def learned_pause(age: float, quickest: float) -> float:
    """Until a command is asked again of one that has never been ready before `quickest` seconds of age.

    Before that its age doubles from one to the next, so that most of those in vain are spared, and who is quicker than
    ever is noticed no later than the quickest was; from then on the pauses begin anew, at 1 % of its age.
    """
    if age < quickest:
        return min(max(EXEC_FIRST, age), max(EXEC_FIRST, quickest - age))
    return max(exec_pause(age - quickest), min(age / 100, EXEC_LAST))


def pause_after(verdict: Verdict, probe: Probe, result: ProbeResult, age: float, quickest: float = 0.0) -> float:
    """Until the next probe. `age`: since it is watched, or since its port opened; `quickest`: by which it may be ready.

    A command that ran out of time may still run in its container: the next one waits for the check's own interval.
    """
    if verdict.health is Health.HEALTHY or result.timed_out:
        return probe.interval
    if verdict.health is Health.UNHEALTHY and not result.ok:
        return probe.interval
    asks = exec_pause(age) if quickest <= 0.0 else learned_pause(age, quickest)
    quick = knock_pause(age) if result.closed else asks
    return min(quick, probe.interval)
