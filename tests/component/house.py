"""A folder with stacks, an engine that reads their files as they stand, and a daemon that a script runs against.

There is no Compose to call.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from controller.engines.base import Scope
from controller.engines.simulated import SimulatedEngine
from controller.engines.simulated_world import Simulation
from controller.loop.acting import act
from controller.loop.controller import Audience
from controller.loop.daemon import Api, Daemon
from controller.loop.ground import Asked, Ground
from controller.loop.session import Session
from controller.loop.window import Serve
from controller.model.applied import StackResult
from controller.model.errors import Transient
from controller.model.observed import Observed
from controller.model.project import ComposeProject, RenderedProject
from controller.model.status import Event, StackStatus
from controller.model.wish import Wish

FILE = "name: NAME\nservices: {db: {image: busybox, labels: {controller.simulated.start: '0.01'}}}\n"


class Reading(SimulatedEngine):
    """Renders plain files by itself."""

    broken: bool = False
    away: int = 0
    """So many looks from now on are not answered."""

    def observe(self, scope: Scope, *, deadline: float = 10.0) -> Observed:
        if self.away > 0:
            self.away -= 1
            raise Transient("no answer")
        return super().observe(scope, deadline=deadline)

    def render(self, project: ComposeProject, *, deadline: float = 60.0) -> RenderedProject:
        model = yaml.safe_load(project.files[0].read_text())
        return RenderedProject(project.name or model["name"], model)


@dataclass
class Ear(Audience):
    events: list[Event] = field(default_factory=list)
    statuses: dict[str, StackStatus] = field(default_factory=dict)
    threads: set[str] = field(default_factory=set)

    def update(self, stacks: tuple[StackStatus, ...]) -> None:
        self.threads.add(threading.current_thread().name)
        self.statuses = {stack.name: stack for stack in stacks}

    def event(self, event: Event) -> None:
        self.threads.add(threading.current_thread().name)
        self.events.append(event)

    def said(self, reason: str) -> list[str]:
        return [event.message for event in self.events if event.reason == reason]

    def conditions(self, stack: str) -> set[str]:
        status = self.statuses.get(stack)
        return {c.type for c in status.conditions if c.status == "True"} if status is not None else set()


@dataclass
class House:
    """A folder with stacks, a state folder, an engine that outlives every controller."""

    folder: Path
    engine: Reading
    ear: Ear = field(default_factory=Ear)

    def write(self, name: str, text: str = FILE, spec: str = "") -> Path:
        """A Compose file, and a manifest beside its folder."""
        path = self.folder / name / "compose.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("NAME", name))
        head = f"apiVersion: controller/v1\nkind: Stack\nmetadata: {{name: {name}}}\n"
        (self.folder / f"{name}.yaml").write_text(head + f"spec: {{compose: {{files: [{name}/compose.yaml]}}{spec}}}\n")
        return path

    def asked(self, *names: str, profile: str | None = None) -> Asked:
        files = tuple(str(self.folder / f"{name}.yaml") for name in names)
        home = {"PATH": os.environ["PATH"], "HOME": str(self.folder)}
        return Asked(self.folder, home, self.folder.parent / "state", files, profile=profile)

    def run(
        self,
        script: Callable[[], None],
        asked: Asked,
        *,
        watch: bool = False,
        end: signal.Signals = signal.SIGTERM,
        serve: Serve | None = None,
    ) -> int:
        """A daemon until the script, on a thread of its own, has come to its end; then the signal."""
        failures: list[BaseException] = []
        over = threading.Event()

        def play() -> None:
            try:
                script()
            except BaseException as error:
                failures.append(error)
            finally:
                if not over.is_set():
                    os.kill(os.getpid(), end)

        self.ear = Ear()
        session = Session(self.engine, asked, lambda _: None, Simulation)
        ground = Ground(self.engine, asked)
        api = Api(serve, session.rehearse) if serve is not None else None
        daemon = Daemon(ground, self.ear, lambda _: None, watch=watch, api=api)
        thread = threading.Thread(target=play, name="script")
        thread.start()
        try:
            code = daemon.run()
        finally:
            over.set()
            thread.join()
        if failures:
            raise failures[0]
        return code

    def ask(self, verb: str, stack: str, *services: str, **fields: object) -> StackResult:
        """What the command would do, in another process."""
        ground = Ground(self.engine, self.asked(stack))
        pairs, broken = ground.load_all(ground.in_profile(ground.targets()))
        assert not broken
        wish = Wish(verb, services, **fields)  # type: ignore[arg-type]
        (result,) = act(ground, pairs, wish, Ear(), lambda _: None)
        return result

    def count(self, stack: str, service: str = "db") -> int:
        seen = self.engine.observe(Scope(stack)).services.get(service)
        return len(seen.replicas) if seen is not None else 0


@contextmanager
def open_house(folder: Path, engine: Reading) -> Iterator[House]:
    """In that folder, beside which the state lies; the engine ends with it."""
    made = House(folder / "house", engine)
    made.folder.mkdir()
    try:
        yield made
    finally:
        engine.close()
