"""One stack as it was read from its files: ready to be reconciled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from controller.model.alert import AlertPolicy
from controller.model.certified import NOBODY, Certified
from controller.model.decision import Hold
from controller.model.delivered import NO_DELIVERY, Delivery
from controller.model.desired import DesiredStack
from controller.model.errors import Finding
from controller.model.metrics import MetricsPolicy
from controller.model.project import ComposeProject, RenderedProject
from controller.model.resources import ResourcePolicy
from controller.model.routes import IngressPolicy

if TYPE_CHECKING:
    from controller.loop.gate import Gate
    from controller.loop.scanning import Written


@dataclass(frozen=True, slots=True)
class Loaded:
    """`project.name` is set. `variables`: names that interpolation used and that are set; `blank`: those that
    are set nowhere and have no default. `inputs`: files to watch.

    `quiet`: a bare project found through a folder, which is not started where nothing of it runs.
    """

    place: str
    project: ComposeProject
    rendered: RenderedProject = field(repr=False)
    desired: DesiredStack = field(repr=False)
    inputs: tuple[Path, ...] = ()
    variables: frozenset[str] = frozenset()
    blank: tuple[str, ...] = ()
    warnings: tuple[Finding, ...] = ()
    hold: Hold | None = None
    manifest: Path | None = None
    quiet: bool = False
    ingress: IngressPolicy = field(default_factory=IngressPolicy)
    alerts: AlertPolicy = field(default_factory=AlertPolicy)
    metrics: MetricsPolicy = field(default_factory=MetricsPolicy)
    resources: ResourcePolicy = field(default_factory=ResourcePolicy)
    declared: frozenset[str] = frozenset()
    """Every service of the files, whatever its Compose profile."""
    gate: Gate | None = field(default=None, repr=False)
    """What the scan lets be started; None: everything."""
    written: Written | None = field(default=None, repr=False, compare=False)
    """All that a scan looks at; None: nobody asks for scans."""
    certified: Mapping[str, Certified] = field(default_factory=lambda: NOBODY)
    """Who gets certificates of the controller's authority."""
    contents: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Digests of the contents that count, of services that have any."""
    delivery: Delivery = NO_DELIVERY
    """What services have of the controller's secrets."""

    @property
    def follows_tags(self) -> bool:
        """Whether some service is replaced as soon as its image's tag has moved."""
        return any(service.follows_tag for service in self.desired.services.values())

    @property
    def name(self) -> str:
        return self.desired.name
