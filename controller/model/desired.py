"""What is wanted: a stack and its services, resolved from manifest and Compose project, ready to be compared."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from controller.model.adjustment import Adjustment
from controller.model.confined import Confined, read_joining
from controller.model.names import ImageId, Revision
from controller.model.resources import EVERYTHING_ON, NO_CLAIMS, NO_RESERVE, Admission, Claims, Optimization, Reserve
from controller.model.routes import Frontend

START_TIMEOUT = 120.0
"""Seconds after which a replica that is not ready has failed, where nobody says another time."""

LONGEST_START = 900.0
"""Seconds beyond which no start is given more for what was learned: what took longer waited for something else."""

WIDEST, WIDEST_CHOSEN = 4.0, 2.0
"""Of the time that the files give a start, the most that it becomes; who chose that time is nearly right."""


class Condition(StrEnum):
    """When a dependency lets its dependent start; Compose's words."""

    STARTED = "service_started"
    HEALTHY = "service_healthy"
    COMPLETED = "service_completed_successfully"


@dataclass(frozen=True, slots=True)
class Need:
    """One edge of the graph. `restart`: the dependent restarts when the dependency was replaced."""

    condition: Condition = Condition.STARTED
    required: bool = True
    restart: bool = False


class Order(StrEnum):
    STOP_FIRST = "stop-first"
    START_FIRST = "start-first"


class FailureAction(StrEnum):
    ROLLBACK = "rollback"
    PAUSE = "pause"
    CONTINUE = "continue"


class Watch(StrEnum):
    """When the replaced replica leaves: after its successor was watched for `monitor`, or once it is ready (Swarm)."""

    SETTLED = "settled"
    READY = "ready"


class Scope(StrEnum):
    """What a failed update takes back: its service, or everything that its generation changed."""

    SERVICE = "service"
    STACK = "stack"


@dataclass(frozen=True, slots=True)
class UpdatePolicy:
    """How replicas are replaced; Swarm's fields and meaning. Times in seconds. `parallelism` 0 means all at once.

    `because`: why that order was chosen, for people; "" where it was asked for. `bake`: how long the revision before
    is kept in mind after success, to go back to where the new one turns out to be clearly worse.
    """

    order: Order = Order.STOP_FIRST
    parallelism: int = 1
    delay: float = 0.0
    monitor: float = 5.0
    failure_action: FailureAction = FailureAction.ROLLBACK
    max_failure_ratio: float = 0.0
    progress_deadline: float = 600.0
    bake: float = 0.0
    watch: Watch = Watch.SETTLED
    scope: Scope = Scope.SERVICE
    because: str = ""


class ProbeKind(StrEnum):
    EXEC = "exec"
    HTTP = "http"
    TCP = "tcp"


SUCCESSES_TO_RETURN = 2
"""Of a probe in a row, before an unhealthy replica counts as healthy again; the first of a life counts at once."""


@dataclass(frozen=True, slots=True)
class Probe:
    """How readiness is asked. `command` is an argv as `docker exec` takes it; times in seconds."""

    kind: ProbeKind
    command: tuple[str, ...] = ()
    port: int = 0
    path: str = "/"
    interval: float = 10.0
    timeout: float = 5.0
    retries: int = 3
    start_period: float = 0.0


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses between tries: 0, then `initial`, growing by `multiplier` up to `maximum` seconds.

    `attempts` bounds jobs only; long-running services are tried for ever at the cap.
    """

    initial: float = 1.0
    maximum: float = 300.0
    multiplier: float = 2.0
    attempts: int = 5

    def delay(self, tries: int) -> float:
        """Seconds from the start of try number `tries` (1-based) to the earliest start of the next one."""
        if tries <= 0:
            return 0.0
        return min(self.maximum, self.initial * self.multiplier ** min(tries - 1, 64))


class DockerRestart(StrEnum):
    """Docker's own restart policy, which acts first where it will act."""

    NO = "no"
    ALWAYS = "always"
    UNLESS_STOPPED = "unless-stopped"
    ON_FAILURE = "on-failure"


class PullPolicy(StrEnum):
    MISSING = "missing"
    ALWAYS = "always"
    NEVER = "never"
    BUILD = "build"


