"""D: how the engine itself is set up; once a machine."""

from __future__ import annotations

import re
from collections.abc import Iterator

from controller.model.running import Posture
from controller.model.scanning import Rule
from controller.security.subject import rule

_ICC = rule(
    "D01", "low", "containers of the default bridge reach each other",
    "Whatever is started without a network of its own is open to all others there.",
    'daemon.json: {"icc": false}', "CIS 2.2",
)  # fmt: skip
_LEVEL = rule(
    "D02", "low", "the engine's log", "Too little is not found again, and too much hides what counts.",
    'daemon.json: {"log-level": "info"}', "CIS 2.3, OWASP 10",
)  # fmt: skip
_IPTABLES = rule(
    "D03", "medium", "the engine sets no rules of the firewall", "Isolation of networks is left to whoever sets them.",
    'daemon.json: remove "iptables": false', "CIS 2.4",
)  # fmt: skip
_REGISTRIES = rule(
    "D04", "medium", "registries without TLS", "Whoever is on the way decides what runs here.",
    'daemon.json: remove it from "insecure-registries"', "CIS 2.5",
)  # fmt: skip
_TCP = rule(
    "D05", "critical", "the engine listens without TLS", "Whoever gets there is root of this machine.",
    "listen on the Unix socket alone, or with --tlsverify", "CIS 2.7",
)  # fmt: skip
_USERS = rule(
    "D06", "low", "root in a container is root of the host", "One way out of a container is all that is needed.",
    'run the engine rootless, or daemon.json: {"userns-remap": "default"}', "CIS 2.9, OWASP 11",
)  # fmt: skip
_PLUGIN = rule(
    "D07", "info", "no authorisation plugin", "Whoever may speak to the engine may do all that it can.",
    "a plugin, or a proxy with a list of allowed calls (docs/socket-proxy.md)", "CIS 2.12",
)  # fmt: skip
_PRIVILEGES = rule(
    "D08", "low", "new privileges by default", "Each service has to forbid them for itself.",
    'daemon.json: {"no-new-privileges": true}', "CIS 2.14",
)  # fmt: skip
_LIVE = rule(
    "D09", "low", "containers stop with the engine", "An upgrade of the engine is an outage of all.",
    'daemon.json: {"live-restore": true}', "CIS 2.15",
)  # fmt: skip
_PROXY = rule(
    "D10", "info", "userland proxy", "One more process a port, which the firewall's rules do as well.",
    'daemon.json: {"userland-proxy": false}', "CIS 2.16",
)  # fmt: skip
_EXPERIMENTAL = rule(
    "D11", "low", "experimental features", "They were looked at by few.",
    'daemon.json: remove "experimental"', "CIS 2.18",
)  # fmt: skip
_SWARM = rule(
    "D12", "low", "swarm mode without a service", "Its ports are open to the network, for nothing.",
    "docker swarm leave", "CIS 5.1",
)  # fmt: skip
_SOCKET = rule(
    "D13", "critical", "everybody may speak to the engine", "Who can write to its socket is root of this machine.",
    "chmod 0660 /var/run/docker.sock", "CIS 3.15, CIS 3.16",
)  # fmt: skip
_VERSION = rule(
    "D14", "high", "engine with a known way out", "How to get out of a container of it is published.",
    "upgrade it", "OWASP 0",
)  # fmt: skip

RULES: tuple[Rule, ...] = (
    _ICC, _LEVEL, _IPTABLES, _REGISTRIES, _TCP, _USERS, _PLUGIN, _PRIVILEGES, _LIVE, _PROXY, _EXPERIMENTAL, _SWARM,
    _SOCKET, _VERSION,
)  # fmt: skip

_FIXED_RUNC = (1, 1, 12)
"""CVE-2024-21626: a working directory in a leaked descriptor leads to the host's files."""


def judge_daemon(posture: Posture) -> Iterator[tuple[Rule, str]]:
    """What speaks against how it is set up; what it does not tell is not held against it."""
    for found, rule_, message in _judged(posture):
        if found:
            yield rule_, message


def _judged(one: Posture) -> Iterator[tuple[bool, Rule, str]]:
    yield one.icc is True, _ICC, "icc is on"
    yield one.log_level not in (None, "info"), _LEVEL, f"its level is {one.log_level}"
    yield one.iptables is False, _IPTABLES, "iptables is off"
    yield bool(one.insecure_registries), _REGISTRIES, ", ".join(one.insecure_registries)
    yield bool(one.plain_hosts), _TCP, ", ".join(one.plain_hosts)
    yield not one.rootless and not one.userns_remap, _USERS, "it runs as root and maps no users"
    yield not one.authorised, _PLUGIN, "none is set up"
    yield not one.no_new_privileges, _PRIVILEGES, "no-new-privileges is off"
    yield one.live_restore is False, _LIVE, "live-restore is off"
    yield one.userland_proxy is True, _PROXY, "it is on"
    yield one.experimental, _EXPERIMENTAL, "they are on"
    yield one.swarm, _SWARM, "it is part of a swarm"
    yield (
        one.socket_mode is not None and bool(one.socket_mode & 0o002),
        _SOCKET,
        f"its mode is {one.socket_mode or 0:04o}",
    )
    yield _has_way_out(one.runc), _VERSION, f"runc {one.runc} has CVE-2024-21626 (mended in 1.1.12)"


def _has_way_out(version: str) -> bool:
    """Distributions mend older ones: those have more in their version than its three numbers."""
    found = re.fullmatch(r"v?(\d+)\.(\d+)\.(\d+)", version)
    return found is not None and tuple(map(int, found.groups())) < _FIXED_RUNC
