"""Where a whole stack goes back to when one of its services fails, and in which order."""

from dataclasses import replace

import pytest

from controller.decide.aim import NOWHERE
from controller.decide.goback import find_way_back
from controller.decide.stack import decide_stack
from controller.decide.world import World
from controller.model.decision import Attempt, History
from controller.model.desired import FailureAction, Leaving, Scope, UpdatePolicy
from controller.model.names import ImageId, Release, Revision, make_release
from tests.builders import HEALTHY, IMAGE, NOW, checked, exited, healthy, job, replica, stack, view
from tests.unit.decide.worlds import acts, ready_one, settle, world

pytestmark = pytest.mark.unit

WHOLE = UpdatePolicy(monitor=0.0, scope=Scope.STACK)
V1, V2 = make_release(Revision("v1"), IMAGE), make_release(Revision("v2"), IMAGE)
FAILED = History(adopted_at=1.0, good=V1, failed={Release("v2"): "it broke"}, failed_for=Revision("v2"))
SETTLED = History(adopted_at=1.0, good=V2)
BAKES = History(adopted_at=1.0, good=V1, attempt=Attempt(V2, settled_at=NOW - 9))
RAN = History(adopted_at=1.0, good=Release("v2"), completed=Revision("v2"))
TARGETS = {"db": V1, "web": V1}
WEB = checked("web", 1, "v2", update=WHOLE)
NEVER = "the stack does not go back: db is irreversible and has settled"
WHY = "web failed, and the stack goes back: it broke"


def db(**others):
    return checked("db", 1, "v2", **others)


