"""What is asked of Docker to be rid of a thing, where the words decide what else goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from controller.engines.clearing import clear
from controller.engines.errors import Failure, map_failure
from controller.model.cleanup import Item, Layers, Rubbish
from controller.model.errors import Conflict, EngineError, Rejected, Transient
from controller.model.names import ImageId
from controller.model.resources import CleanupPolicy

pytestmark = pytest.mark.unit

POLICY = CleanupPolicy(older_than=3600.0, keep_storage=100)
NEVER = "0001-01-01T00:00:00Z"


def in_between(**others: Any) -> dict[str, Any]:
    """The inspect of an image that never had a name."""
    return {"Id": "x", "RepoTags": [], "RepoDigests": [], "Metadata": {"LastTagTime": NEVER}, **others}


NOBODY: list[Any] = []


class Docker:
    """Answers as told; keeps what was to be changed."""

    def __init__(self, *answers: Mapping[str, Any], containers: Any = NOBODY, refuses: Mapping[str, int] = {}) -> None:
        self.changed: list[tuple[Any, ...]] = []
        self._answers = list(answers)
        self._containers, self._refuses = containers, refuses
        self.freed: Any = {"SpaceReclaimed": 7}

    def get(self, path: str, query: Any = None, **_: Any) -> Any:
        if path == "/containers/json":
            return self._containers
        return self._answers.pop(0)

    def call(self, method: str, path: str, query: Any = None, **_: Any) -> tuple[int, Any]:
        if (status := self._refuses.get(path)) is not None:
            failure = Failure(status, "no", path)
            raise map_failure(failure) from failure
        self.changed.append((method, path, query))
        return 200, self.freed

    def clear(self, item: Item) -> int | None:
        return clear(self, item, POLICY, deadline=5.0)  # type: ignore[arg-type]


def test_a_container_goes_without_force_and_without_its_volumes() -> None:
    docker = Docker()
    assert docker.clear(Item(Rubbish.CONTAINER, "abc", "run", 5, "")) == 5
    assert docker.changed == [("DELETE", "/containers/abc", {"v": "0", "force": "0"})]


IMAGE = Item(Rubbish.IMAGE, "sha256:1", "web:1", 100, "", names=("web:1",))
TAGGED = {"Id": "sha256:1", "RepoTags": ["docker.io/library/web:1"]}


def test_an_image_goes_without_force_and_takes_nothing_with_it() -> None:
    docker = Docker(TAGGED)
    assert docker.clear(IMAGE) == 100
    assert docker.changed == [("DELETE", "/images/sha256:1", {"noprune": "1"})]


@pytest.mark.parametrize("tags", [["web:1", "mine:1"], ["mine:1"], [], None], ids=repr)
def test_an_image_that_has_other_names_by_now_stays(tags: list[str] | None) -> None:
    docker = Docker({"Id": "sha256:1", "RepoTags": tags})
    with pytest.raises(Conflict, match="has other names by now"):
        docker.clear(IMAGE)
    assert docker.changed == []


SEVERAL = replace(IMAGE, names=("web:1", "web:2", "reg.io:5000/shop/web:1"))
ALIASED: dict[str, Any] = {
    "Id": "sha256:1",
    "RepoTags": ["web:1", "web:2", "reg.io:5000/shop/web:1"],
    "RepoDigests": ["reg.io:5000/shop/web@sha256:d", "web@sha256:d"],
}


def test_of_several_names_all_but_one_go_first() -> None:
    """By the id alone Docker answers 409, `must be forced`."""
    docker = Docker(ALIASED, {"Id": "sha256:1"}, {"Id": "sha256:1"})
    assert docker.clear(SEVERAL) == 100
    assert [path for _, path, _ in docker.changed] == ["/images/web:1", "/images/web:2", "/images/sha256:1"]
    assert all(query == {"noprune": "1"} for *_, query in docker.changed)


@pytest.mark.parametrize(
    ("answers", "containers"),
    [
        pytest.param([ALIASED], [{"Id": "abc", "Names": ["/late"]}], id="a container has come to have it"),
        pytest.param([ALIASED, {"Id": "sha256:other"}], [], id="the name stands for another image"),
        pytest.param([ALIASED | {"RepoDigests": ["mirror/web@sha256:d"]}], [], id="it came from elsewhere, too"),
    ],
)
def test_no_name_is_taken_from_what_would_stay_all_the_same(answers: list[Any], containers: list[Any]) -> None:
    docker = Docker(*answers, containers=containers)
    with pytest.raises(Conflict):
        docker.clear(SEVERAL)
    assert docker.changed == []


def test_an_answer_that_is_no_image_leads_to_no_removal() -> None:
    docker = Docker({"message": "odd"})
    with pytest.raises(Transient):
        docker.clear(IMAGE)
    assert docker.changed == []


CHAIN = replace(IMAGE, along=(Layers(ImageId("s2"), 30), Layers(ImageId("s1"), 60)))


def test_what_only_it_was_built_on_goes_after_it() -> None:
    docker = Docker(TAGGED, in_between(), in_between())
    assert docker.clear(CHAIN) == 100
    assert [path for _, path, _ in docker.changed] == ["/images/sha256:1", "/images/s2", "/images/s1"]
    assert all(query == {"noprune": "1"} for *_, query in docker.changed)


@pytest.mark.parametrize(
    "changed",
    [
        {"RepoTags": ["mine:1"]},
        {"RepoDigests": ["mine@sha256:2"]},
        {"Metadata": {"LastTagTime": "2026-01-01T00:00:00Z"}},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_the_first_of_them_that_has_or_had_a_name_stays_with_the_rest(changed: dict[str, Any]) -> None:
    docker = Docker(TAGGED, in_between(**changed))
    assert docker.clear(CHAIN) == 10
    assert [path for _, path, _ in docker.changed] == ["/images/sha256:1"]


def test_the_first_of_them_that_is_used_stays_with_the_rest() -> None:
    docker = Docker(TAGGED, in_between(), in_between(), refuses={"/images/s1": 409})
    assert docker.clear(CHAIN) == 40
    assert [path for _, path, _ in docker.changed] == ["/images/sha256:1", "/images/s2"]


NETWORK = Item(Rubbish.NETWORK, "n1", "shop_back", 0, "")


def test_a_network_goes_where_no_container_is_on_it() -> None:
    docker = Docker(containers=[])
    assert docker.clear(NETWORK) == 0
    assert docker.changed == [("DELETE", "/networks/n1", None)]


@pytest.mark.parametrize(
    ("containers", "error"),
    [
        pytest.param([{"Id": "abc", "Names": ["/shop-web-1"]}], Conflict, id="a stopped one is"),
        pytest.param(None, Transient, id="that cannot be known"),
    ],
)
def test_a_network_stays(containers: Any, error: type[EngineError]) -> None:
    docker = Docker(containers=containers)
    with pytest.raises(error):
        docker.clear(NETWORK)
    assert docker.changed == []


def test_a_network_that_somebody_has_come_to_be_on_meanwhile_is_left() -> None:
    docker = Docker(containers=[], refuses={"/networks/n1": 403})
    with pytest.raises(Conflict):
        docker.clear(NETWORK)


@pytest.mark.parametrize(("answer", "freed"), [({"SpaceReclaimed": 7}, 7), ({}, None), (None, None)], ids=repr)
def test_the_build_cache_is_cut_by_the_engines_own_rule(answer: Any, freed: int | None) -> None:
    docker = Docker()
    docker.freed = answer
    assert docker.clear(Item(Rubbish.CACHE, "build-cache", "1 of 2 records", 9, "")) == freed
    assert docker.changed == [("POST", "/build/prune", {"keep-storage": "100", "filters": {"until": ["3600s"]}})]


def test_a_log_is_never_cut_off() -> None:
    docker = Docker()
    with pytest.raises(Rejected):
        docker.clear(Item(Rubbish.LOG, "abc", "shop-web-1", 9, ""))
    assert docker.changed == []
