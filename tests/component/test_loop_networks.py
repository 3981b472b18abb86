"""networkPolicy under the loop: in place, no edge cut for an instant, and the same way back."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from controller.engines.simulated_hands import Hands
from controller.loop.executor import perform_step
from controller.loop.handback import as_composed, tell_rest
from controller.model.names import ReplicaId
from controller.model.observed import Replica, ReplicaPhase
from controller.model.phases import StackPhase
from controller.model.steps import Connect, Create, Disconnect, Outcome, Result, Start, Step
from tests.component.releases import BROKEN, shop
from tests.component.stage import Stage, converged, load, service

pytestmark = pytest.mark.unit

POLICY: dict[str, Any] = {"security": {"networkPolicy": "dependencies"}}
OFF: dict[str, Any] = {"security": {"networkPolicy": "off"}}
CHAIN = {"db": service(), "api": service("db"), "web": service("api"), "log": service()}
EDGES = {("api", "db"), ("api", "web")}


def stage_of(folder: Path, services: dict[str, Any] = CHAIN, /, **spec: Any) -> Stage:
    made = Stage(folder, load(services, **(spec or OFF)))
    made.settle(30, until=lambda: converged(made))
    assert converged(made)
    return made


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return stage_of(tmp_path)


def sharing(replicas: Iterable[Replica]) -> set[tuple[str, str]]:
    """Who shares a network with whom."""
    pairs = combinations(sorted(replicas, key=lambda one: one.service), 2)
    return {
        (one.service, other.service)
        for one, other in pairs
        if one.service != other.service and set(one.joined or ()) & set(other.joined or ())
    }


def ids(stage: Stage) -> set[ReplicaId]:
    return {replica.id for replica in stage.replicas()}


def networks(stage: Stage, name: str) -> tuple[str, ...]:
    (replica,) = stage.replicas(name)
    return replica.joined or ()


def steps_one_by_one(
    stage: Stage, needed: set[tuple[str, str]], chance: random.Random, rounds: int = 60
) -> Iterator[Step]:
    """Have each batch done alone, in an order that is not the loop's; after each, who speaks with whom still can."""
    for _ in range(rounds):
        waiting = sorted({batch.service for batch in stage.bench.waiting})
        if waiting:
            before = len(stage.bench.steps)
            stage.bench.perform(chance.choice(waiting))
            yield from stage.bench.steps[before:]
            assert needed <= sharing(stage.replicas()), stage.bench.steps[before:]
        else:
            stage.settle(0.25)
        stage.turn()


@pytest.mark.parametrize("seed", range(4))
def test_switched_on_it_replaces_nobody_and_cuts_nobody_off(stage: Stage, seed: int) -> None:
    before = ids(stage)
    assert networks(stage, "db") == ("shop_default",)
    stage.change(CHAIN, **POLICY)
    stage.turn()
    done = list(steps_one_by_one(stage, EDGES, random.Random(seed)))
    assert ids(stage) == before and sharing(stage.replicas()) == EDGES
    assert {type(step) for step in done} == {Connect, Disconnect}
    assert networks(stage, "db") == ("shop.api--db", "shop.db.outside")
    assert networks(stage, "log") == ("shop.log.outside",)
    connects = [step for step in done if isinstance(step, Connect)]
    assert "networkPolicy" in connects[0].because and "shop." in connects[0].because
    assert converged(stage) and "Drifted" not in str(stage.statuses[-1])


@pytest.mark.parametrize("seed", range(4))
def test_and_off_again_the_same_way_back(tmp_path: Path, seed: int) -> None:
    stage = stage_of(tmp_path, CHAIN, **POLICY)
    before = ids(stage)
    assert sharing(stage.replicas()) == EDGES, "a stack that is new is on its networks from the beginning"
    stage.change(CHAIN, **OFF)
    stage.turn()
    done = list(steps_one_by_one(stage, EDGES, random.Random(seed)))
    assert ids(stage) == before and {replica.joined for replica in stage.replicas()} == {("shop_default",)}
    assert {type(step) for step in done} == {Connect, Disconnect}


def test_one_edge_more_touches_nobody_else(tmp_path: Path) -> None:
    stage = stage_of(tmp_path, CHAIN, **POLICY)
    count = len(stage.bench.steps)
    stage.change(CHAIN, **POLICY, services={"log": {"connectsTo": ["db"]}})
    stage.settle(5)
    assert {(type(step), step.service) for step in stage.bench.steps[count:]} == {(Connect, "log"), (Connect, "db")}
    assert sharing(stage.replicas()) == {*EDGES, ("db", "log")}
    stage.change(CHAIN, **POLICY)
    stage.settle(5)
    assert sharing(stage.replicas()) == EDGES


