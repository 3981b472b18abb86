"""A snapshot in Prometheus' text format or in OpenMetrics, whichever a scraper asks for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from controller.web.families import FAMILIES, Family
from controller.web.rows import Row, rows
from controller.web.snapshot import Snapshot


def expose(snapshot: Snapshot, accept: str) -> tuple[bytes, str]:
    """The text and its media type, by what `Accept` says."""
    encode, media_type = _choose(accept)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(snapshot))
    return encode(registry), media_type


def _choose(accept: str) -> tuple[Callable[[Collector], bytes], str]:
    """A header of which the library can make nothing asks for nothing."""
    try:
        return choose_encoder(accept)
    except (TypeError, ValueError):
        return choose_encoder("")


class _Collector(Collector):
    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def describe(self) -> Iterator[Metric]:
        """No names twice here: there is nobody else in the registry. Collecting for that would be work for nothing."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """In the order of the table; what has no sample is left out."""
        samples = _samples(rows(self._snapshot))
        return (_family(family, samples[family.name]) for family in FAMILIES if family.name in samples)


def _samples(known: Iterable[Row]) -> dict[str, list[Sample]]:
    found: dict[str, list[Sample]] = defaultdict(list)
    for name, values, figure in known:
        if figure is not None:
            found[name].append(Sample(name, dict(zip(_LABELS[name], values, strict=True)), float(figure)))
    return found


def _family(family: Family, samples: list[Sample]) -> Metric:
    """Both formats call a family by what comes before `_total` and `_info`."""
    made = Metric(family.name.removesuffix("_total").removesuffix("_info"), family.help, family.kind)
    made.samples = samples
    return made


_LABELS = {family.name: family.labels for family in FAMILIES}
