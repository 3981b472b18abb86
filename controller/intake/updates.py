"""How each service of a stack is replaced: what was asked for, what is chosen, and what is told of it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from controller.intake.compose import Model, read_image, read_order
from controller.intake.findings import Path
from controller.intake.ingress import find_frontends
from controller.intake.limits import check_patience, unled
from controller.intake.order import Bonds, Choice, Traits, asked_order, choose, read_bonds, warn_against
from controller.intake.policy import (
    resolve_replicas,
    resolve_rollback,
    resolve_update,
    service_policies,
    wants_ingress,
)
from controller.model.desired import DesiredService, Order, UpdatePolicy
from controller.model.errors import Finding
from controller.model.project import ImageDefaults, RenderedProject
from controller.model.routes import Frontend

if TYPE_CHECKING:
    from controller.model.manifest import Service, Stack

_MODE: Path = ("spec", "ingress", "mode")
_SECTIONS = {"update": "update_config", "rollback": "rollback_config"}
"""Of the manifest, and of Compose's `deploy`."""


class Updates:
    """The update and rollback policies of one stack, and what of it is behind the ingress.

    `ask` tells what an image brings (None: not known). `leads_traffic`: there can be an ingress.
    """

    def __init__(
        self,
        rendered: RenderedProject,
        manifest: Stack | None,
        profile: str | None,
        previous: Mapping[str, DesiredService],
        ask: Callable[[str], ImageDefaults | None],
        leads_traffic: bool = True,
    ) -> None:
        self._project, self._manifest, self._profile = rendered.name, manifest, profile
        self._models: Mapping[str, Model] = rendered.model.get("services") or {}
        self._policies = service_policies(manifest, profile)
        self._bonds = read_bonds(self._models)
        self._previous, self._ask, self._leads_traffic = previous, ask, leads_traffic

    def update(self, name: str) -> UpdatePolicy:
        """How an update replaces the service's replicas."""
        return resolve_update(self._models[name], self._policies.get(name), self._choose(name, "update"))

    def rollback(self, name: str) -> UpdatePolicy:
        """How a rollback does."""
        return resolve_rollback(self._models[name], self._policies.get(name), self._choose(name, "rollback"))

    def frontends(self, name: str) -> tuple[Frontend, ...]:
        """The published ports of it that the ingress takes."""
        return self._led(name) or ()

    def _led(self, name: str) -> tuple[Frontend, ...] | None:
        """None: it gets no ingress at all."""
        return self._takable(name) if self._leads_traffic and self._wants_ingress(name) else None

    def _takable(self, name: str) -> tuple[Frontend, ...]:
        return find_frontends(name, self._models[name], self._policies.get(name))

    def _wants_ingress(self, name: str) -> bool:
        replicas = resolve_replicas(self._models[name], self._policies.get(name))
        return wants_ingress(self._manifest, self._asked(name, "update"), replicas)

    def warnings(self) -> Iterator[Finding]:
        """An ingress that cannot be had; orders that were asked for against a rule: they are kept."""
        wanting = () if self._leads_traffic else filter(self._wants_ingress, sorted(self._models))
        if names := tuple(name for name in wanting if self._takable(name)):
            yield unled(names, ("services", names[0], "ports") if self._manifest is None else _MODE)
        for name in sorted(self._models):
            for section in _SECTIONS:
                if self._asked(name, section) is not None:
                    yield from warn_against(name, self._choose(name, section), self._place(name, section, "order"))

    def faults(self, services: Mapping[str, DesiredService]) -> Iterator[Finding]:
        """Policies under which no release would ever settle."""
        for name in sorted(self._models):
            for section in _SECTIONS:
                place = self._place(name, section, "progress_deadline")
                yield from check_patience(getattr(services[name], section), place)

    def monitored(self, name: str, section: str) -> Path | None:
        """Where somebody says how long a new replica is watched; None: nobody does."""
        config = (self._models[name].get("deploy") or {}).get(_SECTIONS[section]) or {} if name in self._models else {}
        said = _said(self._policies.get(name), section, "monitor") is not None or bool(config.get("monitor"))
        return self._place(name, section, "monitor") if said else None

    def _choose(self, name: str, section: str) -> Choice:
        return choose(self._asked(name, section), self._manifest is None, self._traits(name))

    def _traits(self, name: str) -> Traits:
        model = self._models[name]
        return Traits(
            model,
            replicas=resolve_replicas(model, self._policies.get(name)),
            bonds=self._bonds.get(name, Bonds()),
            led=self._led(name),
            image_volumes=lambda: self._image_volumes(name),
        )

    def _asked(self, name: str, section: str) -> Order | None:
        return asked_order(
            _said(self._policies.get(name), section, "order"), read_order(self._models[name], _SECTIONS[section])
        )

    def _place(self, name: str, section: str, field: str) -> Path:
        key = {"progress_deadline": "progressDeadline"}.get(field, field)
        chosen = self._manifest.spec.startup_profiles.get(self._profile or "") if self._manifest else None
        if chosen and _said(chosen.overrides.get(name), section, field) is not None:
            return ("spec", "startupProfiles", self._profile or "", "overrides", name, section, key)
        if _said(self._policies.get(name), section, field) is not None:
            return ("spec", "services", name, section, key)
        return ("services", name, "deploy", _SECTIONS[section], key)

    def _image_volumes(self, name: str) -> tuple[str, ...] | None:
        """What is at stake is what the present replicas keep: their image speaks for one that is still to be pulled."""
        image, before = read_image(self._models[name], self._project, name), self._previous.get(name)
        brings = self._ask(image)
        if brings is None and before is not None and before.image != image:
            brings = self._ask(before.image)
        if brings is not None:
            return brings.volumes
        # Unknown is never changed: what was found of the same image still holds.
        if before is None or before.image != image or not before.update.because:
            return None
        return () if before.update.order is Order.START_FIRST else None


def _said(policy: Service | None, section: str, field: str) -> Any:
    return None if policy is None else getattr(getattr(policy, section), field)