def test_who_may_not_be_touched_is_waited_for(stage: Stage) -> None:
    assert stage.follow(stage.wish("pause", "db"))
    stage.change(CHAIN, **POLICY)
    stage.settle(10)
    assert networks(stage, "db") == ("shop_default",), "nobody touches what is paused"
    assert "shop_default" in networks(stage, "api"), "db is still there"
    assert sharing(stage.replicas()) == EDGES and "shop_default" not in networks(stage, "web")
    told = {
        service.name: [c for c in service.conditions if c.type == "Unconfined"]
        for service in stage.statuses[-1].services
    }
    assert told["api"][0].message == "shop-api-1 is on shop_default, for the sake of db" and not told["web"]
    assert told["db"][0].message.startswith("shop-db-1 is not on shop.api--db, shop.db.outside")
    assert stage.follow(stage.wish("resume", "db"))
    stage.settle(10)
    assert sharing(stage.replicas()) == EDGES and "shop_default" not in networks(stage, "api")
    assert "Unconfined" not in str(stage.statuses[-1])


@pytest.mark.parametrize("way", ["there", "back"])
@pytest.mark.parametrize("hand", ["remove", "kill", "roll"])
def test_who_is_new_reaches_whom_nobody_may_touch(tmp_path: Path, way: str, hand: str) -> None:
    """Paused on the old networks, while what it needs is made anew on the new ones."""
    before, after = (OFF, POLICY) if way == "there" else (POLICY, OFF)
    stage = stage_of(tmp_path, CHAIN, **before)
    assert stage.follow(stage.wish("pause", "api"))
    stage.change(CHAIN, **after)
    stage.settle(10)
    (db,) = stage.replicas("db")
    if hand == "roll":
        stage.change({**CHAIN, "db": service(environment={"V": "2"})}, **after)
    else:
        act = Hands.remove if hand == "remove" else Hands.kill
        stage.meddle(lambda hands, now: act(hands, db.id, now))
    for _ in range(120):
        stage.settle(0.25)
        assert not [one for one in stage.replicas("db") if one.running] or ("api", "db") in sharing(stage.replicas())
    assert stage.follow(stage.wish("resume", "api"))
    stage.settle(10)
    assert sharing(stage.replicas()) == (EDGES if way == "there" else sharing(stage.replicas()))
    old = "shop_default" if way == "there" else "shop.api--db"
    assert not any(old in (replica.joined or ()) for replica in stage.replicas())


def test_one_that_fell_over_meanwhile_starts_on_its_new_networks(stage: Stage) -> None:
    (db,) = stage.replicas("db")
    stage.meddle(lambda hands, now: Hands.kill(hands, db.id, now))
    stage.change(CHAIN, **POLICY)
    count = len(stage.bench.steps)
    stage.settle(10)
    of_db = [type(step) for step in stage.bench.steps[count:] if step.service == "db"]
    assert of_db.index(Connect) < of_db.index(Start) < of_db.index(Disconnect) and Create not in of_db
    assert sharing(stage.replicas()) == EDGES


@pytest.mark.parametrize("drift", ["repair", "report"])
def test_a_network_that_a_hand_added_is_drift(tmp_path: Path, drift: str) -> None:
    spec = {**POLICY, "reconcile": {"drift": drift}}
    stage = stage_of(tmp_path, CHAIN, **spec)
    (db,) = stage.replicas("db")
    stage.meddle(lambda hands, now: hands.connect(db.id, "strange", now))
    stage.turn()
    if drift == "report":
        stage.settle(10)
        assert "strange" in networks(stage, "db")
        assert "Networks.strange is connected, not not connected" not in str(stage.statuses[-1])
        assert "Networks.strange is connected" in str(stage.statuses[-1])
    else:
        stage.settle(10)
        assert "strange" not in networks(stage, "db")


def test_release_leads_back_to_what_compose_made(tmp_path: Path) -> None:
    stage = stage_of(tmp_path, CHAIN, **POLICY)
    before = ids(stage)
    assert stage.follow(stage.wish("release"))
    assert {replica.joined for replica in stage.replicas()} == {("shop_default",)} and ids(stage) == before


