"""Commands of which no second one is begun in a container where the first has outlived its patience."""

from __future__ import annotations

from collections.abc import Sequence

from controller.engines.answers import get_object
from controller.engines.base import Execution
from controller.engines.client import Client
from controller.engines.inside import execute
from controller.model.errors import Conflict
from controller.model.names import ReplicaId


class Alone:
    """Safe from several threads, but for the same command in the same container."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._left: dict[tuple[ReplicaId, tuple[str, ...]], str] = {}
        """Execs whose end was not seen. One stays where its container goes for good: some hundred bytes."""

    def execute(self, replica: ReplicaId, command: Sequence[str], *, timeout: float) -> Execution:
        """As `inside.execute`. While the last one runs there is no exit code. Raises EngineErrors."""
        key, made = (replica, tuple(command)), list[str]()
        if self._still_runs(self._left.get(key), timeout):
            return Execution(None, "when it was begun last it did not end, and it still runs")
        self._left.pop(key, None)
        try:
            done = execute(self._client, replica, command, timeout=timeout, made=made.append)
            if done.exit_code is not None:
                made.clear()
            return done
        finally:
            if made:
                self._left[key] = made[-1]

    def _still_runs(self, made: str | None, patience: float) -> bool:
        if made is None:
            return False
        try:
            return bool(get_object(self._client, f"/exec/{made}/json", "ID", deadline=patience).get("Running"))
        except Conflict:  # gone with its container, or with the daemon that knew of it
            return False
