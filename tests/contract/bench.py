"""One project on one engine, and the few gestures that every test of the contract makes."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from controller.engines.base import Engine, NudgeAt, Scope
from controller.model.names import ReplicaId, Revision
from controller.model.observed import Observed, Replica, ReplicaPhase, ServiceView
from controller.model.project import ComposeProject, RenderedProject
from controller.model.steps import Create, Outcome, Remove, Restart, Result, Start, Step, Stop

PATIENCE = 60.0
"""Seconds within which what must happen has happened, also on a machine with much else to do."""

PAUSE = 0.05

QUIET = 0.5
"""Seconds without an event after which those of a call are through."""

T = TypeVar("T")


class Hands(Protocol):
    """Somebody else at the same engine."""

    def kill(self, replica: ReplicaId) -> None: ...
    def pause(self, replica: ReplicaId) -> None: ...
    def remove(self, replica: ReplicaId) -> None: ...


def make_services(image: str) -> Mapping[str, Any]:
    """Services in Compose's long form, which it renders as they are; labels tell a simulation what the commands do."""

    def service(command: str, **others: Any) -> dict[str, Any]:
        marks = {f"controller.simulated.{key}": value for key, value in others.pop("simulated", {}).items()}
        return {"image": image, "command": ["sh", "-c", command], "labels": marks, **others}

    waits = "sleep 1000 & wait"
    return {
        "web": service(f"trap 'exit 0' TERM; {waits}", simulated={"stop-code": "0"}),
        "side": service(f"trap 'exit 0' TERM; {waits}", network_mode="service:web", simulated={"stop-code": "0"}),
        "deaf": service("trap '' TERM; while :; do sleep 1; done", simulated={"ignores-stop": "true"}),
        "sick": service(waits, restart="on-failure:2", simulated={"crash-after": "0.2", "exit-code": "3"})
        | {"command": ["sh", "-c", "sleep 0.2; exit 3"]},
        "checked": service(
            f"trap 'exit 0' TERM; sleep 1; touch /tmp/ready; {waits}",
            healthcheck={"test": ["CMD", "test", "-e", "/tmp/ready"], "interval": "1s", "timeout": "5s", "retries": 90},
            simulated={"ready": "2"},
        ),
        "job": service("exit 0", simulated={"job": "true", "run": "0.2"}),
        "busy": service("while :; do :; done", mem_limit="64m", cpus=0.5, simulated={"ignores-stop": "true"}),
        "data": service(waits, volumes=[{"type": "volume", "target": "/data"}], simulated={"ignores-stop": "true"}),
    }


def write_project(
    folder: Path, name: str, services: Mapping[str, Any], environment: Mapping[str, str]
) -> ComposeProject:
    """A Compose file (JSON is YAML) in that folder."""
    file = folder / "compose.yaml"
    file.write_text(json.dumps({"services": services}))
    return ComposeProject(name=name, files=(file,), directory=folder, environment=dict(environment))


class Bench:
    """An engine, a project on it, somebody else's hands, and how time passes there."""

    def __init__(self, engine: Engine, project: ComposeProject, rendered: RenderedProject, hands: Hands) -> None:
        self.engine, self.project, self.hands = engine, project, hands
        self.templates = engine.record(project, rendered).templates
        self._images = {name: service["image"] for name, service in rendered.model["services"].items()}
        assert project.name is not None
        self.name = project.name
        self.sleep: Callable[[float], None] = threading.Event().wait

    # --- looking

    def look(self, *only: str) -> Observed:
        scope = Scope(self.name, self._images, self.templates, frozenset(only) if only else None)
        return self.engine.observe(scope)

    def view(self, service: str) -> ServiceView:
        return self.look(service).services[service]

    def replicas(self, service: str) -> tuple[Replica, ...]:
        return self.view(service).replicas

    def one(self, service: str) -> Replica:
        replicas = self.replicas(service)
        assert len(replicas) == 1, replicas
        return replicas[0]

    def until(self, service: str, what: Callable[[Replica], object]) -> Replica:
        """The only replica, once that holds of it."""
        return self.wait_for(lambda: next((r for r in (self.one(service),) if what(r)), None))

    def wait_for(self, find: Callable[[], T | None]) -> T:
        waited = 0.0
        while (found := find()) is None:
            assert waited < PATIENCE, f"not seen within {PATIENCE:g} s"
            self.sleep(PAUSE)
            waited += PAUSE
        return found

    # --- doing

    def perform(self, *steps: Step, deadline: float = 60.0) -> tuple[Outcome, ...]:
        return tuple(self.engine.perform(self.project, steps, deadline=deadline))

    def do(self, *steps: Step) -> tuple[Outcome, ...]:
        """Steps that succeed."""
        outcomes = self.perform(*steps)
        assert [(o.result, o.message) for o in outcomes] == [(Result.DONE, "")] * len(steps)
        return outcomes

    def refused(self, step: Step) -> Result:
        """A step that does not, and says why in one line."""
        (outcome,) = self.perform(step)
        assert outcome.message and "\n" not in outcome.message
        return outcome.result

    def create(self, service: str = "web", number: int = 1, **others: Any) -> Create:
        template = self.templates[service]
        return Create(service, number, Revision(template.fingerprint), template, "test", **others)

    def make(self, service: str = "web", number: int = 1, **others: Any) -> Replica:
        (outcome,) = self.do(self.create(service, number, **others))
        assert outcome.replica is not None
        return next(replica for replica in self.replicas(service) if replica.id == outcome.replica)

    def run(self, service: str = "web", number: int = 1, **others: Any) -> Replica:
        """A replica that was started."""
        made = self.make(service, number, **others)
        self.do(start(made))
        return next(replica for replica in self.replicas(service) if replica.id == made.id)

    def listen(self) -> Ears:
        return Ears(self.engine)


class Ears:
    """What the engine's nudges said; a context. Its waiting is real, whatever the engine's clock."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._heard: list[NudgeAt] = []
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def wait(self, nudge: NudgeAt) -> tuple[NudgeAt, ...]:
        """All that was said since the last call: until this was said, and then nothing more for a while."""
        with self._news:
            assert self._news.wait_for(lambda: nudge in self._heard, PATIENCE), self._heard
            while self._news.wait(QUIET):
                pass
            heard = tuple(self._heard)
            self._heard.clear()
            return heard

    def _listen(self) -> None:
        for nudge in self._engine.nudges():
            with self._news:
                self._heard.append(nudge)
                self._news.notify_all()

    def __enter__(self) -> Ears:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.close()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "nudges did not end with the engine"


def start(replica: Replica) -> Start:
    return Start(replica.service, replica.id, replica.number, "test")


def stop(replica: Replica, grace: float = 5.0) -> Stop:
    return Stop(replica.service, replica.id, replica.number, grace, "test")


def restart(replica: Replica, grace: float = 5.0) -> Restart:
    return Restart(replica.service, replica.id, replica.number, grace, "test")


def remove(replica: Replica) -> Remove:
    return Remove(replica.service, replica.id, replica.number, "test")


def phases(replicas: Sequence[Replica]) -> list[ReplicaPhase]:
    return [replica.phase for replica in replicas]
