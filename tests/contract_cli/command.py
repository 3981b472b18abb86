"""The installed command, run as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CONTROLLER = Path(sys.executable).with_name("controller")


@dataclass(frozen=True, slots=True)
class Ran:
    """What one call came to."""

    code: int
    out: str
    err: str


def controller(
    *arguments: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None, timeout: float = 60
) -> Ran:
    """Run the command with nothing of ours in its environment but what is given."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("CONTROLLER_", "COMPOSE_"))}
    clean = {key: value for key, value in inherited.items() if key not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    done = subprocess.run(
        [str(CONTROLLER), *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**clean, **(env or {})},
        stdin=subprocess.DEVNULL,
        timeout=timeout,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)
