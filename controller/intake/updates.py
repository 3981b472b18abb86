"""How each service of a stack is replaced: what was asked for, what is chosen, and what is told of it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from controller.intake.compose import Model, read_image, read_order, read_ports
from controller.intake.findings import Path
from controller.intake.limits import acts_on
from controller.intake.order import Bonds, Choice, Traits, asked_order, choose, read_bonds, warn_against
from controller.intake.policy import (
    resolve_replicas,
    resolve_rollback,
    resolve_update,
    service_policies,
    stands_behind_ingress,
)
from controller.model.desired import DesiredService, Order, UpdatePolicy
from controller.model.errors import Finding
from controller.model.project import ImageDefaults, RenderedProject

if TYPE_CHECKING:
    from controller.model.manifest import Service, Stack

_SECTIONS = {"update": "update_config", "rollback": "rollback_config"}
"""Of the manifest, and of Compose's `deploy`."""


class Updates:
    """The update and rollback policies of one stack. `ask` tells what an image brings (None: not known)."""

    def __init__(
        self,
        rendered: RenderedProject,
        manifest: Stack | None,
        profile: str | None,
        previous: Mapping[str, DesiredService],
        ask: Callable[[str], ImageDefaults | None],
    ) -> None:
        self._project, self._manifest, self._profile = rendered.name, manifest, profile
        self._models: Mapping[str, Model] = rendered.model.get("services") or {}
        self._policies = service_policies(manifest, profile)
        self._bonds = read_bonds(self._models)
        self._previous, self._ask = previous, ask

    def update(self, name: str) -> UpdatePolicy:
        """How an update replaces the service's replicas."""
        return resolve_update(self._models[name], self._policies.get(name), self._choose(name, "update"))

    def rollback(self, name: str) -> UpdatePolicy:
        """How a rollback does."""
        return resolve_rollback(self._models[name], self._policies.get(name), self._choose(name, "rollback"))

    def stands_behind(self, name: str) -> bool:
        """Whether the ingress takes its published ports."""
        asked, model = self._asked(name, "update"), self._models[name]
        replicas = resolve_replicas(model, self._policies.get(name))
        return acts_on("ingress") and stands_behind_ingress(self._manifest, asked, read_ports(model), replicas)

    def warnings(self) -> Iterator[Finding]:
        """Orders that were asked for against a rule; they are kept."""
        for name in sorted(self._models):
            for section in _SECTIONS:
                if self._asked(name, section) is not None:
                    yield from warn_against(name, self._choose(name, section), self._place(name, section))

    def _choose(self, name: str, section: str) -> Choice:
        return choose(self._asked(name, section), self._manifest is None, self._traits(name))

    def _traits(self, name: str) -> Traits:
        model = self._models[name]
        return Traits(
            model,
            replicas=resolve_replicas(model, self._policies.get(name)),
            bonds=self._bonds.get(name, Bonds()),
            behind_ingress=self.stands_behind(name),
            image_volumes=lambda: self._image_volumes(name),
        )

    def _asked(self, name: str, section: str) -> Order | None:
        return asked_order(
            _order_of(self._policies.get(name), section), read_order(self._models[name], _SECTIONS[section])
        )

    def _place(self, name: str, section: str) -> Path:
        chosen = self._manifest.spec.startup_profiles.get(self._profile or "") if self._manifest else None
        if chosen and _order_of(chosen.overrides.get(name), section) is not None:
            return ("spec", "startupProfiles", self._profile or "", "overrides", name, section, "order")
        if _order_of(self._policies.get(name), section) is not None:
            return ("spec", "services", name, section, "order")
        return ("services", name, "deploy", _SECTIONS[section], "order")

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


def _order_of(policy: Service | None, section: str) -> str | None:
    return None if policy is None else getattr(policy, section).order
