"""The pass: who is decided, in which order, and who is woken by whom."""

import pytest

from controller.decide.stack import SPIN_LIMIT, decide_stack
from controller.decide.world import World
from controller.model.decision import History, Hold, Offers
from controller.model.desired import Leaving, Need, StackPolicy
from controller.model.observed import Health
from controller.model.phases import Phase
from tests.builders import HEALTHY, NOW, STARTED, checked, exited, healthy, probe, replica, service, stack, view
from tests.unit.decide.worlds import acts, coming, new_one, ready_one, settle, world

pytestmark = pytest.mark.unit


def trio(**views) -> World:
    needs = {"web": {"db": HEALTHY}, "top": {"web": HEALTHY}, "db": {}}
    return world(*(checked(name, needs=needs[name]) for name in ("top", "web", "db")), **views)


def test_dependencies_are_decided_before_dependents() -> None:
    assert list(decide_stack(("top", "web", "db"), trio(), NOW)) == ["db", "web", "top"]


def test_only_who_is_dirty_is_decided() -> None:
    given = settle(trio(db=ready_one("db"), web=ready_one("web"), top=ready_one("top")))
    assert set(decide_stack(("web",), given, NOW)) == {"web"}


def test_who_waits_for_it_is_decided_in_the_same_pass() -> None:
    given = settle(trio(db=coming("db"), web=new_one("web"), top=new_one("top")))
    given.views["db"] = view(*ready_one("db"))
    assert acts(given, "db") == {"web": "start 1"}
    assert given.decisions["top"].waits_for == "web"


@pytest.mark.parametrize(
    ("need", "woken"),
    [
        pytest.param(Need(HEALTHY), False, id="whoever needs it ready learns nothing from another start"),
        pytest.param(Need(HEALTHY, restart=True), True, id="restart: true: a younger container concerns it"),
    ],
)
def test_a_change_wakes_only_whom_it_concerns(need: Need, woken: bool) -> None:
    given = settle(world(checked("db"), checked("web", needs={"db": need}), db=ready_one("db"), web=ready_one("web")))
    given.views["db"] = view(*ready_one("db", created_at=NOW - 5, started_at=NOW - 5, ready_since=NOW - 4))
    assert ("web" in decide_stack(("db",), given, NOW)) is woken


def test_scaling_a_dependency_up_restarts_nobody() -> None:
    web = checked("web", needs={"db": Need(HEALTHY, restart=True)})
    given = settle(world(checked("db", 2), web, db=ready_one("db"), web=ready_one("web")))
    newer = healthy(2, service="db", created_at=NOW - 5, started_at=NOW - 5, ready_since=NOW - 4)
    given.views["db"] = view(*ready_one("db"), newer)
    assert acts(given) == {}


def test_who_is_sick_beside_what_it_needs_is_looked_at_when_that_serves_again() -> None:
    """Also where it only needs that to run."""
    ill = {"health": Health.UNHEALTHY, "ready_since": None}
    web = checked("web", needs={"db": STARTED})
    sick = [replica(service=name, check=probe(), **ill) for name in ("db", "web")]
    given = settle(world(checked("db"), web, db=[sick[0]], web=[sick[1]]))
    assert given.decisions["web"].waits_for == "db"
    given.views["db"] = view(*ready_one("db", ready_since=NOW))
    assert "web" in decide_stack(("db",), given, NOW)


def test_losing_readiness_wakes_dependents_but_stops_none() -> None:
    given = settle(trio(db=ready_one("db"), web=ready_one("web"), top=ready_one("top")))
    given.views["db"] = view(exited(service="db"))
    decisions = decide_stack(("db",), given, NOW)
    assert set(decisions) == {"db", "web"}
    assert decisions["web"].steps == ()


def test_the_owner_of_a_namespace_wakes_who_shares_it() -> None:
    side = service("side", namespace_of="web", needs={"web": STARTED})
    both = world(checked("web"), side, web=ready_one("web"), side=[replica(service="side", namespace_of="web-1-id")])
    given = settle(both)
    given.views["web"] = view(*ready_one("web", started_at=NOW - 3))
    assert acts(given, "web") == {"side": "restart 1"}


@pytest.mark.parametrize("why", ["busy", "incomplete", "unseen", "not selected"])
def test_who_may_not_be_decided_is_left(why: str) -> None:
    given = trio(db=ready_one("db"))
    match why:
        case "busy":
            given.busy.add("web")
        case "incomplete":
            given.views["web"] = view(complete=False)
        case "unseen":
            del given.views["web"]
        case _:
            given.only = frozenset({"db", "top"})
    assert set(decide_stack(given.desired.services, given, NOW)) == {"db", "top"}


def test_an_image_on_its_way_keeps_nobody_from_being_decided() -> None:
    given = world(checked("web", image="web:2"), web=())
    given.views["web"] = view(image_id=None)
    given.fetching.add(("web", "web:1"))
    assert acts(given) == {"web": "pull"}, "that is another one"
    given.fetching.add(("web", "web:2"))
    assert acts(given) == {}
    given.views["web"] = view()
    assert acts(given) == {"web": "create 1"}


