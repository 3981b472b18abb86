"""One project on the simulated engine: it learns its services from the create requests that it gets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from controller.engines.base import Scope
from controller.engines.simulated_faults import Faults, FaultyWorld
from controller.engines.simulated_labels import read_behaviour, read_service, read_times
from controller.engines.simulated_world import Simulation
from controller.engines.template import read_request
from controller.model.desired import DesiredStack, Template
from controller.model.errors import Rejected
from controller.model.names import ImageId, Instant, ReplicaId, Revision
from controller.model.observed import Observed, Replica, ServiceView
from controller.model.project import ImageDefaults
from controller.model.steps import Build, Create, Outcome, Pull, Result, Step
from controller.model.timings import ENOUGH, Sample, Timings


@dataclass(frozen=True, slots=True)
class Settings:
    """How all stacks of an engine behave. `missing`: images that have to be pulled or built first.

    `images`: what images bring, by name.
    """

    timings: Timings = field(default_factory=Timings)
    faults: Faults = field(default_factory=Faults)
    missing: frozenset[str] = frozenset()
    images: Mapping[str, ImageDefaults] = field(default_factory=dict)


class SimulatedStack:
    """The containers of one project, and what they were made from. Not thread-safe: the engine holds its lock."""

    def __init__(self, name: str, settings: Settings, now: Instant) -> None:
        self.name = name
        self.simulation = Simulation(DesiredStack(name, {}, ""), {}, settings.timings, now)
        self.world = FaultyWorld(self.simulation, settings.faults)
        self.made_from: dict[ReplicaId, str] = {}
        self.templates: dict[str, tuple[Template, Revision]] = {}
        self.fetched: set[str] = set()
        self.moved: Counter[str] = Counter()
        """How often an image's name came to stand for another image."""
        self.working_dir = ""
        self.config_files: tuple[str, ...] = ()
        self._missing = settings.missing

    def perform(self, step: Step, now: Instant) -> Outcome:
        """One step. Its effect is dated; the outcome says how long it takes."""
        if isinstance(step, Create):
            try:
                self.learn(step.template, step.revision, now)
            except Rejected as error:
                return Outcome(step, Result.REJECTED, error.message)
        (outcome,) = self.world.perform((step,), now)
        if isinstance(step, Pull | Build) and outcome.result is Result.DONE:
            self.fetched.add(step.image)
        self._note_makes(step)
        return outcome

    def learn(self, template: Template, revision: Revision, now: Instant) -> None:
        """Know a service by a create request. Raises Rejected where its labels script nonsense."""
        service = read_service(template)
        marks: Mapping[str, Any] = read_request(template).create.get("Labels") or {}
        behaviour, times = read_behaviour(marks), read_times(marks)
        containers = self.simulation.containers
        samples = {(service.name, span): (Sample(seconds),) * ENOUGH for span, seconds in times.items()}
        containers.timings = Timings({**containers.timings.samples, **samples})
        self.simulation.retarget(
            replace(containers.stack, services={**containers.stack.services, service.name: service}), now
        )
        self.simulation.behave(service.name, behaviour, revision)
        self.simulation.set_image(service.name, self._image_id(service.image))
        self.templates[service.name] = (template, revision)

    def look(self, scope: Scope, now: Instant) -> Observed:
        """What an engine's look shows. Raises Transient while it is away."""
        present = {record.service for record in self.simulation.containers.all()}
        names = present | scope.images.keys() | scope.templates.keys()
        views = {
            name: self._view(name, scope, now) for name in sorted(names) if scope.only is None or name in scope.only
        }
        return Observed(self.name, views, now, self.working_dir, self.config_files)

    def _view(self, service: str, scope: Scope, now: Instant) -> ServiceView:
        view = self.world.view(service, now)
        image = scope.images.get(service)
        template = scope.templates.get(service) if view.complete else None
        return replace(
            view,
            replicas=tuple(self._shown(replica, template) for replica in view.replicas),
            image_id=view.image_id if image is None else self._image_id(image),
        )

    def _shown(self, replica: Replica, template: Template | None) -> Replica:
        """An engine does not know revisions; whether it differs from the template shows in what it was made from."""
        drift: tuple[str, ...] | None = None
        if template is not None:
            drift = () if self.made_from.get(replica.id) == template.fingerprint else ("create request",)
        return replace(replica, revision=Revision(""), drift=drift)

    def _note_makes(self, step: Step) -> None:
        """Also those of calls that were made without saying so."""
        if isinstance(step, Create):
            for record in self.simulation.containers.of(step.service):
                self.made_from.setdefault(record.base.id, step.template.fingerprint)
        present = {record.base.id for record in self.simulation.containers.all()}
        for gone in self.made_from.keys() - present:
            del self.made_from[gone]

    def _image_id(self, image: str) -> ImageId | None:
        if image in self._missing and image not in self.fetched:
            return None
        name = f"{image} {moves}" if (moves := self.moved[image]) else image
        return ImageId(f"sha256:{sha256(name.encode()).hexdigest()}")
