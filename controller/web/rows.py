"""From a snapshot to the rows of an exposition: metric, values of its labels, figure. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import chain

from controller.model.certified import Seen
from controller.model.observed import Replica
from controller.model.phases import Phase, StackPhase
from controller.model.routes import RouteState
from controller.model.scanning import FindingSeverity, FindingSource
from controller.model.status import ServiceStatus
from controller.model.usage import EngineView, Figures, HostUsage, OwnLimits, ServiceUsage
from controller.web.snapshot import Snapshot, StackFacts

Row = tuple[str, tuple[str, ...], float | None]
"""A figure that is None is not known, and left out."""


def rows(snapshot: Snapshot) -> Iterator[Row]:
    """Of the controller, each stack and its services, what they use, and the machine."""
    yield "controller_build_info", (snapshot.version,), 1
    yield "controller_start_time_seconds", (), snapshot.began_at
    for facts in snapshot.stacks:
        yield from _stack(facts)
    if snapshot.usage is not None:
        yield from _host(snapshot.usage.host)
        yield from _engine(snapshot.usage.engine, snapshot.usage.own)
        for name in (facts.status.name for facts in snapshot.stacks):
            for service, usage in snapshot.usage.stacks.get(name, {}).items():
                yield from _usage((name, service), usage)


def _stack(facts: StackFacts) -> Iterator[Row]:
    status = facts.status
    stack = (status.name,)
    yield "controller_passes_total", stack, facts.passes.times
    yield "controller_pass_seconds_total", stack, facts.passes.seconds
    yield "controller_engine_up", stack, facts.up
    yield "controller_store_up", stack, facts.alerts is not None
    yield "controller_stack_generation", stack, status.generation
    for phase in StackPhase:
        yield "controller_stack_phase", (*stack, phase.value), phase is status.phase
    yield from _alerts(facts)
    yield from _scan(facts)
    yield from _certificates(facts)
    yield from chain.from_iterable(_service((*stack, one.name), one) for one in status.services)


def _alerts(facts: StackFacts) -> Iterator[Row]:
    """Counted: a rule of the user's own may speak of the same service more than once."""
    counted = Counter(
        (shown.alert.stack, shown.alert.service or "", shown.alert.rule, shown.alert.severity.value, shown.state)
        for shown in facts.alerts or ()
    )
    for labels, count in counted.items():
        yield "controller_alerts", labels, count


def _scan(facts: StackFacts) -> Iterator[Row]:
    """The engine's own findings are no stack's; of what runs nothing is told before it was looked at."""
    stack, scanned = facts.status.name, facts.scanned
    yield "controller_scan_barred_services", (stack,), facts.barred
    if scanned is None:
        return
    yield "controller_scan_time_seconds", (stack,), scanned.at
    yield "controller_scan_waivers", (stack,), sum(one.days_left >= 0 for one in scanned.waivers)
    counted = Counter((one.severity, one.source) for one in scanned.own if one.accepted is None)
    for source in FindingSource:
        if source is FindingSource.COMPOSE or scanned.looked_at is not None:
            for severity in FindingSeverity:
                yield "controller_scan_findings", (stack, severity.value, source.value), counted[severity, source]


def _certificates(facts: StackFacts) -> Iterator[Row]:
    for one in facts.certificates.certificates if facts.certificates is not None else ():
        labels = (facts.status.name, one.service)
        yield "controller_certificate_expiry_time_seconds", labels, one.ends_at
        yield "controller_certificate_taken_up", labels, one.seen in (Seen.SERVED, Seen.TAKEN_UP)


def _service(labels: tuple[str, str], status: ServiceStatus) -> Iterator[Row]:
    for phase in Phase:
        yield "controller_service_phase", (*labels, phase.value), phase is status.phase
    yield "controller_service_replicas_desired", labels, status.desired
    yield "controller_service_replicas_ready", labels, status.ready
    yield "controller_service_replicas_updated", labels, status.updated
    yield "controller_service_restarts", labels, status.restarts
    for replica in status.replicas:
        yield from _route((*labels, replica.name), replica)


def _route(labels: tuple[str, ...], replica: Replica) -> Iterator[Row]:
    """A proxy that does not answer tells nothing."""
    route = replica.route
    if route is None or route.state is RouteState.UNKNOWN:
        return
    yield "controller_ingress_requests_total", labels, route.figures.requests
    yield "controller_ingress_errors_total", labels, route.figures.errors
    yield "controller_ingress_connections", labels, route.connections
    if route.figures.requests:
        yield "controller_ingress_latency_seconds", labels, route.figures.latency


def _usage(labels: tuple[str, str], usage: ServiceUsage) -> Iterator[Row]:
    for replica, figures in usage.replicas.items():
        yield from _figures((*labels, replica), figures)
    for name, value in usage.custom.items():
        yield "controller_custom", (*labels, name), value


def _figures(labels: tuple[str, ...], figures: Figures) -> Iterator[Row]:
    yield "controller_replica_cpu_cores", labels, figures.cpu
    yield "controller_replica_memory_bytes", labels, figures.memory
    yield "controller_replica_memory_limit_bytes", labels, figures.memory_limit
    yield "controller_replica_network_receive_bytes_per_second", labels, figures.received
    yield "controller_replica_network_transmit_bytes_per_second", labels, figures.sent
    yield "controller_replica_disk_read_bytes_per_second", labels, figures.read
    yield "controller_replica_disk_written_bytes_per_second", labels, figures.written
    yield "controller_replica_processes", labels, figures.processes


def _host(host: HostUsage) -> Iterator[Row]:
    yield "controller_host_cores", (), host.cores
    yield "controller_host_cpu_cores", (), host.cpu
    yield "controller_host_memory_total_bytes", (), host.memory_total
    yield "controller_host_memory_available_bytes", (), host.memory_available
    yield "controller_host_swap_total_bytes", (), host.swap_total
    yield "controller_host_swap_used_bytes", (), host.swap_used
    for minutes, load in zip((1, 5, 15), host.load or (), strict=False):
        yield f"controller_host_load{minutes}", (), load
    yield "controller_host_disk_total_bytes", (), host.disk_total
    yield "controller_host_disk_free_bytes", (), host.disk_free
    yield "controller_host_inodes", (), host.inodes_total
    yield "controller_host_inodes_free", (), host.inodes_free
    yield "controller_host_open_files", (), host.files_open
    yield "controller_host_open_files_limit", (), host.files_most
    for resource, share in (("cpu", host.cpu_pressure), ("memory", host.memory_pressure), ("io", host.io_pressure)):
        yield "controller_host_pressure_ratio", (resource,), share


def _engine(engine: EngineView, own: OwnLimits) -> Iterator[Row]:
    yield "controller_engine_cores", (), engine.cores
    yield "controller_engine_memory_total_bytes", (), engine.memory_total
    yield "controller_engine_shares_host", (), engine.shares_host
    yield "controller_own_memory_limit_bytes", (), own.memory
    yield "controller_own_cpu_limit_cores", (), own.cpu
