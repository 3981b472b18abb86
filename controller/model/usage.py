"""What is used: by each replica, each service and the host. Rates are means since the sample before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from controller.model.names import Instant


@dataclass(frozen=True, slots=True)
class Counters:
    """What one life of a replica has used so far, and what it holds now. None: not known here, as the network of who
    has none of its own.

    `at`: seconds on a clock of the engine's own, of which only differences mean something. `started_at`: which life.
    """

    at: float
    started_at: Instant | None = None
    cpu: float | None = None
    """Core seconds."""
    cpu_limit: float | None = None
    """Cores; None: no limit."""
    memory: int | None = None
    memory_limit: int | None = None
    """Bytes; None: no limit."""
    received: int | None = None
    """Bytes, as the three below it."""
    sent: int | None = None
    read: int | None = None
    written: int | None = None
    processes: int | None = None
    cached: int | None = None
    """Bytes of `memory` that are files which were read more than once: the kernel takes these back too, if it must."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What one replica uses, or all of a service together. None: not known here.

    `memory` is what cannot be given back at once, as `docker stats` counts it; `memory_limit` None: no limit.
    """

    cpu: float | None = None
    """Cores."""
    memory: int | None = None
    memory_limit: int | None = None
    received: float | None = None
    """Bytes a second over all its networks, as the four below it."""
    sent: float | None = None
    read: float | None = None
    written: float | None = None
    processes: int | None = None
    cpu_limit: float | None = None
    """Cores; None: no limit."""
    cached: int | None = None
    """Bytes of `memory`, as of `Counters`."""


@dataclass(frozen=True, slots=True)
class ServiceUsage:
    """One service. `replicas` by name; `custom`: figures of its own by the metric's name, summed over replicas."""

    total: Figures = Figures()
    replicas: Mapping[str, Figures] = field(default_factory=dict, hash=False)
    custom: Mapping[str, float] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class OwnLimits:
    """What our own process may use at most, by its cgroups: bytes, cores. None: no limit, or not known.

    Of the machine it says nothing.
    """

    memory: int | None = None
    cpu: float | None = None


@dataclass(frozen=True, slots=True)
class EngineView:
    """What the engine says that its containers can have together: cores, bytes. None: not known.

    `shares_host`: they run on the machine that we run on; None: it has not said anything yet.
    """

    cores: int | None = None
    memory_total: int | None = None
    shares_host: bool | None = None


@dataclass(frozen=True, slots=True)
class HostUsage:
    """The machine that the controller runs on, in cores and bytes. None: not known here."""

    cores: int = 1
    cpu: float | None = None
    """Cores in use."""
    load: tuple[float, float, float] | None = None
    memory_total: int | None = None
    memory_available: int | None = None
    swap_total: int | None = None
    swap_used: int | None = None
    disk_path: str = ""
    """Where the engine keeps its data, if that is on this machine; else where the state is."""
    disk_total: int | None = None
    disk_free: int | None = None
    inodes_total: int | None = None
    """Of that disk; None too where its file system makes as many as are wanted."""
    inodes_free: int | None = None
    files_open: int | None = None
    """File handles in use by all programs, and the most that the kernel gives out."""
    files_most: int | None = None
    cpu_pressure: float | None = None
    """Share of the last 10 s in which some task waited for it, as the two below it."""
    memory_pressure: float | None = None
    io_pressure: float | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """One sample of everything. `stacks`: by stack, then by service."""

    at: Instant
    host: HostUsage = HostUsage()
    stacks: Mapping[str, Mapping[str, ServiceUsage]] = field(default_factory=dict, hash=False)
    engine: EngineView = EngineView()
    own: OwnLimits = OwnLimits()

    @property
    def cores(self) -> float | None:
        """How many a container can have: the engine's, which may be on another machine. None: not known."""
        if self.engine.cores is not None:
            return float(self.engine.cores)
        return float(self.host.cores) if self.engine.shares_host else None


@dataclass(frozen=True, slots=True)
class UsagePoint:
    """The mean over one step of history; `at`: its beginning."""

    at: Instant
    figures: Figures
    cpu_most: float | None = None
    memory_most: int | None = None
    """The highest single sample within the step."""
    cpu_highest: float | None = None
    memory_highest: int | None = None
    """The same of one replica, the one that used most."""


@dataclass(frozen=True, slots=True)
class UsageSeries:
    """History of one service (its replicas together), or of the host (`service` ""), oldest first.

    `step`: seconds that each point stands for.
    """

    service: str
    step: float
    points: tuple[UsagePoint, ...] = ()
