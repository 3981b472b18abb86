"""Where alerts are sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from controller.model.alert import Severity


@dataclass(frozen=True, slots=True)
class Channel:
    """One of `url`, `url_file` and `url_env` is set; the address is a secret and read anew for each message."""

    name: str
    url: str | None = field(default=None, repr=False)
    url_file: Path | None = None
    url_env: str | None = None
    min_severity: Severity = Severity.WARNING
    alertmanager: bool = False
