"""How a stack is started, kept, scaled to the machine, routed to, measured and watched."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from controller.model.alert import Comparison, Severity
from controller.model.desired import ContentsPolicy, DriftPolicy, StartupMode
from controller.model.manifest.values import Cpu, DnsName, Duration, Listen, PortNumber, Section, Share, Size, written
from controller.model.manifest.workload import Exec, HttpCheck, Service
from controller.model.phases import Phase
from controller.model.resources import AdjustMode, Admission


class Compose(Section):
    """Which Compose project. Paths are relative to the manifest."""

    files: tuple[str, ...] = ()
    """Compose files, in order. Default: those that Compose itself finds beside the manifest."""
    env_files: tuple[str, ...] = ()
    """Files of variables for interpolation. Default: the `.env` of the project directory."""
    profiles: tuple[str, ...] = ()
    """Compose profiles that are active."""


class StartupProfile(Section):
    """A named selection of services; what they require comes with them."""

    services: Annotated[tuple[str, ...], Field(min_length=1)]
    """Names of services, or `"*"` for all."""
    overrides: Mapping[str, Service] = Field(default_factory=dict)
    """Policy of single services while this profile is chosen; wins over `services`."""


class Retry(Section):
    """Pauses between tries of a start."""

    attempts: Annotated[int, Field(ge=1)] = 5
    """Tries of a job before it has failed. Long-running services are tried for ever."""
    initial_delay: Duration = written("1s")
    """Pause before the second retry; the first one is at once."""
    max_delay: Duration = written("5m")
    """The pause never grows beyond this."""
    multiplier: Annotated[float, Field(ge=1)] = 2
    """How the pause grows."""


class Startup(Section):
    mode: StartupMode = StartupMode.PARALLEL
    """`parallel` as far as dependencies allow, or `sequential`: one service at a time."""
    max_parallel: Annotated[int, Field(ge=1)] | None = None
    """Services starting at once. Default: no bound."""
    timeout: Duration = written("120s")
    """A replica that is not ready after this has failed."""
    settle: Duration = written("1s")
    """How long a service without health check must run to count as ready."""
    retry: Retry = Field(default_factory=Retry)
    """Pauses between tries."""


class Reconcile(Section):
    resync: Duration = written("60s")
    """Look at everything this often, whatever the event stream says."""
    self_heal: bool = True
    """Bring back what does not run or is unhealthy, and set back what a hand changed (`drift`)."""
    prune: bool = False
    """Remove the containers of services that are gone from the Compose file; volumes are kept."""
    drift: DriftPolicy = DriftPolicy.REPAIR
    """What to do about containers that were changed by hand; `repair` needs `selfHeal`."""
    contents: ContentsPolicy = ContentsPolicy.ROLL
    """What to do when a config, secret, env file or small read-only file mount has new contents."""


class IngressMode(StrEnum):
    OFF = "off"
    AUTO = "auto"


class IngressTls(Section):
    """Where the ingress speaks TLS; with which certificate, `security.tls` says."""

    ports: tuple[PortNumber, ...] | None = None
    """Host ports that speak it. Default: those of HTTP where `security.tls.certificate` is given, else none."""
    names: tuple[DnsName, ...] = ()
    """How clients call it, beside `localhost`: for a certificate of the controller's own authority."""


class Ingress(Section):
    mode: IngressMode = IngressMode.OFF
    """`auto` puts services that publish ports behind one proxy, so that they can be replaced without a gap."""
    drain_timeout: Duration = written("30s")
    """How long open connections of a leaving replica may take to end."""
    tls: IngressTls = Field(default_factory=IngressTls)
    """TLS between clients and the ingress."""
    log: bool = False
    """Tell every connection in the log of the proxy's container: who, where to, how it ended; no path, no header."""


class Reserve(Section):
    """What is kept free for the host."""

    memory: Size = written("0")
    """Memory that stays free."""
    cpu: Cpu = 0
    """Cores that stay free."""
    disk: Size = written("0")
    """Room on the disk of the engine's data that stays free."""


class AutoAdjust(Section):
    """Limits that follow use, within the `limits` of each service."""

    mode: AdjustMode = AdjustMode.RECOMMEND
    """`recommend` only, `apply` between the bounds of each service, or `off`."""
    headroom: Share = written("20%")
    """Room above the measured use."""
    cooldown: Duration = written("10m")
    """At most one change of a service in this time, but for one that was killed for want of memory."""
    step: Share = written("25%")
    """The largest single change, but where memory is short."""


