"""`controller ide init` in a folder of a project."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from controller.render.editor import PROBLEM
from tests.contract_cli.command import Ran, controller

STACK = "apiVersion: controller/v1\nkind: Stack\nmetadata: {name: shop}\nspec: {compose: {files: [../compose.yaml]}}\n"
LINE = "# yaml-language-server: $schema=../.vscode/controller.schema.json\n"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    (folder / "manifests").mkdir(parents=True)
    (folder / "compose.yaml").write_text("services: {web: {image: web}}\n")
    (folder / "manifests/shop.yaml").write_text(STACK)
    (folder / "manifests/compose.yaml").write_text("services: {}\n")
    return folder


def init(folder: Path, *options: str, **env: str) -> Ran:
    return controller("ide", "init", *options, cwd=folder, env=env)


def all_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_it_is_shown_first_and_written_only_with_a_word(shop: Path) -> None:
    before = all_of(shop)
    shown = init(shop, "--dry-run")
    assert shown.code == 0 and ".vscode/settings.json  new" in shown.out and f"+{LINE.strip()}" in shown.out
    unasked = init(shop)
    assert (unasked.code, unasked.out) == (1, shown.out) and "hint: controller ide init --yes" in unasked.err
    assert all_of(shop) == before
    assert json.loads(init(shop, "--dry-run", "-o", "json").out)["files"][0] == {
        "file": ".vscode/controller.schema.json",
        "change": "new",
    }


def test_what_is_written_is_whole_and_a_second_time_nothing_is_to_be_done(shop: Path) -> None:
    before = all_of(shop)
    ran = init(shop, "--yes")
    assert ran.code == 0 and "5 files written" in ran.err
    after = all_of(shop)
    assert {name for name in after if after[name] != before.get(name)} == {
        ".vscode/controller.schema.json",
        ".vscode/settings.json",
        ".vscode/tasks.json",
        ".vscode/extensions.json",
        "manifests/shop.yaml",
    }
    assert after["manifests/shop.yaml"].decode() == LINE + STACK
    schema = json.loads(after[".vscode/controller.schema.json"])
    Draft7Validator.check_schema(schema)
    assert schema == json.loads(controller("schema").out)
    again = init(shop)
    assert (again.code, again.out) == (0, "") and "nothing is to be done" in again.err and all_of(shop) == after
    assert controller("validate", cwd=shop).code == 0


def test_of_several_files_one_that_cannot_be_read_keeps_all_from_being_written(shop: Path) -> None:
    (shop / ".vscode").mkdir()
    (shop / ".vscode/tasks.json").write_text('{\n  "tasks": [1 2]\n}\n')
    before = all_of(shop)
    ran = init(shop, "--yes")
    assert (ran.code, ran.out) == (1, "") and all_of(shop) == before
    assert "error: .vscode/tasks.json:2:15: is not JSON: a comma or ] is missing before this\nhint: " in ran.err


@pytest.mark.parametrize("place", [".vscode", ".vscode/settings.json", "manifests/linked.yaml"])
def test_a_link_out_of_the_folder_is_not_followed(shop: Path, place: str) -> None:
    outside = shop.parent / "outside"
    if place == ".vscode":
        outside.mkdir()
    else:
        outside.write_text(STACK if place.startswith("manifests") else "{}")
    (shop / place).parent.mkdir(exist_ok=True)
    (shop / place).symlink_to(outside)
    before = all_of(shop)
    ran = init(shop, "--yes")
    assert ran.code == 1 and "leads out of this folder; nothing is written there" in ran.err and all_of(shop) == before
    assert not outside.is_dir() or not list(outside.iterdir())


def test_manifests_elsewhere_are_named_and_mapped(shop: Path) -> None:
    (shop / "deploy").mkdir()
    (shop / "deploy/prod.yaml").write_text(STACK)
    assert init(shop, "--yes", "-f", "deploy").code == 0
    assert "deploy/prod.yaml" in (shop / ".vscode/settings.json").read_text()
    assert (shop / "deploy/prod.yaml").read_text() == LINE + STACK
    outside = init(shop / "deploy", "--yes", "-f", "../manifests/shop.yaml")
    assert outside.code == 1 and "leads out of this folder" in outside.err
    assert init(shop, "--yes", "-f", "nowhere.yaml").code == 1


def test_the_manifest_says_whether_tasks_are_wanted_and_start_with_the_folder(shop: Path) -> None:
    config = shop / "manifests/controller.yaml"
    config.write_text("apiVersion: controller/v1\nkind: Controller\nspec: {ide: {tasks: false}}\n")
    assert init(shop, "--yes").code == 0 and not (shop / ".vscode/tasks.json").exists()
    config.write_text(config.read_text().replace("tasks: false", "autoStart: true"))
    assert init(shop, "--yes").code == 0 and "folderOpen" in (shop / ".vscode/tasks.json").read_text()
    config.write_text(config.read_text().replace("autoStart: true", "autoStrat: 1"))
    assert init(shop, "--yes").code == 0  # a broken manifest is what an editor is wanted for


def test_files_keep_their_mode_and_new_ones_can_be_read(shop: Path) -> None:
    (shop / ".vscode").mkdir(mode=0o755)
    (shop / ".vscode/settings.json").write_text("{}")
    (shop / ".vscode/settings.json").chmod(0o600)
    assert init(shop, "--yes").code == 0
    modes = {path.name: path.stat().st_mode & 0o777 for path in (shop / ".vscode").iterdir()}
    assert modes.pop("settings.json") == 0o600 and set(modes.values()) == {0o644}


@pytest.mark.parametrize(
    "point", ["disk.folder.after", "disk.editor.before", "disk.editor.after:2", "disk.editor.after:5"]
)
def test_killed_on_the_way_each_file_is_whole_and_the_next_call_ends_it(shop: Path, point: str) -> None:
    before = all_of(shop)
    assert init(shop, "--yes", CONTROLLER_CRASH_AT=point).code == -9
    assert init(shop, "--yes").code == 0
    after = all_of(shop)
    assert not [name for name in after if "unfinished" in name]
    assert set(after) > set(before) and after["manifests/shop.yaml"].decode() == LINE + STACK
    assert "nothing is to be done" in init(shop).err


def test_the_problem_matcher_matches_what_is_said_of_a_broken_manifest(shop: Path) -> None:
    text = STACK.replace("spec: {", "spec: {autostart: true, ")
    (shop / "manifests/shop.yaml").write_text(text)
    ran = controller("validate", cwd=shop)
    (data,) = json.loads(controller("validate", "-o", "json", cwd=shop).out)["errors"]
    found = [match for line in ran.err.splitlines() if (match := re.match(PROBLEM, line))]
    assert [match.groups()[:4] for match in found] == [
        ("error", "manifests/shop.yaml", str(data["line"]), str(data["column"]))
    ]
    assert data["message"] in found[0][5]


def test_the_problem_matcher_matches_warnings_too_and_no_address(shop: Path) -> None:
    (shop / "compose.yaml").write_text("services:\n  web:\n    image: web\n    environment: {A: '${NOWHERE_SET}'}\n")
    ran = controller("validate", cwd=shop, env={key: "" for key in os.environ if key == "NOWHERE_SET"})
    found = [match for line in ran.err.splitlines() if (match := re.match(PROBLEM, line))]
    assert ran.code == 0 and found and found[0][1] == "warning" and found[0][2].endswith("compose.yaml")
    assert re.match(PROBLEM, "error: 127.0.0.1:7070: connection refused") is None
    assert re.match(PROBLEM, "error: a.env:3: is wrong")[4] is None  # type: ignore[index]
