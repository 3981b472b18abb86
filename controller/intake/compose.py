"""Reads one service of a rendered Compose model: what it needs, publishes, and how Docker restarts it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from controller.model.desired import (
    Condition,
    DockerRestart,
    FailureAction,
    Need,
    Order,
    Port,
    PullPolicy,
    UpdatePolicy,
)
from controller.model.quantities import seconds

Model = Mapping[str, Any]

_PULL = {
    "always": PullPolicy.ALWAYS,
    "never": PullPolicy.NEVER,
    "build": PullPolicy.BUILD,
}
_RESTART = {
    "any": DockerRestart.ALWAYS,
    "always": DockerRestart.ALWAYS,
    "on-failure": DockerRestart.ON_FAILURE,
    "unless-stopped": DockerRestart.UNLESS_STOPPED,
}


def read_needs(service: Model) -> Mapping[str, Need]:
    """`depends_on` and what follows from links, `volumes_from` and shared namespaces."""
    needs = {
        name: Need(Condition(edge["condition"]), edge.get("required", True), edge.get("restart", False))
        for name, edge in (service.get("depends_on") or {}).items()
    }
    for name in _implied(service):
        needs.setdefault(name, Need(restart=True))
    return needs


def _implied(service: Model) -> Iterator[str]:
    owner = namespace_owner(service)
    if owner is not None:
        yield owner
    for link in service.get("links") or ():
        yield link.split(":")[0]
    for source in service.get("volumes_from") or ():
        if not source.startswith("container:"):
            yield source.split(":")[0]


def namespace_owner(service: Model) -> str | None:
    """The service whose network, pid or ipc namespace this one joins."""
    for key in ("network_mode", "pid", "ipc"):
        mode = service.get(key) or ""
        if mode.startswith("service:"):
            return str(mode.removeprefix("service:"))
    return None


def read_replicas(service: Model) -> int:
    """`deploy.replicas` over `scale`, else 1."""
    replicas = _deploy(service).get("replicas")
    return int(replicas if replicas is not None else service.get("scale", 1))


def read_ports(service: Model) -> tuple[Port, ...]:
    """Published ports; a range of host ports for one container port stays a range."""
    return tuple(
        Port(int(port["target"]), _span(port.get("published")), port.get("host_ip", ""), port.get("protocol", "tcp"))
        for port in service.get("ports") or ()
    )


def _span(published: object) -> tuple[int, int] | None:
    first, _, last = str(published or "").partition("-")
    return (int(first), int(last or first)) if first not in ("", "0") else None


def read_restart(service: Model) -> DockerRestart:
    """`deploy.restart_policy` over `restart`, as Compose sends it to the engine."""
    policy = _deploy(service).get("restart_policy")
    word = (service.get("restart") or "no").split(":")[0] if policy is None else policy.get("condition") or "no"
    return _RESTART.get(word, DockerRestart.NO)


def read_pull(service: Model) -> PullPolicy:
    """`pull_policy`; what only says how often to look (`daily` and the like) counts as `missing`."""
    return _PULL.get(service.get("pull_policy") or "", PullPolicy.MISSING)


def read_image(service: Model, project: str, name: str) -> str:
    """The image's name; Compose names what it builds after project and service."""
    return service.get("image") or f"{project}-{name}"


def read_grace(service: Model) -> float:
    """Seconds between the stop signal and force."""
    grace = service.get("stop_grace_period")
    return 10.0 if grace is None else seconds(grace)


def read_update(service: Model, key: str, default: UpdatePolicy) -> UpdatePolicy:
    """`deploy.update_config` or `deploy.rollback_config` over the default; the order is chosen elsewhere."""
    config: Model = _deploy(service).get(key) or {}
    return UpdatePolicy(
        order=default.order,
        parallelism=int(config.get("parallelism", default.parallelism)),
        delay=seconds(config["delay"]) if config.get("delay") else default.delay,
        monitor=seconds(config["monitor"]) if config.get("monitor") else default.monitor,
        failure_action=FailureAction(config.get("failure_action") or default.failure_action),
        max_failure_ratio=float(config.get("max_failure_ratio", default.max_failure_ratio)),
        progress_deadline=default.progress_deadline,
    )


def read_order(service: Model, key: str) -> Order | None:
    """The order that `deploy.update_config` or `deploy.rollback_config` asks for."""
    order = (_deploy(service).get(key) or {}).get("order")
    return Order(order) if order else None


def has_check(service: Model) -> bool:
    """The definition has a health check of its own; an image may have one besides."""
    check = service.get("healthcheck") or {}
    return bool(check.get("test")) and check["test"][0] != "NONE" and not check.get("disable")


def refuses_check(service: Model) -> bool:
    """The definition switches off what the image may have; a `healthcheck` without `test` only adjusts that."""
    check = service.get("healthcheck") or {}
    return bool(check.get("disable")) or (check.get("test") or [""])[0] == "NONE"


def never_ends(service: Model) -> bool:
    """It cannot be a job: Docker restarts it whatever happens, its health is watched, or it publishes a port."""
    keeps = read_restart(service) in (DockerRestart.ALWAYS, DockerRestart.UNLESS_STOPPED)
    return keeps or has_check(service) or bool(service.get("ports") or service.get("expose"))


def _deploy(service: Model) -> Model:
    return service.get("deploy") or {}
