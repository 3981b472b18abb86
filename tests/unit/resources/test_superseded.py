"""Which images nothing needs any more, what goes with them, and how many bytes that are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controller.model.cleanup import ContainerSeen, Had, ImageSeen, Inventory, Item, Kept, Layers, Use
from controller.model.names import ImageId, ReplicaId
from controller.model.resources import CleanupPolicy
from controller.resources.superseded import find_superseded
from tests.builders import NOW

pytestmark = pytest.mark.unit

DAY = 86400.0
WEEK = CleanupPolicy(older_than=7 * DAY)
OLD = ImageSeen(ImageId("sha256:old"), ("web:1",), bytes=100, created_at=NOW - 30 * DAY)


def had(*images: str, days: float = 8, names: tuple[str, ...] = ("web:1", "web:2")) -> Had:
    return Had({ImageId(image): Use("web", NOW - days * DAY) for image in images}, frozenset(names))


HAD, NOTHING = had("sha256:old"), Kept()


def find(
    *images: ImageSeen,
    known: Had = HAD,
    kept: Kept = NOTHING,
    users: tuple[str, ...] = (),
    policy: CleanupPolicy = WEEK,
) -> tuple[Item, ...]:
    containers = tuple(ContainerSeen(ReplicaId(f"c-{one}"), one, ImageId(one), project="other") for one in users)
    return find_superseded(Inventory("shop", containers, images), known, kept, policy, NOW)


def ids(items: tuple[Item, ...]) -> list[str]:
    return [item.id for item in items]


def test_what_was_on_replicas_and_is_needed_no_more_goes() -> None:
    [item] = find(OLD)
    assert (item.id, item.name, item.why) == ("sha256:old", "web:1", "superseded image of web")
    assert (item.since, item.names, item.along) == (NOW - 8 * DAY, ("web:1",), ())


@pytest.mark.parametrize(
    "kept",
    [
        pytest.param(Kept(images=frozenset({ImageId("sha256:old")})), id="a revision goes back to it"),
        pytest.param(Kept(names=frozenset({"web:1"})), id="a service names it"),
        pytest.param(Kept(names=frozenset({"docker.io/library/web:1"})), id="a service names it otherwise"),
        pytest.param(Kept(names=frozenset({"sha256:" + "0" * 64})), id="a service names its id"),
        pytest.param(Kept(names=frozenset({"0" * 12})), id="a service names the beginning of its id"),
        pytest.param(Kept(names=frozenset({"web@sha256:d1"})), id="a service names its digest"),
    ],
)
def test_what_is_needed_stays(kept: Kept) -> None:
    image = ImageId("sha256:" + "0" * 64) if any("000" in name for name in kept.names) else OLD.id
    seen = replace(OLD, id=image, digests=("web@sha256:d1",))
    assert find(seen, known=had(image), kept=kept) == ()
    assert ids(find(seen, known=had(image))) == [image], "the control"


@pytest.mark.parametrize(
    ("seen", "known"),
    [
        pytest.param(OLD, Had(), id="it was never ours"),
        pytest.param(OLD, had("sha256:old", days=6), id="it was used lately"),
        pytest.param(OLD, had("sha256:old", names=("web:2",)), id="a name that we did not use"),
        pytest.param(replace(OLD, names=("web:1", "tool:dev")), HAD, id="somebody gave it another name"),
        pytest.param(replace(OLD, digests=("mirror/web@sha256:d1",)), HAD, id="it came from elsewhere, too"),
        pytest.param(replace(OLD, created_at=NOW - DAY), HAD, id="it was built lately"),
    ],
)
def test_what_is_not_surely_ours_or_too_young_stays(seen: ImageSeen, known: Had) -> None:
    assert find(seen, known=known) == ()


def test_what_a_container_of_any_project_has_stays() -> None:
    assert find(OLD, users=("sha256:old",)) == ()


@pytest.mark.parametrize("word", ["web:1", "docker.io/library/web:1", "0" * 12])
def test_what_a_container_of_any_project_has_as_a_volume_stays(word: str) -> None:
    user = ContainerSeen(ReplicaId("c"), "c", ImageId("sha256:other"), project="other", mounted=frozenset({word}))
    seen = replace(OLD, id=ImageId("sha256:" + "0" * 64))
    assert find_superseded(Inventory("shop", (user,), (seen,)), had(seen.id), NOTHING, WEEK, NOW) == ()


def test_images_stay_where_nobody_wants_them_to_go() -> None:
    assert find(OLD, policy=replace(WEEK, images=False)) == ()


BUILT = ImageSeen(
    ImageId("sha256:built"), parent=ImageId("sha256:base"), project="shop", service="web", bytes=50,
    created_at=NOW - 9 * DAY, named_before=True,
)  # fmt: skip


def test_a_label_makes_nothing_ours() -> None:
    """Somebody's build on ours has it too, and BuildKit does not say that it is one."""
    assert find(BUILT, known=Had()) == () == find(replace(BUILT, parent=None), known=Had())
    [item] = find(BUILT, known=had("sha256:built"))
    assert (item.name, item.why) == ("sha256:built", "superseded image of web"), "it was seen in use"


