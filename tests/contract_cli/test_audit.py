"""`controller audit` on the command line: shapes, exit codes, and a copy that is proven elsewhere."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from controller.engines.simulated import SimulatedEngine
from controller.loop.acting import who
from controller.loop.auditor import AuditBook
from controller.loop.store import stack_dir
from controller.security.audit import Act, Via
from controller.web.keys import Address
from tests.contract_cli.command import controller
from tests.contract_cli.conftest import Project

pytestmark = pytest.mark.unit

RECORD = {
    *("log", "v", "seq", "ts", "id", "stage", "actor", "via", "from", "verb", "object", "stack", "decision", "outcome"),
    *("detail", "prev", "mac"),
}
VERDICT = ["log", "state", "records", "first", "last", "signed", "checkpoints", "mended", "lost", "finding"]


@pytest.fixture
def kept(tmp_path: Path) -> Project:
    """What a stop of two services left, in a state folder that may be harmed."""
    state = tmp_path / "state"
    book = AuditBook(state, lambda: SimulatedEngine(state).info().id)
    asked = Act("ada", Via.CLI, "stop", "stack", "shop", "shop", "uid 1 pid 2")
    with book.acting(asked):
        for name in ("web", "db"):
            with book.acting(Act("controller", Via.LOOP, "stop", "service", name, "shop", detail={"number": 1})):
                pass
    book.note(Act("ada", Via.LOOP, "end", "controller", "controller", outcome="done"))
    return Project(tmp_path, state)


def log_of(project: Project) -> Path:
    (found,) = project.state.glob("*/shop/audit.jsonl")
    return found


def verdict(project: Project) -> tuple[int, dict[str, Any]]:
    ran = project.run("audit", "verify", "-o", "json")
    return ran.code, {one["log"]: one for one in json.loads(ran.out)["logs"]}["shop"]


def test_what_a_command_did_is_shown_newest_last(applied: Project) -> None:
    shown = json.loads(applied.run("audit", "show", "-o", "json").out)
    assert shown["next"] is None and all(set(one) == RECORD for one in shown["records"])
    asked = [one for one in shown["records"] if one["verb"] == "apply"]
    assert [(one["stage"], one["outcome"]) for one in asked] == [("intent", ""), ("outcome", "converged")]
    assert shown["records"][0] == asked[0] and asked[0]["id"] == asked[1]["id"]
    assert [one["verb"] for one in shown["records"]].count("create") == 4
    assert verdict(applied)[0] == 0


def test_what_is_shown_can_be_chosen(kept: Project) -> None:
    def actors(*words: str) -> list[str]:
        return [one["actor"] for one in json.loads(kept.run("audit", "show", *words, "-o", "json").out)["records"]]

    assert actors() == ["ada", *["controller"] * 4, "ada", "ada"] and actors("--since", "1h") == actors()
    assert actors("--who", "ada") == ["ada"] * 3 and actors("--verb", "end") == actors("--limit", "1") == ["ada"]
    (act,) = {one["id"] for one in json.loads(kept.run("audit", "show", "-o", "json").out)["records"][:1]}
    assert actors("--act", act) == ["ada"] * 2 and actors("--act", "none") == []
    assert len(actors("-s", "shop")) == 6 and actors("-s", "other") == []


def test_tables_have_these_columns(kept: Project) -> None:
    lines = kept.run("audit", "show").out.splitlines()
    assert lines[0].split() == ["TIME", "WHO", "VIA", "VERB", "OBJECT", "STAGE", "OUTCOME"] and len(lines) == 8
    assert lines[2].split()[2:] == ["controller", "loop", "stop", "shop/web", "1", "intent", "-"]
    wide = kept.run("audit", "show", "-o", "wide").out.splitlines()
    assert wide[0].split()[-3:] == ["ACT", "LOG", "SEQ"]
    number = json.loads(kept.run("audit", "show", "-o", "json").out)["records"][0]["id"]
    assert wide[1].split()[-7:] == ["uid", "1", "pid", "2", number, "shop", "1"]
    assert kept.run("audit", "show", "-o", "name").out.split()[-2:] == ["shop/6", "controller/2"]


def test_nothing_was_done_here_yet(tmp_path: Path) -> None:
    def run(*words: str) -> tuple[int, str]:
        ran = controller(
            "--engine", "simulated", "audit", *words, env={"CONTROLLER_STATE_DIR": str(tmp_path / "state")}
        )
        return ran.code, ran.out

    assert run("verify") == (0, "No audit log.\n") and run("show") == (0, "No records.\n") and run("export") == (0, "")
    assert not (tmp_path / "state" / "audit.key").exists(), "who looks makes no key"


def test_exit_code_0_as_it_was_written(kept: Project) -> None:
    code, found = verdict(kept)
    assert (code, found["state"], found["finding"]) == (0, "ok", None)
    assert list(found) == VERDICT and found["first"] == 1 and found["last"] == found["records"] == 6
    assert kept.run("audit", "verify").out.splitlines() == [
        "controller: ok, 2 records (1 to 2), none signed yet",
        "shop: ok, 6 records (1 to 6), none signed yet",
    ]
    assert kept.run("audit", "verify", "-s", "shop").out.count(": ok, ") == 1


def test_exit_code_1_tampered_with_and_where(kept: Project) -> None:
    lines = log_of(kept).read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b"controller", b"contraller")
    log_of(kept).write_bytes(b"".join(lines))
    code, found = verdict(kept)
    assert (code, found["state"]) == (1, "tampered")
    wrong = found["finding"]
    assert (wrong["fault"], wrong["file"], wrong["line"], wrong["seq"]) == ("edited", "audit.jsonl", 3, 3)
    said = kept.run("audit", "verify")
    assert said.code == 1 and "audit.jsonl:3: record 3 edited: not what was written" in said.out


def test_exit_code_2_incomplete(kept: Project) -> None:
    with log_of(kept).open("ab") as file:
        file.write(b'{"actor":"a')
    code, found = verdict(kept)
    assert (code, found["state"], found["finding"]["fault"]) == (2, "incomplete", "torn")
    kept.run("audit", "export")  # a writer: it takes the torn line off
    code, found = verdict(kept)
    assert (code, found["state"], found["mended"]) == (0, "ok", 1)


def test_a_copy_is_proven_with_nothing_else_at_hand(kept: Project, tmp_path: Path) -> None:
    copy, elsewhere = tmp_path / "audit.jsonl", {"CONTROLLER_STATE_DIR": str(tmp_path / "elsewhere")}
    copy.write_text(kept.run("audit", "export").out)
    public = json.loads(copy.read_text().splitlines()[0])["public"]

    def prove(*words: str) -> tuple[int, str]:
        ran = controller("audit", "verify", "--export", copy, *words, env=elsewhere)
        return ran.code, ran.out

    code, out = prove()
    assert code == 0 and "shop: ok, " in out and f"signed by {public}" in out
    assert prove("--public", public)[0] == 0
    assert prove("--public", "00" * 32)[0] == 1
    lines = copy.read_text().splitlines(keepends=True)
    copy.write_text("".join([*lines[:4], *lines[5:]]))
    assert prove("--public", public)[0] == 1
    copy.write_text("nonsense\n")
    assert prove()[0] == 1


def test_a_log_that_is_taken_away_with_the_note_of_its_end_is_missed_until_somebody_ends_it(kept: Project) -> None:
    assert kept.run("audit", "end", "shop").code == 1 and kept.run("audit", "end", "nobody").code == 1
    (head,) = kept.state.glob("*/_controller/heads/shop")
    log_of(kept).unlink()
    head.unlink()
    code, found = verdict(kept)
    assert (code, found["state"], found["records"]) == (1, "tampered", 0)
    assert (found["finding"]["fault"], found["finding"]["file"]) == ("removed", "shop/audit.jsonl")
    assert "record 1 of the controller's log says that it had this" in found["finding"]["message"]
    assert kept.run("audit", "export").code == 1 and not head.exists(), "nothing is made anew"
    assert kept.run("audit", "verify", "-s", "shop").code == 1
    assert kept.run("audit", "end", "shop").out == "the log of shop has ended; it is missed no more\n"
    assert kept.run("audit", "verify").code == 0
    said = json.loads(kept.run("audit", "show", "--verb", "end-log", "-o", "json").out)["records"]
    assert [(one["actor"], one["outcome"], one["object"]["name"]) for one in said] == [
        (who(), "", "shop"),
        (who(), "done", "shop"),
    ]


def test_a_link_to_the_dashboard_is_recorded_without_its_code(tmp_path: Path) -> None:
    project = Project(tmp_path, tmp_path / "state")
    number = SimulatedEngine(project.state).info().id
    assert project.run("token", "link").code == 1, "nobody serves"
    Address("http://127.0.0.1:7070", "e1").write(stack_dir(project.state, number, "_controller"))
    link = project.run("token", "link").out
    shown = json.loads(project.run("audit", "show", "--verb", "link", "-o", "json").out)["records"]
    assert [(one["stage"], one["outcome"], one["object"]) for one in shown] == [
        ("intent", "", {"kind": "session", "name": ""}),
        ("outcome", "done", {"kind": "session", "name": ""}),
    ]
    assert {one["actor"] for one in shown} == {who()} and link.partition("code=")[2].strip() not in str(shown)


def test_a_test_of_a_channel_is_recorded_with_what_came_of_it(project: Project) -> None:
    manifest = """
        apiVersion: controller/v1
        kind: Controller
        spec: {alertChannels: {ops: {urlEnv: OPS_URL}}}
    """
    project.write("manifests/controller.yaml", manifest)
    assert project.run("alerts", "test", env={"OPS_URL": ""}).code == 1
    shown = json.loads(project.run("audit", "show", "--verb", "test", "-o", "json").out)["records"]
    assert [(one["stage"], one["outcome"], one["object"]["name"]) for one in shown] == [
        ("intent", "", "ops"),
        ("outcome", "failed", "ops"),
    ]
    assert shown[1]["detail"] == {"error": "variable OPS_URL is not set"}


def test_a_change_is_refused_where_it_cannot_be_recorded(applied: Project, tmp_path: Path) -> None:
    shutil.copytree(applied.state, tmp_path / "state")
    (tmp_path / "state" / "audit.key").unlink()
    there = Project(applied.folder, tmp_path / "state")
    ran = there.run("stop")
    assert ran.code == 1 and ran.out == "" and "hint: put it back" in ran.err
    assert "audit.key: gone, though there are audit logs that were written with it" in ran.err
    assert json.loads(there.run("status", "-o", "json").out)["stacks"][0]["phase"] == "Converged"


def test_what_cannot_be_meant_is_an_error(kept: Project) -> None:
    assert kept.run("audit", "verify", "--public", "00").code == 2
    ran = kept.run("audit", "verify", "-s", "nobody")
    assert ran.code == 1 and "there is no audit log of 'nobody'" in ran.err
    assert kept.run("audit").code in (0, 2) and kept.run("audit", "nonsense").code == 2
