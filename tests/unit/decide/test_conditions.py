"""The conditions of a service: one question each, answered whatever the phase is about."""

from dataclasses import replace

import pytest

from controller.decide.status import make_status
from controller.decide.world import World
from controller.model.adjustment import Adjustment
from controller.model.decision import Attempt, Grant, History, Hold
from controller.model.desired import DockerRestart, DriftPolicy, FailureAction, Leaving, StackPolicy, UpdatePolicy
from controller.model.names import Release, ReplicaId, Revision, make_release
from controller.model.observed import Difference, Health, Replica, ReplicaPhase, Trouble
from controller.model.status import Condition, ServiceStatus
from tests.builders import HEALTHY, IMAGE, NOW, checked, created, exited, healthy, job, probe, replica, service, view
from tests.unit.decide.worlds import coming, new_one, ready_one, settle, world

pytestmark = pytest.mark.unit

GREW = Difference("HostConfig.Memory", "64 MiB", "128 MiB")
SWAP = Difference("HostConfig.MemorySwap", "none", "1 GiB", in_place=False)
FELL = {"web-1-id": Grant(3, NOW - 30)}
LOOPS = exited(1, started_at=NOW - 1.5, exit_code=1)
OLD = History(adopted_at=NOW - 500, good=make_release(Revision("v1"), IMAGE))
STOPPED = replace(OLD, stopped="StoppedByUser")
KNOWN = {("web", Revision("v1")): checked("web", 1, "v1")}


def web(*replicas: Replica, history: History | None = None, known=None, **want) -> World:
    """One service on its own, decided."""
    want.setdefault("replicas", len(replicas) or 1)
    given = world(checked("web", **want), web=replicas)
    given.known = known or {}
    if history is not None:
        given.remember("web", history)
    return settle(given)


def shop(*, db: list[Replica], history: History | None = None, **want) -> World:
    given = world(checked("db", **want), checked("web", needs={"db": HEALTHY}), db=db, web=new_one("web"))
    if history is not None:
        given.histories["db"] = history
    return settle(given)


def half_decided() -> World:
    """`web` waits for `db`, of which no look was whole yet."""
    given = world(checked("db"), checked("web", needs={"db": HEALTHY}), web=new_one("web"))
    given.views["db"] = view(complete=False)
    return settle(given)


def held() -> World:
    given = world(checked("web", 2), web=[healthy()])
    given.hold = Hold("AdoptionHeld", "…")
    return settle(given)


def ran(*replicas: Replica, history: History | None = None) -> World:
    given = world(replace(job("web"), docker_restart=DockerRestart.NO), web=list(replicas))
    if history is not None:
        given.histories["web"] = history
    return settle(given)


def restarting(**others) -> Replica:
    return replica(phase=ReplicaPhase.RESTARTING, restarts=4, health=Health.STARTING, **others)


def status_of(given: World, name: str = "web", *, blind: bool = False) -> ServiceStatus:
    said = (Condition("EngineUnavailable", "True", "EngineUnavailable", "gone", NOW),) if blind else ()
    return next(s for s in make_status(given, None, said, lambda _: None, NOW).services if s.name == name)


def told(given: World, name: str = "web", *, blind: bool = False) -> str:
    """`Ready Progressing Updated Stable` as one line, each with its status and reason."""
    short = {"True": "+", "False": "-", "Unknown": "?"}
    return " ".join(f"{short[c.status]}{c.type}/{c.reason}" for c in status_of(given, name, blind=blind).conditions)


WELL = "+Ready/Ready -Progressing/AtRest +Updated/UpToDate +Stable/NoRestarts"

