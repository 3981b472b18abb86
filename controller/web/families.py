"""Every metric there is: its name, what it counts, which labels it has. docs/metrics.md says the same to people."""

from __future__ import annotations

from typing import NamedTuple

STACK, SERVICE, REPLICA = ("stack",), ("stack", "service"), ("stack", "service", "replica")


class Family(NamedTuple):
    """`name` as Prometheus shows it: with `_total` where it counts, with `_info` where its labels are the news."""

    name: str
    kind: str
    """`gauge`, `counter` or `info`."""
    labels: tuple[str, ...]
    help: str


FAMILIES = (
    Family("controller_build_info", "info", ("version",), "Who answers"),
    Family("controller_start_time_seconds", "gauge", (), "When the controller began, in seconds since 1970"),
    Family("controller_passes_total", "counter", STACK, "How often the loop looked at the stack"),
    Family("controller_pass_seconds_total", "counter", STACK, "Seconds that these passes took"),
    Family("controller_engine_up", "gauge", STACK, "1 where the engine answered the last look, else 0"),
    Family("controller_store_up", "gauge", STACK, "1 where what is kept of the stack can be read, else 0"),
    Family("controller_stack_phase", "gauge", (*STACK, "phase"), "1 for the phase that the stack is in, else 0"),
    Family("controller_stack_generation", "gauge", STACK, "Number of the generation that was observed"),
    Family("controller_service_phase", "gauge", (*SERVICE, "phase"), "1 for the phase that it is in, else 0"),
    Family("controller_service_replicas_desired", "gauge", SERVICE, "Replicas that there should be"),
    Family("controller_service_replicas_ready", "gauge", SERVICE, "Replicas that are ready"),
    Family("controller_service_replicas_updated", "gauge", SERVICE, "Replicas of the newest revision"),
    Family("controller_service_restarts", "gauge", SERVICE, "Restarts of the replicas that there are"),
    Family("controller_replica_cpu_cores", "gauge", REPLICA, "Cores in use"),
    Family("controller_replica_memory_bytes", "gauge", REPLICA, "Memory that cannot be given back at once"),
    Family("controller_replica_memory_limit_bytes", "gauge", REPLICA, "Its limit; absent without one"),
    Family("controller_replica_network_receive_bytes_per_second", "gauge", REPLICA, "Received over all networks"),
    Family("controller_replica_network_transmit_bytes_per_second", "gauge", REPLICA, "Sent over all networks"),
    Family("controller_replica_disk_read_bytes_per_second", "gauge", REPLICA, "Read from block devices"),
    Family("controller_replica_disk_written_bytes_per_second", "gauge", REPLICA, "Written to block devices"),
    Family("controller_replica_processes", "gauge", REPLICA, "Processes and threads, as its cgroup counts them"),
    Family("controller_host_cores", "gauge", (), "Cores of the machine"),
    Family("controller_host_cpu_cores", "gauge", (), "Cores in use"),
    Family("controller_host_memory_total_bytes", "gauge", (), "Memory of the machine"),
    Family("controller_host_memory_available_bytes", "gauge", (), "Memory that programs could have without swapping"),
    Family("controller_host_swap_total_bytes", "gauge", (), "Swap space"),
    Family("controller_host_swap_used_bytes", "gauge", (), "Swap space in use"),
    Family("controller_host_load1", "gauge", (), "Load average of one minute"),
    Family("controller_host_load5", "gauge", (), "Load average of five minutes"),
    Family("controller_host_load15", "gauge", (), "Load average of fifteen minutes"),
    Family("controller_host_disk_total_bytes", "gauge", (), "Size of the disk with the engine's data"),
    Family("controller_host_disk_free_bytes", "gauge", (), "Room that is free on it"),
    Family("controller_host_inodes", "gauge", (), "Inodes of that disk; absent where it makes them as wanted"),
    Family("controller_host_inodes_free", "gauge", (), "Those that are free"),
    Family("controller_host_open_files", "gauge", (), "File handles in use by all programs"),
    Family("controller_host_open_files_limit", "gauge", (), "The most that the kernel gives out; absent without one"),
    Family("controller_host_pressure_ratio", "gauge", ("resource",), "Share of 10 s in which some task waited for it"),
    Family("controller_engine_cores", "gauge", (), "Cores that the engine says it has"),
    Family("controller_engine_memory_total_bytes", "gauge", (), "Memory that the engine says it has"),
    Family("controller_engine_shares_host", "gauge", (), "1 where containers run on this machine, else 0"),
    Family("controller_own_memory_limit_bytes", "gauge", (), "Memory that the controller itself may use"),
    Family("controller_own_cpu_limit_cores", "gauge", (), "Cores that the controller itself may use"),
    Family(
        "controller_alerts", "gauge", (*SERVICE, "rule", "severity", "state"), "Open alerts; service empty: the stack's"
    ),
    Family("controller_scan_findings", "gauge", (*STACK, "severity", "source"), "Findings of the last scan that count"),
    Family("controller_scan_waivers", "gauge", STACK, "Waivers that are not over"),
    Family("controller_scan_barred_services", "gauge", STACK, "Services that may not be started, by what was found"),
    Family("controller_scan_time_seconds", "gauge", STACK, "When it was scanned last, in seconds since 1970"),
    Family("controller_certificate_expiry_time_seconds", "gauge", SERVICE, "When its certificate ends, since 1970"),
    Family("controller_certificate_taken_up", "gauge", SERVICE, "1 where every replica has its newest one, else 0"),
    Family("controller_ingress_requests_total", "counter", REPLICA, "Requests that the ingress led to it"),
    Family("controller_ingress_errors_total", "counter", REPLICA, "Of these, the ones that failed"),
    Family("controller_ingress_connections", "gauge", REPLICA, "Open connections from the ingress"),
    Family("controller_ingress_latency_seconds", "gauge", REPLICA, "Mean time to answer of the last requests"),
    Family("controller_custom", "gauge", (*SERVICE, "name"), "A figure of the service's own (spec.metrics.custom)"),
)
