"""`cleanup` on a real engine, beside another project that has the same of everything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from controller.engines.compose_engine import ComposeEngine
from controller.model.cleanup import Item, Rubbish
from controller.model.errors import Conflict
from controller.model.resources import CleanupPolicy
from tests.engine.checks import Container, containers, docker
from tests.engine.scenario import IMAGE, Scene, eventually

pytestmark = pytest.mark.engine

SERVICES = """
services:
  web:
    build: {context: image}
    command: [sleep, "86400"]
    stop_signal: SIGKILL
  db:
    image: IMAGE
    command: [sleep, "86400"]
    stop_signal: SIGKILL
    volumes: ["data:/data"]
volumes: {data: {}}
"""
UPDATE = "services: {web: {update: {monitor: 100ms}}}"
STEPS = f"FROM {IMAGE}\nRUN head -c 200000 /dev/urandom > /a\nRUN echo VERSION > /v; head -c 300000 /dev/urandom > /b\n"


@dataclass(frozen=True)
class Held:
    """Ids of all that there is of some projects; others come and go on the same engine."""

    containers: frozenset[str]
    images: frozenset[str]
    networks: frozenset[str]
    volumes: frozenset[str]

    @classmethod
    def of(cls, *projects: str) -> Held:
        return cls(
            ids("ps", "-aq", "--no-trunc", of=projects),
            ids("images", "-aq", "--no-trunc", of=projects),
            ids("network", "ls", "-q", "--no-trunc", of=projects),
            ids("volume", "ls", "-q", of=projects),
        )


def ids(*words: str, of: tuple[str, ...]) -> frozenset[str]:
    labels = [f"label=com.docker.compose.project={name}" for name in of]
    return frozenset(one for label in labels for one in docker(*words, "--filter", label).split())


def every(*words: str) -> frozenset[str]:
    """Of the whole engine."""
    return frozenset(docker(*words).split())


class Shop:
    """A stack with a built image, and another project beside it made of the same files."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.other = scene.another()
        scene.compose(SERVICES)
        scene.manifest(UPDATE)
        scene.write(f"{self.other}.yaml", f"name: {self.other}\n{SERVICES}")
        self.anonymous: list[str] = []

    def build(self, version: str, name: str | None = None) -> str:
        """By Compose, for the stack or the other project; the image's id."""
        name = name or self.scene.name
        self.scene.write("image/Dockerfile", STEPS.replace("VERSION", f"{name} {version}"))
        file = "compose.yaml" if name == self.scene.name else f"{name}.yaml"
        self.scene.hand("-f", file, "build", "-q", "web")
        return self.image(f"{name}-web")

    def image(self, name: str) -> str:
        return docker("image", "inspect", "-f", "{{.Id}}", name).strip()

    def leave(self, name: str, *words: str) -> str:
        """A one-off of `docker compose run` that has ended; the container's id."""
        file = "compose.yaml" if name == self.scene.name else f"{name}.yaml"
        what = "head -c 100000 /dev/zero > /left; exit 3"
        made = self.scene.hand("-f", file, "run", "-d", *words, "db", "sh", "-c", what)
        one = made.split()[-1]
        eventually(lambda: docker("inspect", "-f", "{{.State.Status}}", one).strip() == "exited")
        found = json.loads(docker("inspect", one))[0]
        self.anonymous += [mount["Name"] for mount in found["Mounts"] if mount["Destination"] == "/anonymous"]
        return str(found["Id"])

    def connect(self, name: str) -> str:
        """A network of that project that nobody is on."""
        label = f"com.docker.compose.project={name}"
        return docker("network", "create", "--label", label, f"{name}_old").strip()

    def web(self) -> Container:
        """The only replica of it."""
        [found] = [one for one in self.scene.containers().values() if one.service == "web"]
        return found

    def listed(self, *words: str) -> dict[str, dict[str, Any]]:
        """What would go, by id."""
        found = self.scene.data("cleanup", "--dry-run", "--older-than", "0s", *words)
        return {item["id"]: item for item in found["items"] if item["outcome"] == "unused"}


@pytest.fixture
def shop(scene: Scene) -> Iterator[Shop]:
    made = Shop(scene)
    yield made
    scene.clean()
    for name in (scene.name, made.other):
        marked = docker("images", "-aq", "--filter", f"label=com.docker.compose.project={name}").split()
        named = docker("images", "-q", f"{name}-web").split()
        if marked or named:
            docker("rmi", "--force", *dict.fromkeys((*named, *marked)))
    for volume in every("volume", "ls", "-q") & {*made.anonymous}:
        docker("volume", "rm", volume)


