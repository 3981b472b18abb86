"""A target's project: which one runs of the same files, its profiles, its environment and its folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.model.observed import Observed
from tests.unit.intake.folders import COMPOSE, find, manifest, shown, write

pytestmark = pytest.mark.unit


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
