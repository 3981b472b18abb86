"""Which leftovers, networks, records of the build cache and logs are of no use, and which only look like it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controller.model.cleanup import (
    CacheRecord,
    ContainerSeen,
    Had,
    Inventory,
    Item,
    Kept,
    LogSeen,
    NetworkSeen,
    Rubbish,
)
from controller.model.names import ReplicaId
from controller.model.observed import ReplicaPhase
from controller.model.resources import CleanupPolicy
from controller.resources.cleanup import BIG_LOG, CACHE, HALF_MADE, find_rubbish
from tests.builders import NOW

pytestmark = pytest.mark.unit

DAY = 86400.0
WEEK = CleanupPolicy(older_than=7 * DAY)
AT_ONCE = CleanupPolicy(older_than=0.0)
NOTHING = Kept()


def container(name: str = "shop-run-1", **others: object) -> ContainerSeen:
    """A one-off that ended eight days ago."""
    given = {"project": "shop", "service": "web", "one_off": True, "phase": ReplicaPhase.EXITED, "exit_code": 0}
    given |= {"created_at": NOW - 9 * DAY, "ended_at": NOW - 8 * DAY, "bytes": 5}
    return ContainerSeen(ReplicaId(f"id-{name}"), name, **{**given, **others})  # type: ignore[arg-type]


def find(*containers: ContainerSeen, kept: Kept = NOTHING, policy: CleanupPolicy = WEEK) -> list[str]:
    items = find_rubbish(Inventory("shop", containers=containers), Had(), kept, policy, NOW)
    return [item.name for item in items]


def test_a_one_off_that_ended_long_ago_goes_and_says_why() -> None:
    seen = Inventory("shop", containers=(container(exit_code=3),))
    [item] = find_rubbish(seen, Had(), Kept(), WEEK, NOW)
    assert item == Item(
        Rubbish.CONTAINER, "id-shop-run-1", "shop-run-1", 5, "one-off of web, exited (3)", NOW - 8 * DAY
    )


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"project": "other"}, "another project's"),
        ({"project": ""}, "nobody's project"),
        ({"one_off": False}, "a replica, running or not"),
        ({"one_off": False, "phase": ReplicaPhase.CREATED, "ended_at": None}, "a replica that was never started"),
        ({"phase": ReplicaPhase.RUNNING, "ended_at": None}, "it runs"),
        ({"phase": ReplicaPhase.PAUSED, "ended_at": None}, "it is paused"),
        ({"phase": ReplicaPhase.RESTARTING}, "Docker starts it again"),
        ({"phase": ReplicaPhase.REMOVING}, "it goes already"),
        ({"ended_at": NOW - 6 * DAY}, "it ended lately, however long ago it was made"),
        ({"ended_at": NOW + DAY}, "the clock was set back"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_only_looks_like_a_leftover_stays(changed: dict[str, object], why: str) -> None:
    assert find(container(**changed)) == []  # type: ignore[arg-type]


def test_what_was_never_started_counts_from_its_making() -> None:
    never = container(phase=ReplicaPhase.CREATED, ended_at=None, exit_code=None)
    assert find(never) == ["shop-run-1"]
    assert find(replace(never, created_at=NOW - DAY)) == []


def test_what_somebody_is_just_making_stays_even_where_all_may_go() -> None:
    fresh = container(phase=ReplicaPhase.CREATED, ended_at=None, created_at=NOW - HALF_MADE + 1)
    assert find(fresh, policy=AT_ONCE) == []
    assert find(replace(fresh, created_at=NOW - HALF_MADE), policy=AT_ONCE) == ["shop-run-1"]


def test_a_half_made_one_goes_once_its_name_has_another() -> None:
    half = container(
        "0123456789ab_shop-web-1", one_off=False, phase=ReplicaPhase.CREATED, ended_at=None, stands_for="shop-web-1"
    )
    final = container("shop-web-1", one_off=False, phase=ReplicaPhase.RUNNING, ended_at=None)
    assert find(half, final) == [half.name]
    assert find(half) == [], "it is the only one there is: it gets its name"
    assert find(half, final, kept=Kept(replicas=frozenset({half.id}))) == [], "it is known to be ours"


@pytest.mark.parametrize("holder", ["id-shop-run-1", "shop-run-1"])
def test_one_whose_network_another_container_shares_stays(holder: str) -> None:
    sharer = container("sharer", project="other", one_off=False, holder=holder)
    assert find(container(), sharer) == []


def test_what_takes_less_than_asked_for_stays_and_of_what_is_not_known_nothing_is_said() -> None:
    policy = replace(WEEK, larger_than=6)
    assert find(container("small"), container("large", bytes=6), container("odd", bytes=None), policy=policy) == [
        "large",
        "odd",
    ]


# --- networks


def networks(*seen: NetworkSeen, users: tuple[ContainerSeen, ...] = (), kept: Kept = NOTHING) -> list[str]:
    inventory = Inventory("shop", networks=seen, containers=users)
    return [item.name for item in find_rubbish(inventory, Had(), kept, WEEK, NOW)]


OLD_BACK = NetworkSeen("n1", "shop_back", "shop", NOW - 8 * DAY)
STOPPED = container("shop-web-1", one_off=False)


def test_a_network_that_nobody_is_on_and_nobody_wants_goes() -> None:
    assert networks(OLD_BACK, users=(STOPPED,)) == ["shop_back"]


@pytest.mark.parametrize(
    ("seen", "user", "kept"),
    [
        pytest.param(OLD_BACK, replace(STOPPED, networks=frozenset({"n1"})), Kept(), id="a stopped one is on it"),
        pytest.param(OLD_BACK, replace(STOPPED, networks=frozenset({"shop_back"})), Kept(), id="one was never started"),
        pytest.param(
            OLD_BACK, replace(STOPPED, project="other", networks=frozenset({"n1"})), Kept(), id="a stranger is on it"
        ),
        pytest.param(OLD_BACK, STOPPED, Kept(networks=frozenset({"shop_back"})), id="it is wanted"),
        pytest.param(replace(OLD_BACK, project="other"), STOPPED, Kept(), id="another project's"),
        pytest.param(replace(OLD_BACK, created_at=NOW - DAY), STOPPED, Kept(), id="it is young"),
    ],
)
def test_a_network_that_stays(seen: NetworkSeen, user: ContainerSeen, kept: Kept) -> None:
    assert networks(seen, users=(user,), kept=kept) == []


def test_what_only_leftovers_are_on_goes_after_them() -> None:
    assert networks(OLD_BACK, users=(container(networks=frozenset({"n1"})),)) == ["shop-run-1", "shop_back"]


# --- build cache and logs


def records(*seen: CacheRecord, **policy: object) -> list[Item]:
    chosen = replace(WEEK, **{"build_cache": True, "keep_storage": 100, **policy})  # type: ignore[arg-type]
    return list(find_rubbish(Inventory("shop", cache=seen), Had(), Kept(), chosen, NOW))


def record(name: str, size: int, days: float, **others: bool) -> CacheRecord:
    return CacheRecord(name, size, NOW - days * DAY, **others)


def test_the_build_cache_shrinks_to_what_is_kept_the_longest_unused_first() -> None:
    [item] = records(record("a", 60, 20), record("b", 60, 30), record("c", 60, 10), record("d", 30, 1))
    assert (item.kind, item.id, item.name, item.bytes) == (Rubbish.CACHE, CACHE, "2 of 4 records", 120)
    assert item.since == NOW - 20 * DAY


@pytest.mark.parametrize(
    ("seen", "policy"),
    [
        pytest.param((record("a", 100, 20),), {}, id="no more than is kept"),
        pytest.param((record("a", 300, 6),), {}, id="all of it was used lately"),
        pytest.param((record("a", 300, 20, in_use=True),), {}, id="in use"),
        pytest.param((record("a", 300, 20, shared=True),), {}, id="an image has it too"),
        pytest.param((record("a", 300, 20),), {"build_cache": False}, id="nobody asked for it"),
        pytest.param((record("a", 300, 20),), {"larger_than": 301}, id="too little"),
    ],
)
def test_build_cache_that_stays(seen: tuple[CacheRecord, ...], policy: dict[str, object]) -> None:
    assert records(*seen, **policy) == []


def test_a_large_log_without_bound_is_told_and_never_removed() -> None:
    logs = (
        LogSeen(ReplicaId("a"), "shop-web-1", "web", BIG_LOG, False),
        LogSeen(ReplicaId("b"), "shop-db-1", "db", BIG_LOG * 9, True),
        LogSeen(ReplicaId("c"), "shop-job-1", "job", BIG_LOG - 1, False),
    )
    [item] = find_rubbish(Inventory("shop", logs=logs), Had(), Kept(), WEEK, NOW)
    assert (item.kind, item.name, item.bytes, item.removable) == (Rubbish.LOG, "shop-web-1", BIG_LOG, False)
