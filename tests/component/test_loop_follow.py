"""What becomes of a wish: converged, held, failed, given up, stopped, pruned; and what it leaves behind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from controller.engines.simulated_faults import Faults
from controller.loop import acts
from controller.model.decision import Hold
from controller.model.wish import Wish
from tests.component.stage import NOW, SHOP, Stage, load, service

pytestmark = pytest.mark.unit


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Two services, of which one waits for the other, both ready."""
    stage = Stage(tmp_path, load(SHOP))
    stage.settle()
    return stage


def test_an_apply_ends_when_all_is_ready_and_tells_who_waited_for_whom(tmp_path: Path) -> None:
    stage = Stage(tmp_path, load(SHOP))
    result = stage.follow(stage.wish("apply"))
    assert result is not None and (result.outcome, result.ok, result.generation) == ("converged", True, 1)
    told = {service.name: service for service in result.services}
    assert told["web"].waited_for == "db" and told["db"].waited_for is None
    assert told["db"].seconds is not None and told["web"].seconds is not None
    assert told["db"].seconds < told["web"].seconds


def test_an_apply_of_what_runs_changes_nothing(stage: Stage) -> None:
    done = len(stage.actions())
    result = stage.follow(stage.wish("apply"))
    assert result is not None and {service.outcome for service in result.services} == {"unchanged"}
    assert len(stage.actions()) == done


def test_a_wish_that_was_there_before_does_not_end_with_the_old_generation(stage: Stage) -> None:
    follower = stage.wish("apply")
    stage.turn()
    stage.change({"db": service(environment={"A": "2"}), "web": service("db")})
    assert follower.look(stage.clock.now()) is None, "nothing of the new generation was decided yet"
    result = stage.follow(follower)
    assert result is not None and result.ok and result.generation == 2
    assert {s.name: s.outcome for s in result.services} == {"db": "Ready", "web": "unchanged"}


def hold(stage: Stage) -> None:
    """Somebody else is at work until three seconds from now."""
    stage.reconciler.world.hold = Hold("ForeignWriter", "somebody else is at work", NOW + 65)
    stage.clock.sleep(NOW + 62 - stage.clock.now())


def test_an_apply_does_not_end_while_somebody_elses_work_holds_up_what_it_is_for(stage: Stage) -> None:
    """Held, each service counts as ready that serves, also with an older revision."""
    stage.change({"db": service(environment={"A": "2"}), "web": service("db")})
    hold(stage)
    result = stage.follow(stage.wish("apply"))
    assert result is not None and result.ok and stage.clock.now() > NOW + 65
    assert {service.name: service.outcome for service in result.services} == {"db": "Ready", "web": "unchanged"}


@pytest.mark.parametrize("scale", [0, 2])
def test_an_apply_does_not_end_before_what_is_too_much_is_gone(tmp_path: Path, scale: int) -> None:
    stage = Stage(tmp_path, load({"db": service(scale=3)}))
    stage.settle()
    stage.change({"db": service(scale=scale)})
    hold(stage)
    result = stage.follow(stage.wish("apply", confirm=True))
    assert result is not None and result.ok and len(stage.replicas()) == scale


def test_what_was_decided_under_a_hold_is_not_believed_after_it(stage: Stage) -> None:
    """A service that is seen in part when the hold passes is not decided again yet."""
    stage.change({"db": service(environment={"A": "2"}), "web": service("db")})
    hold(stage)
    follower = stage.wish("apply")
    stage.turn()
    stage.reconciler.world.hold = None
    assert follower.look(stage.clock.now()) is None


def test_who_is_paused_does_not_end_an_apply_whose_work_is_held_up(tmp_path: Path) -> None:
    stage = Stage(tmp_path, load({**SHOP, "cache": service()}))
    stage.settle()
    stage.follow(stage.wish("pause", "cache"))
    stage.change({**SHOP, "db": service(environment={"A": "2"}), "cache": service()})
    hold(stage)
    result = stage.follow(stage.wish("apply"))
    assert result is not None and result.message == "paused: cache" and stage.clock.now() > NOW + 65
    assert {service.name: service.outcome for service in result.services}["db"] == "Ready"


