"""A project of one's own for each test, on the simulated engine, with a state folder of its own."""

from __future__ import annotations

import shutil
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.contract_cli.command import Ran, controller

SHOP = """
    name: shop
    services:
      db:
        image: db:1
        healthcheck: {test: [CMD, "true"], interval: 10s}
      web:
        image: web:1
        depends_on: {db: {condition: service_healthy}}
"""


@dataclass(frozen=True, slots=True)
class Project:
    """A folder with a compose.yaml, and the command run in it."""

    folder: Path
    state: Path

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    def run(self, *arguments: str | Path, env: dict[str, str] | None = None, timeout: float = 60) -> Ran:
        ours = {"CONTROLLER_STATE_DIR": str(self.state), **(env or {})}
        return controller("--engine", "simulated", *arguments, cwd=self.folder, env=ours, timeout=timeout)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Two services, of which one waits for the other. Needs the `docker` command, for Compose renders; no engine."""
    return make_project(tmp_path)


@pytest.fixture(scope="session")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The same, converged once for all tests that only look."""
    made = make_project(tmp_path_factory.mktemp("applied"))
    ran = made.run("apply")
    assert ran.code == 0, ran.err
    return made


def make_project(folder: Path) -> Project:
    assert shutil.which("docker"), "the docker command with its Compose plugin is needed"
    made = Project(folder / "shop", folder / "state")
    made.folder.mkdir()
    made.write("compose.yaml", SHOP)
    return made
