"""H10 to H14: what of root's rights it has."""

from __future__ import annotations

from collections.abc import Iterator

from controller.security.reading import capabilities, texts
from controller.security.subject import Checks, Hit, Subject

CAPABILITIES = Checks()

_ALL, _ROOT = frozenset({"ALL"}), frozenset({"SYS_ADMIN", "SYS_MODULE", "SYS_RAWIO"})
_NETWORK = frozenset({"NET_ADMIN", "BPF", "SYS_BOOT"})
_STATE = frozenset({"PERFMON", "SYS_TIME", "SYS_NICE", "IPC_LOCK", "LEASE", "SYSLOG"})
_BASELINE = frozenset(
    [
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    ]
)
"""What Kubernetes' baseline lets be added."""


def _added(one: Subject, wanted: frozenset[str]) -> Iterator[Hit]:
    written = texts(one.model.get("cap_add"))
    for index, name in enumerate(capabilities(one.model, "cap_add")):
        if name in wanted:
            yield Hit(("cap_add", index), f"it has the capability {name}", written[index])


@CAPABILITIES.service(
    "H10", "critical", "capability that makes root",
    why="With it there are published ways out of a container.",
    fix="drop it",
    refs="CIS 5.4, PSS baseline, CL-0024, KICS ce76b7d0",
)  # fmt: skip
def root_capabilities(one: Subject) -> Iterator[Hit]:
    yield from _added(one, _ALL | _ROOT)


@CAPABILITIES.service(
    "H11", "high", "capability over network or kernel",
    why="It sets up interfaces, filters or programs of the kernel, or restarts the host.",
    fix="drop it, or leave that work to one small container",
    refs="PSS baseline, CL-0011",
)  # fmt: skip
def network_capabilities(one: Subject) -> Iterator[Hit]:
    yield from _added(one, _NETWORK)


@CAPABILITIES.service(
    "H12", "high", "capability that reaches the host's state",
    why="It reads or changes what belongs to the whole machine: clock, log, priorities, locked memory.",
    fix="drop it",
    refs="PSS baseline, CL-0028, CL-0029, CL-0030",
)  # fmt: skip
def state_capabilities(one: Subject) -> Iterator[Hit]:
    yield from _added(one, _STATE)


@CAPABILITIES.service(
    "H13", "medium", "capability beyond the baseline",
    why="It is not among those that Kubernetes' baseline lets be added.",
    fix="drop it",
    refs="PSS baseline, CL-0027",
)  # fmt: skip
def other_capabilities(one: Subject) -> Iterator[Hit]:
    others = frozenset(capabilities(one.model, "cap_add"))
    yield from _added(one, others - _ALL - _ROOT - _NETWORK - _STATE - _BASELINE)


@CAPABILITIES.service(
    "H14", "medium", "capabilities not dropped",
    why="Docker gives fourteen capabilities to everyone, and hardly any service needs one.",
    fix="cap_drop: [ALL], and cap_add what is missing then",
    refs="CIS 5.4, PSS restricted, OWASP 3, CL-0006, KICS ce76b7d0",
)  # fmt: skip
def kept_capabilities(one: Subject) -> Iterator[Hit]:
    dropped = capabilities(one.model, "cap_drop")
    if "ALL" not in dropped:
        yield Hit(("cap_drop",), f"it drops only {', '.join(dropped)}" if dropped else "it drops no capability")
