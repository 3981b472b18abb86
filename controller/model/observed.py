"""What runs: one whole look at a stack. Made by an engine, completed by health verdicts, never edited."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from controller.model.desired import Probe
from controller.model.names import ImageId, Instant, Release, ReplicaId, Revision
from controller.model.resources import NO_LIMIT, Limit
from controller.model.routes import RouteSeen


class ReplicaPhase(StrEnum):
    """The engine's word for a container's state."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    EXITED = "exited"
    DEAD = "dead"
    REMOVING = "removing"


class Health(StrEnum):
    """Our verdict, not Docker's lagging field."""

    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    STARTING = "starting"
    NONE = "none"


Life = tuple[ReplicaId, Instant | None, int]
"""One run of a container: its id, its start, Docker's restarts. Failures are keyed by it, never counted."""

FIRST_PAUSE, LONGEST_PAUSE, LONG_LIFE = 0.1, 60.0, 10.0
"""Seconds between a life and the next under Docker's restart policy: twice as many each time, until one was long."""


@dataclass(frozen=True, slots=True)
class Mount:
    """An anonymous volume of a replica: where it is mounted and what the engine calls it."""

    target: str
    volume: str


LIMITS = (
    "Memory", "MemorySwap", "MemoryReservation", "NanoCpus", "CpuShares", "CpuQuota", "CpuPeriod", "CpusetCpus",
    "CpusetMems", "PidsLimit", "BlkioWeight", "RestartPolicy",
)  # fmt: skip
"""What `docker update` sets on a container that runs, by its names below `HostConfig`."""


SETTINGS = (
    "Cmd", "Domainname", "Entrypoint", "Env", "ExposedPorts", "Healthcheck", "Hostname", "Image", "OpenStdin",
    "StopSignal", "StopTimeout", "Tty", "User", "WorkingDir",
)  # fmt: skip
"""What only another container can have otherwise, by its names below `Config`."""
HOST_SETTINGS = (
    "Binds", "CapAdd", "CapDrop", "Devices", "Dns", "DnsOptions", "DnsSearch", "ExtraHosts", "GroupAdd", "Init",
    "IpcMode", "LogConfig", "Mounts", "NetworkMode", "PidMode", "PortBindings", "Privileged", "ReadonlyRootfs",
    "SecurityOpt", "ShmSize", "Sysctls", "Tmpfs", "UTSMode", "Ulimits", "UsernsMode", "VolumesFrom",
)  # fmt: skip
"""The same below `HostConfig`. Not among them is what an engine drops where its kernel lacks it."""


class Difference(NamedTuple):
    """A setting that a hand changed on a container. `in_place`: it can be set back without making another one."""

    path: str
    """As `inspect` has it: `HostConfig.Memory`."""
    wanted: str
    seen: str
    in_place: bool = True

    @property
    def network(self) -> str:
        """Of `Networks.front.Aliases`. A network's name may have dots."""
        return self.path.removeprefix("Networks.").rpartition(".")[0]


