"""A daemon's answers about what it holds, as values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from controller.engines import labels
from controller.engines.inventory import Stocktaker
from controller.engines.logsizes import find_logs
from controller.engines.stocktaking import add_inspect, parse_cache, parse_container, parse_image, parse_network
from controller.model.cleanup import CacheRecord, ContainerSeen, ImageSeen, NetworkSeen
from controller.model.errors import Conflict, Transient
from controller.model.names import ImageId, ReplicaId
from controller.model.observed import ReplicaPhase
from tests.unit.engines.requests import ZERO, marks

pytestmark = pytest.mark.unit

LISTED = {
    "Id": "c1",
    "Names": ["/p-a-run-1"],
    "ImageID": "sha256:1",
    "State": "exited",
    "Labels": marks(**{labels.ONEOFF: "True"}),
    "HostConfig": {"NetworkMode": "p_default"},
    "NetworkSettings": {"Networks": {"p_back": {"NetworkID": "n1"}, "p_new": {"NetworkID": ""}, "odd": None}},
}
SEEN = ContainerSeen(
    ReplicaId("c1"), "p-a-run-1", ImageId("sha256:1"), ReplicaPhase.EXITED, "p", "a", True,
    networks=frozenset({"p_default", "p_back", "n1", "p_new", "odd"}),
)  # fmt: skip


def test_a_listed_container_tells_whose_it_is_and_what_it_uses() -> None:
    assert parse_container(LISTED) == SEEN
    assert parse_container({"Id": "c2", "HostConfig": {"NetworkMode": "container:c1"}, "State": "running"}) == (
        ContainerSeen(ReplicaId("c2"), "", networks=frozenset({"container:c1"}), holder="c1")
    )


IMAGE_MOUNT = {"Type": "image", "Source": "data:1", "Target": "/data"}


def test_images_that_a_container_has_as_volumes_are_used_by_whatever_word_it_is_told() -> None:
    listed = {**LISTED, "Mounts": [{"Type": "image", "Name": "data:1"}, {"Type": "volume", "Name": "data"}]}
    assert parse_container(listed).mounted == {"data:1"}
    looked = inspect("exited", HostConfig={"Mounts": [IMAGE_MOUNT]}, Mounts=[{"Type": "image", "ID": "sha256:9"}])
    assert add_inspect(SEEN, looked, 0, ahead=0.0).mounted == {"data:1", "sha256:9"}


def test_who_has_an_image_as_a_volume_is_looked_into_whosever_it_is() -> None:
    strange = {"Id": "c9", "State": "running", "Mounts": [{"Type": "image"}]}
    looked = inspect("running", Id="c9", HostConfig={"Mounts": [IMAGE_MOUNT]}) | {"Id": "c9"}
    docker = Docker("1.48", **{"/containers/json": [strange], "/containers/c9/json": looked})
    assert [one.mounted for one in docker.take().containers] == [{"data:1"}]


def inspect(status: str, **others: Any) -> dict[str, Any]:
    state = {"Status": status, "ExitCode": 3, "StartedAt": ZERO, "FinishedAt": "1970-01-01T01:00:00Z"}
    return {"Id": "c1", "Created": "1970-01-01T00:30:00Z", "State": state, "Config": {"Labels": marks()}, **others}


def test_an_inspect_tells_since_when_it_rests_on_our_clock() -> None:
    ended = add_inspect(SEEN, inspect("exited"), 77, ahead=100.0)
    assert (ended.created_at, ended.ended_at, ended.exit_code, ended.bytes) == (1700.0, 3500.0, 3, 77)
    never = add_inspect(SEEN, inspect("created"), None, ahead=0.0)
    assert (never.phase, never.ended_at, never.exit_code, never.bytes) == (ReplicaPhase.CREATED, None, None, None)
    sharer = add_inspect(SEEN, inspect("exited", HostConfig={"IpcMode": "container:other"}), 0, ahead=0.0)
    assert sharer.holder == "other"


@pytest.mark.parametrize(
    ("name", "final"), [("0123456789ab_p-a-1", "p-a-1"), ("p-a-1", ""), ("0123456789ab_mine", "")], ids=repr
)
def test_a_half_made_one_is_known_by_its_name(name: str, final: str) -> None:
    one = ContainerSeen(ReplicaId("c1"), name)
    assert add_inspect(one, inspect("created"), None, 0.0).stands_for == final


def test_an_image_and_its_names() -> None:
    item = {
        "Id": "sha256:1",
        "ParentId": "",
        "RepoTags": ["docker.io/library/web:1", "<none>:<none>"],
        "RepoDigests": ["web@sha256:2", "<none>@<none>"],
        "Labels": {labels.PROJECT: "p", labels.SERVICE: "a"},
        "Size": 9,
        "Created": 500,
    }
    assert parse_image(item, 4, 100.0) == ImageSeen(
        ImageId("sha256:1"), ("web:1",), ("web@sha256:2",), project="p", service="a", bytes=9, shared=4,
        created_at=400.0,
    )  # fmt: skip
    assert parse_image({"Id": "sha256:2", "ParentId": "sha256:1", "RepoTags": None}, None, 0.0) == ImageSeen(
        ImageId("sha256:2"), parent=ImageId("sha256:1")
    )


def test_networks_and_records_of_the_build_cache() -> None:
    network = {"Id": "n", "Name": "p_back", "Created": "1970-01-01T01:00:00.5Z", "Labels": {labels.PROJECT: "p"}}
    assert parse_network(network, 0.0) == NetworkSeen("n", "p_back", "p", 3600.5)
    used = {"ID": "r", "Size": 5, "LastUsedAt": "1970-01-01T01:00:00Z", "InUse": True, "Shared": True}
    fresh = {"ID": "s", "Size": 6, "CreatedAt": "1970-01-01T02:00:00Z", "LastUsedAt": None}
    assert parse_cache({"BuildCache": [used, fresh]}, 0.0) == (
        CacheRecord("r", 5, 3600.0, True, True),
        CacheRecord("s", 6, 7200.0),
    )
    assert parse_cache({"BuildCache": None}, 0.0) == (), "an engine without a builder"


# --- logs


def logged(path: Path | str, **config: Any) -> dict[str, Any]:
    host = {"LogConfig": {"Type": "json-file", "Config": {}, **config}}
    return {"Id": "c1", "Name": "/p-a-1", "LogPath": str(path), "HostConfig": host, "Config": {"Labels": marks()}}


def test_a_log_is_as_large_as_all_its_files(tmp_path: Path) -> None:
    for name, size in (("c1-json.log", 10), ("c1-json.log.1", 5), ("other.log", 99)):
        (tmp_path / name).write_bytes(b"x" * size)
    path = tmp_path / "c1-json.log"
    [log], gap = find_logs([logged(path)])
    assert (log.name, log.service, log.bytes, log.bounded, gap) == ("p-a-1", "a", 15, False, "")
    [bounded], _ = find_logs([logged(path, Config={"max-size": "10m"})])
    assert bounded.bounded
    assert find_logs([logged(path, Type="local"), logged(""), logged("/nowhere/at/all.log")]) == ((), "")


def test_what_only_root_may_see_is_said_and_not_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "iterdir", refuse)
    assert find_logs([logged("/somewhere/c1.log")]) == ((), "how large logs are is only root's to see")


# --- one look


class Docker:
    """A daemon that answers by path; what is an error is raised."""

    def __init__(self, version: str, **answers: Any) -> None:
        self.version, self.answers, self.asked = version, answers, list[tuple[str, Any]]()

    def api_version(self, **_: Any) -> str:
        return self.version

    def get(self, path: str, query: Any = None, **_: Any) -> Any:
        self.asked.append((path, query))
        kind = (
            "shared" if "shared-size" in (query or {}) else "sizes" if "size" in (query or {}) else path.split("/")[1]
        )
        answer = self.answers.get(path, self.answers.get(kind, []))
        if isinstance(answer, Exception):
            raise answer
        return answer

    def take(self, *, build_cache: bool = False, known: tuple[str, ...] = ()) -> Any:
        taker = Stocktaker(self, type("V", (), {"ahead": 0.0})(), local=False)  # type: ignore[arg-type]
        return taker.take("p", tuple(map(ImageId, known)), build_cache=build_cache, deadline=5.0)


TWO = [{"Id": "a", "Size": 9, "ParentId": "b"}, {"Id": "b", "Size": 8}]


@pytest.mark.parametrize(
    ("version", "build_cache", "paths"),
    [
        ("1.41", False, ["/system/df", "/images/json"]),
        ("1.42", False, ["/images/json", "/images/json"]),
        ("1.47", True, ["/system/df", "/images/json", "/images/json"]),
    ],
)
def test_sizes_are_asked_for_as_the_engine_can_tell_them(version: str, build_cache: bool, paths: list[str]) -> None:
    shared = [{"Id": "a", "SharedSize": 5}, {"Id": "b", "SharedSize": -1}]
    usage = {"Images": shared, "BuildCache": []}
    docker = Docker(version, images=TWO, shared=shared, system=usage)
    seen = docker.take(build_cache=build_cache)
    assert [(one.id, one.shared) for one in seen.images] == [("a", 5), ("b", None)]
    assert [path for path, _ in docker.asked if path in ("/system/df", "/images/json")] == paths
    assert (seen.cache, seen.gaps) == (() if build_cache else None, ())
    if version != "1.41" and build_cache:
        assert ("/system/df", {"type": "build-cache"}) in docker.asked, "volumes are not counted for it"


def test_sizes_that_are_not_told_in_time_are_left_out_and_that_is_said() -> None:
    late = Transient("too slow")
    docker = Docker("1.42", images=TWO, shared=late, system=late, sizes=late, containers=[LISTED])
    docker.answers["/containers/c1/json"] = inspect("exited")
    seen = docker.take(build_cache=True)
    assert [one.shared for one in seen.images] == [None, None] and seen.cache is None
    assert seen.containers[0].bytes is None and seen.containers[0].ended_at == 3600.0
    assert len(seen.gaps) == 3 and all("too slow" in gap for gap in seen.gaps)


def test_who_cannot_be_listed_is_no_empty_world() -> None:
    for answers in ({"containers": {}}, {"networks": None}, {"images": "x"}):
        with pytest.raises(Transient):
            Docker("1.42", **{"images": TWO, **answers}).take()


def test_only_what_the_stacks_images_were_built_on_is_asked_for_its_past() -> None:
    images = [*TWO, {"Id": "c", "ParentId": "d"}, {"Id": "d"}]
    docker = Docker("1.42", images=images, shared=[])
    docker.answers["/images/b/json"] = {"Id": "b", "Metadata": {"LastTagTime": ZERO}}
    seen = {one.id: one.named_before for one in docker.take(known=("a",)).images}
    assert seen == {"a": True, "b": False, "c": True, "d": True}
    assert [path for path, _ in docker.asked if path.endswith("/json") and path.count("/") > 2] == ["/images/b/json"]


def test_what_is_gone_between_list_and_inspect_is_seen_as_listed() -> None:
    docker = Docker("1.42", images=[], shared=[], containers=[LISTED])
    docker.answers["/containers/c1/json"] = Conflict("gone")
    assert docker.take().containers == (SEEN,)
