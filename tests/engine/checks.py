"""What the engine itself says, apart from the controller: containers of a project, and their lives."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, NamedTuple


@dataclass(frozen=True, slots=True)
class Container:
    """The part of an inspect that scenarios speak about. Instants are seconds since 1970; 0.0: never."""

    id: str
    name: str
    service: str
    number: int
    state: str
    exit_code: int
    started: float
    finished: float
    hash: str
    inspect: Mapping[str, Any]

    @property
    def running(self) -> bool:
        return self.state == "running"

    @property
    def life(self) -> tuple[str, float]:
        """Differs as soon as it was restarted or replaced."""
        return (self.id, self.started)

    @property
    def pid(self) -> int:
        return int(self.inspect["State"]["Pid"])


def docker(*arguments: str, directory: Path | None = None) -> str:
    """The docker command by hand; its output. Fails the test where it fails."""
    done = subprocess.run(["docker", *arguments], cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr}"
    return done.stdout


def containers(project: str) -> dict[str, Container]:
    """All containers of a Compose project, by name without the project's."""
    for _ in range(5):
        ids = docker("ps", "-aq", "--no-trunc", "--filter", f"label=com.docker.compose.project={project}").split()
        if not ids:
            return {}
        done = subprocess.run(["docker", "inspect", *ids], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            found = [_container(item) for item in json.loads(done.stdout)]
            return {one.name.removeprefix(f"{project}-"): one for one in sorted(found, key=lambda one: one.name)}
    raise AssertionError("containers come and go too fast to be inspected")


def lives(found: Mapping[str, Container], but: Collection[str] = ()) -> dict[str, tuple[str, float]]:
    """Who lives which life; equal before and after: nobody was restarted or replaced."""
    return {name: one.life for name, one in found.items() if one.service not in but}


def ids(found: Mapping[str, Container]) -> dict[str, str]:
    return {name: one.id for name, one in found.items()}


def running(found: Mapping[str, Container]) -> set[str]:
    return {name for name, one in found.items() if one.running}


def happened(project: str, since: float, *actions: str) -> list[tuple[str, str]]:
    """What the engine itself remembers of the project's containers since then: action, name without the project's."""
    words = ["events", "--since", f"{since:.6f}", "--until", f"{time.time() + 0.1:.6f}", "--filter", "type=container"]
    words += ["--filter", f"label=com.docker.compose.project={project}"]
    words += [word for action in actions for word in ("--filter", f"event={action}")]
    told = docker(*words, "--format", "{{.Action}} {{.Actor.Attributes.name}}").splitlines()
    return [(action, name.removeprefix(f"{project}-")) for action, _, name in (line.partition(" ") for line in told)]


class Heard(NamedTuple):
    """Something that happened to a container; `name` without the project's, `at` in seconds since 1970."""

    action: str
    name: str
    at: float


@contextmanager
def hearing(project: str, *actions: str) -> Iterator[list[Heard]]:
    """What happens to the project's containers until the end of the block, as it is told.

    For whole minutes, or many at once: an engine remembers the last 256 events, of everybody.
    """
    words = ["docker", "events", "--since", f"{time.time():.6f}"]
    words += ["--filter", f"label=com.docker.compose.project={project}"]
    words += [word for action in actions for word in ("--filter", f"event={action}")]
    words += ["--format", "{{.TimeNano}} {{.Action}} {{.Actor.Attributes.name}}"]
    heard: list[Heard] = []

    def listen(lines: IO[str]) -> None:
        for line in lines:
            at, action, name = line.split()
            heard.append(Heard(action, name.removeprefix(f"{project}-"), int(at) / 1e9))

    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as told:
        assert told.stdout is not None
        thread = threading.Thread(target=listen, args=(told.stdout,), daemon=True)
        thread.start()
        try:
            yield heard
        finally:
            told.terminate()
            thread.join()


def describe(project: str) -> str:
    """The engine's view in words, for the account of a failure."""
    lines = [f"=== containers of {project}"]
    try:
        found = containers(project)
    except AssertionError as error:  # a story may end without an engine
        return f"{lines[0]}: {error}"
    for name, one in found.items():
        lines.append(f"{name}: {one.id[:12]} {one.state} exit {one.exit_code} started {one.started:.2f}")
        logs = subprocess.run(["docker", "logs", "--tail", "5", one.id], capture_output=True, text=True, check=False)
        lines += [f"    | {line}" for line in (logs.stdout + logs.stderr).splitlines()]
    return "\n".join(lines)


def _container(item: Mapping[str, Any]) -> Container:
    labels, state = item["Config"]["Labels"], item["State"]
    return Container(
        id=item["Id"],
        name=item["Name"].removeprefix("/"),
        service=labels["com.docker.compose.service"],
        number=int(labels.get("com.docker.compose.container-number", 0)),
        state=state["Status"],
        exit_code=state["ExitCode"],
        started=_instant(state["StartedAt"]),
        finished=_instant(state["FinishedAt"]),
        hash=labels.get("com.docker.compose.config-hash", ""),
        inspect=item,
    )


def _instant(text: str) -> float:
    if text.startswith("0001"):
        return 0.0
    whole, _, rest = text.removesuffix("Z").partition(".")
    return datetime.fromisoformat(f"{whole}+00:00").timestamp() + float(f"0.{rest or 0}")
