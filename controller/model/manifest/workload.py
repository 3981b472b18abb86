"""What a manifest says about one service, beside what its Compose definition says."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from controller.model.desired import Condition, FailureAction, Scope, Watch
from controller.model.manifest import hints
from controller.model.manifest.values import Cpu, Duration, PortNumber, Ratio, Section, Size, written


class UpdateOrder(StrEnum):
    AUTO = "auto"
    STOP_FIRST = "stop-first"
    START_FIRST = "start-first"


class Update(Section):
    """How replicas are replaced. A key that is not set comes from Compose's `deploy.update_config`, else from Swarm."""

    order: UpdateOrder | None = None
    """`stop-first`, `start-first`, or `auto`: start-first where nothing forbids it. Default: `auto`."""
    parallelism: Annotated[int, Field(ge=0)] | None = None
    """Replicas replaced at once; 0: all. Default: 1."""
    delay: Duration | None = None
    """Pause between one batch and the next. Default: 0s."""
    monitor: Duration | None = None
    """How long a new replica is watched before it counts. Default: 5s."""
    failure_action: FailureAction | None = None
    """What to do when too many new replicas fail. Default: `rollback`."""
    max_failure_ratio: Ratio | None = None
    """Share of new replicas that may fail. Default: 0."""
    progress_deadline: Duration | None = None
    """An update without progress for this long has failed. Default: 10m, or twice `monitor` if that is longer."""
    bake: Duration | None = None
    """Watch this long after success, and revert if the new revision is clearly worse. Default: 0s."""
    watch: Watch | None = None
    """When the old replica leaves: after its successor was watched (`settled`), or once it runs (`ready`)."""
    scope: Scope | None = None
    """What is rolled back: this `service`, or everything of this generation (`stack`). Default: `service`."""
    on_image_change: bool | None = None
    """`run` replaces replicas when the image's tag has moved. Default: false, only `apply` does."""


class HttpCheck(Section):
    port: PortNumber
    """The container's port."""
    path: Annotated[str, Field(pattern="^/")] = "/"
    """What to ask for; an answer from 200 to 399 is success."""


class TcpCheck(Section):
    port: PortNumber
    """The container's port; success is an accepted connection."""


class ExecCheck(Section):
    command: Annotated[tuple[str, ...], Field(min_length=1)]
    """An argv, run in the container; success is exit code 0."""


def _as_exec(value: Any) -> Any:
    match value:
        case str() if value:
            return {"command": ["/bin/sh", "-c", value]}
        case list():
            return {"command": value}
    return value


_ARGV = {"type": "array", "items": {"type": "string"}, "minItems": 1}
Exec = Annotated[
    ExecCheck,
    BeforeValidator(_as_exec),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "minLength": 1},
                _ARGV,
                {
                    "type": "object",
                    "properties": {"command": _ARGV},
                    "required": ["command"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]


class Check(Section):
    """A probe: exactly one of `http`, `tcp`, `exec`."""

    http: HttpCheck | None = None
    """Ask by HTTP."""
    tcp: TcpCheck | None = None
    """Try to connect."""
    exec: Exec | None = None
    """Run a command in the container: an argv, or a line for its shell."""
    interval: Duration = written("10s")
    """Time between two probes of a steady replica; while it starts they are closer."""
    timeout: Duration = written("5s")
    """A probe that takes longer has failed."""
    retries: Annotated[int, Field(ge=1)] = 3
    """Failures in a row that make a replica unhealthy."""
    start_period: Duration | None = None
    """Failures before the first success do not count for this long after the start. Default: `startTimeout`; of a
    `startupProbe`, and of `liveness` beside one, 0s."""

    @model_validator(mode="after")
    def _one_kind(self) -> Check:
        if sum(kind is not None for kind in (self.http, self.tcp, self.exec)) != 1:
            hint = "for example readiness: {http: {port: 8000, path: /ready}}"
            raise PydanticCustomError("one_of", "needs exactly one of http, tcp, exec", {"hint": hint})
        return self


class Dependency(Section):
    condition: Condition = Condition.STARTED
    """When the dependency lets this service start; Compose's words."""
    required: bool = True
    """Without it this service does not start; false: it is waited for only where it is part of the stack."""
    restart: bool = False
    """Restart this service when the dependency was replaced."""


def _as_dependency(value: Any) -> Any:
    return {"condition": value} if isinstance(value, str) else value


def _as_dependencies(value: Any) -> Any:
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return {name: {} for name in value}
    return value


_CONDITION = {
    "type": "string",
    "enum": [str(condition) for condition in Condition],
    "enumDescriptions": [hints.CONDITION[condition] for condition in Condition],
}
_DEPENDENCY = {
    "type": "object",
    "properties": {"condition": _CONDITION, "required": {"type": "boolean"}, "restart": {"type": "boolean"}},
    "additionalProperties": False,
}
Dependencies = Annotated[
    Mapping[str, Annotated[Dependency, BeforeValidator(_as_dependency)]],
    BeforeValidator(_as_dependencies),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "array", "items": {"type": "string"}},
                {"type": "object", "additionalProperties": {"anyOf": [_CONDITION, _DEPENDENCY]}},
            ]
        }
    ),
]