class Cleanup(Section):
    """What is unused goes; named volumes never."""

    enabled: bool = False
    """Clean up by schedule; `controller cleanup` works either way."""
    every: Duration = written("24h")
    """How often; `1m` at least."""
    images: bool = True
    """Superseded images that no revision in history needs."""
    build_cache: bool = False
    """Build cache beyond `keepStorage`."""
    older_than: Duration = written("7d")
    """Only what was not used for this long."""
    larger_than: Size = written("0")
    """Only what takes as much on the disk; networks take nothing."""
    keep_storage: Size = written("10gb")
    """Build cache that is kept."""


class Thresholds(Section):
    """Shares of the machine in use at which an alert is raised; the lowest that a stack has counts for all."""

    memory: Share = written("90%")
    """Memory in use."""
    cpu: Share = written("90%")
    """CPU in use."""
    disk: Share = written("85%")
    """Disk of the engine's data in use, and its inodes."""
    for_: Duration = written("5m", alias="for")
    """For how long."""


class Resources(Section):
    admission: Admission = Admission.WARN
    """Whether what does not fit the machine may start."""
    reserve: Reserve = Field(default_factory=Reserve)
    """What is kept free for the host."""
    auto_adjust: AutoAdjust = Field(default_factory=AutoAdjust)
    """Limits that follow use."""
    cleanup: Cleanup = Field(default_factory=Cleanup)
    """Removal of what is unused."""
    alerts: Thresholds = Field(default_factory=Thresholds)
    """Use of the host at which an alert is raised."""


class Rule(Section):
    """An alert: a metric that passes a value, or a phase that a service is in."""

    name: Annotated[str, Field(min_length=1)]
    """What it is called in alerts."""
    metric: str | None = None
    """Name of a metric, with `op` and `value`."""
    op: Comparison | None = None
    """How the metric is compared."""
    value: float | None = None
    """With what."""
    phase: Phase | None = None
    """Phase of a service, such as `CrashLoopBackOff`; instead of a metric."""
    for_: Duration = written("0s", alias="for")
    """How long it must hold."""
    severity: Severity = Severity.WARNING
    """How bad it is."""
    services: tuple[str, ...] = ()
    """Only for these services. Default: all."""
    labels: Mapping[str, str] = Field(default_factory=dict)
    """Added to the alert."""
    channels: tuple[str, ...] = ()
    """Names of the controller's `alertChannels`. Default: `alerting.channels`."""

    @model_validator(mode="after")
    def _one_kind(self) -> Rule:
        by_metric = [part is not None for part in (self.metric, self.op, self.value)]
        if (self.phase is None and not all(by_metric)) or (self.phase is not None and any(by_metric)):
            hint = "for example {name: busy, metric: cpu, op: '>', value: 0.9, for: 5m}"
            raise PydanticCustomError("one_of", "needs either metric, op and value, or phase", {"hint": hint})
        return self


class Alerting(Section):
    builtin: bool = True
    """The rules that come with the controller."""
    channels: tuple[str, ...] = ()
    """Where alerts go: names of the controller's `alertChannels`. Default: all."""
    repeat: Duration = written("4h")
    """An alert that lasts is sent again after this."""
    rules: tuple[Rule, ...] = ()
    """Rules of this stack."""


class CustomMetric(Section):
    """A figure of a service's own, summed over its ready replicas: scraped, or a number that a command prints."""

    name: Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")]
    """Its name in rules and in the exposition; none that every service has, such as `cpu`."""
    service: str
    """Whose figure."""
    http: HttpCheck | None = None
    """Where a replica exposes metrics in Prometheus' format."""
    series: str | None = None
    """Which series of it, as `name` or `name{label="value"}`: all that match are summed."""
    exec: Exec | None = None
    """A command in the container that prints a number, on its last line."""


class Metrics(Section):
    enabled: bool = True
    """Measure CPU, memory, network and block I/O of replicas."""
    interval: Duration = written("15s")
    """How often; not more often than each second."""
    retention: Duration = written("7d")
    """How long history is kept: each sample for 2 h, means of a minute for a day, of ten minutes for this long."""
    listen: Listen | None = None
    """Where this stack alone can be scraped, as `host:port`; the host `host-gateway` is where containers reach this
    machine. Off by default."""
    token_file: str | None = None
    """File with the token that scraping there takes, relative to the manifest; made, readable by all, if missing.
    Default: a file among the stack's state, for its owner alone."""
    custom: tuple[CustomMetric, ...] = ()
    """Figures of the services' own."""


class Optimization(Section):
    """What makes starts quicker; each can be switched off."""

    adaptive_parallelism: bool = True
    """Starts at once follow cores, memory and pressure. Off: cores + 1, whatever the machine is short of."""
    longest_path_first: bool = True
    """What takes longest, with all that waits for it, starts first, by learned times. Off: in order of names."""
    early_pulls: bool = True
    """Images are pulled and built before they are needed. Off: one by one, when it is their turn."""
    learned_timeouts: bool = True
    """Learned start-up times widen timeouts that are too short, warn of them, and say when to ask who starts."""
