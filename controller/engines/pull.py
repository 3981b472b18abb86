"""Images of our own containers: no service's, so that no Compose file has them pulled."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from controller import failpoints
from controller.engines.runner import Command, check, which
from controller.engines.transport import Endpoint, keep_connection_settings
from controller.model.errors import EngineError, Rejected, Transient

_PATIENCE = 3600.0
"""Seconds that a pull may take. One that stands still is ended earlier by the engine."""
_PAUSE = 60.0
"""Seconds between two pulls that fail: a registry counts who asks."""


def pull_image(image: str, endpoint: Endpoint) -> None:
    """By the Docker CLI, which knows the user's registries. Raises EngineErrors."""
    environment = keep_connection_settings(os.environ)
    argv = (which("docker", environment), *endpoint.arguments, "pull", "--quiet", image)
    with failpoints.around("compose.pull"):
        check(Command("docker pull", argv, environment, Path("/")), deadline=_PATIENCE)


class Puller:
    """Pulls images that are missing. Safe from several threads."""

    def __init__(
        self,
        endpoint: Endpoint,
        fetch: Callable[[str], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._fetch = fetch or (lambda image: pull_image(image, endpoint))
        self._clock = clock
        self._lock = threading.Lock()
        self._failed: dict[str, tuple[float, EngineError]] = {}

    def pull(self, image: str, what: str, mend: str) -> None:
        """`what` is made from that image, which is not here. Raises Rejected or Transient with that mend.

        After a failure it is said again for a minute, and only then tried again.
        """
        with self._lock:
            until, before = self._failed.get(image, (0.0, None))
        if before is not None and self._clock() < until:
            raise type(before)(before.message, hint=before.hint)
        try:
            self._fetch(image)
        except EngineError as error:
            message = f"{what}: its image {image} is not here and cannot be pulled: {error.message}"
            failed = (Rejected if isinstance(error, Rejected) else Transient)(message, hint=mend)
            with self._lock:
                self._failed[image] = (self._clock() + _PAUSE, failed)
            raise failed from error
