"""Digests: of what a new container would be needed for (revision), and of all that is wanted (generation). Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from controller.intake.compose import Model
from controller.model.desired import DesiredService, StackPolicy, Template
from controller.model.names import Revision

_REPLACES_NOTHING = frozenset({"depends_on", "deploy", "profiles", "scale", "build", "pull_policy", "develop"})
_REPLACES = ("resources", "restart_policy", "labels")
"""What of `deploy` a new container would be needed for."""


def fingerprint(model: Model) -> str:
    """Stands in for a recorded template's: all of the definition that a new container would be needed for."""
    kept = {key: value for key, value in model.items() if key not in _REPLACES_NOTHING}
    deploy = model.get("deploy") or {}
    return digest(kept | {"deploy": {key: deploy[key] for key in _REPLACES if deploy.get(key)}})


def revision(template: Template, contents: str, image_id: str) -> Revision:
    """Twelve digits that name what a replica is made from."""
    return Revision(digest([template.fingerprint, contents, image_id])[:12])


def stack_digest(name: str, services: Mapping[str, DesiredService], policy: StackPolicy, profile: str | None) -> str:
    """Changes with anything that counts."""
    return digest([name, {key: _counted(services[key]) for key in sorted(services)}, asdict(policy), profile])


def _counted(service: DesiredService) -> dict[str, Any]:
    # The fingerprint stands for the texts of the template; the words for a choice are for people.
    return asdict(
        replace(
            service,
            template=Template(service.name, "", service.template.fingerprint),
            direct=None,
            update=replace(service.update, because=""),
            rollback=replace(service.rollback, because=""),
        )
    )


def digest(value: Any) -> str:
    """Of a JSON value, whatever the order of its keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()
