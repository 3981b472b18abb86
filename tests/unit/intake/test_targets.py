"""What is meant by what was typed, on real folders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from controller.model.channel import Channel
from tests.unit.intake.folders import COMPOSE, find, manifest, shown, write

pytestmark = pytest.mark.unit

FOUND: dict[str, tuple[dict[str, str], tuple[str, ...], dict[str, str], list[tuple[str, list[str]]]]] = {
    "no -f: manifests/ first": (
        {
            "manifests/a.yaml": manifest("a", "{compose: {files: [../x.yaml]}}"),
            "x.yaml": COMPOSE,
            "compose.yaml": COMPOSE,
        },
        (),
        {},
        [("a", ["x.yaml"])],
    ),
    "no -f: manifests/ without a manifest of ours": (
        {
            "manifests/a.yaml": "kind: Deployment\napiVersion: apps/v1\n",
            "my app/compose.yaml": COMPOSE,
            "compose.yaml": COMPOSE,
        },
        (),
        {"COMPOSE_PROJECT_NAME": "p"},
        [("p", ["compose.yaml"])],
    ),
    "no -f: COMPOSE_FILE": (
        {"b.yaml": COMPOSE, "c/d.yaml": "services: {}\n", "compose.yaml": COMPOSE},
        (),
        {"COMPOSE_FILE": "b.yaml:c/d.yaml", "COMPOSE_PROJECT_NAME": "p"},
        [("p", ["b.yaml", "c/d.yaml"])],
    ),
    "no -f: COMPOSE_FILE of .env": (
        {"b.yaml": "name: q\n" + COMPOSE, ".env": "COMPOSE_FILE=b.yaml\n", "compose.yaml": COMPOSE},
        (),
        {},
        [("q", ["b.yaml"])],
    ),
    "no -f: Compose's order, with the override": (
        {"docker-compose.yaml": COMPOSE, "docker-compose.yml": COMPOSE, "docker-compose.override.yml": COMPOSE},
        (),
        {"COMPOSE_PROJECT_NAME": "p"},
        [("p", ["docker-compose.yml", "docker-compose.override.yml"])],
    ),
    "-f a Compose file: exactly that": (
        {"App.1/compose.yaml": COMPOSE, "App.1/compose.override.yaml": COMPOSE},
        ("App.1/compose.yaml",),
        {},
        [("app1", ["App.1/compose.yaml"])],
    ),
    "-f twice: one project": (
        {"app/compose.yaml": COMPOSE, "prod.yaml": "services: {}\n"},
        ("app/compose.yaml", "prod.yaml"),
        {},
        [("app", ["app/compose.yaml", "prod.yaml"])],
    ),
    "the name in the file": (
        {"app/compose.yaml": "name: given\n" + COMPOSE},
        ("app/compose.yaml",),
        {},
        [("given", ["app/compose.yaml"])],
    ),
    "the last name wins, variables in it": (
        {"a.yaml": "name: one\n" + COMPOSE, "b.yaml": "name: ${N:-two}\nservices: {}\n"},
        ("a.yaml", "b.yaml"),
        {},
        [("two", ["a.yaml", "b.yaml"])],
    ),
    "the name in .env": (
        {"app/compose.yaml": "name: given\n" + COMPOSE, "app/.env": "COMPOSE_PROJECT_NAME=envname\n"},
        ("app/compose.yaml",),
        {},
        [("envname", ["app/compose.yaml"])],
    ),
    "-f a manifest": (
        {"m/a.yaml": manifest("app", "{compose: {files: [../app/compose.yaml]}}"), "app/compose.yaml": COMPOSE},
        ("m/a.yaml",),
        {"COMPOSE_PROJECT_NAME": "not-for-manifests"},
        [("app", ["app/compose.yaml"])],
    ),
    "-f a manifest that names no Compose file": (
        {"app/a.yaml": manifest("app"), "app/compose.yaml": COMPOSE, "app/compose.override.yaml": COMPOSE},
        ("app/a.yaml",),
        {},
        [("app", ["app/compose.yaml", "app/compose.override.yaml"])],
    ),
    "-f a folder of manifests": (
        {
            "m/b.yaml": manifest("b", "{compose: {files: [../b/x.yaml]}}")
            + "---\n"
            + manifest("c", "{compose: {files: [../c/x.yaml]}}"),
            "m/a.yml": manifest("a", "{compose: {files: [../a/x.yaml]}}"),
            "m/k8s.yaml": "apiVersion: v1\nkind: Service\n",
            "m/broken-but-not-ours.yaml": "{{ template }}: [\n",
            "m/compose.yaml": COMPOSE,
            "a/x.yaml": COMPOSE,
            "b/x.yaml": COMPOSE,
            "c/x.yaml": COMPOSE,
        },
        ("m",),
        {},
        [("a", ["a/x.yaml"]), ("b", ["b/x.yaml"]), ("c", ["c/x.yaml"])],
    ),
    "-f a folder that is a project": (
        {"app/compose.yaml": COMPOSE, "app/sub/compose.yaml": COMPOSE},
        ("app",),
        {},
        [("app", ["app/compose.yaml"])],
    ),
    "-f a folder of projects": (
        {
            "all/b/docker-compose.yml": COMPOSE,
            "all/a/compose.yaml": COMPOSE,
            "all/none/readme": "",
            "all/a/deep/compose.yaml": COMPOSE,
        },
        ("all",),
        {},
        [("a", ["all/a/compose.yaml"]), ("b", ["all/b/docker-compose.yml"])],
    ),
}


@pytest.mark.parametrize("case", FOUND)
def test_finds(case: str, tmp_path: Path) -> None:
    files, given, environment, expected = FOUND[case]
    write(tmp_path, files)
    found = find(tmp_path, *given, environment=environment)
    assert found.broken == ()
    assert shown(found, tmp_path) == expected


def test_folder_above(tmp_path: Path) -> None:
    write(tmp_path, {"app/compose.yaml": COMPOSE, "app/src/x": ""})
    assert shown(find(tmp_path / "app" / "src"), tmp_path) == [("app", ["app/compose.yaml"])]


def test_through_a_folder_or_by_name(tmp_path: Path) -> None:
    write(tmp_path, {"all/a/compose.yaml": COMPOSE})
    assert [stack.through_folder for stack in find(tmp_path, "all").stacks] == [True]
    assert [stack.through_folder for stack in find(tmp_path, "all/a/compose.yaml").stacks] == [False]


def test_a_controller_beside_the_stacks(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "m/a.yaml": manifest("a", "{alertChannels: {ops: {urlFile: ops.url}}}", kind="Controller"),
            "m/b.yaml": manifest("b"),
            "m/compose.yaml": COMPOSE,
        },
    )
    found = find(tmp_path, "m")
    assert found.channels == (Channel("ops", url_file=tmp_path / "m" / "ops.url"),)
    assert [stack.name for stack in found.stacks] == ["b"]


def test_a_controller_alone_leaves_the_compose_files_to_be_found(tmp_path: Path) -> None:
    channels = manifest("a", "{alertChannels: {ops: {urlFile: ops.url}}}", kind="Controller")
    write(tmp_path, {"manifests/controller.yaml": channels, "compose.yaml": COMPOSE})
    found = find(tmp_path)
    assert [(stack.manifest, stack.place) for stack in found.stacks] == [(None, "compose.yaml")]
    assert found.channels is not None and not found.broken
    (broken,) = find(tmp_path, "manifests/controller.yaml").broken
    assert "describes the controller, and no stack" in broken.findings[0].message


def test_findings_of_a_stack_can_be_placed_in_its_manifest_and_in_its_compose_file(tmp_path: Path) -> None:
    write(tmp_path, {"a.yaml": manifest("a"), "compose.yaml": COMPOSE})
    (stack,) = find(tmp_path, "a.yaml").stacks
    assert [os.path.basename(document.file) for document in stack.documents] == ["a.yaml", "compose.yaml"]


def test_what_is_watched(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"m/a.yaml": manifest("a", "{compose: {files: [../c.yaml]}}"), "c.yaml": "services: {w: {env_file: x.env}}\n"},
    )
    watched = {os.path.relpath(path, tmp_path) for path in find(tmp_path, "m").watched}
    assert watched == {"m", "m/a.yaml", "c.yaml", ".env", "x.env"}