def test_an_apply_waits_for_nobody_elses_work_where_nothing_is_to_be_done(stage: Stage) -> None:
    hold(stage)
    assert stage.follow(stage.wish("apply"), 1) is not None


@pytest.mark.parametrize("seed", range(6))
def test_half_a_look_at_a_new_generation_ends_no_wish(tmp_path: Path, seed: int) -> None:
    stage = Stage(tmp_path, load(SHOP), Faults(partial=0.5, seed=seed))
    stage.settle(300)
    follower = stage.wish("apply")
    stage.change({"db": service(environment={"A": "2"}), "web": service("db")})
    result = stage.follow(follower, 600)
    assert result is not None and result.ok
    wanted = stage.reconciler.world.desired.services["db"].revision
    known = stage.store.replicas.known()
    assert [known.get(id_) for id_ in stage.there("db")] == [wanted]


def test_a_service_that_never_becomes_well_fails_the_apply(tmp_path: Path) -> None:
    broken = service(labels={"controller.simulated.crash-after": "0.2"})
    stage = Stage(tmp_path, load({"db": broken, "web": service("db")}))
    result = stage.follow(stage.wish("apply"), 600)
    assert result is not None and (result.outcome, result.ok) == ("failed", False)
    assert "db" in result.message and result.hint == "controller why db"


@pytest.mark.parametrize("attempts", [5, 1])
def test_a_release_that_the_engine_refuses_ends_an_apply_when_the_one_before_runs_again(
    tmp_path: Path, attempts: int
) -> None:
    """Stop-first: the old one is gone when the engine says no, and nobody else would bring it back."""
    spec = {"startup": {"retry": {"attempts": attempts}}}
    policy = {"deploy": {"update_config": {"order": "stop-first"}}}
    stage = Stage(tmp_path, load({"db": service(**policy), "web": service("db")}, **spec))
    stage.settle()
    before = stage.replicas("db")[0].revision
    refused = service(labels={"controller.simulated.create-refused": "true"}, **policy)
    stage.change({"db": refused, "web": service("db")}, **spec)
    begun = stage.clock.now()
    result = stage.follow(stage.wish("apply"), 100)
    assert result is not None and (result.outcome, result.ok) == ("rolledBack", False)
    assert "refuses what is asked for" in result.message and stage.clock.now() < begun + 60
    assert [(replica.revision, replica.phase) for replica in stage.replicas("db")] == [(before, "running")]


def test_an_apply_gives_up_when_nothing_moves(tmp_path: Path) -> None:
    stage = Stage(tmp_path, load(SHOP), Faults(away=((NOW, NOW + 1000),)))
    result = stage.follow(stage.wish("apply", timeout=30.0), 60)
    assert result is not None and (result.outcome, result.ok) == ("timeout", False)
    assert "no progress for 30 s" in result.message and "away" in result.message


@pytest.mark.parametrize("verb", ["apply", "stop", "prune", "start", "retry"])
def test_nobody_waits_for_a_stack_that_is_held(stage: Stage, verb: str) -> None:
    stage.store.stack.save(replace(stage.store.stack.load(), adopted=False))
    stage.die()
    stage.begin(load({"db": service(image="busybox:2"), "web": service("db"), "old": service()}))
    result = stage.follow(stage.wish(verb, timeout=600.0, everything=verb == "prune"), 20)
    assert result is not None and (result.outcome, result.ok) == ("held", False)
    assert result.message.startswith("AdoptionHeld")
    assert stage.running() == 2


@pytest.mark.parametrize("verb", ["apply", "stop"])
def test_nobody_waits_for_what_a_person_paused(stage: Stage, verb: str) -> None:
    paused = stage.follow(stage.wish("pause", "db"))
    assert paused is not None and paused.ok
    result = stage.follow(stage.wish(verb), 30)
    assert result is not None and (result.outcome, result.hint) == ("held", "controller resume db")
    resumed = stage.follow(stage.wish("resume", "db"))
    assert resumed is not None and resumed.ok
    after = stage.follow(stage.wish("apply"))
    assert after is not None and after.ok


