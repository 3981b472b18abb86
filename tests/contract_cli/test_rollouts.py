"""Revisions and the way back on the command line, on the simulated engine."""

from __future__ import annotations

import pytest

from tests.contract_cli.conftest import SHOP, Project, make_project
from tests.contract_cli.test_reconciling import data, eventually, phases, running


def write(project: Project, version: int) -> None:
    env = f"        environment: {{DB_PASSWORD: hunter{version}, V: '{version}'}}\n"
    project.write("compose.yaml", SHOP.replace("image: web:1\n", f"image: web:{version}\n{env}"))


@pytest.fixture
def updated(project: Project) -> Project:
    """Two revisions, of which the second changed web."""
    return update(project)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The same, for tests that only look."""
    return update(make_project(tmp_path_factory.mktemp("history")))


def update(project: Project) -> Project:
    for version in (1, 2):
        write(project, version)
        ran = project.run("apply")
        assert ran.code == 0, ran.err
    return project


def images(project: Project) -> set[str]:
    [stack] = data(project.run("status", "-o", "json"))["stacks"]
    return {replica["image"] for service in stack["services"] for replica in service["replicas"]}


def test_there_and_back_again(updated: Project) -> None:
    undone = updated.run("rollout", "undo", "-o", "json")
    assert undone.code == 0, undone.err
    assert data(undone)["outcome"] == "converged" and data(undone)["generation"] == 3
    assert images(updated) == {"db:1", "web:1"} and phases(updated)["web"] == "Paused"

    again = updated.run("apply")
    assert again.code == 1 and "hint: controller resume web" in again.err
    assert images(updated) == {"db:1", "web:1"}

    assert updated.run("rollout", "resume").code == 0
    assert updated.run("apply").code == 0
    assert images(updated) == {"db:1", "web:2"} and phases(updated)["web"] == "Ready"


@pytest.mark.slow
def test_the_history_has_the_stable_shape_and_no_secret(history: Project) -> None:
    ran = history.run("rollout", "history", "--diff", "-o", "json")
    assert ran.code == 0, ran.err
    first, second = data(ran)["revisions"]
    shape = ["stack", "revision", "time", "outcome", "outcomeTime", "reason", "who", "change", "source", "services"]
    assert list(second) == [*shape, "changes"]
    assert list(second["services"][0]) == ["name", "revision", "imageId", "settled"]
    assert (first["revision"], second["revision"], second["outcome"], second["change"]) == (1, 2, "Converged", "apply")
    changes = {change["path"]: (change["old"], change["new"]) for change in second["changes"]}
    assert changes["image"] == ("web:1", "web:2") and changes["environment.V"] == ("1", "2")
    assert changes["environment.DB_PASSWORD"] == ("***", "***")
    shown = history.run("rollout", "history", "--diff").out
    assert "- image: web:1" in shown and "+ image: web:2" in shown
    for secret in ("hunter1", "hunter2"):
        assert secret not in ran.out + shown
    assert data(history.run("get", "revisions", "-o", "json")) == data(history.run("rollout", "history", "-o", "json"))


def test_the_table_is_as_kubectl_prints_it(history: Project) -> None:
    header, first, second = history.run("rollout", "history").out.splitlines()
    assert header.split() == ["REVISION", "AGE", "OUTCOME", "WHO", "CHANGE"]
    assert (first.split()[0], second.split()[0]) == ("1", "2")
    assert len(history.run("rollout", "history", "db").out.splitlines()) == 2, "it changed in the first one only"
    assert history.run("get", "revisions", "-o", "name").out == "shop/1\nshop/2\n"
    assert history.run("get", "revisions", "--no-headers").out.splitlines()[0].split()[0] == "1"


def test_one_revision_in_full(history: Project) -> None:
    shown = history.run("rollout", "history", "--revision", "2", "--diff").out
    assert "Revision:   2" in shown and "+ image: web:2" in shown and "hunter" not in shown
    missing = history.run("rollout", "history", "--revision", "7")
    assert (missing.code, missing.out) == (1, "") and "no revision 7" in missing.err


def test_the_status_of_what_is_done_ends_at_once(history: Project) -> None:
    ran = history.run("rollout", "status")
    assert (ran.code, ran.out) == (0, "shop: revision 2 successfully rolled out\n")
    assert history.run("rollout", "status", "web").out == "web: revision 2 successfully rolled out\n"
    assert data(history.run("rollout", "status", "-o", "json")) == {
        "rollouts": [
            {
                "stack": "shop",
                "revision": 2,
                "outcome": "Converged",
                "messages": ["shop: revision 2 successfully rolled out"],
            }
        ]
    }


@pytest.mark.slow
def test_the_status_of_what_was_rolled_back_is_a_failure(updated: Project) -> None:
    broken = "labels: {controller.simulated.crash-after: '0.2'}\n"
    updated.write("compose.yaml", SHOP.replace("image: web:1\n", f"image: web:3\n        {broken}"))
    assert updated.run("apply", timeout=120).code == 1
    ran = updated.run("rollout", "status", "--no-watch")
    assert ran.code == 1 and ran.out.startswith("web: ")
    last = updated.run("rollout", "history").out.splitlines()[-1].split()
    assert last[2] == "RolledBack"
    assert images(updated) == {"db:1", "web:2"}


def test_what_cannot_be_undone_is_one_line_with_its_mend(project: Project) -> None:
    assert project.run("apply").code == 0
    for arguments, said in [
        (("undo",), "no earlier generation converged"),
        (("undo", "--to", "9"), "there is no generation 9"),
        (("undo", "wep"), "no service wep"),
    ]:
        ran = project.run("rollout", *arguments)
        assert (ran.code, ran.out) == (1, "") and said in ran.err and "hint: " in ran.err


@pytest.mark.slow
def test_a_daemon_does_what_is_asked_beside_it_and_does_not_fight_it(updated: Project) -> None:
    with running(updated, "--watch"):
        eventually(lambda: "Converged" in updated.run("status").out)
        assert updated.run("rollout", "restart", "web").code == 0
        assert updated.run("rollout", "undo", "--to", "1").code == 0
        assert images(updated) == {"db:1", "web:1"}
        assert updated.run("rollout", "status").code == 0
        assert updated.run("rollout", "resume").code == 0
        eventually(lambda: images(updated) == {"db:1", "web:2"})
        assert updated.run("rollout", "undo", "web").code == 0
        write(updated, 3)
        eventually(lambda: images(updated) == {"db:1", "web:3"})
        assert updated.run("rollout", "status").code == 0
        changes = [one["change"] for one in data(updated.run("rollout", "history", "-o", "json"))["revisions"]]
    undone = ["restart web", "undo to 1", "resume", "undo web to 4"]
    assert changes == ["apply", "apply", *undone, "compose.yaml changed"]