@dataclass(frozen=True, slots=True)
class Port:
    """A published port; `published` is a first and a last host port, `None` where the engine picks one."""

    target: int
    published: tuple[int, int] | None
    host_ip: str = ""
    protocol: str = "tcp"

    @property
    def is_fixed(self) -> bool:
        """One TCP port of the host, which only one container can have: what an ingress is for."""
        return self.protocol == "tcp" and self.published is not None and self.published[0] == self.published[1]


@dataclass(frozen=True, slots=True)
class Template:
    """What a new replica of one revision is made from: the requests that Compose itself would send.

    The texts are JSON and may hold secrets: they are never printed. `fingerprint` is a digest of the create request
    without what replaces nothing (Compose's hash and version, `depends_on`, the number); `config_hash` is the label
    that Compose would write. `networks` and `volumes` (create requests too) must exist before the create.
    `starts_by_compose`: hooks or injected files, which only Compose does. `filled_later`: files are put into
    it after its create, which nothing shows.
    """

    service: str
    config_hash: str
    fingerprint: str
    body: str = field(default="", repr=False)
    networks: tuple[str, ...] = field(default=(), repr=False)
    volumes: tuple[str, ...] = field(default=(), repr=False)
    starts_by_compose: bool = False
    namespace_of: str | None = None
    filled_later: bool = False

    def joins(self) -> frozenset[str]:
        """The networks, by Docker's names, that its replicas are on."""
        joining = read_joining(self.body, self.networks)
        return joining.replaced | joining.kept

    def exposes(self) -> frozenset[int]:
        """The TCP ports that it is made with, published or not; those of its image that Compose does not name lack."""
        if not self.body:
            return frozenset()
        named = json.loads(self.body)["create"].get("ExposedPorts") or {}
        return frozenset(int(port) for port, _, kind in (one.partition("/") for one in named) if kind in ("", "tcp"))

    def keeps(self) -> frozenset[str]:
        """The volumes, by Docker's names, that its replicas have."""
        return frozenset(json.loads(text)["Name"] for text in self.volumes)


@dataclass(frozen=True, slots=True)
class Direct:
    """The same service without an ingress. `stays`: a replica of it need not go before something else changes."""

    revision: Revision
    template: Template = field(repr=False)
    stays: bool = False


class DriftPolicy(StrEnum):
    REPAIR = "repair"
    REPORT = "report"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class DesiredService:
    """One service as it is to be. Times in seconds. `leaving` says why `replicas` is 0."""

    name: str
    replicas: int
    revision: Revision
    template: Template
    image: str = ""
    image_id: ImageId | None = None
    """Set where a moved tag counts as a change; None: any image of that name will do."""
    needs: Mapping[str, Need] = field(default_factory=dict)
    connects_to: tuple[str, ...] = ()
    """Services that it may reach besides those it needs."""
    egress: bool | None = None
    """Whether it may reach what is outside the stack, under a network policy; None: where it could before."""
    update: UpdatePolicy = UpdatePolicy()
    rollback: UpdatePolicy = UpdatePolicy()
    readiness: Probe | None = None
    """The manifest's probe; None: the container's own health check, else running for `settle`."""
    liveness: Probe | None = None
    """What restarts a replica, in the place of its readiness."""
    startup: Probe | None = None
    """Until it has succeeded once the other two are not asked."""
    settle: float = 1.0
    start_timeout: float = START_TIMEOUT
    timeout_given: float | None = None
    """What the files say of it, where what was learned made it longer; None: they say just this."""
    timeout_chosen: bool = False
    """Somebody wrote it; else it is nobody's choice."""
    stop_grace: float = 10.0
    backoff: Backoff = Backoff()
    docker_restart: DockerRestart = DockerRestart.NO
    pull: PullPolicy = PullPolicy.MISSING
    builds: bool = False
    ports: tuple[Port, ...] = ()
    container_name: str | None = None
    priority: int = 0
    is_job: bool | None = None
    """True or False where the manifest or a dependent says so; None: judged by how it ends."""
    namespace_of: str | None = None
    heals_unhealthy: bool = True
    drift: DriftPolicy = DriftPolicy.REPAIR
    """What becomes of its containers that a hand changed."""
    ignore_drift: tuple[str, ...] = ()
    """Fields that may be other than they were made, and all below them: `HostConfig.Memory`, `Networks`, `Name`."""
    frontends: tuple[Frontend, ...] = ()
    """Published ports that are behind the ingress: its replicas publish none themselves."""
    networks: tuple[str, ...] = ()
    """Docker's names of the networks on which the ingress reaches its replicas."""
    drain_timeout: float = 30.0
    """Seconds after which a replica that is being drained is stopped, whatever connections it still has."""
    pre_stop_delay: float = 0.0
    """Seconds for which a replica is out of its service's names before it is stopped; 0: it keeps them to its end."""
    direct: Direct | None = None
    """What its replicas would be if they published those ports themselves."""
    irreversible: bool | None = None
    """True: once it settled, the stack does not go back. None: false, but for jobs that completed."""
    follows_tag: bool = False
    """A tag that moves behind our back rolls at once; else only an `apply` heeds it."""
    contents_changed: bool = False
    """Its configs, secrets or small files are others than it was made with, and that is only to be told."""
    claims: Claims = NO_CLAIMS
    """What the files say that one replica of it needs and may have."""
    adjusted: Adjustment | None = None
    """What was laid over its limits since: template and claims have them already."""
    confined: Confined | None = None
    """Networks of ours in the place of those of its files, which the templates have already."""
    leaving: Leaving | None = None

    @property
    def unwidened(self) -> float:
        """Seconds that the files give it to be ready, whatever was learned since."""
        return self.start_timeout if self.timeout_given is None else self.timeout_given

    @property
    def longest_start(self) -> float:
        """Seconds that a start is given at most, however long it is known to take."""
        times = WIDEST_CHOSEN if self.timeout_chosen else WIDEST
        return max(self.unwidened, min(self.unwidened * times, LONGEST_START))

    @property
    def probed(self) -> bool:
        """The manifest has a probe for it, of any kind: it is no job."""
        return any(probe is not None for probe in (self.readiness, self.liveness, self.startup))

    @property
    def tells_readiness(self) -> bool:
        """The manifest says when it is ready: to have begun counts where nothing else is asked."""
        return self.readiness is not None or self.startup is not None