def test_a_death_in_the_middle_changes_nothing(stage: Stage, tmp_path: Path) -> None:
    before, loaded = ids(stage), load(CHAIN, stage.reconciler.loaded, **POLICY)
    stage.change(CHAIN, **POLICY)
    stage.turn()
    stage.bench.perform("db")
    stage.turn()
    stage.bench.perform("api", "db")
    stage.die()
    stage.begin(loaded)
    list(steps_one_by_one(stage, EDGES, random.Random(1)))
    assert ids(stage) == before and sharing(stage.replicas()) == EDGES
    assert {name for one in stage.replicas() for name in one.joined or ()}.isdisjoint({"shop_default"})


def test_a_release_that_fails_goes_back_to_its_networks_too(tmp_path: Path) -> None:
    stage = stage_of(tmp_path, shop(1), **OFF)
    stage.change(shop(1), **POLICY)
    stage.settle(20, until=lambda: sharing(stage.replicas()) == {("db", "web")})
    stage.change(shop(2, labels=BROKEN), **POLICY)
    stage.settle(120)
    (web,) = stage.replicas("web")
    assert web.image == "web:1" and "RolledBack" in str(stage.statuses[-1])
    assert web.joined == ("shop.db--web", "shop.web.outside") and web.ready
    made = [step for step in stage.bench.steps if isinstance(step, Create) and step.service == "web"]
    assert made[-1].template.joins() == set(web.joined), "the earlier release, on the networks of today"


def test_a_job_is_led_along_while_it_runs_and_after_its_end(tmp_path: Path) -> None:
    """Compose would run it again by hand if it found it on other networks."""
    slow = service(labels={"controller.simulated.run": "30", "controller.simulated.job": "true"})
    services = {"db": service(), "long": slow, "web": service("db")}
    jobs = {"services": {"long": {"job": True, "connectsTo": ["db"]}}}
    stage = Stage(tmp_path, load(services, **OFF, **jobs))
    stage.settle(10)
    assert stage.phases["long"] == "Starting"
    (before,) = stage.replicas("long")
    stage.change(services, **POLICY, **jobs)
    stage.settle(5)
    assert networks(stage, "long") == ("shop.db--long", "shop.long.outside") and stage.replicas("long")[0].running
    stage.settle(60)
    assert stage.phases["long"] == "Completed"
    stage.change(services, **OFF, **jobs)
    stage.settle(10)
    (after,) = stage.replicas("long")
    assert after.joined == ("shop_default",) and after.life == before.life


def test_what_leaves_the_profile_has_no_network_and_nobody_waits_for_it(stage: Stage) -> None:
    profiles = {"some": {"services": ["api", "db"]}, "full": {"services": ["*"]}}
    stage.change(CHAIN, **POLICY, profile="some", startupProfiles=profiles)
    stage.settle(60)
    assert networks(stage, "api") == ("shop.api--db", "shop.api.outside")
    assert stage.phases["web"] == "Stopped"
    stage.change(CHAIN, **POLICY, profile="full", startupProfiles=profiles)
    stage.settle(60)
    assert sharing(stage.replicas()) == EDGES and stage.phases["web"] == "Ready"


def test_more_replicas_than_a_subnet_has_addresses_for_move_to_a_larger_one(stage: Stage) -> None:
    stage.change(CHAIN, **POLICY)
    stage.settle(20)
    before = ids(stage)
    stage.change(CHAIN, **POLICY, services={"api": {"replicas": 14}})
    stage.settle(60)
    joined = {replica.joined for replica in stage.replicas("api")}
    assert joined == {("shop.api--db.27", "shop.api--web.27", "shop.api.outside.27")}
    assert sharing(stage.replicas()) == EDGES and before < ids(stage)


def test_a_network_of_theirs_that_is_called_as_ours_are_stays_theirs(tmp_path: Path) -> None:
    """Without the policy nothing is left, and a release ends."""
    stage = stage_of(tmp_path, CHAIN, **OFF)
    (db,) = stage.replicas("db")
    stage.meddle(lambda hands, now: hands.connect(db.id, "shop.dmz", now))
    count = len(stage.bench.steps)
    stage.settle(10)
    assert stage.bench.steps[count:] == [] and "shop.dmz" in networks(stage, "db")
    assert stage.follow(stage.wish("release"))