def test_names_that_nobody_wants_are_ignored() -> None:
    assert decide_stack(("strange",), trio(), NOW) == {}


def test_a_pass_changes_nothing_by_itself() -> None:
    given = trio(db=new_one("db"))
    decide_stack(given.desired.services, given, NOW)
    assert (given.decisions, given.offers, given.starting, given.waiting) == ({}, {}, set(), set())


def test_a_held_stack_is_left_as_it_is() -> None:
    given = trio(db=[exited(service="db")])
    given.hold = Hold("ForeignWriter", "…")
    assert acts(given) == {}


def test_auto_start_false_until_somebody_starts_it() -> None:
    given = world(checked("web"), policy=StackPolicy(auto_start=False))
    assert acts(given) == {}
    assert given.decisions["web"].phase is Phase.STOPPED
    given.started = True
    assert acts(given) == {"web": "create 1"}


@pytest.mark.parametrize(
    ("self_heal", "heals_at", "done"),
    [(True, None, 1), (False, None, 0), (True, NOW + 1, 0), (True, NOW, 1), (True, NOW + 3600, 1)],
)
def test_who_fell_over_is_put_up_where_that_is_wanted_now(self_heal, heals_at, done) -> None:
    given = world(checked("web"), policy=StackPolicy(self_heal=self_heal), web=[exited()])
    given.histories["web"] = History(adopted_at=1.0, good="v1")
    given.heals_at = heals_at
    assert len(acts(given)) == done


# --- stopping


def stopping(*names: str, **views) -> World:
    given = settle(trio(**views))
    for name in names:
        given.histories[name] = History(adopted_at=1.0, stopped="StoppedByUser")
    return given


def test_dependents_stop_first() -> None:
    given = stopping("db", "web", "top", db=ready_one("db"), web=ready_one("web"), top=ready_one("top"))
    assert acts(given) == {"top": "stop 1"}
    given.views["top"] = view(exited(service="top"))
    assert acts(given, "top") == {"web": "stop 1"}
    given.views["web"] = view(exited(service="web"))
    assert acts(given, "web") == {"db": "stop 1"}


def test_dependents_that_are_to_run_on_hold_nobody_back() -> None:
    given = stopping("db", db=ready_one("db"), web=ready_one("web"), top=ready_one("top"))
    assert acts(given) == {"db": "stop 1"}


def test_orphans_hold_nobody_back() -> None:
    web = checked("web", 0, leaving=Leaving.ORPHANED, needs={"db": HEALTHY})
    given = settle(world(checked("db"), web, db=ready_one("db"), web=ready_one("web")))
    given.histories["db"] = History(adopted_at=1.0, stopped="StoppedByUser")
    assert acts(given) == {"db": "stop 1"}


# --- updates and generations


def test_updates_follow_the_order_of_dependencies() -> None:
    given = trio(db=ready_one("db"), web=ready_one("web"), top=ready_one("top"))
    newer = stack(*(checked(n, revision="v2", needs=given.desired.services[n].needs) for n in ("top", "web", "db")))
    settle(given).adopt(newer)
    order = []
    for _ in range(3):
        (name,) = acts(given)
        order.append(name)
        given.views[name] = view(healthy(1, "v2", service=name))
    assert order == ["db", "web", "top"]


def test_a_busy_dependency_that_is_to_be_replaced_is_waited_for() -> None:
    given = settle(trio(db=ready_one("db"), web=ready_one("web"), top=ready_one("top")))
    given.busy.add("db")
    services = given.desired.services
    given.adopt(
        stack(checked("db", revision="v2"), checked("web", revision="v2", needs=services["web"].needs), services["top"])
    )
    assert acts(given) == {}
    assert given.decisions["web"].waits_for == "db"


def test_a_paused_dependency_holds_no_update_up() -> None:
    given = settle(trio(db=ready_one("db"), web=ready_one("web"), top=ready_one("top")))
    given.histories["db"] = History(adopted_at=1.0, paused=True)
    services = given.desired.services
    given.adopt(
        stack(checked("db", revision="v2"), checked("web", revision="v2", needs=services["web"].needs), services["top"])
    )
    assert acts(given) == {"web": "stop 1"}


def test_a_newer_generation_keeps_what_was_learned_and_drops_who_is_gone() -> None:
    given = settle(trio(db=ready_one("db"), web=coming("web"), top=new_one("top")))
    given.adopt(stack(checked("db"), checked("web", needs={"db": HEALTHY})))
    assert set(given.decisions) == set(given.views) == {"db", "web"}
    assert given.starting == {"web"}
    assert given.graph.order == ("db", "web")


def test_the_same_input_gives_the_same_decisions() -> None:
    first, second = (trio(db=coming("db"), web=new_one("web")) for _ in range(2))
    assert decide_stack(("top", "web", "db"), first, NOW) == decide_stack(("db", "top", "web"), second, NOW)


def test_a_service_cannot_be_decided_without_end_in_one_pass() -> None:
    assert SPIN_LIMIT < 100
    given = world(checked("a"))
    given.offers["a"] = Offers()
    assert len(decide_stack(("a",) * 1000, given, NOW)) == 1
