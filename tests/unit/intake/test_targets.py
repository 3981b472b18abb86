"""What is meant by what was typed, on real folders."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from controller.intake.targets import Request, Targets, find_targets
from controller.model.observed import Observed

pytestmark = pytest.mark.unit

COMPOSE = "services: {web: {image: w}, debug: {image: d, profiles: [dbg]}}\n"


def manifest(name: str, spec: str = "{}", kind: str = "Stack") -> str:
    return f"apiVersion: controller/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n"


def write(root: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def find(root: Path, *files: str, environment: Mapping[str, str] | None = None, **rest: Any) -> Targets:
    return find_targets(Request(root, environment or {}, files, **rest))


def shown(found: Targets, root: Path) -> list[tuple[str, list[str]]]:
    """Names and files of the stacks."""
    return [(stack.name, [os.path.relpath(path, root) for path in stack.project.files]) for stack in found.stacks]


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


BROKEN: dict[str, tuple[dict[str, str], tuple[str, ...], dict[str, str], str, str | None]] = {
    "nothing here": (
        {},
        (),
        {},
        "there is neither a manifest nor a Compose file here",
        "name one with -f, or go to a folder with a compose.yaml",
    ),
    "no such path": ({}, ("nope.yaml",), {}, "'nope.yaml' does not exist", "check the path given with -f"),
    "no such COMPOSE_FILE": ({}, (), {"COMPOSE_FILE": "x.yaml"}, "'x.yaml' of COMPOSE_FILE does not exist", None),
    "an empty folder": (
        {"d/x": ""},
        ("d",),
        {},
        "folder 'd' holds neither a manifest nor a Compose file, nor does any folder in it",
        None,
    ),
    "two stacks of one name": (
        {
            "m/a.yaml": manifest("x", "{compose: {files: [../c.yaml]}}"),
            "m/b.yaml": manifest("x", "{compose: {files: [../c.yaml]}}"),
            "c.yaml": COMPOSE,
        },
        ("m",),
        {},
        "m/b.yaml: two stacks are called 'x': m/a.yaml:1 and m/b.yaml:1",
        "rename one of them, or use only one with -f",
    ),
    "a version that does not exist": (
        {"m/a.yaml": "apiVersion: controller/v2\nkind: Stack\n"},
        ("m",),
        {},
        "m/a.yaml:1:13: apiVersion 'controller/v2' is not known",
        "did you mean 'controller/v1'?",
    ),
    "a misspelled version": (
        {"m/a.yaml": "apiVersion: controler/v1\nkind: Stack\n"},
        ("m",),
        {},
        "m/a.yaml:1:13: apiVersion 'controler/v1' is not known",
        "did you mean 'controller/v1'?",
    ),
    "a misspelled kind": (
        {"m/a.yaml": "apiVersion: controller/v1\nkind: Stak\n"},
        ("m",),
        {},
        "m/a.yaml:2:7: kind 'Stak' is not known",
        "did you mean 'Stack'?",
    ),
    "no kind": (
        {"m/a.yaml": "apiVersion: controller/v1\n"},
        ("m",),
        {},
        "m/a.yaml:1:1: 'kind' is missing",
        "kind: Stack",
    ),
    "a manifest that is no YAML": (
        {"m/a.yaml": "apiVersion: controller/v1\nkind: [\n"},
        ("m",),
        {},
        "m/a.yaml:3:1: is not YAML: did not find expected node content while parsing a flow node",
        None,
    ),
    "a Compose file that is no YAML": (
        {"c.yaml": "services:\n\tweb:\n"},
        ("c.yaml",),
        {},
        "c.yaml:2:1: is not YAML: found character that cannot start any token while scanning for the next token",
        "YAML is indented with spaces, not with tabs",
    ),
    "a service twice": (
        {"c.yaml": "services:\n  a: {}\n  a: {}\n"},
        ("c.yaml",),
        {},
        "c.yaml:3:3: key 'a' is given twice: here and in line 2",
        "remove one of the two",
    ),
    "an include that is missing": (
        {"c.yaml": "include: [x.yaml]\nservices: {}\n"},
        ("c.yaml",),
        {},
        "x.yaml: cannot be read: No such file or directory",
        None,
    ),
    "a manifest without Compose file": (
        {"m/a.yaml": manifest("a")},
        ("m",),
        {},
        "m/a.yaml:4:7: spec.compose.files: no Compose file: none is named, and none stands beside the manifest",
        "name it: compose: {files: [compose.yaml]}",
    ),
    "a second controller": (
        {"m/a.yaml": manifest("a", kind="Controller"), "m/b.yaml": manifest("b", kind="Controller")},
        ("m",),
        {},
        "m/b.yaml:1:1: a second document of kind Controller; the first one is m/a.yaml:1",
        "keep one of them",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_says_what_is_wrong(case: str, tmp_path: Path) -> None:
    files, given, environment, words, hint = BROKEN[case]
    write(tmp_path, files)
    found = find(tmp_path, *given, environment=environment)
    assert found.stacks == ()
    (finding,) = found.findings
    assert str(finding).replace(f"{tmp_path}/", "") == words
    if hint is not None:
        assert finding.hint == hint


def test_one_broken_target_does_not_hide_the_others(tmp_path: Path) -> None:
    projects = {f"all/p{i}/compose.yaml": COMPOSE for i in range(5)}
    write(tmp_path, {**projects, "all/bad/compose.yaml": "services: [\n"})
    found = find(tmp_path, "all")
    assert [stack.name for stack in found.stacks] == [f"p{i}" for i in range(5)]
    assert [broken.place for broken in found.broken] == ["all/bad/compose.yaml"]


def test_a_broken_manifest_is_known_by_its_name(tmp_path: Path) -> None:
    write(tmp_path, {"m/a.yaml": manifest("a", "{nonsense: 1}")})
    assert [broken.name for broken in find(tmp_path, "m").broken] == ["a"]


def test_a_controller_beside_the_stacks(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "m/a.yaml": manifest("a", "{logging: {level: debug}}", kind="Controller"),
            "m/b.yaml": manifest("b"),
            "m/compose.yaml": COMPOSE,
        },
    )
    found = find(tmp_path, "m")
    assert found.controller is not None
    assert found.controller.spec.logging.level == "debug"
    assert [stack.name for stack in found.stacks] == ["b"]


def running(root: Path, name: str, *files: str) -> dict[str, Observed]:
    paths = tuple(str(root / file) for file in files)
    return {name: Observed(name, {}, 0.0, working_dir=str(root), config_files=paths)}


def test_the_override_that_the_running_project_was_started_with(tmp_path: Path) -> None:
    write(tmp_path, {"app/compose.yaml": COMPOSE, "app/compose.override.yml": COMPOSE})
    live = running(tmp_path / "app", "app", "compose.yaml", "compose.override.yml")
    found = find(tmp_path, "app/compose.yaml", running=live)
    assert shown(found, tmp_path) == [("app", ["app/compose.yaml", "app/compose.override.yml"])]
    assert found.notes == ("app/compose.override.yml is used as well: the running project was started with it",)


CLASHES = {
    "the same file under another name": ("other", ("compose.yaml",), {}, True),
    "with its override": ("other", ("compose.yaml", "compose.override.yml"), {}, True),
    "under its own name": ("app", ("compose.yaml",), {}, False),
    "other files of the folder": ("other", ("b.yaml",), {}, False),
    "a person gave the name": ("other", ("compose.yaml",), {"COMPOSE_PROJECT_NAME": "second"}, False),
}


@pytest.mark.parametrize("case", CLASHES)
def test_never_a_second_copy_under_another_name(case: str, tmp_path: Path) -> None:
    name, files, environment, refused = CLASHES[case]
    write(tmp_path, {"app/compose.yaml": COMPOSE, "app/b.yaml": COMPOSE})
    live = running(tmp_path / "app", name, *files)
    found = find(tmp_path, "app/compose.yaml", environment=environment, running=live)
    assert bool(found.broken) is refused
    if refused:
        (finding,) = found.findings
        assert finding.message == "the stack is called 'app', but its files run as project 'other' already"


SPEC = (
    "{profile: small, startupProfiles: "
    "{small: {services: [web]}, all: {services: ['*']}, debugging: {services: [debug]}}}"
)
PROFILES: dict[str, tuple[str | None, str | None, tuple[str, ...]]] = {
    "the manifest's": (None, "small", ()),
    "a startup profile": ("all", "all", ()),
    "a Compose profile": ("dbg", "small", ("dbg",)),
    "a startup profile that names a service of a Compose profile": ("debugging", "debugging", ("dbg",)),
}


@pytest.mark.parametrize("case", PROFILES)
def test_profiles(case: str, tmp_path: Path) -> None:
    asked, startup, compose = PROFILES[case]
    write(tmp_path, {"a.yaml": manifest("a", SPEC), "compose.yaml": COMPOSE})
    (stack,) = find(tmp_path, "a.yaml", profile=asked).stacks
    assert (stack.profile, stack.project.profiles) == (startup, compose)


def test_no_such_profile(tmp_path: Path) -> None:
    write(tmp_path, {"a.yaml": manifest("a", SPEC), "compose.yaml": COMPOSE})
    (finding,) = find(tmp_path, "a.yaml", profile="smal").findings
    assert str(finding) == "a.yaml: stack 'a' has no profile 'smal'"
    assert finding.hint == "did you mean 'small'? startup profiles: all, debugging, small; Compose profiles: dbg"


def test_compose_profiles_of_the_environment(tmp_path: Path) -> None:
    write(tmp_path, {"a/compose.yaml": COMPOSE, "b/compose.yaml": COMPOSE, "b/.env": "COMPOSE_PROFILES=x,y\n"})
    (first,) = find(tmp_path, "a", environment={"COMPOSE_PROFILES": "dbg"}).stacks
    (second,) = find(tmp_path, "b", profile="dbg").stacks
    assert (first.project.profiles, second.project.profiles) == (("dbg",), ("x", "y", "dbg"))


def test_children_get_a_scrubbed_environment(tmp_path: Path) -> None:
    write(tmp_path, {"compose.yaml": COMPOSE})
    environment = {
        "PATH": "/bin",
        "TAG": "1",
        "COMPOSE_PROFILES": "dbg",
        "CONTROLLER_STATE_DIR": "/s",
        "ENCRYPTION_KEY": "k",
        "ENCRYPTION_KEY_FILE": "k",
        "JWT_SECRET_KEY": "k",
        "DOCKER_HOST": "unix:///x",
    }
    (stack,) = find(tmp_path, environment=environment).stacks
    assert stack.project.environment == {"PATH": "/bin", "TAG": "1", "DOCKER_HOST": "unix:///x"}


def test_links_are_kept_as_they_are_written(tmp_path: Path) -> None:
    write(tmp_path, {"real/compose.yaml": COMPOSE})
    (tmp_path / "link").symlink_to("real")
    (stack,) = find(tmp_path, "link/compose.yaml").stacks
    assert (stack.name, stack.project.directory) == ("link", tmp_path / "link")


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