def alone(version: int, **keys: Any) -> dict[str, Any]:
    """`web` that needs `db` no more."""
    return {"db": service(), "web": service(image=f"web:{version}", environment={"V": str(version)}, **keys)}


def reaches(stage: Stage, image: str, other: str = "db") -> bool:
    """Whether each of that image shares a network with each of the other service."""
    others = [set(one.joined or ()) for one in stage.replicas(other)]
    alive = [set(one.joined or ()) for one in stage.replicas("web") if one.image == image and one.running]
    return all(one & there for one in alive for there in others)


def until_quiet(stage: Stage, image: str, seconds: float) -> None:
    """Let it go on in small pieces; whoever is of that image reaches what it needs all the time."""
    for _ in range(int(seconds / 0.25)):
        stage.settle(0.25)
        assert reaches(stage, image), stage.bench.steps[-4:]


def test_an_edge_stays_as_long_as_a_release_runs_that_has_it(tmp_path: Path) -> None:
    over = {"services": {"web": {"update": {"order": "start-first"}}}}
    stage = stage_of(tmp_path, shop(1), **POLICY, **over)
    stage.change(alone(2), **POLICY, **over)
    until_quiet(stage, "web:1", 60)
    assert {one.image for one in stage.replicas("web")} == {"web:2"} and sharing(stage.replicas()) == set()


def test_and_as_long_as_it_is_the_one_to_go_back_to(tmp_path: Path) -> None:
    stage = stage_of(tmp_path, shop(1), **POLICY)
    stage.change(alone(2, labels=BROKEN), **POLICY)
    until_quiet(stage, "web:1", 120)
    (web,) = stage.replicas("web")
    assert web.image == "web:1" and web.ready and sharing(stage.replicas()) == {("db", "web")}
    stage.change(alone(3), **POLICY)
    stage.settle(180)
    assert sharing(stage.replicas()) == set()


def test_what_a_person_goes_back_to_has_its_edges_again(tmp_path: Path) -> None:
    stage = stage_of(tmp_path, shop(1), **POLICY)
    stage.change(alone(2), **POLICY)
    stage.settle(60)
    assert sharing(stage.replicas()) == set()
    assert stage.follow(stage.wish("rollout-undo", "web"))
    stage.settle(60)
    assert {one.image for one in stage.replicas("web")} == {"web:1"} and sharing(stage.replicas()) == {("db", "web")}


def test_who_leaves_the_profile_reaches_what_it_needs_to_its_end(tmp_path: Path) -> None:
    stage = stage_of(tmp_path, shop(1), **POLICY)
    profiles = {"some": {"services": ["db"]}}
    stage.change(shop(1), **POLICY, profile="some", startupProfiles=profiles)
    stage.turn()
    for _ in range(40):
        stage.bench.perform("db")
        stage.turn()
        assert reaches(stage, "web:1")
    stage.settle(30)
    assert stage.phases["web"] == "Stopped" and networks(stage, "db") == ("shop.db.outside",)


@pytest.mark.parametrize("end", ["release", "off"])
def test_an_orphan_keeps_its_edges_and_is_led_back_with_all_others(tmp_path: Path, end: str) -> None:
    stage = stage_of(tmp_path, shop(1), **POLICY)
    before, left = ids(stage), {"db": service(), "log": service()}
    stage.change(left, **POLICY)
    until_quiet(stage, "web:1", 20)
    assert sharing(stage.replicas()) == {("db", "web")} and before < ids(stage)
    if end == "release":
        assert stage.follow(stage.wish("release"))
    else:
        stage.change(left, **OFF)
        until_quiet(stage, "web:1", 20)
    assert {replica.joined for replica in stage.replicas()} == {("shop_default",)} and before < ids(stage)


def test_a_network_of_anothers_that_is_gone_holds_up_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(engine: Any, batch: Any, step: Step) -> Outcome:
        if isinstance(step, Connect) and "lan" in step.networks:
            return Outcome(step, Result.REJECTED, "network lan not found")
        return perform_step(engine, batch, step)

    services = {**CHAIN, "db": service(networks={"default": None, "lan": None})}
    lan = {"lan": {"name": "lan", "external": True}}
    stage = Stage(tmp_path, load(services, networks=lan, **OFF))
    stage.settle(30)
    (db,) = stage.replicas("db")
    assert db.joined == ("lan", "shop_default")
    stage.meddle(lambda hands, now: hands.disconnect(db.id, "lan", now))
    monkeypatch.setattr("tests.component.stage.perform_step", refuse)
    stage.change(services, networks=lan, **POLICY)
    stage.settle(900, until=lambda: "shop_default" not in networks(stage, "db"))
    assert networks(stage, "db") == ("shop.api--db", "shop.db.outside") and sharing(stage.replicas()) == EDGES


