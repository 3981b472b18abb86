"""Steps for an executor on real threads, and an engine that does what each case tells it, one step at a time."""

import threading
from dataclasses import dataclass, field
from pathlib import Path

from controller.model.desired import Template
from controller.model.project import ComposeProject
from controller.model.steps import Create, Outcome, Result, Start, Stop

PROJECT = ComposeProject(None, (), Path("/"))


@dataclass
class Port:
    """The part of an engine that the executor uses: each step may be held, fail, raise or make a replica."""

    answers: dict = field(default_factory=dict)
    held: dict = field(default_factory=dict)
    begun: list = field(default_factory=list)
    most: int = 0
    _now: int = 0
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def perform(self, project, steps, *, deadline):
        (step,) = steps
        with self._guard:
            self.begun.append((type(step).__name__, step.service))
            self._now += 1
            self.most = max(self.most, self._now)
        gate = self.held.get(step.service)
        if gate is not None:
            assert gate.wait(20)
        with self._guard:
            self._now -= 1
        answer = self.answers.get((type(step).__name__, step.service), Result.DONE)
        if isinstance(answer, Exception):
            raise answer
        made = f"id-{step.service}-{step.number}" if isinstance(step, Create) and answer is Result.DONE else None
        return (Outcome(step, answer, replica=made),)

    def hold(self, *services):
        gate = threading.Event()
        self.held.update(dict.fromkeys(services, gate))
        return gate


def start(service, number=1):
    return Start(service, f"id-{service}-{number}", number, "test")


def create(service, number=1, revision="r1"):
    return Create(service, number, revision, Template(service, "h", "f"), "test")


def stop(service, grace=1.0):
    return Stop(service, f"id-{service}-1", 1, grace, "test")


def results(completed):
    return [outcome.result for outcome in completed.outcomes]