RESTARTED = [
    ("nobody", web(healthy(1)), {}),
    ("we, not forgiven yet", web(healthy(1), healthy(2), history=replace(OLD, restarts=FELL)), {"web-1-id": 3}),
    ("Docker", web(healthy(1, restarts=2)), {"web-1-id": 2}),
    ("Docker, long ago: it counts on", web(healthy(1, restarts=2, started_at=NOW - 700)), {"web-1-id": 2}),
    ("first Docker, then we", web(healthy(1, restarts=2), history=replace(OLD, restarts=FELL)), {"web-1-id": 3}),
    ("we, one that is gone", web(healthy(2), history=replace(OLD, restarts=FELL)), {}),
]  # fmt: skip


@pytest.mark.parametrize(("given", "restarted"), [row[1:] for row in RESTARTED], ids=[row[0] for row in RESTARTED])
def test_whoever_started_it_again_it_is_counted(given: World, restarted: dict[str, int]) -> None:
    found = status_of(given)
    assert found.restarted == restarted and found.restarts == sum(restarted.values())


RETURNS = [
    ("the first time", {"restarts": 1}, 0.1),
    ("twice as long each time", {"restarts": 4}, 0.8),
    ("never longer than a minute", {"restarts": 2000}, 60.0),
    ("after a long life at once", {"restarts": 9, "started_at": NOW - 12}, 0.1),
]


@pytest.mark.parametrize(("seen", "pause"), [row[1:] for row in RETURNS], ids=[row[0] for row in RETURNS])
def test_what_docker_starts_again_is_known_when(seen, pause: float) -> None:
    loops = replica(**{"phase": ReplicaPhase.RESTARTING, "started_at": NOW - 3, "finished_at": NOW - 1, **seen})
    assert loops.returns_at == status_of(web(loops)).wake_at == pytest.approx(NOW - 1 + pause)
    assert replace(loops, phase=ReplicaPhase.RUNNING).returns_at is None


