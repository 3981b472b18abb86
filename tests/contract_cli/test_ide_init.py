"""`controller ide init` in a folder of a project."""

from __future__ import annotations

import errno
import json
import os
import pty
import re
import select
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from controller.cli.editor import decide, find_here, remarks, write
from controller.intake.editor import HELD, PROBLEM, READ_AGAIN, SETTLED
from controller.model.errors import ControllerError
from tests.contract_cli.command import CONTROLLER, Ran, controller

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
    assert (unasked.code, unasked.out) == (1, shown.out)
    assert unasked.err == "error: nothing was written: nobody can be asked here\nhint: controller ide init --yes\n"
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


def test_manifests_elsewhere_are_named_in_tasks_and_name_the_schema(shop: Path) -> None:
    (shop / "deploy").mkdir()
    (shop / "deploy/prod.yaml").write_text(STACK)
    assert "hint: controller ide init -f deploy --yes\n" in init(shop, "-f", "deploy").err
    assert init(shop, "--yes", "-f", "deploy", "-f", "./manifests/shop.yaml", "-f", shop / "deploy/prod.yaml").code == 0
    tasks = json.loads((shop / ".vscode/tasks.json").read_text())["tasks"]
    files = ["-f", "deploy", "-f", "manifests/shop.yaml", "-f", "deploy/prod.yaml"]
    assert all(one["args"][-6:] == files and one["command"] == "controller" for one in tasks)
    assert "prod" not in (shop / ".vscode/settings.json").read_text()  # by its bare name others would be meant, too
    assert (shop / "deploy/prod.yaml").read_text() == LINE + STACK and all_of(shop)["manifests/shop.yaml"].count(
        b"#"
    ) == 1
    (shop.parent / "way").symlink_to(shop)
    assert (
        "nothing is to be done"
        in init(shop, "-f", "deploy", "-f", "manifests/shop.yaml", "-f", shop.parent / "way/deploy/prod.yaml").err
    )
    outside = init(shop / "deploy", "--yes", "-f", "../manifests/shop.yaml")
    assert outside.code == 1 and "leads out of this folder" in outside.err
    assert init(shop, "--yes", "-f", "nowhere.yaml").code == 1


def test_the_manifest_says_whether_tasks_are_wanted_and_start_with_the_folder(shop: Path) -> None:
    config = shop / "manifests/controller.yaml"
    config.write_text("apiVersion: controller/v1\nkind: Controller\nspec: {ide: {tasks: false}}\n")
    assert init(shop, "--yes").code == 0 and not (shop / ".vscode/tasks.json").exists()
    config.write_text(config.read_text().replace("tasks: false", "autoStart: true"))
    assert init(shop, "--yes").code == 0 and "folderOpen" in (shop / ".vscode/tasks.json").read_text()
    config.write_text(config.read_text().replace("autoStart: true", "tasks: false"))
    assert init(shop, "--yes").code == 0 and "controller" not in (shop / ".vscode/tasks.json").read_text()


HEAD = "apiVersion: controller/v1\nkind: Controller\n"


@pytest.mark.parametrize(
    ("name", "good", "broken"),
    [
        ("controller.yaml", HEAD + "spec: {ide: {autoStart: true}}\n", HEAD + "spec: {ide: {autoStart: true}, x: 1}\n"),
        ("controller.yaml", HEAD + "spec: {ide: {tasks: false}}\n", HEAD + "spec: {ide: {tasks: false}, x: 1}\n"),
        ("controller.yaml", HEAD + "spec: {ide: {tasks: false}}\n", HEAD + "spec: {ide: {tasks: false}\n"),
        ("controller.yaml", HEAD + "spec: {ide: {autoStart: true}}\n", HEAD.replace("ller\n", "ler\n") + "spec: {}\n"),
    ],
)
def test_of_a_manifest_that_is_broken_for_now_nothing_is_concluded(
    shop: Path, name: str, good: str, broken: str
) -> None:
    """A broken manifest is what an editor is wanted for: all else is set up."""
    config = shop / "manifests" / name
    config.write_text(good)
    assert init(shop, "--yes").code == 0
    before = all_of(shop).get(".vscode/tasks.json")
    config.write_text(broken)
    ran = init(shop, "--yes")
    assert ran.code == 0 and all_of(shop).get(".vscode/tasks.json") == before
    assert "warning: .vscode/tasks.json: left as it is: " in ran.err and "hint: controller validate" in ran.err