@pytest.mark.fault("W14")
def test_its_own_rubbish_goes_and_nothing_of_anybody_elses(shop: Shop) -> None:
    scene, other = shop.scene, shop.other
    with scene.step("two projects are there, each with leftovers of the same kinds"):
        mine, theirs = shop.connect(scene.name), shop.connect(other)
        first = shop.build("one")
        scene.done("apply", "-f", "manifests")
        shop.build("one", other)
        scene.hand("-f", f"{other}.yaml", "up", "-d")
        unseen, their_image = shop.build("two"), shop.build("two", other)
        newest = shop.build("three")
        shop.build("three", other)
        scene.done("apply", "-f", "manifests")
        run, their_run = shop.leave(scene.name, "-v", "/anonymous"), shop.leave(other)
        at_work = scene.hand("run", "-d", "db", "sleep", "86400").split()[-1]
        docker("run", "--rm", "-v", f"{scene.name}_data:/d", IMAGE, "sh", "-c", "echo kept > /d/file")
    before = Held.of(scene.name, other)
    with scene.step("a dry run lists them, says what they take, and touches nothing"):
        found = eventually(lambda: (seen := shop.listed("-f", "manifests")) and mine in seen and seen)
        assert found.keys() == {run, mine}, "what nobody saw in use may be anybody's build on ours"
        assert (found[run]["why"], found[run]["kind"]) == ("one-off of db, exited (3)", "container")
        assert 100_000 <= found[run]["bytes"] < 200_000
        assert Held.of(scene.name, other) == before
    with scene.step("young things stay unless somebody wants them to go"):
        ran = scene.done("cleanup", "-f", "manifests")
        assert "nothing to remove; 2 more" in ran.out and Held.of(scene.name, other) == before
    with scene.step("a clean-up removes exactly these"):
        done = scene.data("cleanup", "--older-than", "0s", "-f", "manifests")
        assert {item["id"]: item["outcome"] for item in done["items"]} == dict.fromkeys(found, "removed")
        after = Held.of(scene.name, other)
        assert before.containers - after.containers == {run}
        assert before.images == after.images >= {unseen, their_image, newest, first}
        assert before.networks - after.networks == {mine} and theirs in after.networks
        assert after.volumes == before.volumes == {f"{scene.name}_data", f"{other}_data"}
        assert shop.anonymous and {*shop.anonymous} <= every("volume", "ls", "-q")
        assert {their_run, docker("inspect", "-f", "{{.Id}}", at_work).strip()} <= after.containers
        assert docker("run", "--rm", "-v", f"{scene.name}_data:/d", IMAGE, "cat", "/d/file") == "kept\n"
    with scene.step("the way back is still there"):
        assert shop.web().inspect["Image"] == newest
        scene.done("rollout", "undo", "-f", "manifests")
        assert shop.web().running and shop.web().inspect["Image"] == first
    with scene.step("by hand nothing of the other project has to be made again"):
        lives = {name: one.life for name, one in containers(other).items() if one.running}
        scene.hand("-f", f"{other}.yaml", "up", "-d", "--no-recreate")
        assert {name: one.life for name, one in containers(other).items() if one.running} == lives


