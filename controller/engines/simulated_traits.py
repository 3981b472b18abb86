"""What a create request says of the container that it makes: health check, restart policy, volumes, ports. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from controller.engines.parse import parse_check
from controller.model.desired import DockerRestart, Probe


@dataclass(frozen=True, slots=True)
class Traits:
    """`check` None: the request names none (the image may have one); `disabled`: it switches the image's check off."""

    check: Probe | None = None
    disabled: bool = False
    policy: DockerRestart | None = None
    retries: int | None = None
    volumes: tuple[str, ...] = ()
    """Where anonymous volumes are mounted."""
    exposes: bool = False
    joins: tuple[str, ...] | None = None
    """Networks that it is on; None: the request names none."""


NO_TRAITS = Traits()


def read_traits(body: str) -> Traits:
    """The traits in the text of a template; an empty text says nothing."""
    if not body:
        return NO_TRAITS
    document = json.loads(body)
    request: Mapping[str, Any] = document.get("create") or {}
    endpoints = (request.get("NetworkingConfig") or {}).get("EndpointsConfig") or {}
    joins = sorted({*endpoints, *(connect["network"] for connect in document.get("connects") or ())})
    host: Mapping[str, Any] = request.get("HostConfig") or {}
    policy = host.get("RestartPolicy") or {}
    unnamed = (m["Target"] for m in host.get("Mounts") or () if m.get("Type") == "volume" and not m.get("Source"))
    return Traits(
        check=parse_check(request),
        disabled=(request.get("Healthcheck") or {}).get("Test") == ["NONE"],
        policy=DockerRestart(policy["Name"]) if policy.get("Name") else None,
        retries=policy.get("MaximumRetryCount") or None,
        volumes=tuple(sorted({*unnamed, *(request.get("Volumes") or {})})),
        exposes=bool(request.get("ExposedPorts")),
        joins=tuple(joins) or None,
    )