def test_a_stop_goes_backwards_and_stays_through_a_restart(stage: Stage) -> None:
    result = stage.follow(stage.wish("stop"))
    assert result is not None and (result.outcome, result.ok) == ("stopped", True)
    assert stage.actions()[-2:] == [("Stop", "web"), ("Stop", "db")]
    stage.die()
    stage.begin(load(SHOP))
    stage.settle(100)
    assert stage.phases == {"db": "Stopped", "web": "Stopped"} and stage.running() == 0
    result = stage.follow(stage.wish("start"))
    assert result is not None and result.ok and stage.running() == 2


def test_stopping_now_gives_no_grace(stage: Stage) -> None:
    stage.follow(stage.wish("stop", "web", immediately=True))
    assert [step.grace for step in stage.bench.steps if type(step).__name__ == "Stop"] == [0.0]
    stage.follow(stage.wish("start"))
    stage.follow(stage.wish("stop"))
    assert [step.grace for step in stage.bench.steps if type(step).__name__ == "Stop"] == [0.0, 10.0, 10.0]


def test_pruning_goes_on_though_another_wish_ends(stage: Stage) -> None:
    stage.change({"db": service()})
    stage.settle(5)
    assert len(stage.replicas()) == 2, "an orphan is only told"
    other = stage.wish("apply")
    follower = stage.wish("prune")
    acts.end(stage.reconciler, other.wish)
    result = stage.follow(follower)
    acts.end(stage.reconciler, follower.wish)
    assert result is not None and (result.outcome, result.ok) == ("pruned", True)
    assert [replica.service for replica in stage.replicas()] == ["db"]


def test_a_newer_generation_does_not_end_a_prune(stage: Stage) -> None:
    stage.change({"db": service()})
    stage.settle(5)
    follower = stage.wish("prune")
    stage.change({"db": service(environment={"A": "3"})})
    result = stage.follow(follower)
    assert result is not None and result.ok
    assert [replica.service for replica in stage.replicas()] == ["db"]


def test_all_of_a_stack_is_gone_when_its_ingress_is_gone_too(stage: Stage) -> None:
    keeper = SimpleNamespace(settled=False, trouble=None, perform=None, tend=lambda *_: None)
    keeper.see = lambda desired, views: views
    stage.reconciler.keeper = keeper  # type: ignore[assignment]
    follower = stage.wish("prune", everything=True)
    assert stage.follow(follower) is None and stage.replicas() == []
    keeper.settled = True
    stage.reconciler.wake()
    result = stage.follow(follower)
    assert result is not None and result.ok


def test_all_of_a_stack_goes_only_on_demand_and_stays_away(stage: Stage) -> None:
    follower = stage.wish("prune", everything=True)
    result = stage.follow(follower)
    acts.end(stage.reconciler, follower.wish)
    assert result is not None and result.ok and stage.replicas() == []
    stage.settle(100)
    assert stage.replicas() == []


def test_where_nobody_stays_a_wish_touches_only_what_it_names(stage: Stage) -> None:
    services = {"db": service(image="busybox:2"), "web": service("db"), "api": service("db")}
    stage.change(services)
    wish = Wish("stop", ("web",))
    follower = stage.wish("stop", "web")
    acts.narrow(stage.reconciler, wish)
    done = len(stage.actions())
    result = stage.follow(follower)
    assert result is not None and result.ok
    assert stage.actions()[done:] == [("Stop", "web")]
    assert not stage.replicas("api")


def test_where_nobody_stays_a_resume_begins_nothing(stage: Stage) -> None:
    stage.follow(stage.wish("pause"))
    stage.change({"db": service(image="busybox:2"), "web": service("db")})
    follower = stage.wish("resume")
    acts.narrow(stage.reconciler, follower.wish)
    done = len(stage.actions())
    result = stage.follow(follower)
    assert result is not None and result.ok and len(stage.actions()) == done
    assert not any(history.paused for history in stage.store.histories.load().values())