def test_what_has_the_name_that_compose_gives_what_it_builds_for_us_is_ours() -> None:
    named = replace(BUILT, names=("shop-web:latest",))
    assert [(item.name, item.since) for item in find(named, known=Had())] == [("shop-web:latest", NOW - 9 * DAY)]
    assert find(replace(named, names=("mine:1",)), known=Had()) == ()
    assert find(replace(named, names=("shop-web:latest", "mine:1")), known=Had()) == ()
    assert find(replace(named, project="other"), known=Had()) == ()


def test_what_another_project_built_is_left_to_it_though_we_used_it() -> None:
    lent = replace(BUILT, names=("other-web:latest",), project="other")
    known = Had(had("sha256:built").images, frozenset({"other-web:latest"}))
    assert find(lent, known=known) == ()
    assert find(replace(lent, project=""), known=known) != ()


def test_what_was_built_for_a_service_outside_the_profile_stays() -> None:
    """It may never have run: nothing but its label tells of it."""
    named = replace(BUILT, names=("shop-web:latest",))
    assert find(named, known=Had(), kept=Kept(services=frozenset({"web"}))) == ()
    assert ids(find(named, known=Had(), kept=Kept(services=frozenset({"tool"})))) == ["sha256:built"]


def test_what_somebody_built_on_ours_stays_and_keeps_it() -> None:
    mine = ImageSeen(ImageId("sha256:mine"), parent=BUILT.id, project="shop", bytes=60, created_at=NOW - 9 * DAY)
    assert find(BUILT, mine, known=had("sha256:built")) == ()


# --- what it was built on

BASE = ImageSeen(ImageId("sha256:base"), ("base:1",), bytes=1000)


def step(name: str, parent: str, size: int, **others: object) -> ImageSeen:
    """What a builder left in between."""
    given = {"parent": ImageId(parent), "bytes": size, "named_before": False, "created_at": NOW - 30 * DAY}
    return ImageSeen(ImageId(name), **{**given, **others})  # type: ignore[arg-type]


CHAIN = (BASE, step("s1", "sha256:base", 1100), step("s2", "s1", 1110), replace(OLD, parent=ImageId("s2"), bytes=1111))


def test_what_only_it_was_built_on_goes_with_it_the_nearest_first() -> None:
    [item] = find(*CHAIN)
    assert item.along == (Layers(ImageId("s2"), 10), Layers(ImageId("s1"), 100))
    assert (item.bytes, item.at_most) == (111, True)


@pytest.mark.parametrize(
    ("changed", "along", "size"),
    [
        pytest.param({"named_before": True}, ["s2"], 11, id="it had a name once"),
        pytest.param({"names": ("x:1",), "named_before": True}, ["s2"], 11, id="it has a name"),
        pytest.param({"project": "other"}, ["s2"], 11, id="another project's"),
    ],
)
def test_the_chain_ends_at_what_may_be_somebodys(changed: dict[str, object], along: list[str], size: int) -> None:
    base, first, *rest = CHAIN
    [item] = find(base, replace(first, **changed), *rest)  # type: ignore[arg-type]
    assert ([one.id for one in item.along], item.bytes) == (along, size)