@pytest.mark.slow
def test_what_a_builder_left_in_between_goes_with_the_last_image_that_was_built_on_it(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = shop.scene
    monkeypatch.setenv("DOCKER_BUILDKIT", "0")  # the builder that leaves an image after each step
    with scene.step("four versions that share their first step have run"):
        versions = []
        for version in ("one", "two", "three", "four"):
            versions.append(shop.build(version))
            scene.done("apply", "-f", "manifests")
        first, second, third, _ = versions
        shared = parent(parent(parent(first)))
        assert shared == parent(parent(parent(third))) != parent(third), "a step in between, without a name"
        parent_of = {image: parent(image) for image in versions}
    with scene.step("as long as one can go back to them, they stay"):
        assert shop.listed("-f", "manifests") == {}
        for number in range(10):
            scene.manifest(f"services: {{web: {{priority: {number + 1}, update: {{monitor: 100ms}}}}}}")
            scene.done("apply", "-f", "manifests")
    with scene.step("each of them goes with its own steps, and not with the shared one"):
        found = shop.listed("-f", "manifests")
        assert found.keys() == {first, second}, "and not the third: an undo would go back to it"
        assert all(300_000 <= item["bytes"] < 450_000 for item in found.values())
        before = every("images", "-aq", "--no-trunc")
        scene.done("cleanup", "--older-than", "0s", "-f", "manifests")
        gone = before - every("images", "-aq", "--no-trunc")
        assert {first, second, parent_of[first], parent_of[second]} <= gone
        assert gone.isdisjoint({shared, third, parent(third)})
        assert shop.image(IMAGE)
        assert scene.status()["phase"] == "Converged"


def parent(image: str) -> str:
    return docker("image", "inspect", "-f", "{{.Parent}}", image).strip()


@pytest.mark.slow
def test_beside_a_daemon_and_by_its_schedule(shop: Shop) -> None:
    scene = shop.scene
    scene.compose("services: {db: {SLEEP}}")
    scene.manifest()
    with scene.daemon("--watch", "--no-api"):
        scene.await_phase("Converged")
        run = shop.leave(scene.name)
        with scene.step("a command has the daemon do it, with the same output"):
            done = scene.data("cleanup", "--older-than", "0s")
            assert [(item["id"], item["outcome"]) for item in done["items"]] == [(run, "removed")]
            assert scene.containers().keys() == {"db-1"}
    run = shop.leave(scene.name)
    with scene.step("where the manifest says so, it is done unasked, and told"):
        scene.manifest("resources: {cleanup: {enabled: true, every: 1m, olderThan: 0s}}")
        with scene.daemon("--watch", "--no-api"):
            eventually(lambda: run not in every("ps", "-aq", "--no-trunc"), 120)
            told = scene.data("events")["events"]
            assert any(event["reason"] == "CleanedUp" and "one-off of db" in event["message"] for event in told)


@pytest.mark.slow
def test_a_log_without_bound_is_told_and_a_bounded_one_is_not(scene: Scene) -> None:
    scene.compose(
        """
        services:
          loud:
            image: IMAGE
            command: [sh, -c, "yes 0123456789abcdef | head -c 12000000; sleep 86400"]
            stop_signal: SIGKILL
          bounded:
            image: IMAGE
            command: [sh, -c, "yes 0123456789abcdef | head -c 12000000; sleep 86400"]
            stop_signal: SIGKILL
            logging: {driver: json-file, options: {max-size: 20m}}
        """
    )
    scene.done("apply")
    name = f"{scene.name}-loud-1"

    def told() -> dict[str, Any] | None:
        found = scene.data("cleanup", "--dry-run")["items"]
        return next((item for item in found if item["name"] == name), None)

    if scene.data("cleanup", "--dry-run")["notes"]:
        pytest.skip("logs are only root's to see here")
    item = eventually(told)
    assert item["outcome"] == "told" and item["bytes"] > 10 * 2**20 and "max-size" in item["hint"]
    assert len(scene.data("cleanup")["items"]) == 1, "the bounded one is none"
    assert docker("logs", "--tail", "1", name).startswith("0123456789")


def test_an_image_with_several_names_of_ours_goes_and_one_with_a_strange_name_keeps_all(
    docker_engine: ComposeEngine, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_BUILDKIT", "0")
    scene.write("image/Dockerfile", f"FROM {IMAGE}\nRUN echo {scene.name} > /v\n")
    names = (f"{scene.name}-web:1", f"{scene.name}-web:2", f"{scene.name}/other/web:1")
    docker("build", "-q", "-t", names[0], str(scene.folder / "image"))
    for name in names[1:]:
        docker("tag", names[0], name)
    image = docker("image", "inspect", "-f", "{{.Id}}", names[0]).strip()
    item = Item(Rubbish.IMAGE, image, names[0], 1, "test", names=names)
    user = docker("create", names[0], "true").strip()
    try:
        for wrong in (item, replace(item, names=names[:2])):
            with pytest.raises(Conflict):
                docker_engine.clear(wrong, CleanupPolicy())
        assert {*json.loads(docker("image", "inspect", image))[0]["RepoTags"]} == {*names}
    finally:
        docker("rm", user)
    docker_engine.clear(item, CleanupPolicy())
    assert image not in every("images", "-aq", "--no-trunc")


def test_the_build_cache_is_counted_and_a_request_to_cut_it_is_understood(docker_engine: ComposeEngine) -> None:
    """With a bound that nothing reaches: it is everybody's."""
    held = docker_engine.inventory("nobody", (), build_cache=True)
    assert held.cache is not None and not held.gaps
    usage = json.loads(docker("system", "df", "--format", "{{json .}}").splitlines()[-1])
    assert (usage["Type"], usage["TotalCount"]) == ("Build Cache", str(len(held.cache)))
    never = CleanupPolicy(older_than=10 * 365 * 86400.0, keep_storage=2**60, build_cache=True)
    item = Item(Rubbish.CACHE, "build-cache", "0 records", 0, "test")
    assert docker_engine.clear(item, never) == 0
