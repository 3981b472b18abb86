"""A scene for one scenario: a project of its own name on the real engine, the installed command beside it, and steps
that say what they do. Everything is removed afterwards; what a failure needs is kept and told."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import textwrap
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.contract_cli.command import CONTROLLER, Ran, controller
from tests.engine.checks import Container, containers, describe, docker

IMAGE = os.environ.get("TEST_IMAGE", "local/busybox:1.35")

SLEEP = f'image: {IMAGE}, command: ["sleep", "86400"], stop_signal: SIGKILL'
"""Inner settings of a service that runs for ever and dies at once."""

PATIENCE = 60.0
"""Seconds within which what must happen has happened, also on a machine with much else to do."""

POLITE = f"""image: {IMAGE}, command: ["sh", "-c", "trap 'exit 0' TERM; sleep 1000 & wait"]"""
"""Like Redis: ends with 0 when it is asked to stop, and Docker leaves it down."""


def ready_after(seconds: float, interval: str = "10s") -> str:
    """Settings of a service whose health check succeeds from so many seconds after its start."""
    command = f"rm -f /ready; sleep {seconds}; touch /ready; sleep 1000"
    check = f'{{test: ["CMD", "test", "-f", "/ready"], interval: {interval}, retries: 30}}'
    return f'image: {IMAGE}, command: ["sh", "-c", "{command}"], stop_signal: SIGKILL, healthcheck: {check}'


@dataclass
class Scene:
    """One project and one state folder. `name` is unique on the engine."""

    folder: Path
    state: Path
    name: str = field(default_factory=lambda: f"cts{uuid.uuid4().hex[:9]}")
    env: dict[str, str] = field(default_factory=dict)
    story: list[str] = field(default_factory=list)
    _others: list[str] = field(default_factory=list)
    _daemons: list[Daemon] = field(default_factory=list)

    # --- files

    def write(self, name: str, text: str) -> Path:
        """A file of the project; the words SLEEP, POLITE, IMAGE and NAME stand for themselves."""
        words = {"SLEEP": SLEEP, "POLITE": POLITE, "IMAGE": IMAGE, "NAME": self.name}
        text = re.sub(r"\b(SLEEP|POLITE|IMAGE|NAME)\b", lambda found: words[found[0]], textwrap.dedent(text))
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def compose(self, text: str, name: str = "compose.yaml") -> Path:
        """The Compose file, under this scene's own project name."""
        return self.write(name, f"name: {self.name}\n" + textwrap.dedent(text))

    def manifest(self, spec: str = "", name: str = "manifests/stack.yaml") -> Path:
        """A Stack over ../compose.yaml; `spec` is what stands below it."""
        head = f"apiVersion: controller/v1\nkind: Stack\nmetadata: {{name: {self.name}}}\n"
        body = "compose: {files: [../compose.yaml]}\n" + textwrap.dedent(spec)
        return self.write(name, head + "spec:\n" + textwrap.indent(body, "  "))

    # --- hands

    def run(self, *arguments: str | Path, timeout: float = 60, cwd: Path | None = None) -> Ran:
        """The installed command, as a user runs it in the project's folder."""
        began = time.monotonic()
        ran = controller(*arguments, cwd=cwd or self.folder, env=self.environment, timeout=timeout)
        took = time.monotonic() - began
        self._note(f"$ controller {' '.join(map(str, arguments))}", f"→ {ran.code} in {took:.1f} s\n{ran.out}{ran.err}")
        return ran

    def _note(self, call: str, came: str) -> None:
        """What is asked again and again is told once, with its last answer."""
        if self.story and self.story[-1].startswith(call):
            self.story.pop()
        self.story.append(f"{call}   {came}".rstrip())

    def done(self, *arguments: str | Path, timeout: float = 60) -> Ran:
        """The same, and it has to succeed."""
        ran = self.run(*arguments, timeout=timeout)
        assert ran.code == 0, f"controller {' '.join(map(str, arguments))}: {ran.code}\n{ran.err}"
        return ran

    def data(self, *arguments: str | Path, code: int | None = 0) -> Any:
        """What it prints for programs."""
        ran = self.run(*arguments, "-o", "json")
        assert code is None or ran.code == code, f"{ran.code}: {ran.err}"
        return json.loads(ran.out)

    def hand(self, *arguments: str) -> str:
        """`docker compose` by hand in the project's folder."""
        self.story.append(f"$ docker compose {' '.join(arguments)}")
        return docker("compose", *arguments, directory=self.folder)

    def hand_meanwhile(self, *arguments: str) -> subprocess.Popen[bytes]:
        """The same, while the scenario goes on."""
        self.story.append(f"$ docker compose {' '.join(arguments)} &")
        words = ["docker", "compose", *arguments]
        return subprocess.Popen(words, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    @property
    def environment(self) -> dict[str, str]:
        return {"CONTROLLER_STATE_DIR": str(self.state), **self.env}

    # --- what there is

    def containers(self, name: str | None = None) -> dict[str, Container]:
        """By container name without the project's."""
        return containers(name or self.name)

    def status(self) -> dict[str, Any]:
        """This stack's part of `status`."""
        found = self.data("status")["stacks"]
        return next(stack for stack in found if stack["name"] == self.name)

    def phases(self) -> dict[str, str]:
        return {service["name"]: service["phase"] for service in self.status()["services"]}

    def conditions(self) -> dict[str, dict[str, str]]:
        """True conditions by type."""
        return {item["type"]: item for item in self.status()["conditions"] if item["status"] == "True"}

    def another(self) -> str:
        """A second project's name; it is removed as well."""
        self._others.append(f"cts{uuid.uuid4().hex[:9]}")
        return self._others[-1]

    def await_keeper(self) -> None:
        """Until a controller keeps the stack, and has it Converged: what is asked from now on is done by that one."""
        eventually(lambda: self.run("ide", "status", "--exit-code", "-s", self.name).code == 0)

    def await_phase(self, phase: str, seconds: float = PATIENCE) -> None:
        """Until status says so. Asked at leisure: each call is a process of its own."""
        eventually(lambda: self.status()["phase"] == phase, seconds, every=0.4)

    def wait_replaced(self, old: Container) -> Container:
        """Until another container runs in its place."""

        def replaced() -> Container | None:
            new = self.containers().get(old.name.removeprefix(f"{self.name}-"))
            return new if new is not None and new.running and new.id != old.id else None

        found: Container = eventually(replaced)
        return found

    # --- the story

    @contextmanager
    def step(self, sentence: str) -> Iterator[None]:
        """One step of the story, told when the scenario fails."""
        self.story.append(f"— {sentence}")
        try:
            yield
        except BaseException:
            self.story.append(f"✗ {sentence}")
            raise

    @contextmanager
    def daemon(self, *arguments: str | Path, cwd: Path | None = None) -> Iterator[Daemon]:
        """`controller run` in the background until the end of the block."""
        daemon = Daemon(self, arguments or ("--watch",), cwd or self.folder)
        self._daemons.append(daemon)
        try:
            yield daemon
        finally:
            daemon.end()

    def account(self) -> str:
        """What a failure needs: the story, the engine's view, the controller's."""
        parts = ["\n".join(self.story)]
        parts += [f"=== run: standard error\n{daemon.said()}" for daemon in self._daemons]
        parts += [describe(name) for name in (self.name, *self._others)]
        for words in (("events",), ("status", "-o", "wide")):
            shown = controller(*words, cwd=self.folder, env=self.environment, timeout=30)
            parts.append(f"=== controller {words[0]}\n{shown.out}{shown.err}")
        return "\n".join(parts)

    def clean(self) -> None:
        for daemon in self._daemons:
            daemon.end()
        clean(self.name, *self._others)


class Daemon:
    """A real `controller run`."""

    def __init__(self, scene: Scene, arguments: tuple[str | Path, ...], cwd: Path) -> None:
        self._said = scene.state.parent / f"run-{uuid.uuid4().hex[:6]}.log"
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("CONTROLLER_", "COMPOSE_"))}
        with self._said.open("w") as log:
            self.process = subprocess.Popen(
                [str(CONTROLLER), "run", *map(str, arguments)],
                cwd=cwd,
                env={**inherited, **scene.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def said(self) -> str:
        return self._said.read_text()

    def signal(self, number: signal.Signals) -> int:
        """Send it and wait for the end; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=PATIENCE)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(timeout=10)


def eventually(what: Callable[[], object], seconds: float = PATIENCE, every: float = 0.15) -> Any:
    """What it returns once it is true. What is missing or asserted in vain inside counts as not yet."""
    deadline = time.monotonic() + seconds
    while True:
        missed: Exception | None = None
        value: object = None
        try:
            value = what()
        except (AssertionError, KeyError) as error:
            missed = error
        if value:
            return value
        if time.monotonic() > deadline:
            raise missed or AssertionError(f"after {seconds:g} s it still is {value!r}")
        time.sleep(every)


def stays(what: Callable[[], object], seconds: float) -> None:
    """It holds now and for so long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert what()
        time.sleep(0.2)


def clean(*names: str) -> None:
    """Remove all that carries these projects' names, and what the controller put beside it; nothing else.

    Until it is gone: an engine at work lets go of a network a moment after its last container, and thirty networks
    that are left behind use up Docker's address pools for every test that follows.
    """
    labels = ("com.docker.compose.project", "controller.stack")
    marks = [f"label={label}={name}" for label in labels for name in names]
    eventually(lambda: not _remove(marks), seconds=30.0, every=0.3)


def _remove(marks: Sequence[str]) -> set[str]:
    """Try once to remove what carries one of these labels; what was still there."""
    found: set[str] = set()
    for kind, listed, removed in _KINDS:
        ids = {made for mark in marks for made in docker(*listed, "-q", "--filter", mark).split()}
        if ids:
            subprocess.run(["docker", *removed, *ids], capture_output=True, check=False)
        found |= {f"{kind} {made}" for made in ids}
    return found


_KINDS: Final = (
    ("container", ("ps", "-a"), ("rm", "-f", "-v")),
    ("network", ("network", "ls"), ("network", "rm")),
    ("volume", ("volume", "ls"), ("volume", "rm")),
)


def service_of(result: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """One service of a result or a status."""
    found: Mapping[str, Any] = next(service for service in result["services"] if service["name"] == name)
    return found
