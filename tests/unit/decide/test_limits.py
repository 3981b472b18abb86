"""Limits that follow use are brought about in place, whatever becomes of drift and of what fell over."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from controller.decide.aim import Around, aim
from controller.decide.case import Case
from controller.decide.lacking import any_lacks
from controller.decide.service import decide
from controller.decide.touched import find_touched
from controller.model.adjustment import Adjustment, limit_of
from controller.model.decision import Aim, History
from controller.model.desired import DesiredService, DriftPolicy, Leaving
from controller.model.limited import lay_over
from controller.model.names import Revision, make_release
from controller.model.observed import Difference, Health, Replica, ReplicaPhase, Trouble
from controller.model.resources import Claims
from controller.model.resources import Limit as Most
from controller.model.steps import Limit, Start
from tests.builders import NOW, checked, exited, healthy, job, probe, replica, template
from tests.unit.decide.cases import SEEN, case, told

pytestmark = pytest.mark.unit

MIB = 2**20
WHY = "memory 64Mi → 80Mi: uses 61Mi"
ADJUSTED = Adjustment(Most(64 * MIB), Most(80 * MIB), NOW - 50, WHY)


def limited(revision: str = "v1", limit: float = 64, **others: Any) -> DesiredService:
    """A service of the files, with a limit of 64 MiB."""
    body = json.dumps({"create": {"HostConfig": {"Memory": int(limit * MIB)}}, "connects": []})
    fields: dict[str, Any] = {
        "template": template("web", revision, body),
        "claims": Claims(limit=Most(int(limit * MIB))),
    }
    return checked(revision=revision, **{**fields, **others})


def web(adjustment: Adjustment | None = ADJUSTED, **others: Any) -> DesiredService:
    return lay_over(limited(**others), adjustment)


def has(mebibytes: float, number: int = 1, revision: str = "v1", **others: Any) -> Replica:
    return healthy(number, revision, limit=Most(int(mebibytes * MIB)), **others)


def dead(mebibytes: float, number: int = 1, **others: Any) -> Replica:
    return exited(number, exit_code=137, oom_killed=True, limit=Most(int(mebibytes * MIB)), **others)


TROUBLE = Trouble(1, NOW, "Limit", "the kernel will not")
BY_HAND = Difference("HostConfig.Memory", "80 MiB", "96 MiB")
NOT_YET = Difference("HostConfig.Memory", "80 MiB", "64 MiB")

CASES: dict[str, tuple[Case, str]] = {
    "what has its limit is left alone": (case(web(), has(80)), "-"),
    "what has the one before is given it": (case(web(), has(64)), "limit 1"),
    "each of them that has not": (
        case(web(replicas=3), has(64), has(80, 2), has(64, 3)),
        "limit 1, limit 3",
    ),
    "where drift is only told": (case(web(drift=DriftPolicy.REPORT), has(64)), "limit 1"),
    "where drift is nobody's business": (case(web(drift=DriftPolicy.IGNORE), has(64)), "limit 1"),
    "where that field is nobody's business": (case(web(ignore_drift=("HostConfig",)), has(64)), "limit 1"),
    "where nothing is to heal by itself": (case(web(), has(64), heals=False), "limit 1"),
    "what a hand set is drift: set back": (case(web(), has(96, limits=(BY_HAND,))), "limit 1"),
    "or only told": (case(web(drift=DriftPolicy.REPORT), has(96, limits=(BY_HAND,))), "-"),
    "one step for what both see": (case(web(), has(64, limits=(NOT_YET,))), "limit 1"),
    "an earlier change that failed is ours too": (
        case(web(replace(ADJUSTED, before=(Most(72 * MIB),)), drift=DriftPolicy.REPORT), has(72)),
        "limit 1",
    ),
    "given back": (case(web(replace(ADJUSTED, limit=Most(), before=(Most(80 * MIB),))), has(80)), "limit 1"),
    "killed for want of memory: it has more before it starts": (case(web(), dead(64)), "limit 1"),
    "it starts all the same where the engine refuses": (case(web(), dead(64), seen={"trouble": TROUBLE}), "start 1"),
    "what the engine refused is tried again later": (
        case(web(), has(64), seen={"trouble": replace(TROUBLE, at=NOW - 400)}),
        "limit 1",
    ),
    "and not at once": (case(web(), has(64), seen={"trouble": TROUBLE}), "-"),
    "who leaves has no need of it": (case(web(replicas=1), has(80), has(64, 2)), "stop 2"),
    "who is stopped has none either": (case(web(replicas=0, leaving=Leaving.STOPPED), has(64)), "stop 1"),
    "while one is added": (case(web(replicas=2), has(64)), "limit 1"),
    "an old one that stays for now has what its own files said": (
        case(
            lay_over(limited("v2", 128, replicas=2), ADJUSTED),
            has(64),
            replica(2, "v2", health=Health.STARTING, check=probe(), limit=Most(128 * MIB)),
            known={("web", Revision("v1")): limited()},
        ),
        "limit 1",
    ),
    "a job that runs": (
        case(
            lay_over(job("web", template=limited().template, claims=limited().claims), ADJUSTED),
            replace(has(64), health=Health.NONE),
        ),
        "limit 1",
    ),
    "of a job, too, what the engine refused is tried again later": (
        case(
            lay_over(job("web", template=limited().template, claims=limited().claims), ADJUSTED),
            replace(has(64), health=Health.NONE),
            seen={"trouble": replace(TROUBLE, at=NOW - 400)},
        ),
        "limit 1",
    ),
    "nor is that at once": (
        case(
            lay_over(job("web", template=limited().template, claims=limited().claims), ADJUSTED),
            replace(has(64), health=Health.NONE),
            seen={"trouble": TROUBLE},
        ),
        "-",
    ),
    "it falls over again while the engine refuses": (
        case(web(), dead(64), seen={"trouble": replace(TROUBLE, at=NOW - 400)}),
        "limit 1",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_following(name: str) -> None:
    given, steps = CASES[name]
    assert told(given).split(": ")[1].split(" | ")[0] == steps


def test_the_step_says_why_and_carries_the_limit() -> None:
    (step,) = decide(case(web(), has(64))).steps
    assert isinstance(step, Limit)
    assert (step.because, step.follows) == (WHY, True)
    assert step.paths == ("HostConfig.Memory", "HostConfig.MemorySwap")
    assert limit_of(step.template.body) == Most(80 * MIB)


def test_cores_are_compared_as_compose_keeps_them() -> None:
    body = json.dumps({"create": {"HostConfig": {"NanoCpus": 100_000_001}}, "connects": []})
    given = checked(template=template("web", "v1", body), claims=Claims(limit=Most(cpu=0.1)))
    want = lay_over(given, Adjustment(Most(cpu=0.1), Most(cpu=0.2), why="cpu"))
    assert decide(case(want, healthy(limit=Most(cpu=0.2)))).steps == ()
    (step,) = decide(case(want, healthy(limit=Most(cpu=0.100000001)))).steps
    assert isinstance(step, Limit) and step.paths == ("HostConfig.NanoCpus",)


def test_what_is_made_anew_has_it_from_the_beginning() -> None:
    (step,) = decide(case(web())).steps
    assert limit_of(step.template.body) == Most(80 * MIB)  # type: ignore[union-attr]


def test_a_release_that_is_gone_back_to_has_it_too() -> None:
    """Where the files of that time said the same of its limit."""
    history = History(
        good=make_release(Revision("v1")),
        failed={make_release(Revision("v2")): "it fell over"},
        failed_for=Revision("v2"),
    )
    known = {("web", Revision("v1")): limited("v1")}
    aimed: Aim = aim(lay_over(limited("v2"), ADJUSTED), history, Around(known=known))
    assert (aimed.want.revision, limit_of(aimed.want.template.body)) == ("v1", Most(80 * MIB))
    other = aim(
        lay_over(limited("v2", 64), ADJUSTED), history, Around(known={("web", Revision("v1")): limited("v1", 32)})
    )
    assert limit_of(other.want.template.body) == Most(32 * MIB)
    decided = decide(Case(aimed, case(web(), has(64)).seen, history, NOW, known=known))
    assert [type(step) for step in decided.steps] == [Limit]


def test_what_is_not_done_yet_is_no_hands_work() -> None:
    assert find_touched(has(64, limits=(NOT_YET,)), web()) == ()
    assert find_touched(has(96, limits=(BY_HAND,)), web()) == (BY_HAND,)


def test_one_that_dockers_policy_restarts_has_more_when_it_comes_back() -> None:
    waiting = replace(dead(64), phase=ReplicaPhase.RESTARTING)
    (step,) = decide(case(web(), waiting, history=SEEN)).steps
    assert isinstance(step, Limit) and not isinstance(step, Start)


@pytest.mark.parametrize(("well", "steps"), [(True, "start 1"), (False, "-")])
def test_who_was_killed_under_a_lowered_limit_waits_for_no_first_start(well: bool, steps: str) -> None:
    killed = dead(80, started_at=NOW - 100)
    lives = ((killed.id, killed.started_at),)
    history = replace(SEEN, good=make_release(Revision("v1")) if well else None)
    given = case(web(replace(ADJUSTED, excused=lives)), killed, history=history, may_begin=False, may_heal=True)
    assert told(given).split(": ")[1].split(" | ")[0] == steps


def test_who_is_on_its_way_out_lacks_nothing() -> None:
    want = web()
    there = [replace(has(64), phase=phase) for phase in (ReplicaPhase.DEAD, ReplicaPhase.REMOVING)]
    assert not any_lacks(there, want, {})
    assert any_lacks([*there, has(64, 2)], want, {})
