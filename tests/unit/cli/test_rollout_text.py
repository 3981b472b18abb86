"""How revisions and the progress of an update are told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controller.loop.compare import Change
from controller.model.generation import Cause, Ending, Generation
from controller.model.names import Release
from controller.model.phases import Phase, StackPhase
from controller.model.status import ServiceStatus, StackStatus
from controller.render.rollout import Shown, change_lines, history_lines, judge_progress, revision_lines

pytestmark = pytest.mark.unit

FIRST = Generation(3, "d", 40.0, ("web",), cause=Cause("ada", "apply"), ending=Ending.CONVERGED, ended_at=70.0)
SECOND = Generation(
    4,
    "e",
    90.0,
    ("web",),
    cause=Cause("run --watch", "compose.yaml changed"),
    ending=Ending.ROLLED_BACK,
    ended_at=95.0,
    failed={"web": "web-1 exited with 1"},
    releases={"web": Release("r2@sha256:0123456789abcdef")},
)


def test_a_table_newest_last() -> None:
    assert history_lines([Shown("shop", FIRST), Shown("shop", SECOND)], 100.0) == [
        "REVISION   AGE   OUTCOME      WHO           CHANGE",
        "3          60s   Converged    ada           apply",
        "4          10s   RolledBack   run --watch   compose.yaml changed (web: web-1 exited with 1)",
    ]
    assert history_lines([Shown("shop", FIRST), Shown("blog", SECOND)], 100.0)[1].startswith("shop    3 ")
    assert history_lines([], 100.0) == ["No revisions are known."]
    assert history_lines([Shown("shop", FIRST)], 100.0, headers=False)[0].startswith("3 ")


def test_what_an_older_version_kept_has_blanks() -> None:
    assert history_lines([Shown("shop", Generation(1, "d", 0.0))], 60.0)[1].split() == [
        "1",
        "60s",
        "Unknown",
        "<none>",
        "<none>",
    ]


def test_a_diff_in_the_manner_of_kubectl() -> None:
    changes = (
        Change("db", "", None, "db:1"),
        Change("web", "environment.TOKEN", "***", "***"),
        Change("web", "image", "web:1", "web:2\x1b[31m"),
        Change("web", "user", "1", None),
    )
    assert change_lines(changes) == [
        "db",
        "  + db:1",
        "web",
        "  - environment.TOKEN: ***",
        "  + environment.TOKEN: *** (changed)",
        "  - image: web:1",
        "  + image: web:2\\x1b[31m",
        "  - user: 1",
    ]
    assert change_lines(()) == ["no change of any definition"]


def test_one_in_full() -> None:
    lines = revision_lines(Shown("shop", SECOND, (Change("web", "image", "a", "b"),)), 100.0, ())
    assert "Outcome:    RolledBack for 5s" in lines and "Reason:     web: web-1 exited with 1" in lines
    assert "  web    r2         0123456789ab" in lines and lines[-3:] == ["  web", "    - image: a", "    + image: b"]


def status(*services: ServiceStatus) -> StackStatus:
    return StackStatus("shop", StackPhase.PROGRESSING, 5, (), services, 100.0)


def service(phase: Phase, reason: str = "", message: str = "", *, updated: int = 2, ready: int = 2) -> ServiceStatus:
    return ServiceStatus("web", phase, reason, message, 2, ready, updated, (), 50.0)


@pytest.mark.parametrize(
    ("one", "ok", "line"),
    [
        (service(Phase.READY), True, "shop: revision 5 successfully rolled out"),
        (service(Phase.READY, "Baking"), True, "shop: revision 5 successfully rolled out"),
        (
            service(Phase.UPDATING, updated=1),
            None,
            "waiting for web: 1 of 2 replicas updated, 2 ready (Updating)",
        ),
        (
            service(Phase.ROLLING_BACK, "RollingBack"),
            None,
            "waiting for web: 2 of 2 replicas updated, 2 ready (RollingBack)",
        ),
        (service(Phase.DEGRADED, "RolledBack", "web-3 exited with 1"), False, "web: web-3 exited with 1"),
        (service(Phase.DEGRADED, "UpdatePaused", "too many failed"), False, "web: too many failed"),
        (service(Phase.FAILED, "JobFailed", "5 tries"), False, "web: 5 tries"),
        (service(Phase.PAUSED, "Pinned"), True, "web: on an earlier release, until `controller rollout resume`"),
        (service(Phase.PAUSED, "UpdateHalted", "halted"), False, "web: paused: halted"),
        (service(Phase.STOPPED), True, "shop: revision 5 successfully rolled out"),
    ],
)
def test_how_far_it_is(one: ServiceStatus, ok: bool | None, line: str) -> None:
    progress = judge_progress(status(one))
    assert (progress.ok, progress.lines[0]) == (ok, line)


def test_a_failure_is_told_once_nothing_moves_any_more() -> None:
    failed = service(Phase.DEGRADED, "RolledBack", "it crashed")
    moving = ServiceStatus("api", Phase.STARTING, "", "", 1, 0, 1, (), 50.0)
    assert judge_progress(status(failed, moving)).ok is None
    assert judge_progress(status(failed, moving), ("web",)).ok is False
    assert judge_progress(status(moving)).replaced < judge_progress(status(moving, service(Phase.UPDATING))).replaced


def test_nobody_waits_for_who_waits_for_what_failed() -> None:
    failed = service(Phase.DEGRADED, "RolledBack", "it crashed")
    behind = ServiceStatus("api", Phase.UPDATING, "DependencyNotReady", "", 1, 1, 0, (), 50.0, waits_for="web")
    last = replace(behind, name="site", waits_for="api")
    assert judge_progress(status(failed, behind, last)).ok is False
    assert judge_progress(status(failed, behind, last), ("site",)).ok is False
    assert judge_progress(status(failed, replace(behind, waits_for="db")), ("api",)).ok is None
    first = replace(behind, phase=Phase.ROLLING_BACK)
    assert judge_progress(status(failed, first)).ok is None, "that goes back before it"
