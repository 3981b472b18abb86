"""`controller cleanup` on the command line: exit codes, shapes, and what is touched, on the simulated engine."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from controller import failpoints
from controller.engines.simulated import SimulatedEngine
from controller.engines.simulated_shelf import Shelf
from controller.loop.store import Store, stack_dir
from controller.model.cleanup import ContainerSeen, ImageSeen, LogSeen
from controller.model.names import ImageId, ReplicaId
from controller.model.observed import ReplicaPhase
from tests.contract_cli.conftest import SHOP, Project, make_project
from tests.contract_cli.test_reconciling import data, eventually, running
from tests.past import had_once

pytestmark = pytest.mark.unit

THEN = time.time() - 30 * 86400
ITEM = ["kind", "id", "name", "bytes", "atMost", "why", "unusedSince", "outcome", "message", "hint"]
STACK = ["stack", "dryRun", "ok", "bytes", "seconds", "olderThanSeconds", "items", "younger", "message", "notes"]


def one_off(name: str, project: str, at: float = THEN) -> ContainerSeen:
    return ContainerSeen(
        ReplicaId(f"id-{name}"), name, None, ReplicaPhase.EXITED, project, "web", one_off=True, exit_code=1,
        bytes=3 * 2**20, created_at=at, ended_at=at,
    )  # fmt: skip


def fill(project: Project) -> Project:
    """Leftovers of the stack's, old and young, and the same of another project's."""

    def put(shelf: Shelf) -> Shelf:
        sized = ImageSeen(ImageId(""), parent=ImageId("sha256:base"), service="web", bytes=2**20, created_at=THEN)
        built = [replace(sized, id=ImageId(f"sha256:{of}"), project=of) for of in ("shop", "blog")]
        young = one_off("shop-run-2", "shop", time.time())
        leftovers = (one_off("shop-run-1", "shop"), young, one_off("blog-run-1", "blog"))
        logs = (LogSeen(ReplicaId("l"), "shop-web-1", "web", 2**30, False),)
        mine = [image for image in shelf.images if image.names]
        return replace(shelf, containers=leftovers, images=(*mine, *built), volumes=("shop_data",), logs=logs)

    with closing(SimulatedEngine(project.state)) as engine:
        engine.shelve(put)
        folder = stack_dir(project.state, engine.info().id, "shop")
    with closing(Store(folder)) as store:
        had_once(store, "web", ImageId("sha256:shop"), THEN)
    return project


def holds(project: Project) -> tuple[set[str], set[str], tuple[str, ...]]:
    found: list[Shelf] = []
    with closing(SimulatedEngine(project.state)) as engine:
        engine.shelve(lambda shelf: found.append(shelf) or shelf)  # type: ignore[func-returns-value]
    [shelf] = found
    return {one.name for one in shelf.containers}, {one.id for one in shelf.images if not one.names}, shelf.volumes


ALL = ({"shop-run-1", "shop-run-2", "blog-run-1"}, {"sha256:shop", "sha256:blog"}, ("shop_data",))
REST = ({"shop-run-2", "blog-run-1"}, {"sha256:blog"}, ("shop_data",))


@pytest.fixture
def full(project: Project) -> Project:
    assert project.run("apply").code == 0
    return fill(project)


@pytest.fixture(scope="module")
def looked_at(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The same, for tests that only look."""
    made = make_project(tmp_path_factory.mktemp("cleanup"))
    assert made.run("apply").code == 0
    return fill(made)


def test_a_dry_run_is_a_table_with_the_total_and_changes_nothing(looked_at: Project) -> None:
    ran = looked_at.run("cleanup", "--dry-run")
    assert ran.code == 0, ran.err
    header, *rows, blank, total = ran.out.splitlines()
    assert header.split() == ["KIND", "NAME", "SIZE", "UNUSED", "WHY"] and blank == ""
    assert [row.split()[:4] for row in rows] == [
        ["container", "shop-run-1", "3Mi", "30d"],
        ["image", "sha256:shop", "≤1Mi", "30d"],
        ["log", "shop-web-1", "1Gi", "<none>"],
    ]
    assert total == "shop  would free at most 4Mi: 1 container and 1 image; 1 more (3Mi) unused for less than 7d"
    assert "hint: no log is cut off: set logging.options.max-size for shop-web-1" in ran.err
    assert holds(looked_at) == ALL