ROWS = [
    ("all goes back", WEB, FAILED, db(), SETTLED, WHY, ""),
    ("its scope is the service", checked("web", 1, "v2"), FAILED, db(), SETTLED, "", ""),
    ("it only pauses", replace(WEB, update=replace(WHOLE, failure_action=FailureAction.PAUSE)), FAILED, db(),
     SETTLED, "", ""),
    ("it leaves", replace(WEB, leaving=Leaving.OUT_OF_PROFILE), FAILED, db(), SETTLED, "", ""),
    ("something else is asked for now", replace(WEB, revision=Revision("v3")), FAILED, db(), SETTLED, "", ""),
    ("one that cannot be undone has settled", WEB, FAILED, db(irreversible=True), SETTLED, "", NEVER),
    ("one that cannot be undone has not begun", WEB, FAILED, db(irreversible=True), History(good=V1), WHY, ""),
    ("one that cannot be undone bakes", WEB, FAILED, db(irreversible=True), BAKES, "", NEVER),
    ("one that cannot be undone is under way", WEB, FAILED, db(irreversible=True),
     History(good=V1, attempt=Attempt(V2)), WHY, ""),
    ("one that cannot be undone came by a tag that moved", WEB, FAILED, checked("db", 1, "v1", irreversible=True),
     History(good=make_release(Revision("v1"), ImageId("sha256:new"))), "", NEVER),
    ("one that cannot be undone is not changed", WEB, FAILED, checked("db", 1, "v1", irreversible=True),
     History(good=V1), WHY, ""),
    ("a job has run", WEB, FAILED, job("db", "v2"), RAN, "", NEVER),
    ("a job has run that can be undone", WEB, FAILED, job("db", "v2", irreversible=False), RAN, WHY, ""),
    ("a job of before", WEB, FAILED, job("db", "v1"), replace(RAN, completed=Revision("v1")), WHY, ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("web", "failed", "other", "history", "because", "barred"), [r[1:] for r in ROWS], ids=[r[0] for r in ROWS]
)
def test_where_the_stack_goes_back_to(web, failed, other, history, because: str, barred: str) -> None:
    back = find_way_back(("web",), {"web": web, "db": other}, {"web": failed, "db": history}.__getitem__, TARGETS)
    assert back.because.startswith(because) and back.barred == barred
    assert back.releases == (TARGETS if because == WHY else {})


def test_a_stack_that_never_settled_has_nothing_to_go_back_to() -> None:
    assert find_way_back(("web",), {"web": WEB}, {"web": FAILED}.__getitem__, {}) is NOWHERE


def broken(**others) -> World:
    """api depends on db and web on api; all were updated to v2, and web's has just failed."""
    needs = {"db": {}, "api": {"db": HEALTHY}, "web": {"api": HEALTHY}}
    before = [checked(name, 1, "v1", needs=needs[name]) for name in needs]
    given = settle(world(*before, **{name: ready_one(name) for name in needs}))
    newer = [checked(name, 1, "v2", needs=needs[name], update=WHOLE, rollback=WHOLE, **others) for name in needs]
    given.known = {(service.name, Revision("v1")): service for service in before}
    given.settled = dict.fromkeys(needs, V1)
    given.adopt(stack(*newer))
    given.views = {name: view(healthy(1, "v2", service=name)) for name in needs}
    given.views["web"] = view(replica(1, "v2", service="web", phase="exited"))
    for name in ("db", "api"):
        given.remember(name, SETTLED)
    given.remember("web", FAILED)
    return given


def test_all_that_the_generation_changed_goes_back_dependents_first() -> None:
    given = broken()
    assert acts(given) == {"api": "stop 1", "web": "remove 1"}, "web does not serve: nobody waits for it"
    assert given.decisions["db"].waits_for == "api"
    given.views["web"], given.views["api"] = view(), view()
    assert acts(given, now=NOW + 1)["db"] == "stop 1"
    given.views["db"] = view()
    assert acts(given, now=NOW + 2) == {"db": "create 1", "api": "create 1", "web": "create 1"}
    given.views = {name: view(*ready_one(name)) for name in given.views}
    assert acts(given, now=NOW + 3) == {}
    assert {decision.reason for decision in given.decisions.values()} == {"RolledBack"}
    assert all(WHY in given.decisions[name].message for name in ("db", "api"))


def test_nobody_waits_for_a_dependent_that_is_halted_where_it_is() -> None:
    """It will not go back, so that who waited for it would wait for ever."""
    given = broken()
    halted = replace(FAILED, failed={Release("v2"): "it is to pause"})
    pausing = replace(given.desired.services["api"], update=UpdatePolicy(failure_action=FailureAction.PAUSE))
    given.desired = replace(given.desired, services={**given.desired.services, "api": pausing})
    given.remember("api", halted)
    given.views["api"] = view(*ready_one("api"))
    assert acts(given) == {"db": "stop 1", "web": "remove 1"}


def test_a_dependent_that_goes_back_to_a_release_of_its_own_is_waited_for_no_longer_than_that() -> None:
    """What it goes back to is newer than what the stack settled at."""
    given = broken()
    own = make_release(Revision("v1.5"), IMAGE)
    middle = replace(given.known[("api", Revision("v1"))], revision=Revision("v1.5"))
    given.known = {**given.known, ("api", Revision("v1.5")): middle}
    given.remember("api", replace(FAILED, good=own))
    given.views["api"] = view(healthy(1, "v1.5", service="api"))
    settle(given)
    given.views["web"] = view()
    assert acts(given, now=NOW + 1)["db"] == "stop 1"


def test_two_that_fail_in_one_pass_are_both_written_down_before_anything_follows() -> None:
    """The failure of the second calls for another decision of all, but not of the first in the same pass."""
    needs = {"db": {}, "web": {}}
    before = [checked(name, 1, "v1") for name in needs]
    given = settle(world(*before, **{name: ready_one(name) for name in needs}))
    given.known = {(service.name, Revision("v1")): service for service in before}
    given.settled = dict.fromkeys(needs, V1)
    given.adopt(stack(checked("db", 1, "v2"), checked("web", 1, "v2", update=WHOLE)))
    for name in needs:
        given.remember(name, History(adopted_at=1.0, good=V1, attempt=Attempt(Release("v2"))))
        given.views[name] = view(exited(1, "v2", service=name))
    decisions = decide_stack(needs, given, NOW)
    assert {name: (d.reason, d.steps) for name, d in decisions.items()} == dict.fromkeys(needs, ("UpdateFailed", ()))
