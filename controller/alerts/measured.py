"""What is wrong with the machine, and which services come near their limits, by what was measured last. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import fields
from math import inf
from typing import NamedTuple

from controller.alerts.rules import Symptom
from controller.model.alert import Severity
from controller.model.quantities import tell_octets
from controller.model.resources import HostThresholds
from controller.model.usage import Figures, HostUsage, ServiceUsage, Usage

MACHINE = frozenset(
    {"HostMemoryHigh", "HostCpuHigh", "HostDiskHigh", "HostInodesHigh", "HostOpenFilesHigh", "HostPressureHigh"}
)
"""Rules of the machine: one stack tells them, for all that run on it."""

CRITICAL, CRITICAL_AFTER = 0.97, 60.0
"""Share of memory, disk, inodes or open files from which on it is critical, after so many seconds at most."""

FILES_HIGH, PRESSURE_HIGH = 0.9, 0.25
"""Share of the open files that there may be; share of the time in which some task waits for memory."""

NEAR_LIMIT, NEAR_FOR = 0.9, 300.0
"""Share of its memory limit that a replica uses, and seconds for which it does."""

EASE = 0.02
"""Share below a threshold at which an alert ends: what swings about it is told once."""

WORDS_HOLD = 60.0
"""Seconds for which the words of a symptom that goes on hold, though its numbers change with each sample."""

_MOST = 3
"""Services that a message names."""


class _Level(NamedTuple):
    """How much of something is in use, from which share on that is too much, and what to say of it."""

    rule: str
    share: float
    high: float
    message: str
    critical: float = inf


def strictest(thresholds: Iterable[HostThresholds]) -> HostThresholds:
    """Several stacks on one machine: whoever wants to hear of it first is told, and with him everybody."""
    every = tuple(thresholds) or (HostThresholds(),)
    return HostThresholds(
        **{one.name: min(getattr(each, one.name) for each in every) for one in fields(HostThresholds)}
    )


def find_machine(usage: Usage, limits: HostThresholds, firing: Collection[str]) -> tuple[Symptom, ...]:
    """All that is wrong with it. `firing`: rules that have an alert, which lasts until things are clearly better."""
    return tuple(symptom for level in _levels(usage, limits) for symptom in _judge(level, limits.lasting, firing))


def _judge(level: _Level, lasting: float, firing: Collection[str]) -> Iterator[Symptom]:
    if level.share < level.high - (EASE if level.rule in firing else 0.0):
        return
    yield Symptom(level.rule, None, Severity.WARNING, level.message, lasting, follows=False, alone=True)
    if level.share >= max(level.critical, level.high):
        after = min(lasting, CRITICAL_AFTER)
        yield Symptom(level.rule, None, Severity.CRITICAL, level.message, after, follows=False, alone=True)


def _levels(usage: Usage, limits: HostThresholds) -> Iterator[_Level]:
    """What is not known is not too much. Where containers run elsewhere, their memory and cores are the engine's."""
    host, used = usage.host, tuple(usage.stacks.values())
    if usage.engine.shares_host:
        yield from _memory_of_host(usage, limits)
        if host.cpu is not None:
            yield _cpu(host.cpu, host.cores, "the machine's", usage, limits)
    else:
        yield from _memory_of_engine(usage, limits)
        cores = [one.total.cpu for stack in used for one in stack.values() if one.total.cpu is not None]
        if usage.engine.cores and cores:
            yield _cpu(sum(cores), usage.engine.cores, "the engine's", usage, limits)
    yield from _disk(host, limits)
    yield from _kernel(host)


def _memory_of_host(usage: Usage, limits: HostThresholds) -> Iterator[_Level]:
    host = usage.host
    if host.memory_total and host.memory_available is not None:
        used = host.memory_total - host.memory_available
        share = used / host.memory_total
        said = f"{share:.0%} of the machine's memory is in use ({_of(used, host.memory_total)})"
        mend = "stop what is not needed, limit it, or add memory"
        yield _Level("HostMemoryHigh", share, limits.memory, _join(said, most_memory(usage), mend), CRITICAL)


def _memory_of_engine(usage: Usage, limits: HostThresholds) -> Iterator[_Level]:
    """As far as its containers are ours to know; what others use there nobody tells."""
    known = [one.total.memory for stack in usage.stacks.values() for one in stack.values()]
    used, total = sum(one for one in known if one is not None), usage.engine.memory_total
    if total:
        said = f"services use {used / total:.0%} of the engine's memory ({_of(used, total)})"
        mend = "stop what is not needed, limit it, or give the engine more"
        yield _Level("HostMemoryHigh", used / total, limits.memory, _join(said, most_memory(usage), mend), CRITICAL)