def test_the_chain_ends_at_what_something_else_was_built_on_or_runs() -> None:
    other = ImageSeen(ImageId("sha256:new"), ("web:2",), parent=ImageId("s1"), bytes=1200)
    [item] = find(*CHAIN, other)
    assert [one.id for one in item.along] == ["s2"]
    [item] = find(*CHAIN, users=("s2",))
    assert item.along == () and item.bytes == 1
    [item] = find(*CHAIN, kept=Kept(images=frozenset({ImageId("s1")})))
    assert [one.id for one in item.along] == ["s2"]


def test_what_several_were_built_on_goes_with_the_last_of_them_and_counts_once() -> None:
    second = replace(OLD, id=ImageId("sha256:second"), names=(), parent=ImageId("s1"), bytes=1103)
    items = find(*CHAIN, second, known=had("sha256:old", "sha256:second"))
    assert ids(items) == ["sha256:old", "sha256:second"]
    assert [[one.id for one in item.along] for item in items] == [["s2"], ["s1"]]
    assert sum(item.bytes or 0 for item in items) == 1 + 10 + 3 + 100


def test_what_was_built_on_another_that_goes_is_before_it() -> None:
    child = replace(OLD, id=ImageId("sha256:child"), names=(), parent=OLD.id, bytes=120)
    assert ids(find(OLD, child, known=had("sha256:old", "sha256:child"))) == ["sha256:child", "sha256:old"]
    assert find(OLD, child) == (), "the engine would refuse"


def test_a_ring_of_parents_ends() -> None:
    assert find(replace(OLD, parent=ImageId("s1")), step("s1", "sha256:old", 5)) == ()


# --- bytes


@pytest.mark.parametrize(
    ("shared", "size", "at_most"),
    [pytest.param(None, 100, True, id="nobody says"), pytest.param(95, 5, False, id="its own layers")],
)
def test_bytes_are_those_that_nobody_else_has(shared: int | None, size: int, at_most: bool) -> None:
    [item] = find(replace(OLD, shared=shared))
    assert (item.bytes, item.at_most) == (size, at_most)


@pytest.mark.parametrize(
    "shared",
    [pytest.param(1000, id="an engine that counts images alone"), pytest.param(1110, id="one that counts steps, too")],
)
def test_steps_that_go_along_are_counted_once_whatever_an_engine_counts_as_sharing(shared: int) -> None:
    *steps, last = CHAIN
    [item] = find(*steps, replace(last, shared=shared))
    assert (item.bytes, item.at_most) == (111, False)


def test_layers_that_only_images_share_which_go_come_free_as_well() -> None:
    base, first, *_ = CHAIN
    one = replace(OLD, parent=ImageId("s1"), bytes=1103, shared=1100)
    two = replace(one, id=ImageId("sha256:two"), names=())
    items = find(base, first, one, two, known=had("sha256:old", "sha256:two"))
    assert sum(item.bytes or 0 for item in items) == 3 + 3 + 100 and not any(item.at_most for item in items)


def test_what_frees_less_than_asked_for_stays_with_what_it_was_built_on() -> None:
    policy = replace(WEEK, larger_than=112)
    assert find(*CHAIN, policy=policy) == ()
    assert ids(find(*CHAIN, policy=replace(policy, larger_than=111))) == ["sha256:old"]
    wide = replace(OLD, id=ImageId("sha256:wide"), names=(), parent=ImageId("s2"), bytes=2000)
    [item] = find(*CHAIN, wide, known=had("sha256:old", "sha256:wide"), policy=replace(WEEK, larger_than=500))
    assert (item.id, item.along) == ("sha256:wide", ()), "the small one needs the rest of the chain"