def test_the_manifest_says_whether_a_status_bar_is_wanted(shop: Path) -> None:
    config, settings = shop / "manifests/controller.yaml", shop / ".vscode/settings.json"
    config.write_text(HEAD + "spec: {ide: {statusBar: false}}\n")
    assert init(shop, "--yes").code == 0 and '"controller.statusBar.enabled": false' in settings.read_text()
    assert "nothing is to be done" in init(shop).err
    config.write_text(config.read_text().replace("false", "true"))
    assert init(shop, "--yes").code == 0 and "statusBar" not in settings.read_text()


def test_no_file_is_touched_where_one_cannot_be_written(shop: Path) -> None:
    assert init(shop, "--yes").code == 0
    settings = shop / ".vscode/settings.json"
    settings.write_text("{}")
    settings.chmod(0o444)
    (shop / ".vscode/tasks.json").unlink()
    before = all_of(shop)
    for option in ("--yes", "--dry-run"):
        ran = init(shop, option)
        assert ran.code == 1 and all_of(shop) == before
        assert ran.err.startswith(
            "error: .vscode/settings.json: cannot be written, it is read-only; nothing was written\n"
        )
        assert "hint: make it writable" in ran.err


def test_a_file_in_the_place_of_the_folder_is_told(shop: Path) -> None:
    (shop / ".vscode").write_text("")
    for option in ("--yes", "--dry-run"):
        ran = init(shop, option)
        assert (ran.code, ran.out) == (1, "") and "error: .vscode: is no folder; nothing was written\nhint: " in ran.err