class Leaving(StrEnum):
    """Why a service is to have no running replica."""

    STOPPED = "Stopped"
    OUT_OF_PROFILE = "OutOfProfile"
    REMOVED = "Removed"
    """Gone from the Compose file: removed under `prune`."""
    ORPHANED = "Orphaned"
    """Gone from the Compose file without `prune`: reported, left as it is."""


class StartupMode(StrEnum):
    PARALLEL = "parallel"
    SEQUENTIAL = "sequential"


class ContentsPolicy(StrEnum):
    ROLL = "roll"
    REPORT = "report"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class StackPolicy:
    """What holds for the stack as a whole, in seconds. `max_parallel`: services starting at once; None: no bound."""

    mode: StartupMode = StartupMode.PARALLEL
    max_parallel: int | None = None
    resync: float = 60.0
    self_heal: bool = True
    prune: bool = False
    contents: ContentsPolicy = ContentsPolicy.ROLL
    auto_start: bool = True
    admission: Admission = Admission.WARN
    reserve: Reserve = NO_RESERVE
    optimization: Optimization = EVERYTHING_ON
    address_pool: str = ""
    """Out of it come networks for each declared edge; "": the networks are the Compose file's own."""


@dataclass(frozen=True, slots=True)
class DesiredStack:
    """A whole stack as it is to be. `digest` changes with anything that counts; `generation` numbers the digests."""

    name: str
    services: Mapping[str, DesiredService]
    digest: str
    generation: int = 0
    policy: StackPolicy = StackPolicy()
    profile: str | None = None
    source: str = ""
    """Where it came from, for people: `manifests/rag.yaml`."""
    barred: Mapping[str, str] = field(default_factory=dict)
    """Services that may not be started, and why: findings that the manifest does not let pass. No part of `digest`."""
    refused: Mapping[tuple[str, Revision], str] = field(default_factory=dict)
    """The same of releases that the last look at what would be sent has refused. No part of `digest` either."""

    @property
    def kept_out(self) -> Mapping[str, str]:
        """Who is to run and may not be started, for whichever of both reasons, and why."""
        told = {**{name: why for (name, _), why in self.refused.items()}, **self.barred}
        return {name: why for name, why in told.items() if name in self.services and self.services[name].replicas > 0}
