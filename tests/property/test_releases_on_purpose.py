"""Releases that fail on purpose, from the first decision to the last: what goes back, what stays, what is said."""

from dataclasses import replace
from itertools import product

import pytest

from controller.engines.simulated_behaviour import Behaviour, crash_after, never_ready
from controller.model.desired import DesiredStack, FailureAction, Order, Scope, UpdatePolicy
from controller.model.names import Revision, split_release
from controller.model.phases import Phase
from tests.builders import COMPLETED, HEALTHY, NOW, checked, job, stack
from tests.property.bringing import UP, life_of, starts
from tests.property.life import Event, Life, begin
from tests.property.play import Play
from tests.property.rules import floor_of

pytestmark = pytest.mark.unit

ORDERS = [pytest.param(order, p, id=f"{order} by {p or 'all'}") for order, p in product(Order, (0, 1, 2))]
BAD = {"crashes": crash_after(0.5), "never ready": never_ready(), "dies while it is watched": crash_after(5.0)}
V2 = (Event(UP, "edit", "web", 2),)


def web(replicas: int = 3, **policy: object) -> DesiredStack:
    """One service whose failed releases go back under the same order."""
    stanza = UpdatePolicy(**{"monitor": 10.0, **policy})  # type: ignore[arg-type]
    return stack(checked("web", replicas, update=stanza, rollback=stanza, start_timeout=20.0))


def release(wanted: DesiredStack, behaviour: Behaviour, *events: Event, until: float = 1500.0) -> Life:
    """v2 is asked for, and behaves so."""
    return life_of(wanted, *V2, *events, behaviours={("web", "v2"): behaviour}, until=until)


def watch(life: Life) -> tuple[Play, int]:
    """To its end, with the least of web that ever served since the update began."""
    play = begin(life)
    play.run(NOW + UP)
    least = play.rules.serving("web")
    while play.now < NOW + UP + 120:
        play.run(play.now + 0.2)
        least = min(least, play.rules.serving("web"))
    play.run(NOW + life.until)
    return play, least


def told(play: Play, name: str = "web") -> tuple[str, str]:
    return play.world.decisions[name].phase, play.world.decisions[name].reason


def runs(play: Play, name: str = "web") -> list[str]:
    return [str(r.revision) for r in play.simulation.view(name, play.now).replicas if r.running]


# --- one service


@pytest.mark.fault("W12")
@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize(("order", "parallelism"), ORDERS)
def test_a_bad_release_is_tried_once_and_never_again(order: Order, parallelism: int, bad: str) -> None:
    wanted = web(order=order, parallelism=parallelism)
    play, least = watch(release(wanted, BAD[bad]))
    assert told(play) == ("Degraded", "RolledBack")
    assert runs(play) == ["v1"] * 3 and least >= floor_of(wanted.services["web"])
    made = play.simulation.containers.made
    assert made <= 3 + 2 * (parallelism or 3), "the first three, one batch of v2, and what that took away of v1"
    play.run(NOW + 4000)
    assert play.simulation.containers.made == made
    play.rules.check_goal()


def test_what_failed_is_tried_again_when_something_else_was_asked_for_meanwhile() -> None:
    events = (Event(UP + 200, "edit", "web", 1), Event(UP + 400, "edit", "web", 2))
    play = begin(release(web(1), BAD["crashes"], *events))
    play.run(NOW + 1500)
    assert told(play) == ("Degraded", "RolledBack")
    assert starts(play)["web"] == 2 * 2 + 1, "v1, v2 and v1; then v2 and v1 once more"


@pytest.mark.fault("W13")
@pytest.mark.parametrize("order", Order)
def test_a_release_that_dies_while_it_is_watched_costs_no_serving_one(order: Order) -> None:
    """In the last of the seconds in which it is watched."""
    wanted = web(order=order, parallelism=1)
    play, least = watch(release(wanted, crash_after(11.5)))
    assert told(play) == ("Degraded", "RolledBack")
    assert least >= floor_of(wanted.services["web"]) and starts(play)["web"] <= 5


@pytest.mark.parametrize(("order", "parallelism"), ORDERS)
def test_a_way_back_that_fails_ends_and_says_so(order: Order, parallelism: int) -> None:
    """v1 cannot be made any more: what is left of it serves on, and nothing is tried without end."""
    wanted = web(order=order, parallelism=parallelism, bake=60.0)
    play, _ = watch(release(wanted, crash_after(30.0), Event(UP + 1, "spoil", "web", 1), until=2500.0))
    assert told(play)[1] == "RollbackFailed"
    made = play.simulation.containers.made
    play.run(NOW + 4000)
    assert play.simulation.containers.made == made and made <= 3 + 3 * 3
    assert "and on the way back" in play.world.decisions["web"].message


@pytest.mark.parametrize(("order", "parallelism"), ORDERS)
def test_a_paused_update_is_kept_in_shape(order: Order, parallelism: int) -> None:
    """Old ones that fall over or vanish afterwards come back: not one less serves than when it was paused."""
    wanted = web(order=order, parallelism=parallelism, failure_action=FailureAction.PAUSE)
    bad = crash_after(5.0, lives=1)
    play = begin(release(wanted, bad, Event(UP + 200, "kill", "web", 0), Event(UP + 260, "kill", "web", 1)))
    play.run(NOW + UP + 190)
    assert told(play)[1] == "UpdatePaused"
    before = play.rules.serving("web")
    play.run(NOW + 1500)
    assert play.rules.serving("web") >= before and told(play)[1] == "UpdatePaused"