TABLE = [
    ("all is well", web(healthy(1), healthy(2)), WELL),
    (
        "the first start",
        web(*coming("web")),
        "-Ready/NotReady +Progressing/NotReady +Updated/UpToDate +Stable/NoRestarts",
    ),
    (
        "nothing is there yet",
        web(),
        "-Ready/Creating +Progressing/Creating -Updated/Creating +Stable/NoRestarts",
    ),
    (
        "one of two serves",
        web(healthy(1), replica(2, health=Health.STARTING, started_at=NOW - 10)),
        "-Ready/NotReady +Progressing/NotReady +Updated/UpToDate +Stable/NoRestarts",
    ),
    (
        "an update begins: all serve, and it is on its way",
        web(healthy(1, "v1"), healthy(2, "v1"), revision="v2", history=OLD),
        "+Ready/Ready +Progressing/Updating -Updated/Updating +Stable/NoRestarts",
    ),
    (
        "rolled back: it serves, is at rest, and is not what is asked for",
        web(
            healthy(1, "v1"),
            revision="v2",
            known=KNOWN,
            history=replace(OLD, failed={Release("v2"): "it broke"}, failed_for=Revision("v2")),
        ),
        "+Ready/Ready -Progressing/RolledBack -Updated/UpdateFailed +Stable/NoRestarts",
    ),
    (
        "a person went back",
        web(
            healthy(1, "v1"),
            revision="v2",
            known=KNOWN,
            history=replace(OLD, pinned=OLD.good, pinned_over=Revision("v2")),
        ),
        "+Ready/Ready -Progressing/Pinned -Updated/Undone +Stable/NoRestarts",
    ),
    (
        "a person halted its update",
        web(healthy(1, "v1"), revision="v2", history=replace(OLD, halted=True)),
        "+Ready/Ready -Progressing/UpdateHalted -Updated/RolloutPaused +Stable/NoRestarts",
    ),
    (
        "baking",
        web(
            healthy(1, "v1"),
            update=UpdatePolicy(bake=60.0),
            history=replace(OLD, attempt=Attempt(Release("v1"), settled_at=NOW - 1)),
        ),
        "+Ready/Ready -Progressing/AtRest +Updated/Baking +Stable/NoRestarts",
    ),
    (
        "a restart that a person asked for: the same release, but not the same replicas",
        web(healthy(1), healthy(2), history=replace(OLD, retired=frozenset({ReplicaId("web-1-id")}))),
        "+Ready/Ready +Progressing/Updating -Updated/Updating +Stable/NoRestarts",
    ),
    (
        "it keeps falling over",
        web(LOOPS, history=replace(OLD, restarts=FELL)),
        "-Ready/CrashLoopBackOff -Progressing/CrashLoopBackOff +Updated/UpToDate -Stable/CrashLoopBackOff",
    ),
    (
        "its new release keeps falling over, and the update is not given up yet",
        web(
            replace(LOOPS, revision=Revision("v2")),
            healthy(2, "v1"),
            revision="v2",
            history=replace(OLD, restarts=FELL, attempt=Attempt(Release("v2"), excused=frozenset({LOOPS.life}))),
        ),
        "-Ready/CrashLoopBackOff +Progressing/CrashLoopBackOff -Updated/CrashLoopBackOff -Stable/CrashLoopBackOff",
    ),
    (
        "so does its first release: there is nothing to go back to, and it is tried for ever",
        web(
            replace(LOOPS, revision=Revision("v2")),
            revision="v2",
            history=History(adopted_at=NOW - 500, restarts=FELL, attempt=Attempt(Release("v2"))),
        ),
        "-Ready/CrashLoopBackOff -Progressing/CrashLoopBackOff -Updated/CrashLoopBackOff -Stable/CrashLoopBackOff",
    ),
    (
        "nor is it given up while a person halts it",
        web(
            replace(LOOPS, revision=Revision("v2")),
            revision="v2",
            history=replace(
                OLD, halted=True, restarts=FELL, attempt=Attempt(Release("v2"), excused=frozenset({LOOPS.life}))
            ),
        ),
        "-Ready/CrashLoopBackOff -Progressing/CrashLoopBackOff -Updated/RolloutPaused -Stable/CrashLoopBackOff",
    ),
    (
        "the release that failed stays, and is not what a person may rely on",
        web(
            healthy(1, "v2"),
            revision="v2",
            update=UpdatePolicy(failure_action=FailureAction.PAUSE),
            history=replace(OLD, failed={Release("v2"): "it broke"}, failed_for=Revision("v2")),
        ),
        "+Ready/Ready -Progressing/UpdatePaused -Updated/UpdateFailed +Stable/NoRestarts",
    ),
    (
        "it is unhealthy, and being restarted for that",
        web(replica(1, health=Health.UNHEALTHY, check=probe())),
        "-Ready/Unhealthy +Progressing/Unhealthy +Updated/UpToDate -Stable/Restarted",
    ),
    (
        "it is unhealthy, and nothing is done about that",
        web(replica(1, health=Health.UNHEALTHY, check=probe()), heals_unhealthy=False),
        "-Ready/Unhealthy -Progressing/Unhealthy +Updated/UpToDate +Stable/NoRestarts",
    ),
    (
        "it is ready again, and watched for falling over once more",
        web(healthy(1), history=replace(OLD, restarts=FELL)),
        "+Ready/Ready -Progressing/AtRest +Updated/UpToDate -Stable/Restarted",
    ),
    (
        "the kernel killed it",
        web(replace(LOOPS, oom_killed=True, exit_code=137), history=replace(OLD, restarts=FELL)),
        "-Ready/CrashLoopBackOff -Progressing/CrashLoopBackOff +Updated/UpToDate -Stable/OutOfMemory",
    ),
    (
        "the kernel killed it, and Docker's policy has put it up again",
        web(replica(1, restarts=3), adjusted=Adjustment(killed=((replica(1).id, NOW - 50),))),
        "+Ready/Ready -Progressing/AtRest +Updated/UpToDate -Stable/OutOfMemory",
    ),
    (
        "Docker's policy restarts it",
        web(restarting()),
        "-Ready/CrashLoopBackOff -Progressing/CrashLoopBackOff +Updated/UpToDate -Stable/CrashLoopBackOff",
    ),
    (
        "Docker restarted it a while ago",
        web(healthy(1, restarts=3)),
        "+Ready/Ready -Progressing/AtRest +Updated/UpToDate -Stable/Restarted",
    ),
    (
        "Docker restarts it over and over, and each life looks like a start",
        web(replica(1, health=Health.STARTING, check=probe(), restarts=4, started_at=NOW - 2)),
        "-Ready/CrashLoopBackOff -Progressing/CrashLoopBackOff +Updated/UpToDate -Stable/CrashLoopBackOff",
    ),
    (
        "Docker restarted it once, and it starts",
        web(replica(1, health=Health.STARTING, check=probe(), restarts=1, started_at=NOW - 2)),
        "-Ready/NotReady +Progressing/NotReady +Updated/UpToDate -Stable/Restarted",
    ),
    (
        "Docker restarted it long ago, and its check fails once",
        web(replica(1, health=Health.STARTING, check=probe(), restarts=3, started_at=NOW - 700), start_timeout=900.0),
        "-Ready/NotReady +Progressing/NotReady +Updated/UpToDate +Stable/NoRestarts",
    ),
    (
        "Docker restarted it long before a hand paused it",
        web(replica(1, phase=ReplicaPhase.PAUSED, restarts=3, started_at=NOW - 700, finished_at=NOW - 701)),
        "-Ready/Unpausing +Progressing/Unpausing +Updated/UpToDate +Stable/NoRestarts",
    ),
    (
        "Docker restarted it long before its end",
        web(exited(1, restarts=3, started_at=NOW - 700, finished_at=NOW - 50)),
        "-Ready/Starting +Progressing/Starting +Updated/UpToDate -Stable/Restarted",
    ),
    (
        "what fell over, and was then stopped by a person, falls over no more",
        web(exited(1, restarts=7, started_at=NOW - 5), history=replace(STOPPED, restarts=FELL)),
        "-Ready/StoppedByUser -Progressing/AtRest +Updated/UpToDate +Stable/AtRest",
    ),
    (
        "a job that Docker tried again, and that has ended",
        ran(exited(1, exit_code=0, restarts=2, started_at=NOW - 5)),
        "+Ready/Completed -Progressing/AtRest +Updated/Completed +Stable/AtRest",
    ),
    (
        "Docker restarted it, and it was ready for long",
        web(healthy(1, restarts=3, started_at=NOW - 700, ready_since=NOW - 690)),
        WELL,
    ),
    (
        "held: nothing comes of what is missing",
        held(),
        "-Ready/Held -Progressing/Held -Updated/Held +Stable/NoRestarts",
    ),
    (
        "paused by a person in the middle of an update",
        web(healthy(1, "v1"), revision="v2", history=replace(OLD, paused=True, attempt=Attempt(Release("v2"), best=1))),
        "+Ready/Ready -Progressing/Paused -Updated/Paused +Stable/NoRestarts",
    ),
    (
        "stopped by a person",
        web(exited(1, exit_code=0), history=STOPPED),
        "-Ready/StoppedByUser -Progressing/AtRest +Updated/UpToDate +Stable/NoRestarts",
    ),
    (
        "not meant to be: its other conditions would be about nothing",
        settle(world(checked("web", leaving=Leaving.OUT_OF_PROFILE), web=[exited(1)])),
        "-Ready/OutOfProfile",
    ),
    (
        "none is wanted, and none is missing",
        web(replicas=0),
        "+Ready/Ready -Progressing/AtRest +Updated/UpToDate +Stable/NoRestarts",
    ),
    (
        "a job that runs serves nobody",
        ran(replica(1)),
        "-Ready/Running +Progressing/Running +Updated/UpToDate +Stable/NoRestarts",
    ),
    (
        "a job that has ended",
        ran(exited(1, exit_code=0)),
        "+Ready/Completed -Progressing/AtRest +Updated/Completed +Stable/NoRestarts",
    ),
    (
        "a hand gave it more memory, which is set back",
        web(healthy(1, limits=(GREW,))),
        f"{WELL} +Drifted/ChangedByHand",
    ),
    ("a hand did what is nobody's business", web(healthy(1, limits=(GREW,)), ignore_drift=("HostConfig",)), WELL),
    (
        "another tool made it otherwise",
        web(healthy(1, otherwise=("Env",))),
        f"{WELL} +Drifted/ChangedByHand",
    ),
    ("another tool may", web(healthy(1, otherwise=("Env",)), ignore_drift=("Env",)), WELL),
    ("a hand may do what it likes", web(healthy(1, limits=(GREW,)), drift=DriftPolicy.IGNORE), WELL),
    (
        "we took its names before its end",
        web(healthy(1, lost=("front",), by_name=False), healthy(2), pre_stop_delay=5.0, replicas=2),
        WELL,
    ),
]