class Unhealthy(StrEnum):
    RESTART = "restart"
    NOTIFY = "notify"


class Bounds(Section):
    """Between what a limit may be adjusted. For a bound that is missing the Compose file's own limit stands."""

    min_memory: Size | None = None
    """The memory limit is never set below this."""
    max_memory: Size | None = None
    """The memory limit is never set above this."""
    min_cpu: Cpu | None = None
    """The CPU limit is never set below this."""
    max_cpu: Cpu | None = None
    """The CPU limit is never set above this."""


class Service(Section):
    """Policy of one service. Keys that are not set leave the service as the Compose file has it."""

    replicas: Annotated[int, Field(ge=0)] | None = None
    """How many containers. Default: Compose's `deploy.replicas` or `scale`, else 1."""
    job: bool | None = None
    """It is to run once and end with 0. Default: judged by how it ends and by who waits for it."""
    update: Update = Field(default_factory=Update)
    """How replicas are replaced."""
    rollback: Update = Field(default_factory=Update)
    """How a rollback replaces replicas; Compose's `deploy.rollback_config`."""
    readiness: Check | None = None
    """When a replica is ready. Default: the health check, else running for `startup.settle`."""
    liveness: Check | None = None
    """When a replica is to be restarted. Default: when its readiness fails, which else only takes its traffic."""
    startup_probe: Check | None = None
    """Until it has succeeded once the other probes wait. Lengthens `startTimeout`."""
    start_timeout: Duration | None = None
    """A replica that is not ready after this has failed. Default: `startup.timeout`."""
    depends_on: Dependencies = Field(default_factory=dict)
    """Further dependencies, or other conditions than Compose's `depends_on` has: `{redis: service_healthy}`."""
    connects_to: tuple[str, ...] = ()
    """Services that it may reach besides its dependencies, under `security.networkPolicy`."""
    egress: bool | None = None
    """Whether it may reach what is outside, under `security.networkPolicy`. Default: where its networks let it."""
    priority: int = 0
    """Higher goes first where not all can."""
    on_unhealthy: Unhealthy = Unhealthy.RESTART
    """What follows an unhealthy replica: `restart` it, or `notify` only."""
    ignore_drift: tuple[str, ...] = ()
    """Fields that may differ from what was created, such as `HostConfig.Memory`, `Networks.front` or `Name`."""
    pre_stop_delay: Duration = written("0s")
    """How long a replica is out of its service's names before it is told to stop."""
    irreversible: bool | None = None
    """Once it settled, the stack does not go back. Default: true for jobs that completed."""
    reversible: bool | None = None
    """The same the other way round: `true` lets the stack go back though this job has completed."""
    limits: Bounds = Field(default_factory=Bounds)
    """Bounds of `resources.autoAdjust` for this service."""
    exclusive_volumes: tuple[str, ...] = ()
    """Compose volumes that no two running containers may have at once, of whatever project."""

    @model_validator(mode="after")
    def _one_word_on_going_back(self) -> Service:
        if self.irreversible is not None and self.reversible is not None:
            hint = {"hint": "irreversible: true, or reversible: true"}
            raise PydanticCustomError("one_of", "needs one of irreversible and reversible at most", hint)
        return self
