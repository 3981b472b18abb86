"""What a stack says of memory, processor time and quick starts, out of its manifest and its Compose project. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from controller.intake.compose import Model
from controller.intake.findings import Path, at, unknown
from controller.model.errors import Finding
from controller.model.quantities import octets, tell_octets
from controller.model.resources import (
    AdjustPolicy,
    Amount,
    Bounds,
    Claims,
    CleanupPolicy,
    HostThresholds,
    Limit,
    Optimization,
    Reserve,
    ResourcePolicy,
)

if TYPE_CHECKING:
    from controller.model.manifest import Service, Stack
    from controller.model.manifest.workload import Bounds as BoundsSection


LEAST_EVERY = 60.0
"""Seconds between two clean-ups by schedule: the engine walks through its files for each."""


def read_resources(manifest: Stack | None) -> ResourcePolicy:
    """A bare project is treated as a manifest without a word on it says."""
    if manifest is None:
        return ResourcePolicy()
    said = manifest.spec.resources
    adjust, cleanup, alerts = said.auto_adjust, said.cleanup, said.alerts
    return ResourcePolicy(
        admission=said.admission,
        reserve=Reserve(said.reserve.memory, said.reserve.cpu, said.reserve.disk),
        adjust=AdjustPolicy(adjust.mode, adjust.headroom, adjust.cooldown, adjust.step),
        cleanup=CleanupPolicy(
            enabled=cleanup.enabled,
            every=cleanup.every,
            images=cleanup.images,
            build_cache=cleanup.build_cache,
            older_than=cleanup.older_than,
            larger_than=cleanup.larger_than,
            keep_storage=cleanup.keep_storage,
        ),
        thresholds=HostThresholds(alerts.memory, alerts.cpu, alerts.disk, alerts.for_),
    )


def read_optimization(manifest: Stack | None) -> Optimization:
    """All of it is on where nobody says otherwise."""
    if manifest is None:
        return Optimization()
    said = manifest.spec.optimization
    return Optimization(
        said.adaptive_parallelism, said.longest_path_first, said.early_pulls, said.learned_timeouts
    )  # fmt: skip


def read_claims(service: Model, said: Service | None, volumes: Mapping[str, Any]) -> Claims:
    """What the files say of one replica. `volumes`: those of the rendered project, with Docker's names."""
    exclusive = said.exclusive_volumes if said else ()
    return Claims(
        reserved=_reserved(service),
        limit=_limit(service),
        bounds=_bounds(said.limits) if said else Bounds(),
        exclusive=tuple((volumes.get(name) or {}).get("name") or name for name in exclusive),
    )


def _reserved(service: Model) -> Amount:
    """`deploy.resources.reservations` over the older `mem_reservation`."""
    asked = _resources(service).get("reservations") or {}
    memory = asked.get("memory") or service.get("mem_reservation")
    return Amount(_bytes(memory) or 0, float(asked.get("cpus") or 0.0))


def _limit(service: Model) -> Limit:
    """`deploy.resources.limits` over the older `mem_limit` and `cpus`; 0 stands for none."""
    asked = _resources(service).get("limits") or {}
    memory = asked.get("memory") or service.get("mem_limit")
    cpu = float(asked.get("cpus") or service.get("cpus") or 0.0)
    return Limit(_bytes(memory), cpu or None)


def _resources(service: Model) -> Mapping[str, Any]:
    return (service.get("deploy") or {}).get("resources") or {}


def _bytes(value: object) -> int | None:
    """As Compose renders them: digits, in a string or not."""
    if value is None:
        return None
    return octets(int(value) if isinstance(value, str) and value.isdigit() else value) or None


def _bounds(said: BoundsSection) -> Bounds:
    return Bounds(said.min_memory, said.max_memory, said.min_cpu, said.max_cpu)


def check_resources(manifest: Stack, declared: Mapping[str, Any]) -> Iterator[Finding]:
    """Bounds that leave nothing between them, volumes that nobody has, a clean-up without end.

    `declared`: the project's volumes.
    """
    if manifest.spec.resources.cleanup.every < LEAST_EVERY:
        message = "nothing is cleaned up more often than each minute"
        yield at(("spec", "resources", "cleanup", "every"), message, hint="write 1m or more")
    for name, service in manifest.spec.services.items():
        yield from _check_service(service, ("spec", "services", name), declared)
    for profile, chosen in manifest.spec.startup_profiles.items():
        for name, service in chosen.overrides.items():
            yield from _check_service(service, ("spec", "startupProfiles", profile, "overrides", name), declared)


def _check_service(service: Service, place: Path, declared: Mapping[str, Any]) -> Iterator[Finding]:
    limits = service.limits
    if limits.min_memory is not None and limits.max_memory is not None and limits.min_memory > limits.max_memory:
        message = f"minMemory {tell_octets(limits.min_memory)} is above maxMemory {tell_octets(limits.max_memory)}"
        yield at((*place, "limits", "minMemory"), message, hint="exchange the two")
    if limits.min_cpu is not None and limits.max_cpu is not None and limits.min_cpu > limits.max_cpu:
        message = f"minCpu {limits.min_cpu:g} is above maxCpu {limits.max_cpu:g}"
        yield at((*place, "limits", "minCpu"), message, hint="exchange the two")
    for number, volume in enumerate(service.exclusive_volumes):
        if volume not in declared:
            yield unknown("volume", volume, tuple(declared), (*place, "exclusiveVolumes", number))
