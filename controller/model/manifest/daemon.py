"""The `Controller`: what holds for the daemon and all its stacks."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_core import PydanticCustomError

from controller.model.alert import Severity
from controller.model.manifest.stack import Metadata
from controller.model.manifest.values import Duration, Listen, Network, Section, Size, written
from controller.model.receivers import refuse_url


class ApiTls(Section):
    certificate: str
    """Certificate chain; a path relative to the manifest."""
    key: str
    """Its private key; a path."""


class Api(Section):
    """The HTTP API and the dashboard."""

    enabled: bool = True
    """Serve them beside `run`."""
    address: Listen = "127.0.0.1:7070"
    """Where; the next free port is taken if this one is not. Beyond this machine only with TLS."""
    allow: tuple[Network, ...] = ()
    """Address ranges from which one may ask, as the machine sees them; others are refused, also from this machine
    if it is not among them. Default: all that can reach the address."""
    tls: ApiTls | None = None
    """Certificate of the API."""
    discovery: bool = True
    """Endpoints of services for Prometheus' HTTP service discovery."""
    requests_per_second: Annotated[int, Field(ge=1)] = 50
    """Of one client: a session, a token, or an address that shows none. Twice as many at once; more are refused."""


class Permission(Section):
    """Verbs on resources of stacks; `*` stands for all."""

    verbs: Annotated[tuple[str, ...], Field(min_length=1)]
    """Such as get, apply, restart: those of [who may do what](security.md#who-may-do-what)."""
    resources: Annotated[tuple[str, ...], Field(min_length=1)] = ("*",)
    """Such as stacks, rollouts, logs: those of the same table."""
    stacks: Annotated[tuple[str, ...], Field(min_length=1)] = ("*",)
    """Names of stacks. What is of no stack, such as tokens, takes `*`."""


class Access(Section):
    """Who may do what through the API; viewer, operator and admin exist from the start."""

    roles: Mapping[str, tuple[Permission, ...]] = Field(default_factory=dict)
    """Roles of one's own, by name: what they add up to is allowed, nothing else."""
    users: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    """Roles of each user."""
    token_lifetime: Duration = written("12h")
    """How long a token is valid that `controller token create` makes, unless it is told otherwise."""


class Audit(Section):
    """The log of who did what: docs/security.md, audit log."""

    enabled: bool = True
    """Keep it."""
    retention: Duration = written("365d")
    """How long closed segments are kept; the oldest go first, and the rest can be proven all the same."""
    max_size: Size = written("1gb")
    """What the closed segments of one log may take up together."""
    connections: bool = False
    """Record connections to the API, too."""


class Channel(Section):
    """Where alerts are sent: exactly one of `url`, `urlFile`, `urlEnv`."""

    url: SecretStr | None = None
    """An address as apprise writes it, or `https://…`. It is a secret: prefer one of the other two."""
    url_file: str | None = None
    """A file that holds the address."""
    url_env: str | None = None
    """A variable of the daemon's environment that holds the address."""
    min_severity: Severity = Severity.WARNING
    """Less than this is not sent."""
    alertmanager: bool = False
    """Send in the format of Alertmanager's webhook."""

    @field_validator("url")
    @classmethod
    def _may_go_there(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and (why := refuse_url(url.get_secret_value())) is not None:
            hint = "docs/alerts.md says where messages may go"
            raise PydanticCustomError("reach", "nothing is sent there: {why}", {"why": why, "hint": hint})
        return url

    @model_validator(mode="after")
    def _one_address(self) -> Channel:
        if sum(part is not None for part in (self.url, self.url_file, self.url_env)) != 1:
            hint = "for example ops: {urlFile: /etc/controller/slack.url}"
            raise PydanticCustomError("one_of", "needs exactly one of url, urlFile, urlEnv", {"hint": hint})
        return self


class Ide(Section):
    """What `controller ide init` sets up in the editor."""

    auto_start: bool = False
    """Start the stack when the folder is opened."""
    tasks: bool = True
    """Tasks for validate, plan, apply, status, stop and run; false: those that it made before go, too."""
    status_bar: bool = True
    """The stack's phase in the status bar of VS Code, by our extension."""


class LogFormat(StrEnum):
    TEXT = "text"
    JSON = "json"


class Logging(Section):
    level: Literal["debug", "info", "warning", "error"] = "info"
    """Less than this is not written."""
    format: LogFormat = LogFormat.TEXT
    """For people or for machines."""


class ControllerSpec(Section):
    api: Api = Field(default_factory=Api)
    """The HTTP API and the dashboard."""
    access: Access = Field(default_factory=Access)
    """Who may do what through the API."""
    audit: Audit = Field(default_factory=Audit)
    """The log of who did what."""
    alert_channels: Mapping[str, Channel] = Field(default_factory=dict)
    """Where alerts are sent, by name."""
    ide: Ide = Field(default_factory=Ide)
    """The editor."""
    logging: Logging = Field(default_factory=Logging)
    """The daemon's own log."""


class Controller(Section):
    """The daemon: what holds for all stacks that it keeps."""

    api_version: Literal["controller/v1"]
    """Version of the manifest's format."""
    kind: Literal["Controller"]
    """What the document describes."""
    metadata: Metadata = Field(default_factory=lambda: Metadata(name="controller"))
    """Who it is."""
    spec: ControllerSpec = Field(default_factory=ControllerSpec)
    """What is wanted."""
