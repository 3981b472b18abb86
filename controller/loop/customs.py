"""Figures that services tell of themselves, asked of every ready replica; one that cannot be had is told once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate

from controller.engines.base import Engine
from controller.model.decision import Phase
from controller.model.errors import ControllerError
from controller.model.metrics import CustomMetric
from controller.model.names import ReplicaId
from controller.model.observed import Replica
from controller.model.status import StackStatus
from controller.resources.sampler import Custom
from controller.resources.scrape import PATIENCE, read_figure

_HANDS = 4

_COMING = frozenset({Phase.PENDING, Phase.WAITING, Phase.STARTING})

Tell = Callable[[str, str, str, str, bool], None]
"""Stack, service, reason, message, whether it is a warning."""

Wanted = Mapping[str, tuple[Sequence[CustomMetric], StackStatus]]
"""By stack: what it wants to have measured, and its replicas."""


class Customs:
    """Of all stacks. Not safe from several threads."""

    def __init__(self, engine: Engine, tell: Tell) -> None:
        self._engine, self._tell = engine, tell
        self._pool: ThreadPoolExecutor | None = None
        self._slow: dict[tuple[CustomMetric, ReplicaId], Future[float]] = {}
        self._missing: dict[tuple[str, str], str] = {}
        """What is told to be missing: by stack and metric, whose it is."""

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def read(self, wanted: Wanted) -> Custom:
        """All figures that can be had; of a service without a ready replica there is none, which is no news."""
        asked = [
            (stack, metric, replica, self._ask(metric, replica))
            for stack, (metrics, status) in wanted.items()
            for metric in metrics
            for replica in _ready(status, metric.service)
        ]
        self._slow = {key: future for key, future in self._slow.items() if not future.done()}
        ends_at = time.monotonic() + PATIENCE
        found: dict[tuple[str, CustomMetric], list[float | str]] = {}
        for stack, metric, replica, future in asked:
            found.setdefault((stack, metric), []).append(self._await(metric, replica, future, ends_at))
        return self._gather(found)

    def _ask(self, metric: CustomMetric, replica: Replica) -> Future[float]:
        """One question at a time: of who has not answered the last one nothing else is asked."""
        if (running := self._slow.pop((metric, replica.id), None)) is not None:
            return running
        if self._pool is None:
            self._pool = ThreadPoolExecutor(_HANDS, thread_name_prefix="scrape")
        return self._pool.submit(read_figure, self._engine, replica, metric)

    def _await(self, metric: CustomMetric, replica: Replica, future: Future[float], ends_at: float) -> float | str:
        """The figure, or why there is none."""
        try:
            return future.result(max(0.0, ends_at - time.monotonic()))
        except TooLate:
            if not future.cancel() and not future.done():
                self._slow[(metric, replica.id)] = future
            return f"{replica.name}: no answer within {PATIENCE:g} s"
        except ControllerError as error:
            return f"{replica.name}: {error.whole}"
        except Exception as error:  # whatever a service exposes: its figure is missing, and nothing else
            return f"{replica.name}: {type(error).__name__}: {error}"

    def _gather(self, found: Mapping[tuple[str, CustomMetric], Sequence[float | str]]) -> Custom:
        """A sum that lacks a part is none."""
        sums: dict[tuple[str, str], dict[str, float]] = {}
        for (stack, metric), parts in found.items():
            why = next((part for part in parts if isinstance(part, str)), None)
            self._note(stack, metric, why)
            if why is None:
                total = sum(part for part in parts if not isinstance(part, str))
                sums.setdefault((stack, metric.service), {})[metric.name] = total
        return sums

    def _note(self, stack: str, metric: CustomMetric, why: str | None) -> None:
        key = (stack, metric.name)
        if why is not None and key not in self._missing:
            self._missing[key] = metric.service
            message = f"{metric.name} cannot be had: {why}"
            self._tell(stack, metric.service, "MetricUnavailable", message, True)
        elif why is None and self._missing.pop(key, None) is not None:
            self._tell(stack, metric.service, "MetricAvailable", f"{metric.name} is measured again", False)


def _ready(status: StackStatus, service: str) -> Sequence[Replica]:
    """Of a service that is on its way up nobody expects figures yet, even where no health check says so."""
    mine = [item for item in status.services if item.name == service and item.phase not in _COMING]
    return [replica for item in mine for replica in item.replicas if replica.ready]