def test_the_shape_for_programs_is_stable(looked_at: Project) -> None:
    found = data(looked_at.run("cleanup", "shop", "--dry-run", "-o", "json"))
    assert list(found) == STACK and [list(item) for item in found["items"]] == [ITEM] * 3
    assert (found["stack"], found["dryRun"], found["ok"], found["bytes"]) == ("shop", True, True, 4 * 2**20)
    assert [item["outcome"] for item in found["items"]] == ["unused", "unused", "told"]
    names = looked_at.run("cleanup", "--dry-run", "-o", "name").out.split()
    assert names == ["container/shop-run-1", "image/sha256:shop", "log/shop-web-1"]
    wide = looked_at.run("cleanup", "--dry-run", "-o", "wide").out.splitlines()
    assert wide[0].split()[-1] == "ID" and wide[1].split()[-1] == "id-shop-run-1"


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["--no-images"], ["shop-run-1"]),
        (["--older-than", "0s"], ["shop-run-1", "shop-run-2", "sha256:shop"]),
        (["--older-than", "60d"], []),
    ],
    ids=" ".join,
)
def test_what_is_asked_for_counts_over_the_manifest(looked_at: Project, words: list[str], names: list[str]) -> None:
    found = data(looked_at.run("cleanup", "--dry-run", *words, "-o", "json"))
    assert [item["name"] for item in found["items"] if item["kind"] != "log"] == names


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nobody"], 1, "no stack is called 'nobody'"),
        (["--older-than", "soon"], 2, "'soon' is not a duration"),
        (["-f", "nowhere.yaml"], 1, "nowhere.yaml"),
        (["--purge"], 2, "--purge"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_cannot_be_done_is_one_line(looked_at: Project, words: list[str], code: int, said: str) -> None:
    ran = looked_at.run("cleanup", "--dry-run", *words)
    assert (ran.code, ran.out) == (code, "") and said in ran.err and "Traceback" not in ran.err


def test_what_is_unused_goes_and_the_record_tells_of_it(full: Project) -> None:
    ran = full.run("cleanup")
    assert ran.code == 0, ran.err
    assert [row.split()[4] for row in ran.out.splitlines()[1:4]] == ["removed", "removed", "told"]
    assert (
        ran.out.splitlines()[-1]
        == "shop  freed at most 4Mi: 1 container and 1 image; 1 more (3Mi) unused for less than 7d"
    )
    assert holds(full) == REST
    told = [
        event["message"] for event in data(full.run("events", "-o", "json"))["events"] if event["reason"] == "CleanedUp"
    ]
    assert told == [
        "removed container shop-run-1, 3Mi: one-off of web, exited (1)",
        "removed image sha256:shop, 1Mi: superseded image of web",
    ]
    again = full.run("cleanup", "-o", "json")
    assert again.code == 0 and [item["outcome"] for item in data(again)["items"]] == ["told"]
    assert full.run("status", "--exit-code").code == 0


def test_beside_a_daemon_it_is_the_same(full: Project) -> None:
    with running(full, "--watch", "--no-api"):
        eventually(lambda: "Converged" in full.run("status").out)
        eventually(lambda: "cleanup" not in full.run("cleanup", "--dry-run").err)
        ran = full.run("cleanup", "-o", "json")
    assert ran.code == 0, ran.err
    found = data(ran)
    assert list(found) == STACK and [item["outcome"] for item in found["items"]] == ["removed", "removed", "told"]
    assert holds(full) == REST


def test_what_the_manifest_says_holds_and_its_schedule_is_no_condition(full: Project) -> None:
    full.write(
        "manifests/shop.yaml",
        """
        apiVersion: controller/v1
        kind: Stack
        metadata: {name: shop}
        spec:
          compose: {files: [../compose.yaml]}
          resources: {cleanup: {images: false, olderThan: 29d, largerThan: 3Mi}}
        """,
    )
    found = data(full.run("cleanup", "-o", "json"))
    assert [item["name"] for item in found["items"]] == ["shop-run-1", "shop-web-1"]
    assert found["olderThanSeconds"] == 29 * 86400 and holds(full)[1] == ALL[1]


def test_files_that_are_broken_clean_nothing(full: Project) -> None:
    full.write("compose.yaml", SHOP + "  oops\n")
    ran = full.run("cleanup")
    assert (ran.code, ran.out) == (1, "") and "compose.yaml:" in ran.err
    assert holds(full) == ALL


@pytest.mark.parametrize("of", ["engine", pytest.param("store", marks=pytest.mark.slow)])
def test_killed_at_any_write_it_is_finished_by_the_next_one(full: Project, tmp_path: Path, of: str) -> None:
    record = tmp_path / "points"
    assert full.run("cleanup", env={failpoints.RECORD: str(record)}).code == 0
    points = sorted(point for point in set(record.read_text().split()) if point.startswith(of))
    assert len(points) >= 4, points
    for point in points:
        fill(full)
        ran = full.run("cleanup", env={failpoints.CRASH_AT: point})
        assert ran.code == -9, (point, ran)
        assert full.run("cleanup").code == 0, point
        assert holds(full) == REST, point
    assert full.run("status", "--exit-code").code == 0
