"""Judges: from the results of probes to one verdict on one life. Pure; instants come in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from controller.model.desired import SUCCESSES_TO_RETURN, Probe
from controller.model.names import Instant
from controller.model.observed import Health, Replica

OUTPUT_LIMIT = 4096


class ProbeResult(NamedTuple):
    """What one probe came to. `ok` None: it could not be asked, which says nothing about the replica.

    `closed`: its port was, so that nobody was troubled. `timed_out`: a command may still be running.
    """

    ok: bool | None
    output: str = ""
    timed_out: bool = False
    closed: bool = False


class Verdict(NamedTuple):
    """What probes say of one life. `output`: of the last probe, if it failed or could not be asked."""

    health: Health
    ready_since: Instant | None = None
    output: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """One life before the judge. `counted_at` is on a clock that is never set, in seconds, as `at` of `judge` is."""

    verdict: Verdict
    lenient_until: float
    counted_at: float
    failures: int = 0
    successes: int = 0


def open_trial(replica: Replica, probe: Probe, now: Instant, at: float) -> Trial:
    """A life that nothing is known of. What the engine already calls healthy is not doubted without a reason."""
    healthy = replica.health is Health.HEALTHY
    begun = now if replica.started_at is None else replica.started_at
    verdict = Verdict(Health.HEALTHY, begun) if healthy else Verdict(Health.STARTING)
    lenient_until = at + max(0.0, begun + probe.start_period - now)
    return Trial(verdict, lenient_until, counted_at=at if healthy else lenient_until)


def judge(trial: Trial, probe: Probe, result: ProbeResult, now: Instant, at: float) -> Trial:
    """The trial after one more result. Probes that come faster than the check's interval fail no faster."""
    match result.ok:
        case None:
            return replace(trial, verdict=trial.verdict._replace(output=trim(result.output)))
        case True:
            return _judge_success(trial, now, at)
        case False:
            return _judge_failure(trial, probe, trim(result.output), at)


def _judge_success(trial: Trial, now: Instant, at: float) -> Trial:
    successes = trial.successes + 1
    verdict = trial.verdict._replace(output="")
    returns = verdict.health is not Health.UNHEALTHY or successes >= SUCCESSES_TO_RETURN
    if returns and verdict.health is not Health.HEALTHY:
        verdict = Verdict(Health.HEALTHY, now)
    return replace(trial, verdict=verdict, failures=0, successes=successes, counted_at=at)


def _judge_failure(trial: Trial, probe: Probe, output: str, at: float) -> Trial:
    """A failure counts once an interval, and not in the start period before the first success."""
    verdict = trial.verdict._replace(output=output)
    lenient = verdict.health is Health.STARTING and at < trial.lenient_until
    counts = not lenient and at - trial.counted_at >= probe.interval - 0.001
    failures = trial.failures + counts
    if failures >= max(1, probe.retries):
        verdict = Verdict(Health.UNHEALTHY, None, output)
    counted_at = at if counts else trial.counted_at
    return replace(trial, verdict=verdict, failures=failures, successes=0, counted_at=counted_at)


def trim(output: str) -> str:
    """The last 4 KiB of it, without what could disturb a terminal."""
    kept = "".join(char for char in output[-2 * OUTPUT_LIMIT :] if char.isprintable() or char in "\n\t")
    return kept.strip().encode("utf-8", "replace")[-OUTPUT_LIMIT:].decode("utf-8", "ignore")
