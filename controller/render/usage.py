"""What is used: as tables in the manner of `kubectl top`, and in the shapes for programs (docs/api.md). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from controller.model.quantities import tell_octets
from controller.model.usage import Figures, ServiceUsage, Usage, UsagePoint, UsageSeries
from controller.render.data import timestamp
from controller.render.machine import engine_data, host_data
from controller.render.paint import NONE, Paint, plain
from controller.render.text import Cell, table

Data = dict[str, Any]

UNKNOWN = "<unknown>"
"""As `kubectl top` says it."""

NEARLY = 0.9
"""Of a limit, from which on it is shown as a trouble."""

SORTS = ("name", "cpu", "memory")

# --- for programs


def figures_data(figures: Figures) -> Data:
    """FIGURES of docs/api.md."""
    return {
        "cpu": _rounded(figures.cpu, 4),
        "memory": figures.memory,
        "memoryLimit": figures.memory_limit,
        "received": _rounded(figures.received, 1),
        "sent": _rounded(figures.sent, 1),
        "read": _rounded(figures.read, 1),
        "written": _rounded(figures.written, 1),
        "processes": figures.processes,
    }


def usage_data(usage: Usage) -> Data:
    """`get usage -o json`, `GET /v1/usage`."""
    return {
        "at": timestamp(usage.at),
        "host": host_data(usage.host, usage.own),
        "engine": engine_data(usage.engine),
        "stacks": {
            stack: {name: _service_data(service) for name, service in services.items()}
            for stack, services in usage.stacks.items()
        },
    }


def _service_data(service: ServiceUsage) -> Data:
    return {
        "total": figures_data(service.total),
        "replicas": {name: figures_data(figures) for name, figures in service.replicas.items()},
        "custom": dict(service.custom),
    }


def series_data(series: Sequence[UsageSeries]) -> Data:
    """`GET /v1/stacks/{stack}/usage`; of the machine `service` is null."""
    return {"series": [_one_series(one) for one in series]}


def _one_series(series: UsageSeries) -> Data:
    return {
        "service": series.service or None,
        "step": series.step,
        "points": _points(series),
    }


def _points(series: UsageSeries) -> list[Data]:
    return [_point(point) for point in series.points]


def _point(point: UsagePoint) -> Data:
    most = {"cpuMost": _rounded(point.cpu_most, 4), "memoryMost": point.memory_most}
    return {"at": timestamp(point.at), **figures_data(point.figures), **most}


def history_data(stacks: Mapping[str, Sequence[UsageSeries]], host: UsageSeries | None) -> Data:
    """`get usage --since 1h -o json`: the same, with the stack's name; `host` is null where nobody measured."""
    shown = [{"stack": name, **_one_series(one)} for name, series in stacks.items() for one in series]
    return {"series": shown, "host": None if host is None else {"step": host.step, "points": _points(host)}}


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


# --- for people


def usage_lines(
    usage: Usage, *, sort: str = "name", wide: bool = False, paint: Paint = plain, width: int | None = None
) -> list[str]:
    """A row a service, with the stack's name where there is more than one; `wide`: and one a replica below it."""
    several = len(usage.stacks) > 1
    rows: list[list[str | Cell]] = []
    for stack, name, service in _sorted(usage, sort):
        first = [stack] if several else []
        rows.append([*first, name, *_cells(service.total)])
        if wide:
            rows += [[*first, f"  {one}", *_cells(figures)] for one, figures in service.replicas.items()]
    header = ("NAME", "CPU", "MEMORY", "LIMIT", "NET I/O", "BLOCK I/O", "PIDS")
    return table([*(["STACK"] if several else []), *header], rows, paint=paint, width=width)


def _sorted(usage: Usage, sort: str) -> list[tuple[str, str, ServiceUsage]]:
    """By name, or what uses most first; what is not known comes last."""
    rows = [(stack, name, one) for stack, services in usage.stacks.items() for name, one in services.items()]
    match sort:
        case "cpu":
            return sorted(rows, key=lambda row: (-(row[2].total.cpu or 0.0), row[:2]))
        case "memory":
            return sorted(rows, key=lambda row: (-(row[2].total.memory or 0), row[:2]))
        case _:
            return sorted(rows, key=lambda row: row[:2])


def _cells(figures: Figures) -> list[str | Cell]:
    near = figures.memory is not None and figures.memory_limit and figures.memory >= NEARLY * figures.memory_limit
    return [
        _cores(figures.cpu),
        Cell(_octets(figures.memory), "warn" if near else ""),
        NONE if figures.memory_limit is None and figures.memory is not None else _octets(figures.memory_limit),
        _both(figures.received, figures.sent),
        _both(figures.read, figures.written),
        UNKNOWN if figures.processes is None else str(figures.processes),
    ]


def _cores(cpu: float | None) -> str:
    """Thousandths of a core, as kubectl has them."""
    return UNKNOWN if cpu is None else f"{round(cpu * 1000)}m"


def _octets(value: float | None) -> str:
    return UNKNOWN if value is None else tell_octets(value)


def _both(one: float | None, other: float | None) -> str:
    """Bytes a second, in and out."""
    return UNKNOWN if one is None or other is None else f"{tell_octets(one)}/s / {tell_octets(other)}/s"
