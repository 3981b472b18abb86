"""What a stack asks for its protection; each part is off until asked for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from controller.model.manifest.values import Duration, Network, Section, written
from controller.model.scanning import FindingSeverity


class Waiver(Section):
    """A finding that is known and accepted until a day."""

    id: str
    """Rule of the finding, such as `N01`."""
    service: str
    """Whose finding; `*`: everybody's and the project's; `-`: the project's and the machine's alone."""
    path: str | None = None
    """Which one of several: `volumes[0]`, as `controller scan --output json` has it. Default: each."""
    reason: Annotated[str, Field(min_length=1)]
    """Why it is accepted."""
    expires: date
    """The last day, as 2027-01-31; afterwards the waiver itself is a finding."""


class Allow(Section):
    """What the scan takes as meant."""

    registries: tuple[str, ...] = ()
    """Where images may come from: `docker.io`, `ghcr.io/acme`. Default: anywhere."""
    runtimes: tuple[str, ...] = ()
    """Container runtimes besides Docker's own."""
    devices: tuple[str, ...] = ()
    """Devices of the host, such as `/dev/ttyUSB0`; `gpus`: graphics cards."""
    providers: tuple[str, ...] = ()
    """Programs that Compose may run for `provider` services."""
    shared_volumes: tuple[str, ...] = ()
    """Volumes that several services may write."""


class ImageProofs(Section):
    """What other tools found out about images. Paths are relative to the manifest."""

    reports: str | None = None
    """A folder with JSON reports of Trivy or Grype; an image without one is a finding."""
    max_age: Duration = written("30d")
    """A report that is older counts as none."""
    fail_on: FindingSeverity = FindingSeverity.CRITICAL
    """From which severity on a vulnerability is a finding."""
    signatures: str | None = None
    """A folder with what `cosign verify --output json` printed; an image that is in none is a finding."""


class Scan(Section):
    fail_on: FindingSeverity | None = None
    """Findings of this severity and above keep a service from starting. Default: none do."""
    waivers: tuple[Waiver, ...] = ()
    """Findings that are accepted."""
    allow: Allow = Field(default_factory=Allow)
    """What is no finding here."""
    images: ImageProofs = Field(default_factory=ImageProofs)
    """Reports of other scanners, and signatures."""


class NetworkPolicy(StrEnum):
    OFF = "off"
    DEPENDENCIES = "dependencies"


class ReloadMode(StrEnum):
    ROLL = "roll"
    SIGNAL = "signal"
    EXEC = "exec"


class Reload(Section):
    """How a service takes up a new certificate or secret."""

    mode: ReloadMode = ReloadMode.ROLL
    """Replace its replicas, send a signal, or run a command in them."""
    signal: str = "HUP"
    """Which signal."""
    command: tuple[str, ...] = ()
    """Which command."""


class TlsMode(StrEnum):
    OFF = "off"
    INTERNAL = "internal"


class Tls(Section):
    mode: TlsMode = TlsMode.OFF
    """`internal`: certificates of the controller's own authority, mounted at `/run/controller/tls`."""
    services: tuple[str, ...] = ()
    """Who gets a certificate. Default: all."""
    lifetime: Duration = written("7d")
    """How long a certificate is valid, from 10m to 90d; it is renewed between half and two thirds of it."""
    reload: Mapping[str, Reload] = Field(default_factory=dict)
    """By service; default: its replicas are replaced."""
    ports: Mapping[str, tuple[int, ...]] = Field(default_factory=dict)
    """By service: ports that serve the certificate, where it is looked whether they serve the newest."""
    owners: Mapping[str, str] = Field(default_factory=dict)
    """By service: whose its key is in the container, as `999` or `:999`. Default: `user`, where that is a number."""
    certificate: str | None = None
    """Certificate chain that the ingress serves; a path relative to the manifest. Default: of the own authority."""
    key: str | None = None
    """Its private key, not encrypted; a path."""


class Secrets(Section):
    managed: tuple[str, ...] = ()
    """Compose secrets whose values the controller keeps encrypted and mounts; declare them with `external: true`."""
    reload: Mapping[str, Reload] = Field(default_factory=dict)
    """By service; default: its replicas are replaced when a secret of theirs has a new value."""


class Security(Section):
    strict: bool = False
    """Refuse what is otherwise only told: files outside the folder, unset variables, remote includes and the like."""
    scan: Scan = Field(default_factory=Scan)
    """Scan of definitions and running containers."""
    network_policy: NetworkPolicy = NetworkPolicy.OFF
    """`dependencies`: two services share a network only where one depends on, or connects to, the other."""
    address_pool: Network = "10.201.0.0/16"
    """Where the networks of `networkPolicy` get their addresses."""
    tls: Tls = Field(default_factory=Tls)
    """TLS between services."""
    secrets: Secrets = Field(default_factory=Secrets)
    """Secrets kept by the controller."""

    @property
    def asks_for_scans(self) -> bool:
        """Whether it asks for anything that a scan tells of: `scan`, even an empty one, or `networkPolicy`."""
        return "scan" in self.model_fields_set or self.network_policy is not NetworkPolicy.OFF
