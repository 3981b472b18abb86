"""How long a cold start takes: `controller apply` beside `docker compose up -d --wait` and the critical path by hand.

    python -m tests.bench.cold_start [--rounds 5] [--interval 10s] [--skip-compose]

A chain of three services that are ready 0.4 s after their start, checked every `--interval`. Rounds are interleaved, so
that what else the machine does falls on all alike. Prints medians, spread and ratios; asserts nothing.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from tests.engine.scenario import IMAGE, clean

CONTROLLER = Path(sys.executable).with_name("controller")
NAMES = ("db", "cache", "web")
READY = ("sh", "-c", "sleep 0.4; touch /ready; sleep 1000")
CHECK = ("test", "-f", "/ready")


def write_chain(folder: Path, name: str, interval: str) -> None:
    """The Compose file of the chain."""
    lines = [f"name: {name}", "services:"]
    before = None
    for service in NAMES:
        check = f'{{test: ["CMD", "test", "-f", "/ready"], interval: {interval}, retries: 30}}'
        needs = f", depends_on: {{{before}: {{condition: service_healthy}}}}" if before else ""
        command = ", ".join(f'"{word}"' for word in READY)
        lines.append(
            f"  {service}: {{image: {IMAGE}, command: [{command}], stop_signal: SIGKILL, healthcheck: {check}{needs}}}"
        )
        before = service
    (folder / "compose.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def call(*words: str, folder: Path | None = None, state: Path | None = None) -> None:
    """Run it to its end. Raises CalledProcessError where it fails."""
    env = {**os.environ, **({"CONTROLLER_STATE_DIR": str(state)} if state is not None else {})}
    subprocess.run(words, cwd=folder, env=env, check=True, capture_output=True, stdin=subprocess.DEVNULL)


def by_controller(folder: Path, name: str) -> None:
    call(str(CONTROLLER), "apply", folder=folder, state=folder / "state")


def by_compose(folder: Path, name: str) -> None:
    call("docker", "compose", "up", "-d", "--wait", folder=folder)


def by_hand(folder: Path, name: str) -> None:
    """Each as soon as the one before it answers its check: nobody is faster with the same commands."""
    for service in NAMES:
        container = f"{name}-{service}-1"
        label = f"com.docker.compose.project={name}"
        call("docker", "run", "-d", "--name", container, "--label", label, "--network", f"{name}_hand", IMAGE, *READY)
        while subprocess.run(["docker", "exec", container, *CHECK], capture_output=True, check=False).returncode:
            pass


def measure(way: Callable[[Path, str], None], interval: str) -> float:
    """Seconds of one cold start from nothing; everything is removed afterwards."""
    name = f"ctb{uuid.uuid4().hex[:9]}"
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root)
        write_chain(folder, name, interval)
        if way is by_hand:
            call("docker", "network", "create", "--label", f"com.docker.compose.project={name}", f"{name}_hand")
        try:
            began = time.monotonic()
            way(folder, name)
            return time.monotonic() - began
        finally:
            clean(name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--interval", default="10s")
    parser.add_argument("--skip-compose", action="store_true", help="leave out the slow one")
    given = parser.parse_args()
    ways: dict[str, Callable[[Path, str], None]] = {"by hand": by_hand, "controller apply": by_controller}
    if not given.skip_compose:
        ways["docker compose up -d --wait"] = by_compose
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(1, given.rounds + 1):
        for name, way in ways.items():
            taken[name].append(measure(way, given.interval))
        print(f"round {number}: " + ", ".join(f"{name} {times[-1]:.2f} s" for name, times in taken.items()), flush=True)
    show(taken)


def show(taken: dict[str, list[float]]) -> None:
    """Medians, and each beside the others."""
    medians = {name: statistics.median(times) for name, times in taken.items()}
    print(f"\n{'':28} {'median':>8} {'least':>8} {'most':>8}  ratios")
    for name, times in taken.items():
        ratios = ", ".join(f"{medians[name] / medians[o]:.3f} × {o}" for o in taken if o != name)
        print(f"{name:28} {medians[name]:7.2f}s {min(times):7.2f}s {max(times):7.2f}s  {ratios}")


if __name__ == "__main__":
    main()