@dataclass(frozen=True, slots=True)
class Replica:
    """One container. Instants are on our clock; `ready_since` and `health` come from verdicts about this very life."""

    id: ReplicaId
    name: str
    service: str
    number: int
    revision: Revision
    phase: ReplicaPhase
    health: Health = Health.NONE
    ready_since: Instant | None = None
    alive: Health = Health.NONE
    """The verdict of its liveness probe, where it has one."""
    exit_code: int | None = None
    oom_killed: bool = False
    created_at: Instant = 0.0
    started_at: Instant | None = None
    finished_at: Instant | None = None
    restarts: int = 0
    image: str = ""
    image_id: ImageId | None = None
    config_hash: str = ""
    namespace_of: ReplicaId | None = None
    """The container whose network, pid or ipc namespace this one shares."""
    check: Probe | None = None
    """The container's own health check, from Compose or from its image."""
    exposes_ports: bool = False
    mounts: tuple[Mount, ...] = ()
    address: str | None = None
    """An address at which the container can be reached from here, where there is one."""
    published: tuple[str, ...] = ()
    """Its host ports, as `127.0.0.1:8080->80/tcp`; of one that does not run those that it would have."""
    host_network: bool = False
    """It listens on the host itself, so that nothing tells which of the host's ports are its."""
    drift: tuple[str, ...] | None = None
    """Fields in which it differs from what the present template would make; None: not compared."""
    last_output: str = ""
    """Of the last failed probe or the last lines before it ended, at most 4 KiB, control characters removed."""
    temporary: bool = False
    """An unfinished recreate of Compose: a `<hash>_name` or a `replace` label without its final name."""
    limits: tuple[Difference, ...] = ()
    """Limits and a restart policy other than its template names."""
    lost: tuple[str, ...] = ()
    """Networks that its template names and that it is not connected to, or not under its service's name."""
    joined: tuple[str, ...] | None = None
    """Networks that it is on, running or not, in order; None: that is not known."""
    ours: tuple[str, ...] = ()
    """Those of them that are ours, in the place of the Compose file's."""
    misjoined: tuple[Difference, ...] = ()
    """What else its template asks for on a network that it is on: further names, an address, links."""
    otherwise: tuple[str, ...] = ()
    """Settings other than its labels say that it was made with: another tool made it anew, and kept the labels."""
    by_name: bool | None = None
    """Who looks its service's name up on one of its networks finds it; None: none of them has names."""
    withdrawn_since: Instant | None = None
    """Since when it is known that nobody finds it so; None: somebody does, or that was not looked for."""
    removing_since: Instant | None = None
    """Since when it was seen to be on its way out."""
    route: RouteSeen | None = None
    """How it stands in the ingress; None: it is not behind one, or that cannot be told now."""
    proper_name: str = ""
    """The name that it was made with, where it has another now."""
    limit: Limit = NO_LIMIT
    """What it may have at most, whoever set that."""

    @property
    def running(self) -> bool:
        return self.phase is ReplicaPhase.RUNNING

    @property
    def ready(self) -> bool:
        """Runs, and its check has passed where it has one."""
        return self.running and (self.ready_since is not None or self.health is Health.NONE)

    @property
    def renamed(self) -> bool:
        """By a strange hand: a recreate that is unfinished has a name of its own for a while."""
        return bool(self.proper_name) and not self.temporary

    @property
    def returns_at(self) -> Instant | None:
        """When Docker's restart policy starts it again, at the latest; None: it does not wait for that.

        What Docker counts includes restarts before its last long life, after which its pauses began anew.
        """
        if self.phase is not ReplicaPhase.RESTARTING or self.finished_at is None:
            return None
        if self.started_at is not None and self.finished_at - self.started_at >= LONG_LIFE:
            return self.finished_at + FIRST_PAUSE
        doublings = min(max(0, self.restarts - 1), 10)  # more of them are longer than the longest
        return self.finished_at + min(FIRST_PAUSE * 2.0**doublings, LONGEST_PAUSE)

    @property
    def life(self) -> Life:
        """What makes one run of this container different from the next."""
        return (self.id, self.started_at, self.restarts)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Calls for one release of a service that failed in a row; kept in memory only, so that the next try waits.

    Those that fetch an image, which are made beside the others, are counted by themselves.
    """

    count: int
    at: Instant
    reason: str
    message: str
    lasting: bool = False
    """The engine refused for good (`Rejected`): not tried again until something changes."""
    release: Release | None = None
    """What the calls were for: of another release they say nothing. None: of any."""


NO_TROUBLES: Mapping[str, Trouble] = MappingProxyType({})
NO_HOLDERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ServiceView:
    """All that was seen of one service. `since`: watched without a gap since then; `complete`: nothing is missing."""

    replicas: tuple[Replica, ...] = ()
    taken_at: Instant = 0.0
    since: Instant = 0.0
    complete: bool = True
    image_id: ImageId | None = None
    """The local image that the service's image name stands for now; None: there is none."""
    pulled: frozenset[str] = frozenset()
    """Images that we have pulled for it."""
    trouble: Trouble | None = None
    fetch_troubles: Mapping[str, Trouble] = field(default_factory=lambda: NO_TROUBLES)
    """What failed to get images here, by image."""
    taken_ports: tuple[str, ...] = ()
    """Fixed host ports (`8080/tcp`) that a replica of the present template would need and that are in use."""
    holders: Mapping[str, str] = field(default_factory=lambda: NO_HOLDERS)
    """Who has each of these, in words: `process nginx (pid 812)`; missing where nobody is seen that does."""
    taken_volumes: Mapping[str, str] = field(default_factory=lambda: NO_HOLDERS)
    """Of its exclusive volumes, by Docker's names, those that a strange container has, and which that is."""
    no_ingress: str = ""
    """Why the ingress cannot take the host ports of this service now, which its replicas have still; "": it can."""
    unverified: bool = False
    """The last pull failed: whether `image_id` is what the registry has is not known."""


@dataclass(frozen=True, slots=True)
class Observed:
    """One look at a stack. Services that have no container are missing from `services` or have an empty view.

    No container is left out; where of one no more than that was to be had, its service's view is not complete.
    """

    stack: str
    services: Mapping[str, ServiceView]
    taken_at: Instant
    working_dir: str = ""
    config_files: tuple[str, ...] = ()
    """What the running containers' labels say they were made from."""
