"""What a stack wants to have measured, and how often."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class CustomMetric:
    """A figure of a service's own, summed over its ready replicas: scraped from `port`, or printed by `command`.

    `series`: `name` or `name{label="value"}`; all that match are summed.
    """

    name: str
    service: str
    port: int | None = None
    path: str = "/"
    series: str = ""
    command: tuple[str, ...] = ()


HOST_GATEWAY = "host-gateway"
"""Docker's word for where containers reach its machine."""


@dataclass(frozen=True, slots=True)
class Listening:
    """Where one stack can be scraped. `host` may be HOST_GATEWAY. `token_file` None: a file among the stack's state."""

    host: str
    port: int
    token_file: Path | None = None

    @property
    def address(self) -> str:
        """As a person writes it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class MetricsPolicy:
    """`interval` and `retention` (of the coarsest history) in seconds. `listen` None: the API alone can be scraped."""

    enabled: bool = True
    interval: float = 15.0
    retention: float = 604800.0
    custom: tuple[CustomMetric, ...] = field(default=())
    listen: Listening | None = None