def test_a_folder_that_is_not_ours_keeps_all_from_being_written(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may write everywhere: what the system would say to others is put in its mouth."""
    closed, real = str(shop / "manifests"), os.access
    monkeypatch.setattr(os, "access", lambda path, mode: str(path) != closed and real(path, mode))
    with pytest.raises(ControllerError, match=r"manifests/shop.yaml: cannot be written, for its folder is not ours"):
        decide(shop, find_here(shop, ()))


def test_what_is_edited_while_the_question_waits_is_not_overwritten(shop: Path) -> None:
    (shop / ".vscode").mkdir()
    settings = shop / ".vscode/settings.json"
    settings.write_text("{}")
    changes = decide(shop, find_here(shop, ()))
    settings.write_text('{"mine": 1}')
    before = all_of(shop)
    with pytest.raises(ControllerError, match=r"settings.json: was changed meanwhile; nothing was written"):
        write(shop, changes)
    assert all_of(shop) == before


@pytest.mark.parametrize(
    ("number", "hint"), [(errno.ENOSPC, "then call this again"), (errno.EROFS, "make it writable")]
)
def test_what_fails_on_the_way_names_the_file_that_is_meant(
    shop: Path, monkeypatch: pytest.MonkeyPatch, number: int, hint: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number), ".settings.json.17.unfinished")

    changes = decide(shop, find_here(shop, ()))
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(ControllerError) as raised:
        write(shop, changes)
    assert raised.value.message == f".vscode/controller.schema.json: {os.strerror(number).lower()}"
    assert (raised.value.hint or "").startswith(hint)


def test_a_file_never_comes_to_be_read_by_more(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (shop / ".vscode").mkdir()
    for name, mode in (("settings.json", 0o600), ("tasks.json", 0o660)):
        (shop / ".vscode" / name).write_text("{}")
        (shop / ".vscode" / name).chmod(mode)
        os.chown(shop / ".vscode" / name, -1, os.getgid())
    changes = decide(shop, find_here(shop, ()))

    def forbid(_: int, uid: int, gid: int) -> None:
        if (uid, gid) != (-1, -1):
            raise PermissionError(errno.EPERM, "not permitted")

    monkeypatch.setattr(os, "fchown", forbid)
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    monkeypatch.setattr(os, "getegid", lambda: 54321)
    monkeypatch.setattr(os, "getgroups", lambda: [54321])
    write(shop, changes)
    modes = {name: (shop / ".vscode" / name).stat().st_mode & 0o777 for name in ("settings.json", "tasks.json")}
    assert modes == {"settings.json": 0o600, "tasks.json": 0o600}


def test_a_command_of_the_projects_own_is_the_one_that_tasks_call(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (shop / ".venv/bin").mkdir(parents=True)
    (shop / ".venv/bin/controller").touch()
    monkeypatch.setattr(sys, "executable", str(shop / ".venv/bin/python"))
    (tasks,) = [one.after for one in decide(shop, find_here(shop, ())) if one.file.endswith("tasks.json")]
    assert {one["command"] for one in json.loads(tasks)["tasks"]} == {"${workspaceFolder}/.venv/bin/controller"}


def test_a_folder_above_that_an_editor_may_open_is_told(shop: Path) -> None:
    assert "editors may open" not in init(shop, "--dry-run").err
    (shop.parent / ".git").mkdir()
    assert f"warning: editors may open {shop.parent} instead" in init(shop, "--dry-run").err
    (shop / ".git").mkdir()
    assert "editors may open" not in init(shop, "--dry-run").err


def test_a_manifest_that_cannot_be_read_is_told(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed, real = str(shop / "manifests/shop.yaml"), os.access
    monkeypatch.setattr(os, "access", lambda path, mode: str(path) != closed and real(path, mode))
    assert [one.file for one in remarks(shop, find_here(shop, ()))] == ["manifests/shop.yaml"]


@pytest.mark.parametrize("answer", ["n", "y"])
def test_a_no_is_an_answer_and_no_error(shop: Path, answer: str) -> None:
    before = all_of(shop)
    program, terminal = pty.fork()
    if program == 0:
        os.chdir(shop)
        os.execv(CONTROLLER, [str(CONTROLLER), "ide", "init"])
    shown = b""
    while b"files? [y/N]" not in shown:
        shown += os.read(terminal, 65536)
    os.write(terminal, answer.encode() + b"\n")
    with suppress(OSError):  # its end
        while chunk := os.read(terminal, 65536):
            shown += chunk
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(program, 0)[1]) == 0
    said = shown.decode().rsplit("[y/N]", 1)[1]
    assert "error" not in said and "hint" not in said
    assert ("nothing was written" in said, all_of(shop) == before) == (
        (True, True) if answer == "n" else (False, False)
    )


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
    assert re.match(PROBLEM, "error: shop: manifests/a.yaml:3:1: no") is None  # a prefix is no part of a file's name


def test_what_a_controller_that_watches_says_becomes_marks(shop: Path) -> None:
    """By what the task really calls, on a terminal as the editor gives it one, on the simulated engine."""
    assert init(shop, "--yes").code == 0
    tasks = json.loads((shop / ".vscode/tasks.json").read_text())["tasks"]
    (task,) = [one for one in tasks if one["label"] == "controller: run"]
    env = {**os.environ, "TERM": "xterm-256color", "CONTROLLER_STATE_DIR": str(shop.parent / "state")}
    program, terminal = pty.fork()
    if program == 0:
        os.chdir(shop)
        words = [str(CONTROLLER), "--engine", "simulated", *task["args"], "--no-api"]
        os.execve(CONTROLLER, words, env)
    lines = Lines(terminal)
    try:
        lines.until(SETTLED)
        manifest = shop / "manifests/shop.yaml"
        good = manifest.read_text()
        manifest.write_text(good.replace("spec: {", "spec: {autostart: true, nonsense: 1, "))
        matcher = task["problemMatcher"]
        found = re.match(matcher["pattern"]["regexp"], lines.until(HELD))
        assert found is not None and matcher["severity"] == "error" and matcher["owner"] != "controller"
        groups = {name: found[number] for name, number in matcher["pattern"].items() if name != "regexp"}
        assert (groups["file"], groups["line"], groups["column"]) == ("manifests/shop.yaml", "5", "8")
        assert "unknown key 'autostart'" in groups["message"] and "unknown key 'nonsense'" in groups["message"]
        manifest.write_text(good)
        lines.until(READ_AGAIN)
        assert not any(re.match(matcher["background"][key], found[0]) for key in ("beginsPattern", "endsPattern"))
    finally:
        os.kill(program, signal.SIGINT)
        os.close(terminal)
        os.waitpid(program, 0)


class Lines:
    """What comes from a terminal, without colour, as an editor's matchers get it."""

    def __init__(self, terminal: int) -> None:
        self._terminal, self._rest = terminal, ""

    def until(self, pattern: str) -> str:
        """The first line that matches. Raises TimeoutError."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            line, end, rest = self._rest.partition("\n")
            if end:
                self._rest = rest
                if re.match(pattern, line):
                    return line
            elif select.select([self._terminal], [], [], 1)[0]:
                raw = os.read(self._terminal, 65536).decode().replace("\r", "")
                self._rest += re.sub(r"\x1b\[[0-9;]*m", "", raw)
        raise TimeoutError(pattern)
