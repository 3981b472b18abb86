"""What a create request says of the container that it makes: health check, restart policy, volumes, ports. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from controller.model.desired import DockerRestart, Probe, ProbeKind

NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Traits:
    """`check` None: the request names none (the image may have one); `disabled`: it switches the image's check off."""

    check: Probe | None = None
    disabled: bool = False
    policy: DockerRestart | None = None
    retries: int | None = None
    volumes: tuple[str, ...] = ()
    exposes: bool = False


NO_TRAITS = Traits()


def read_traits(body: str) -> Traits:
    """The traits in the text of a template; an empty text says nothing."""
    if not body:
        return NO_TRAITS
    request: Mapping[str, Any] = json.loads(body).get("create") or {}
    check = request.get("Healthcheck") or {}
    policy = (request.get("HostConfig") or {}).get("RestartPolicy") or {}
    return Traits(
        check=read_check(check),
        disabled=check.get("Test") == ["NONE"],
        policy=DockerRestart(policy["Name"]) if policy.get("Name") else None,
        retries=policy.get("MaximumRetryCount") or None,
        volumes=tuple(sorted(request.get("Volumes") or {})),
        exposes=bool(request.get("ExposedPorts")),
    )


def read_check(check: Mapping[str, Any]) -> Probe | None:
    """Docker's `Healthcheck` as a probe; its defaults where a field is 0; None where there is no check."""
    test = check.get("Test") or []
    if not test or test[0] == "NONE":
        return None
    command = tuple(test[1:]) if test[0] == "CMD" else ("/bin/sh", "-c", *test[1:])
    return Probe(
        ProbeKind.EXEC,
        command=command,
        interval=(check.get("Interval") or 30 * NANOSECONDS) / NANOSECONDS,
        timeout=(check.get("Timeout") or 30 * NANOSECONDS) / NANOSECONDS,
        retries=check.get("Retries") or 3,
        start_period=(check.get("StartPeriod") or 0) / NANOSECONDS,
    )