NO_ROOM = "no subnet of /28 is free in the address pool 10.201.0.0/16 for network shop.api--db"


def no_room(engine: Any, batch: Any, step: Step) -> Outcome:
    if isinstance(step, Connect) and any(name.startswith("shop.") for name in step.networks):
        return Outcome(step, Result.REJECTED, NO_ROOM)
    return perform_step(engine, batch, step)


def test_a_policy_that_does_not_come_into_force_is_no_success(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.component.stage.perform_step", no_room)
    stage.change(CHAIN, **POLICY)
    result = stage.follow(stage.wish("apply"))
    assert result is not None and not result.ok and result.outcome == "failed" and NO_ROOM in result.message
    status = stage.statuses[-1]
    assert status.phase is StackPhase.DEGRADED and stage.phases == dict.fromkeys(CHAIN, "Degraded")
    told = {one.type: one for one in status.conditions}
    assert told["Converged"].status == "False" and told["Unconfined"].status == "True"
    assert (
        "db: shop-db-1 is not on shop.api--db" in told["Unconfined"].message and NO_ROOM in told["Unconfined"].message
    )
    monkeypatch.undo()
    stage.settle(400, until=lambda: sharing(stage.replicas()) == EDGES)
    stage.settle(5)
    assert converged(stage) and "Unconfined" not in str(stage.statuses[-1])


def test_a_switch_on_its_way_is_waited_for(stage: Stage) -> None:
    stage.change(CHAIN, **POLICY)
    follower = stage.wish("apply")
    stage.turn()
    assert follower.look(stage.clock.now()) is None, "all serve, and are where they were"
    assert not converged(stage)
    result = stage.follow(follower)
    assert result is not None and result.ok and sharing(stage.replicas()) == EDGES


def starts_again_and_again(folder: Path) -> Stage:
    """`sick` ends as soon as it runs, and Docker starts it again by its own policy."""
    sick = service(labels={"controller.simulated.crash-after": "0.1"}, restart="always")
    made = Stage(folder, load({**CHAIN, "sick": sick}, services={"sick": {"connectsTo": ["db"]}}, **POLICY))
    made.settle(60)
    made.settle(60, until=lambda: is_restarting(made))
    return made


def is_restarting(stage: Stage) -> bool:
    return [one.phase for one in stage.replicas("sick")] == [ReplicaPhase.RESTARTING]


def not_while_it_restarts(stage: Stage) -> Any:
    """As Docker 20.10, which says that such a container is on no network."""

    def perform(engine: Any, batch: Any, step: Step) -> Outcome:
        if isinstance(step, Disconnect) and step.service == "sick" and is_restarting(stage):
            return Outcome(step, Result.REJECTED, "is not connected to network")
        return perform_step(engine, batch, step)

    return perform


def test_one_that_docker_starts_again_and_again_holds_up_no_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = starts_again_and_again(tmp_path)
    monkeypatch.setattr("tests.component.stage.perform_step", not_while_it_restarts(stage))
    result = stage.follow(stage.wish("release"), 300)
    assert result is not None and result.ok
    assert {one.joined for one in stage.replicas() if one.service != "sick"} == {("shop_default",)}
    assert "shop_default" in networks(stage, "sick"), "whom it is to reach, it reaches"
    assert stage.said("DisconnectFailed") == 0
    desired, views = as_composed(stage.reconciler.loaded), stage.reconciler.world.views
    told = [line for line in tell_rest(desired, views) if "shop-sick-1 stays on shop.db--sick" in line]
    assert bool(told) == is_restarting(stage)


def test_and_leaves_its_networks_once_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = starts_again_and_again(tmp_path)
    monkeypatch.setattr("tests.component.stage.perform_step", not_while_it_restarts(stage))
    services = {**CHAIN, "sick": service(labels={"controller.simulated.crash-after": "0.1"}, restart="always")}
    stage.change(services, services={"sick": {"connectsTo": ["db"]}}, **OFF)
    stage.settle(300, until=lambda: networks(stage, "sick") == ("shop_default",))
    assert networks(stage, "sick") == ("shop_default",) and stage.said("DisconnectFailed") == 0
