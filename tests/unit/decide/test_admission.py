"""Room on the machine: who starts, who waits, how many, with which numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from controller.decide.demand import demand_of
from controller.decide.stack import decide_stack
from controller.decide.tally import Tally
from controller.decide.world import World
from controller.model.adjustment import Adjustment
from controller.model.decision import FETCHING, Attempt, Grant, History
from controller.model.desired import DesiredService, Order, StackPolicy, UpdatePolicy
from controller.model.limited import lay_over
from controller.model.names import ReplicaId, Revision, make_release
from controller.model.observed import Trouble
from controller.model.phases import Phase
from controller.model.resources import Admission, Amount, Claims, Limit, Reserve, Room
from tests.builders import HEALTHY, NOW, checked, created, exited, healthy, job, template, view
from tests.unit.decide.worlds import acts, coming, new_one, ready_one, world

pytestmark = pytest.mark.unit

MIB = 2**20
GIB = 2**30


def claims(mib: int = 0, cpu: float = 0.0, limit: int | None = None, **others: Any) -> Claims:
    return Claims(Amount(mib * MIB, cpu), Limit(None if limit is None else limit * MIB), **others)


def needing(name: str, mib: int = 0, cpu: float = 0.0, **others: Any) -> DesiredService:
    return checked(name, claims=claims(mib, cpu), **others)


def machine(
    free: int | None,
    *services: DesiredService,
    cpu: float | None = None,
    most: int = 4096,
    used: dict[str, int] | None = None,
    admission: Admission = Admission.ENFORCE,
    **views: Any,
) -> World:
    """`free`: MiB for all replicas together; `used`: MiB by replica."""
    given = world(*services, policy=StackPolicy(admission=admission), **views)
    given.measure(
        Room(
            None if free is None else free * MIB,
            cpu,
            most=Limit(most * MIB, 8.0),
            used={ReplicaId(key): mib * MIB for key, mib in (used or {}).items()},
            reserve=Reserve(512 * MIB),
        ),
        {},
    )
    return given


def idle(*names: str) -> dict[str, Any]:
    return {name: new_one(name) for name in names}


DEMANDS = {
    "nothing is known": (claims(), None, 0),
    "what is reserved": (claims(64, limit=256), None, 64),
    "what was measured, where that is more": (claims(64, limit=256), 100, 100),
    "what is reserved, where less was measured": (claims(64), 10, 64),
    "never more than its limit": (claims(64, limit=80), 100, 80),
    "its limit, where nothing else is known": (claims(limit=256), None, 256),
    "what was measured, over its limit": (claims(limit=256), 30, 30),
}


@pytest.mark.parametrize("case", DEMANDS)
def test_what_one_replica_is_counted_with(case: str) -> None:
    given, learned, mib = DEMANDS[case]
    assert demand_of(given, None if learned is None else learned * MIB) == Amount(mib * MIB)


def test_processor_time_counts_only_where_it_is_reserved() -> None:
    assert demand_of(Claims(Amount(0, 0.5), Limit(None, 2.0)), None) == Amount(0, 0.5)


FITTING = {
    "all fit": (300, {"a": "start 1", "b": "start 1"}),
    "just": (200, {"a": "start 1", "b": "start 1"}),
    "one fits": (199, {"a": "start 1"}),
    "none fits": (99, {}),
    "more was promised than there is": (-5, {}),
    "not known": (None, {"a": "start 1", "b": "start 1"}),
}


@pytest.mark.parametrize("case", FITTING)
def test_only_what_fits_starts(case: str) -> None:
    free, started = FITTING[case]
    assert acts(machine(free, needing("a", 100), needing("b", 100), **idle("a", "b"))) == started


def test_what_is_only_told_starts() -> None:
    given = machine(0, needing("a", 100), admission=Admission.WARN, **idle("a"))
    assert acts(given) == {"a": "start 1"}


def test_the_numbers() -> None:
    given = machine(100, needing("a", 512), **idle("a"))
    assert acts(given) == {}
    decided = given.decisions["a"]
    assert (decided.phase, decided.reason) == (Phase.WAITING, "InsufficientMemory")
    assert decided.message == "needs 512Mi of memory, 100Mi is free beside the 512Mi kept for the host: short 412Mi"
    assert (given.short, decided.starting) == ({"a"}, False)


def test_the_numbers_of_cores() -> None:
    given = machine(None, needing("a", 0, 1.5), cpu=1.25, **idle("a"))
    assert acts(given) == {}
    assert given.decisions["a"].message == "needs 1.5 cores, 1.25 cores are free: short 0.25 cores"


def test_what_runs_is_counted_with_what_it_was_promised_or_uses() -> None:
    def left(used: dict[str, int]) -> bool:
        given = machine(300, needing("a", 100), needing("b", 150), used=used, a=ready_one("a"), **idle("b"))
        return "b" in acts(given)

    assert left({"a-1-id": 20}) and left({"a-1-id": 150}) and not left({"a-1-id": 151})


def test_what_runs_is_counted_as_it_was_made() -> None:
    wants = needing("a", 1000, revision="v2")
    given = machine(1100, wants, needing("b", 1000), a=ready_one("a"), **idle("b"))
    given.known = {("a", wants.revision): wants, ("a", "v1"): replace(wants, revision="v1", claims=claims(10))}
    given.measure(given.room, {})
    assert given.tally.total == Amount(10 * MIB)


def test_as_many_replicas_as_fit() -> None:
    three = [created(number, service="a") for number in (1, 2, 3)]
    given = machine(250, needing("a", 100, replicas=3), a=three)
    assert acts(given) == {"a": "start 1, start 2"}
    assert given.short == {"a"}
    running = [healthy(number, service="a") for number in (1, 2)]
    given.views["a"] = view(*running, created(3, service="a"))
    assert acts(given) == {}
    decided = given.decisions["a"]
    assert (decided.phase, decided.ready) == (Phase.DEGRADED, 2)
    assert decided.message.startswith("2 of 3 ready, the next one needs 100Mi of memory, 50Mi is free")


def test_priority_goes_first_whatever_the_order() -> None:
    given = machine(100, needing("a", 100), needing("b", 100, priority=5), **idle("a", "b"))
    assert acts(given) == {"b": "start 1"}


def test_the_longest_way_goes_first_among_equals() -> None:
    top = checked("top", needs={"b": HEALTHY})
    given = machine(100, needing("a", 100), needing("b", 100), top, **idle("a", "b"))
    assert list(acts(given)) == ["b", "top"] or (acts(given) == {} and given.decisions["b"].steps)


def test_a_smaller_one_goes_ahead_where_the_larger_cannot_have_room_anyway() -> None:
    given = machine(200, needing("a", 100), needing("b", 300, priority=5), **idle("a", "b"))
    assert acts(given) == {"a": "start 1"}
    assert given.decisions["b"].reason == "InsufficientMemory"


def test_what_ends_by_itself_is_left_to_the_higher_priority() -> None:
    """Small ones could go on for ever taking what each of them leaves."""
    running = job("once", claims=claims(200))
    given = machine(
        300, needing("a", 100), needing("b", 300, priority=5), running, once=coming("once"), **idle("a", "b")
    )
    assert acts(given) == {}
    message = "what is free is left to b, which has a higher priority and is to have it first"
    assert given.decisions["a"].message == message
    given.views["once"] = view(exited(service="once", exit_code=0))
    assert acts(given, "once") == {"b": "start 1"}


def racing(free: int, **others: Any) -> World:
    """The container of the less important one is there; that of the other one is being made."""
    given = machine(free, needing("a", 100), needing("b", 100, priority=5, **others), **idle("a"))
    given.absorb(decide_stack(["b"], given, NOW))
    given.busy.add("b")
    return given


def test_room_is_left_to_the_higher_priority_that_is_being_made() -> None:
    given = racing(150)
    assert acts(given, "a") == {}
    message = "what is free is left to b, which has a higher priority and is to have it first"
    assert given.decisions["a"].message == message
    given.busy.clear()
    given.views["b"] = view(created(service="b"))
    assert acts(given, "b") == {"b": "start 1"}
    assert given.decisions["a"].message.startswith("needs 100Mi of memory, 50Mi is free")


def test_no_more_is_left_to_it_than_it_asks_for() -> None:
    assert acts(racing(200), "a") == {"a": "start 1"}


def test_nothing_is_left_to_what_has_no_room_anyway() -> None:
    given = machine(150, needing("a", 100), needing("b", 200, priority=5), **idle("a"))
    given.absorb(decide_stack(["b"], given, NOW))
    assert acts(given, "a") == {"a": "start 1"}


def test_room_is_left_to_one_whose_image_is_fetched() -> None:
    given = racing(150)
    given.busy.clear()
    given.views["b"] = view(image_id=None)
    given.fetching.add(("b", given.desired.services["b"].image))
    assert acts(given, "b") == {} and given.decisions["b"].reason == FETCHING
    assert acts(given, "a") == {}


def test_what_was_left_to_one_that_could_not_be_made_is_free_again() -> None:
    given = racing(150)
    assert acts(given, "a") == {}
    given.busy.clear()
    given.views["b"] = view(trouble=Trouble(1, NOW, "Create", "no such device", release=given.decisions["b"].release))
    assert acts(given, "b") == {"a": "start 1"}


def test_who_could_make_room() -> None:
    low, lower = needing("low", 200), needing("lower", 100, priority=-1)
    given = machine(
        300, low, lower, needing("b", 150, priority=5), low=ready_one("low"), lower=ready_one("lower"), **idle("b")
    )
    assert acts(given) == {}
    assert given.decisions["b"].message.endswith("; stopping low (priority 0) would make room")


def test_more_than_the_machine_has_is_refused() -> None:
    given = machine(1000, needing("a", 5000), most=4096, **idle("a"))
    assert acts(given) == {}
    decided = given.decisions["a"]
    assert (decided.phase, decided.reason) == (Phase.FAILED, "ExceedsMachine")
    assert decided.message == (
        "needs 4.88Gi of memory, more than this machine has: 4Gi would be free beside the 512Mi kept for the host"
    )


def test_it_starts_when_somebody_has_gone() -> None:
    given = machine(100, needing("a", 100), needing("b", 100), a=ready_one("a"), **idle("b"))
    assert acts(given) == {} and given.short == {"b"}
    gone = replace(given.desired.services["a"], replicas=0)
    given.adopt(replace(given.desired, services={**given.desired.services, "a": gone}))
    assert acts(given) == {"a": "stop 1"}
    given.views["a"] = view()
    assert acts(given, "a") == {"b": "start 1"}
    assert not given.short


def test_it_starts_when_the_machine_has_more() -> None:
    given = machine(50, needing("a", 100), **idle("a"))
    assert acts(given) == {}
    given.measure(replace(given.room, memory=100 * MIB), {})
    assert acts(given, *given.short) == {"a": "start 1"}


def test_a_place_that_was_granted_is_kept() -> None:
    """Who falls over does not lose it to others that wait."""
    given = machine(100, needing("a", 100), needing("b", 100), a=ready_one("a"), **idle("b"))
    assert acts(given) == {}
    given.views["a"] = view(exited(service="a", finished_at=NOW - 1))
    assert acts(given, "a", "b") == {"a": "start 1"}


def test_what_was_let_start_in_a_pass_counts_in_it() -> None:
    """The second look comes before anything of it is seen to run."""
    given = machine(150, needing("a", 100), needing("b", 100), **idle("a", "b"))
    assert acts(given, "a") == {"a": "start 1"}
    assert acts(given, "b") == {}


def updating(order: Order, free: int, parallelism: int = 1, replicas: int = 1, **others: Any) -> World:
    policy = UpdatePolicy(order=order, parallelism=parallelism, monitor=0.0)
    wants = needing("a", 100, revision="v2", replicas=replicas, update=policy, **others)
    return machine(free, wants, a=[healthy(number, "v1", service="a") for number in range(1, replicas + 1)])


def test_a_surge_that_does_not_fit_begins_nothing() -> None:
    given = updating(Order.START_FIRST, 150)
    assert acts(given) == {}
    decided = given.decisions["a"]
    numbers = "needs 100Mi of memory, 50Mi is free beside the 512Mi kept for the host: short 50Mi"
    assert decided.message == f"{numbers}; fits with order: stop-first"
    assert (decided.phase, decided.ready) == (Phase.UPDATING, 1)


def test_a_surge_that_fits() -> None:
    assert acts(updating(Order.START_FIRST, 200)) == {"a": "create 2"}


def test_one_is_replaced_in_its_place() -> None:
    assert acts(updating(Order.STOP_FIRST, 100)) == {"a": "stop 1"}


def test_none_is_stopped_that_could_not_start_again() -> None:
    given = updating(Order.STOP_FIRST, 100)
    larger = replace(given.desired.services["a"], claims=claims(150))
    old = replace(larger, revision="v1", claims=claims(100))
    given.known = {("a", "v1"): old}
    given.adopt(replace(given.desired, services={"a": larger}))
    assert acts(given) == {}
    assert given.decisions["a"].reason == "InsufficientMemory"


def test_the_place_of_one_that_makes_way_is_not_taken_by_others() -> None:
    given = updating(Order.STOP_FIRST, 100)
    given.adopt(replace(given.desired, services={**given.desired.services, "b": needing("b", 100, priority=9)}))
    given.views["b"] = view(*new_one("b"))
    assert acts(given) == {"a": "stop 1"}
    given.views["a"] = view(exited(1, "v1", service="a"))
    assert acts(given) == {"a": "remove 1"}
    given.views["a"] = view()
    assert acts(given) == {"a": "create 1"}
    given.views["a"] = view(created(1, "v2", service="a"))
    assert acts(given) == {"a": "start 1"}


def test_a_volume_of_ones_own() -> None:
    """Nobody else may run with it, in this stack or another; its own old replica goes first."""
    mine = checked("a", claims=claims(exclusive=("data",)))
    other = checked("b", claims=claims(exclusive=("data",)))
    given = machine(None, mine, other, admission=Admission.WARN, **idle("a", "b"))
    assert acts(given) == {"a": "start 1"}
    assert given.decisions["b"].message == "volume data is exclusive, and in use by service a"
    given = machine(None, mine, a=view(*new_one("a"), taken_volumes={"data": "container x-1 of project x"}))
    assert acts(given) == {}
    message = "volume data is exclusive, and in use by container x-1 of project x"
    assert (given.decisions["a"].reason, given.decisions["a"].message) == ("VolumeInUse", message)


def test_a_volume_of_ones_own_in_an_update() -> None:
    for order, steps in ((Order.STOP_FIRST, {"a": "stop 1"}), (Order.START_FIRST, {})):
        wants = checked("a", revision="v2", claims=claims(exclusive=("data",)), update=UpdatePolicy(order=order))
        given = machine(None, wants, a=[healthy(1, "v1", service="a")])
        assert acts(given) == steps
    assert given.decisions["a"].message.endswith("in use by another replica of it; fits with order: stop-first")


def test_a_port_that_somebody_has() -> None:
    holders = {"80/tcp": "process nginx (pid 7)"}
    wanting = created(service="a", published=("127.0.0.1:80->8080/tcp",))
    given = world(checked("a"), a=view(wanting, taken_ports=("80/tcp",), holders=holders))
    assert acts(given) == {}
    decided = given.decisions["a"]
    assert (decided.phase, decided.reason, decided.wake_at) == (Phase.WAITING, "PortTaken", NOW + 2)
    assert decided.message == "host port 80/tcp is held by process nginx (pid 7); free it, or publish another one"


def test_a_port_that_it_does_not_have_bars_nobody() -> None:
    """It is what the new revision would publish: the old one is put up again meanwhile."""
    old = exited(1, "v1", service="a", published=("127.0.0.1:80->8080/tcp",), finished_at=NOW - 1)
    given = world(checked("a"), a=view(old, taken_ports=("90/tcp",), holders={"90/tcp": "process nginx (pid 7)"}))
    assert acts(given) == {"a": "start 1"}


def on_disk(free: int, admission: Admission = Admission.ENFORCE, **views: Any) -> World:
    given = world(checked("a"), policy=StackPolicy(admission=admission), **views)
    given.measure(Room(disk=free), {})
    return given


def test_a_disk_that_is_full() -> None:
    given = on_disk(0, a=view())
    assert acts(given) == {}
    decided = given.decisions["a"]
    assert (decided.reason, decided.message) == (
        "InsufficientDisk",
        "a container takes 1Mi of disk at least, 0B is free",
    )


def test_an_image_is_not_fetched_onto_a_disk_that_is_nearly_full() -> None:
    given = on_disk(10 * MIB, a=view(image_id=None))
    assert acts(given) == {}
    assert given.decisions["a"].message == "its image takes 64Mi of disk at least, 10Mi is free"
    given.measure(Room(disk=GIB), {})
    assert acts(given)["a"].startswith("pull")


def test_what_is_there_starts_on_a_full_disk() -> None:
    assert acts(on_disk(0, a=[exited(service="a", finished_at=NOW - 1)])) == {"a": "start 1"}
    assert acts(on_disk(0, Admission.WARN, a=view())) == {"a": "create 1"}


def test_several_that_fell_over_at_once_start_as_far_as_there_is_room() -> None:
    """What is kept for each of them keeps none of them from its own place."""
    three = [needing(name, 100) for name in ("a", "b", "c")]
    given = machine(300, *three, **{name: ready_one(name) for name in ("a", "b", "c")})
    assert acts(given) == {}
    given.measure(replace(given.room, memory=250 * MIB), {})
    for name in ("a", "b"):
        given.views[name] = view(exited(service=name, finished_at=NOW - 1))
    assert acts(given, "a", "b") == {"a": "start 1"}
    assert given.short == {"b"}


def going_back(order: Order, free: int, now_mib: int, before_mib: int, **others: Any) -> World:
    """The wanted release has failed, and serves."""
    policy = UpdatePolicy(order=order, monitor=0.0)
    wants = needing("a", now_mib, revision="v2", update=policy, rollback=policy)
    given = machine(free, wants, a=[healthy(1, "v2", service="a")], **others)
    good = replace(wants, revision=Revision("v1"), template=template("a", "v1"), claims=claims(before_mib))
    given.known = {("a", Revision("v1")): good, ("a", Revision("v2")): wants}
    failed = {make_release(Revision("v2")): "exited with 1"}
    given.remember("a", History(make_release(Revision("v1")), failed=failed, failed_for=Revision("v2"), adopted_at=1.0))
    given.recount()
    return given


def test_a_way_back_is_weighed_as_what_it_leads_to() -> None:
    assert acts(going_back(Order.STOP_FIRST, 150, 100, 400)) == {}
    assert acts(going_back(Order.STOP_FIRST, 400, 100, 400)) == {"a": "stop 1"}
    assert acts(going_back(Order.START_FIRST, 400, 300, 100)) == {"a": "create 2"}


def test_a_way_back_with_no_room_for_two_takes_the_place_of_what_failed() -> None:
    assert acts(going_back(Order.START_FIRST, 350, 300, 100)) == {"a": "stop 1"}


def test_a_way_back_that_has_no_room_says_so() -> None:
    given = going_back(Order.STOP_FIRST, 150, 100, 400)
    acts(given)
    decided = given.decisions["a"]
    assert decided.reason == "InsufficientMemory"
    assert "goes back: needs 400Mi of memory, 50Mi is free" in decided.message


RAISED = Adjustment(Limit(100 * MIB), Limit(400 * MIB))
"""Over a limit of 100 MiB, which is what a replica counts for that reserves nothing."""


def test_an_earlier_revision_is_weighed_with_the_limits_that_it_would_be_made_with() -> None:
    policy = UpdatePolicy(monitor=0.0)
    limited = checked("a", revision="v2", update=policy, rollback=policy, claims=claims(limit=100))
    given = machine(350, lay_over(limited, RAISED), a=[exited(1, "v1", service="a", finished_at=NOW - 1)])
    given.known = {("a", Revision("v1")): replace(limited, revision=Revision("v1"))}
    given.remember("a", History(make_release(Revision("v1")), halted=True, adopted_at=1.0))
    given.recount()
    assert given.most == Amount(800 * MIB)
    assert acts(given) == {}
    assert given.decisions["a"].message.startswith("needs 400Mi of memory, 350Mi is free")


def test_all_that_there_could_be_is_counted_with_them_too() -> None:
    small = checked("a", revision="v2", claims=claims(10))
    given = machine(350, replace(small, adjusted=RAISED))
    given.known = {("a", Revision("v1")): replace(small, revision=Revision("v1"), claims=claims(limit=100))}
    given.recount()
    assert given.most == Amount(800 * MIB)


def test_one_of_an_earlier_revision_that_runs_counts_with_them() -> None:
    limited = checked("a", revision="v2", claims=claims(limit=100))
    given = machine(1000, lay_over(limited, RAISED), a=[healthy(1, "v1", service="a")])
    given.known = {("a", Revision("v1")): replace(limited, revision=Revision("v1"))}
    given.recount()
    assert given.tally.total == Amount(400 * MIB)


def test_an_old_one_that_is_put_up_again_is_weighed_as_what_it_is() -> None:
    """A person halted the update to something smaller, and the old one fell over."""
    wants = needing("a", 100, revision="v2")
    given = machine(350, wants, a=[exited(1, "v1", service="a", finished_at=NOW - 1)])
    given.known = {("a", Revision("v1")): replace(wants, revision=Revision("v1"), claims=claims(400))}
    given.remember("a", History(make_release(Revision("v1")), halted=True, adopted_at=1.0))
    given.recount()
    assert acts(given) == {}
    assert given.decisions["a"].message.startswith("needs 400Mi of memory, 350Mi is free")


def test_no_more_are_made_at_once_than_can_start() -> None:
    given = updating(Order.START_FIRST, 450, parallelism=0, replicas=3)
    assert acts(given) == {"a": "create 4"}
    assert given.tally.total == Amount(400 * MIB) and given.short == {"a"}


def test_no_more_are_stopped_at_once_than_can_start_again() -> None:
    given = updating(Order.STOP_FIRST, 400, parallelism=0, replicas=3)
    larger = replace(given.desired.services["a"], claims=claims(150))
    given.known = {("a", Revision("v1")): replace(larger, revision=Revision("v1"), claims=claims(100))}
    given.adopt(replace(given.desired, services={"a": larger}))
    assert acts(given) == {"a": "stop 1, stop 2"}
    assert given.tally.total == Amount(400 * MIB), "who makes way is counted as what takes its place"


def test_who_waits_for_room_keeps_its_other_wakes() -> None:
    """The first one is looked at after its pause, whether there is room for the second or not."""
    falling = exited(1, service="a", started_at=NOW - 2, finished_at=NOW - 1)
    given = machine(50, needing("a", 100, replicas=2), a=[falling, created(2, service="a")])
    given.remember("a", History(adopted_at=1.0, restarts={falling.id: Grant(3, NOW - 60)}))
    assert acts(given) == {}
    assert given.decisions["a"].wake_at is not None and given.short == {"a"}


def test_a_place_outlives_the_controller() -> None:
    """What was being replaced when it died is not given to others by the next one."""
    wants = needing("a", 100, revision="v2")
    given = machine(100, wants, needing("b", 100, priority=9), a=view(created(1, "v2", service="a")), **idle("b"))
    attempt = Attempt(make_release(Revision("v2")), gone=frozenset({ReplicaId("a-0-id")}))
    given.remember("a", History(make_release(Revision("v1")), attempt, adopted_at=1.0))
    given.tally = Tally()
    given.recount()
    assert acts(given) == {"a": "start 1"}


def test_what_needs_nothing_starts_where_nothing_is_left() -> None:
    assert acts(machine(-100, checked("a"), **idle("a"))) == {"a": "start 1"}