@pytest.mark.fault("W13")
@pytest.mark.parametrize("deaths", [(), (Event(UP + 45, "die"),), (Event(UP + 30, "die", lasts=5.0),)], ids=str)
@pytest.mark.parametrize("order", Order)
def test_what_dies_in_its_bake_is_taken_back(order: Order, deaths: tuple[Event, ...]) -> None:
    """Also where the controller was started again meanwhile."""
    life = release(web(1, order=order, bake=60.0), crash_after(55.0), *deaths)
    play, _ = watch(life)
    assert told(play) == ("Degraded", "RolledBack") and runs(play) == ["v1"]
    play.rules.check_goal()


def test_what_dies_after_its_bake_is_healed() -> None:
    play, _ = watch(release(web(1, bake=20.0), crash_after(60.0)))
    assert play.world.histories["web"].good is not None
    assert split_release(play.world.histories["web"].good)[0] == "v2" and not play.world.histories["web"].failed


def test_time_in_which_a_dependency_was_down_runs_against_no_release() -> None:
    update = UpdatePolicy(Order.STOP_FIRST, 1, monitor=1.0, progress_deadline=60.0)
    wanted = stack(checked("db"), checked("web", 2, needs={"db": HEALTHY}, update=update))
    events = (Event(UP, "edit", "web", 2), Event(UP + 2.0, "pause", "db", lasts=300.0), Event(UP + 3.0, "sicken", "db"))
    play = begin(life_of(wanted, *events, until=1500))
    play.run(NOW + 1500)
    play.rules.check_goal()
    assert play.world.histories["web"].failed == {}


# --- a stack


def shop(**changes: object) -> DesiredStack:
    """db, a job on it, api on both, web on api: a failure of one takes all of them back."""
    stanza = UpdatePolicy(monitor=2.0, scope=Scope.STACK)
    others = {"update": stanza, "rollback": stanza, "start_timeout": 20.0}
    needs = {"db": HEALTHY, "migrate": COMPLETED}
    return stack(
        checked("db", 2, **others),
        job("migrate", needs={"db": HEALTHY}, irreversible=changes.get("migrate")),
        checked("api", 2, needs=needs, **others),
        checked("web", 2, needs={"api": HEALTHY}, **{**others, "irreversible": None}),
    )


def edit(*names: str) -> tuple[Event, ...]:
    return tuple(Event(UP, "edit", name, 2) for name in names)


@pytest.mark.parametrize("bad", BAD)
def test_a_stack_goes_back_as_a_whole(bad: str) -> None:
    life = life_of(shop(), *edit("db", "api", "web"), behaviours={("web", "v2"): BAD[bad]}, until=1500)
    play = begin(life)
    play.run(NOW + 1500)
    for name in ("db", "api", "web"):
        assert (runs(play, name), told(play, name)) == (["v1"] * 2, ("Degraded", "RolledBack")), name
    play.rules.check_goal()


def test_what_cannot_be_undone_bars_the_way_back_of_its_stack() -> None:
    wanted = shop()
    db = replace(wanted.services["db"], irreversible=True)
    wanted = replace(wanted, services={**wanted.services, "db": db})
    play = begin(life_of(wanted, *edit("db", "api", "web"), behaviours={("web", "v2"): BAD["crashes"]}, until=1500))
    play.run(NOW + 1500)
    assert (runs(play, "db"), runs(play, "api"), runs(play)) == (["v2"] * 2, ["v2"] * 2, ["v1"] * 2)
    play.rules.check_goal()


@pytest.mark.parametrize("reversible", [True, False])
def test_a_reversible_job_is_not_run_backwards(reversible: bool) -> None:
    """A job that ran bars the way back, unless it is said that it can be undone; it never runs at an older revision."""
    wanted = shop(migrate=not reversible)
    play = begin(life_of(wanted, *edit("db", "migrate", "api", "web"), behaviours={("web", "v2"): BAD["crashes"]}))
    play.run(NOW + 1500)
    assert starts(play)["migrate"] == 2 and play.world.histories["migrate"].completed == Revision("v2")
    assert runs(play, "db") == (["v1"] if reversible else ["v2"]) * 2
    play.rules.check_goal()


def test_a_broken_dependency_goes_back_before_its_dependents() -> None:
    """They wait for it to be well again, and it waits for nobody."""
    life = life_of(shop(), *edit("db", "api", "web"), behaviours={("db", "v2"): crash_after(60.0)}, until=2500)
    wanted = life.stack.services["db"]
    life = replace(life, stack=replace(life.stack, services={
        **life.stack.services, "db": replace(wanted, update=replace(wanted.update, bake=300.0))
    }))  # fmt: skip
    play = begin(life)
    play.run(NOW + 2500)
    assert {name: runs(play, name) for name in ("db", "api", "web")} == dict.fromkeys(("db", "api", "web"), ["v1"] * 2)
    play.rules.check_goal()


def test_who_depends_on_what_went_back_is_not_updated() -> None:
    wanted = stack(checked("db"), checked("web", needs={"db": HEALTHY}))
    events = (Event(UP, "edit", "db", 2), Event(UP, "edit", "web", 2))
    play = begin(life_of(wanted, *events, behaviours={("db", "v2"): BAD["crashes"]}))
    play.run(NOW + 1500)
    assert (runs(play, "db"), runs(play)) == (["v1"], ["v1"])
    assert play.world.decisions["web"].phase is not Phase.FAILED and play.world.decisions["web"].waits_for == "db"