@pytest.mark.parametrize(("given", "conditions"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_conditions_of_a_service(given: World, conditions: str) -> None:
    assert told(given) == conditions


WAITS = [
    ("one that starts", shop(db=coming("db")), "+Progressing/DependencyNotReady"),
    (
        "one that keeps falling over",
        shop(db=[replace(LOOPS, service="db", id=ReplicaId("web-1-id"))], history=replace(OLD, restarts=FELL)),
        "-Progressing/DependencyStuck",
    ),
    ("one that a person stopped", shop(db=[], history=STOPPED), "-Progressing/DependencyStuck"),
    ("one that a person paused", shop(db=[], history=replace(OLD, paused=True)), "-Progressing/DependencyStuck"),
    ("one of which nobody knows yet", half_decided(), "+Progressing/DependencyNotReady"),
    ("nobody any more", shop(db=ready_one("db")), "+Progressing/Starting"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "progress"), [row[1:] for row in WAITS], ids=[row[0] for row in WAITS])
def test_who_waits_gets_on_as_far_as_who_is_waited_for(given: World, progress: str) -> None:
    assert progress in told(given).split()


def test_who_waits_for_a_service_that_is_not_there_gets_nowhere() -> None:
    given = settle(world(checked("web", needs={"ghost": HEALTHY}), web=new_one("web")))
    assert "-Progressing/DependencyMissing" in told(given)


def test_without_an_engine_nobody_knows_whether_it_serves_and_the_rest_is_as_it_was() -> None:
    assert told(web(healthy(1), healthy(2)), blind=True) == WELL.replace("+Ready/Ready", "?Ready/EngineUnavailable")


@pytest.mark.parametrize(
    ("given", "ready"),
    [
        (ran(exited(1, exit_code=0)), "+Ready/Completed"),
        (web(exited(1, exit_code=0), history=STOPPED), "-Ready/StoppedByUser"),
        (web(replicas=0), "+Ready/Ready"),
    ],
    ids=["a job that has ended", "stopped by a person", "none is wanted"],
)
def test_what_is_remembered_is_known_without_an_engine_too(given: World, ready: str) -> None:
    assert ready in told(given, blind=True).split()


def test_what_was_not_decided_stays_as_it_was_told() -> None:
    given = settle(world(checked("db"), checked("web"), db=ready_one("db"), web=coming("web")))
    before = make_status(given, None, (), lambda _: None, NOW)
    assert before.phase == "Progressing"
    later = world(checked("db"), checked("web"), web=ready_one("web"))
    later.only = frozenset({"web"})
    after = make_status(settle(later, NOW + 60), before, (), lambda _: None, NOW + 60)
    assert after.services[0] is before.services[0] and after.services[1].phase == "Ready"
    assert after.phase == "Converged", "of both"


def test_of_what_was_never_decided_nothing_is_told() -> None:
    given = world(checked("db"), checked("web"), web=ready_one("web"))
    given.only = frozenset({"web"})
    assert [one.name for one in make_status(settle(given), None, (), lambda _: None, NOW).services] == ["web"]


def messages(given: World) -> dict[str, str]:
    return {condition.type: condition.message for condition in status_of(given).conditions}


def test_messages_count_and_name() -> None:
    said = messages(web(healthy(1, "v1"), healthy(2, "v2"), exited(3, "v2"), replicas=3, revision="v2", history=OLD))
    assert said["Ready"].startswith("2 of 3 replicas ready; ")
    assert said["Updated"] == "2 of 3 replicas up to date, 1 of another release"
    assert messages(web(healthy(1)))["Ready"] == "1 of 1 replica ready"
    fell = messages(web(healthy(1), history=replace(OLD, restarts=FELL)))
    assert fell["Stable"] == "shop-web-1 was started again 3 times; forgiven after 10 min of being ready"
    assert "10 min" not in messages(ran(exited(1), history=History(restarts=FELL, adopted_at=1.0)))["Stable"]


def test_a_dependency_that_gets_nowhere_is_named_with_its_phase() -> None:
    assert messages(shop(db=[], history=STOPPED))["Progressing"] == "waits for db to be ready; db is Stopped"


@pytest.mark.parametrize(
    ("change", "want", "message"),
    [
        ({"limits": (GREW,)}, {}, "shop-web-1: HostConfig.Memory is 128 MiB, not 64 MiB"),
        ({"lost": ("front",)}, {}, "shop-web-1: Networks.front is not connected"),
        ({"lost": ("front",), "by_name": False}, {}, "shop-web-1: Networks.front is not found by its names"),
        ({"name": "mine", "proper_name": "shop-web-1"}, {}, "mine: Name is mine, not shop-web-1"),
        (
            {"otherwise": ("Env", "HostConfig.Binds")},
            {},
            "shop-web-1: Env is not as asked for; shop-web-1: HostConfig.Binds is not as asked for; "
            "another tool made it so: `controller rollout restart web` makes it anew",
        ),
        (
            {"otherwise": ("Env", "HostConfig.Binds"), "limits": (GREW,)},
            {"ignore_drift": ("Env", "HostConfig.Binds")},
            "shop-web-1: HostConfig.Memory is 128 MiB, not 64 MiB",
        ),
        (
            {"limits": (GREW,)},
            {"drift": DriftPolicy.REPORT},
            "shop-web-1: HostConfig.Memory is 128 MiB, not 64 MiB; `drift: report` only tells it",
        ),
        (
            {"limits": (SWAP,)},
            {"docker_restart": DockerRestart.ALWAYS},
            "shop-web-1: HostConfig.MemorySwap is 1 GiB, not none; "
            "only another container is without it, which comes once this one is 10 min old",
        ),
    ],
)
def test_what_a_hand_changed_is_told_with_what_becomes_of_it(change, want, message) -> None:
    assert messages(web(healthy(1, **change), **want))["Drifted"] == message


def drifted(change, policy: StackPolicy | None = None, hold: Hold | None = None, **history) -> str:
    given = world(checked("web", docker_restart=DockerRestart.ALWAYS), web=[healthy(1, limits=(change,))])
    given.desired = replace(given.desired, policy=policy or given.desired.policy)
    given.hold = hold
    given.remember("web", replace(OLD, **history))
    return messages(settle(given))["Drifted"].partition("; ")[2]


@pytest.mark.parametrize("change", [GREW, SWAP], ids=["in place", "by another container"])
def test_what_is_not_set_back_now_is_not_said_to_be(change) -> None:
    assert drifted(change, StackPolicy(self_heal=False)) == "`selfHeal` is off, so that it stays"
    assert drifted(change, hold=Hold("AdoptionHeld", "…")) == "it stays while nothing may be done"
    assert drifted(change, paused=True) == "it stays while nothing may be done"


def test_what_only_another_container_is_without_waits_for_its_update() -> None:
    assert drifted(GREW, halted=True) == "", "that is set back in place"
    assert (
        drifted(SWAP, halted=True) == "only another container is without it, and none comes while its update is halted"
    )


@pytest.mark.parametrize("job", [True, None], ids=["a job", "what may be one"])
def test_of_what_may_be_a_job_a_limit_that_stays_is_said_to_stay(job: bool | None) -> None:
    want = {"is_job": job, "docker_restart": DockerRestart.NO}
    given = settle(world(checked("web", **want), web=[healthy(1, limits=(SWAP,))]))
    assert messages(given)["Drifted"].endswith("and this may be a job, whose work would be lost")


AGAIN = "was set back 3 times in 10 minutes: somebody else sets it, too"
REFUSED = [
    ("others set it again and again", {"limits": (GREW,)}, "Limit", f"; it is set back later: {AGAIN}"),
    ("its network refuses it", {"lost": ("front",)}, "Connect", f"; it is set back later: {AGAIN}"),
    ("something else failed", {"limits": (GREW,)}, "Create", ""),
    ("another thing could not be set back", {"lost": ("front",)}, "Limit", ""),
]


@pytest.mark.parametrize(("change", "step", "fate"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_could_not_be_set_back_is_told_with_why(change, step: str, fate: str) -> None:
    given = world(checked("web"), web=[healthy(1, **change)])
    given.views["web"] = replace(given.views["web"], trouble=Trouble(3, NOW - 1, step, AGAIN))
    assert (messages(settle(given))["Drifted"] + ";").partition("; ")[2].rstrip(";") == fate.removeprefix("; ")


def test_what_docker_restarted_is_forgiven_by_how_long_it_ran_when_it_was_last_seen() -> None:
    given = web(healthy(1, restarts=3))
    later = make_status(given, None, (), lambda _: None, NOW + 3600)
    stable = next(one for one in later.services[0].conditions if one.type == "Stable")
    assert stable.status == "False" and stable.message.endswith("3 times; forgiven after 10 min of running")


@pytest.mark.fault("W8")
@pytest.mark.parametrize(("ago", "told"), [(29, False), (30, True)])
def test_one_whose_removal_does_not_end_is_told(ago: float, told: bool) -> None:
    going = replica(1, "v1", ReplicaPhase.REMOVING, finished_at=NOW - 9999, removing_since=NOW - ago)
    for want in ({}, {"leaving": Leaving.REMOVED}):
        found = messages(web(going, healthy(2), **want)).get("Stuck", "")
        assert found.startswith("shop-web-1: its removal does not end") is told, found


def test_what_is_not_made_yet_or_is_to_be_replaced_has_not_drifted() -> None:
    assert "Drifted" not in messages(web(created(1, lost=("front",))))
    assert "Drifted" not in messages(web(healthy(1, "v1", limits=(GREW,)), revision="v2", history=OLD))


def test_since_when_changes_only_with_the_status() -> None:
    given = web(*coming("web"))
    first = make_status(given, None, (), lambda _: None, NOW)
    settle(given, NOW + 5)
    again = make_status(given, first, (), lambda _: None, NOW + 5)
    assert again.services == first.services, "nothing to write"
    given.views["web"] = view(healthy(1))
    settle(given, NOW + 9)
    later = make_status(given, again, (), lambda _: None, NOW + 9).services[0]
    assert {c.type: c.transitioned_at - NOW for c in later.conditions} == {
        "Ready": 9,
        "Progressing": 9,
        "Updated": 0,
        "Stable": 0,
    }


def test_a_service_without_a_check_is_ready_when_it_has_settled() -> None:
    fresh = settle(world(service("web"), web=[replica(1, started_at=NOW - 0.5)]))
    assert "-Ready/Settling" in told(fresh) and "+Ready/Ready" in told(settle(world(service("web"), web=[replica(1)])))
