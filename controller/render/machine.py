"""What the machine, its engine and our own process have: in lines for people, and in shapes for programs. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from controller.model.quantities import tell_octets
from controller.model.usage import EngineView, HostUsage, OwnLimits, Usage
from controller.render.paint import Paint, plain

Data = dict[str, Any]

_INDENT = 6

# --- for programs


def host_data(host: HostUsage, own: OwnLimits) -> Data:
    """`host` of docs/api.md."""
    return {
        "cores": host.cores,
        "cpu": _rounded(host.cpu, 4),
        "load": None if host.load is None else [round(one, 2) for one in host.load],
        "memoryTotal": host.memory_total,
        "memoryAvailable": host.memory_available,
        "swapTotal": host.swap_total,
        "swapUsed": host.swap_used,
        "diskPath": host.disk_path,
        "diskTotal": host.disk_total,
        "diskFree": host.disk_free,
        "inodesTotal": host.inodes_total,
        "inodesFree": host.inodes_free,
        "filesOpen": host.files_open,
        "filesMost": host.files_most,
        "pressure": {
            "cpu": _rounded(host.cpu_pressure, 4),
            "memory": _rounded(host.memory_pressure, 4),
            "io": _rounded(host.io_pressure, 4),
        },
        "own": {"memoryLimit": own.memory, "cpuLimit": _rounded(own.cpu, 4)},
    }


def engine_data(engine: EngineView) -> Data:
    """`engine` of docs/api.md."""
    return {"cores": engine.cores, "memoryTotal": engine.memory_total, "sharesHost": engine.shares_host}


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


# --- for people


def host_lines(host: HostUsage, *, paint: Paint = plain, width: int | None = None) -> list[str]:
    """`Host: CPU 41% of 2 cores, memory 3.1Gi of 7.8Gi, load 1.20 0.80 0.50, disk 12Gi free of 40Gi, …`.

    One line, or as many as it takes where `width` is given.
    """
    lines = [""]
    for part in _host_parts(host):
        joined = f"{lines[-1]}, {part}" if lines[-1] else part
        if lines[-1] and width is not None and len(joined) + _INDENT > width:
            lines[-1] += ","
            lines.append(part)
        else:
            lines[-1] = joined
    head = paint("Host:", "bold")
    return [f"{head} {lines[0]}", *(f"{'':{_INDENT}}{line}" for line in lines[1:])]


def _host_parts(host: HostUsage) -> Iterator[str]:
    yield f"CPU {'unknown' if host.cpu is None else f'{host.cpu / host.cores:.0%}'} of {host.cores} cores"
    if host.memory_total is not None and host.memory_available is not None:
        used = host.memory_total - host.memory_available
        yield f"memory {tell_octets(used)} of {tell_octets(host.memory_total)}"
    if host.swap_total and host.swap_used is not None:
        yield f"swap {tell_octets(host.swap_used)} of {tell_octets(host.swap_total)}"
    if host.load is not None:
        yield f"load {' '.join(f'{one:.2f}' for one in host.load)}"
    if host.disk_total is not None and host.disk_free is not None:
        yield f"disk {tell_octets(host.disk_free)} free of {tell_octets(host.disk_total)}"
    if pressure := tell_pressure(host):
        yield f"pressure {pressure}"


def tell_pressure(host: HostUsage) -> str:
    """`CPU 12% memory 0% I/O 3%`; "" where the kernel does not tell."""
    known = {"CPU": host.cpu_pressure, "memory": host.memory_pressure, "I/O": host.io_pressure}
    return " ".join(f"{name} {share:.0%}" for name, share in known.items() if share is not None)


def machine_lines(usage: Usage, *, paint: Paint = plain, width: int | None = None) -> list[str]:
    """The host, with what seldom runs short, the engine and our own process: a line each."""
    lines = host_lines(usage.host, paint=paint, width=width)
    if seldom := ", ".join(_seldom_parts(usage.host)):
        lines.append(f"{'':{_INDENT}}{seldom}")
    lines.append(f"{paint('Engine:', 'bold')} {_tell_engine(usage.engine)}")
    lines.append(f"{paint('Controller:', 'bold')} {tell_own(usage.own)}")
    return lines


def _seldom_parts(host: HostUsage) -> Iterator[str]:
    if host.inodes_total and host.inodes_free is not None:
        yield f"inodes {1 - host.inodes_free / host.inodes_total:.0%} of {host.inodes_total} in use"
    if host.files_open is not None:
        most = f" of {host.files_most}" if host.files_most is not None else ""
        yield f"open files {host.files_open}{most}"
    if host.disk_path:
        yield f"disk of {host.disk_path}"


def _tell_engine(engine: EngineView) -> str:
    cores = f"{'unknown' if engine.cores is None else engine.cores} cores"
    memory = f"memory {'unknown' if engine.memory_total is None else tell_octets(engine.memory_total)}"
    where = {True: "on this machine", False: "elsewhere", None: "has not answered yet"}[engine.shares_host]
    return f"{where}, {cores}, {memory}"


def tell_own(own: OwnLimits) -> str:
    """`may use 512Mi of memory and 0.5 cores`."""
    memory = f"{tell_octets(own.memory)} of memory" if own.memory is not None else ""
    cpu = f"{own.cpu:g} cores" if own.cpu is not None else ""
    said = " and ".join(part for part in (memory, cpu) if part)
    return f"may use {said}" if said else "has no limits of its own"
