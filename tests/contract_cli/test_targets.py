"""What is found, what is wrong, and where, as the command line shows it."""

from __future__ import annotations

import json

import pytest
import yaml

from tests.contract_cli.conftest import Project

STACK = """
    apiVersion: controller/v1
    kind: Stack
    metadata: {name: shop}
    spec:
      compose: {files: [../compose.yaml]}
      services:
        web: {replicas: 2}
"""


def test_a_compose_file_here_is_a_stack(project: Project) -> None:
    ran = project.run("validate")
    assert (ran.code, ran.out, ran.err) == (0, "shop  valid, 2 services  compose.yaml\n", "")


def test_manifests_go_before_compose_files(project: Project) -> None:
    project.write("manifests/shop.yaml", STACK)
    assert project.run("validate").out == "shop  valid, 2 services  manifests/shop.yaml:2\n"


def test_networks_that_cannot_be_are_told_before_anything_is_done(project: Project) -> None:
    policy = "security: {networkPolicy: dependencies, addressPool: 10.201.0.0/28}\n      services:"
    project.write("manifests/shop.yaml", STACK.replace("services:", policy))
    ran = project.run("validate")
    assert ran.code == 1 and "for which the address pool 10.201.0.0/28 is too small" in ran.err
    assert ran.err.startswith("error: manifests/shop.yaml:") and "spec.security.networkPolicy" in ran.err


def test_a_typo_is_told_with_place_path_and_mend(project: Project) -> None:
    project.write("manifests/shop.yaml", STACK.replace("replicas", "replicsa"))
    ran = project.run("validate")
    assert ran.code == 1
    assert ran.err.startswith("error: manifests/shop.yaml:8:11: spec.services.web.replicsa: ")
    assert "hint: did you mean 'replicas'?" in ran.err
    data = json.loads(project.run("validate", "-o", "json").out)
    assert [list(data), list(data["errors"][0])] == [
        ["errors"],
        ["file", "line", "column", "path", "message", "hint"],
    ]
    assert (data["errors"][0]["line"], data["errors"][0]["column"]) == (8, 11)


def test_valid_is_an_empty_list(project: Project) -> None:
    assert json.loads(project.run("validate", "-o", "json").out) == {"errors": []}


@pytest.mark.parametrize("command", ["validate", "plan", "apply", "graph", "render"])
def test_a_path_that_does_not_exist_is_code_1(project: Project, command: str) -> None:
    ran = project.run(command, "-f", "nowhere.yaml")
    assert (ran.code, ran.out) == (1, "")
    assert "'nowhere.yaml' does not exist" in ran.err and "Traceback" not in ran.err


def test_nothing_here_says_what_to_do(project: Project) -> None:
    (project.folder / "compose.yaml").unlink()
    ran = project.run("plan")
    assert ran.code == 1 and "hint: name one with -f" in ran.err


def test_another_name_than_the_projects_never_makes_a_second_copy(project: Project) -> None:
    project.write("manifests/shop.yaml", STACK.replace("name: shop", "name: store"))
    ran = project.run("plan")
    assert ran.code == 1
    assert "'store'" in ran.err and "'shop'" in ran.err and "hint: " in ran.err


def test_two_stacks_of_one_name_are_told_with_both_places(project: Project) -> None:
    project.write("manifests/a.yaml", STACK)
    project.write("manifests/b.yaml", STACK)
    ran = project.run("validate")
    assert ran.code == 1 and "manifests/a.yaml" in ran.err and "manifests/b.yaml" in ran.err


def test_a_profile_that_nobody_knows_lists_those_there_are(project: Project) -> None:
    project.write("manifests/shop.yaml", STACK + "      startupProfiles: {small: {services: [db]}}\n")
    ran = project.run("plan", "--profile", "huge")
    assert ran.code == 1 and "small" in ran.err
    assert "web" not in project.run("plan", "--profile", "small").out


def test_render_prints_what_compose_makes(project: Project) -> None:
    model = yaml.safe_load(project.run("render").out)
    assert (model["name"], sorted(model["services"])) == ("shop", ["db", "web"])
    assert json.loads(project.run("render", "-o", "json").out) == model


@pytest.mark.slow
def test_graph_in_every_form(project: Project) -> None:
    assert "critical path (*): db → web" in project.run("graph").out
    assert project.run("graph", "--format", "dot").out.startswith("digraph")
    assert project.run("graph", "--format", "mermaid").out.startswith("flowchart")
    [stack] = json.loads(project.run("graph", "-o", "json").out)["stacks"]
    assert stack["batches"] == [["db"], ["web"]]


@pytest.mark.slow
def test_init_writes_a_manifest_that_plans_the_same(project: Project) -> None:
    before = project.run("plan").out
    ran = project.run("init")
    assert (ran.code, ran.out) == (0, "manifests/shop.yaml\n")
    assert project.run("plan").out == before
    again = project.run("init")
    assert again.code == 1 and "hint: --force" in again.err


def test_a_hostile_manifest_is_one_quick_error(project: Project) -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"b{n}: &b{n} [*{'a' if n == 0 else f'b{n - 1}'}, *{'a' if n == 0 else f'b{n - 1}'}]\n" for n in range(30)
    )
    project.write("manifests/bomb.yaml", f"apiVersion: controller/v1\nkind: Stack\n{bomb}")
    ran = project.run("validate", "-f", "manifests/bomb.yaml", timeout=10)
    assert ran.code == 1 and ran.err.startswith("error: ") and "Traceback" not in ran.err