def _cpu(used: float, cores: int, whose: str, usage: Usage, limits: HostThresholds) -> _Level:
    said = f"{used / cores:.0%} of {whose} {cores} cores are in use"
    mend = "limit what uses most (deploy.resources.limits.cpus), or move something elsewhere"
    return _Level("HostCpuHigh", used / cores, limits.cpu, _join(said, most_cpu(usage), mend))


def _disk(host: HostUsage, limits: HostThresholds) -> Iterator[_Level]:
    if host.disk_total and host.disk_free is not None:
        share = 1 - host.disk_free / host.disk_total
        said = f"{share:.0%} of the disk of {host.disk_path} is in use ({tell_octets(host.disk_free)} free)"
        mend = "make room: controller cleanup --dry-run shows what can go, docker system df what takes it"
        yield _Level("HostDiskHigh", share, limits.disk, _join(said, mend), CRITICAL)
    if host.inodes_total and host.inodes_free is not None:
        share = 1 - host.inodes_free / host.inodes_total
        said = f"{share:.0%} of the inodes of {host.disk_path} are in use ({host.inodes_free} free)"
        mend = "remove what has very many files: images, build cache, volumes"
        yield _Level("HostInodesHigh", share, limits.disk, _join(said, mend), CRITICAL)


def _kernel(host: HostUsage) -> Iterator[_Level]:
    if host.files_most and host.files_open is not None:
        share = host.files_open / host.files_most
        said = (
            f"{share:.0%} of the open files that the kernel allows are in use ({host.files_open} of {host.files_most})"
        )
        mend = "find who leaves them open (lsof), or raise fs.file-max (sysctl)"
        yield _Level("HostOpenFilesHigh", share, FILES_HIGH, _join(said, mend), CRITICAL)
    if host.memory_pressure is not None:
        said = f"programs wait for memory {host.memory_pressure:.0%} of the time"
        mend = "stop what is not needed, limit it, or add memory"
        yield _Level("HostPressureHigh", host.memory_pressure, PRESSURE_HIGH, _join(said, mend))


def most_memory(usage: Usage) -> str:
    """`most by web 812Mi, db 402Mi`; "" where nobody's is known."""
    return _most(usage, lambda total: total.memory, tell_octets)


def most_cpu(usage: Usage) -> str:
    """The same of cores: `most by web 1200m`."""
    return _most(usage, lambda total: total.cpu, lambda cores: f"{cores * 1000:.0f}m")


def _most(usage: Usage, figure: Callable[[Figures], float | None], tell: Callable[[float], str]) -> str:
    several = len(usage.stacks) > 1
    known = [
        (value, f"{stack}/{name}" if several else name)
        for stack, services in usage.stacks.items()
        for name, one in services.items()
        if (value := figure(one.total))
    ]
    first = sorted(known, key=lambda pair: (-pair[0], pair[1]))[:_MOST]
    return f"most by {', '.join(f'{name} {tell(value)}' for value, name in first)}" if first else ""


def find_near_limits(services: Mapping[str, ServiceUsage], firing: Collection[str]) -> tuple[Symptom, ...]:
    """Services of which some replica nearly has what its limit of memory allows. `firing`: subjects of alerts."""
    return tuple(symptom for name, one in services.items() if (symptom := _near(name, one, firing)) is not None)


def _near(name: str, service: ServiceUsage, firing: Collection[str]) -> Symptom | None:
    high = NEAR_LIMIT - (EASE if f"{name}/MemoryNearLimit" in firing else 0.0)
    near = [
        f"{replica} uses {_of(kept, used.memory_limit)}"
        for replica, used in service.replicas.items()
        if (kept := _kept(used)) is not None and used.memory_limit and kept >= high * used.memory_limit
    ]
    if not near:
        return None
    message = f"{', '.join(near)} of memory; raise its limit, before the kernel kills it"
    return Symptom("MemoryNearLimit", name, Severity.WARNING, message, NEAR_FOR, follows=False, alone=True)


def keep_words(before: Collection[Symptom], after: Collection[Symptom]) -> tuple[Symptom, ...]:
    """`after`, each in the words that it had before, if it is one that goes on."""
    known = {(one.rule, one.service, one.severity): one.message for one in before}
    return tuple(one._replace(message=known.get((one.rule, one.service, one.severity), one.message)) for one in after)


def _kept(used: Figures) -> int | None:
    """Bytes that the kernel cannot take back: files that are read again and again fill any limit, and harm nobody."""
    return None if used.memory is None else max(0, used.memory - (used.cached or 0))


def _of(part: float, whole: float) -> str:
    return f"{tell_octets(part)} of {tell_octets(whole)}"


def _join(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
