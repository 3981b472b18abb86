"""N: namespaces shared with the host or with others, and the kernel's guards."""

from __future__ import annotations

from collections.abc import Iterator

from controller.model.scanning import FindingSeverity
from controller.security.credentials import told_name
from controller.security.reading import Keys, networks, options, pairs, text, texts
from controller.security.subject import Checks, Hit, Subject

NAMESPACES = Checks()

SIDECAR = "controller.sidecar"
"""Label of a service that is made to live in another one's namespaces."""

_SAFE_SYSCTLS = frozenset(
    [
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_wmem",
    ]
)
"""Those of Kubernetes' baseline."""
_RUNTIMES = ("runc", "io.containerd.runc.v2")
"""Docker's own."""


def _is_host(one: Subject, key: str) -> bool:
    return text(one.model.get(key)) == "host"


def _option(one: Subject, index: int, kind: str) -> str:
    """What is looked for in the files: the whole of it, for another one of its kind may say the opposite."""
    return f"{texts(one.model.get('security_opt'))[index]}\n{kind}"


@NAMESPACES.service(
    "N01", "high", "the host's network",
    why="It reaches what listens on the host's loopback, and can take any of its ports.",
    fix="leave network_mode out and publish the ports that are needed",
    refs="CIS 5.10, PSS baseline, CL-0008, KICS 071a71ff",
)  # fmt: skip
def network(one: Subject) -> Iterator[Hit]:
    if _is_host(one, "network_mode"):
        yield Hit(("network_mode",), "it is on the host's network")
    elif (key := _host_network(one)) is not None:
        yield Hit(("networks",), "it is on the host's network", key)


def _host_network(one: Subject) -> str | None:
    """The key of a network that is the host's, whatever it is called here."""
    return next((key for key in networks(one.model) if one.project.outer_network(key) == "host"), None)


@NAMESPACES.service(
    "N02", "high", "the host's processes",
    why="It sees every process of the host with its arguments, and signals those of its user.",
    fix="remove pid: host",
    refs="CIS 5.16, PSS baseline, CL-0010, KICS 4f31dd9f",
)  # fmt: skip
def processes(one: Subject) -> Iterator[Hit]:
    if _is_host(one, "pid"):
        yield Hit(("pid",), "it shares the host's processes")


@NAMESPACES.service(
    "N03", "high", "the host's shared memory",
    why="It reads and writes what programs of the host share with each other.",
    fix="remove ipc: host",
    refs="CIS 5.17, PSS baseline, CL-0010, KICS baa3890f",
)  # fmt: skip
def shared_memory(one: Subject) -> Iterator[Hit]:
    if _is_host(one, "ipc"):
        yield Hit(("ipc",), "it shares the host's memory segments")


@NAMESPACES.service(
    "N04", "medium", "the host's names",
    why="With the right capability it renames the host.",
    fix="remove uts: host",
    refs="CIS 5.21",
)  # fmt: skip
def names(one: Subject) -> Iterator[Hit]:
    if _is_host(one, "uts"):
        yield Hit(("uts",), "it shares the host's names")


@NAMESPACES.service(
    "N05", "medium", "the host's users",
    why="Its root is the host's root, also where the engine maps users.",
    fix="remove userns_mode: host",
    refs="CIS 5.31, KICS 8af7162d",
)  # fmt: skip
def users(one: Subject) -> Iterator[Hit]:
    if _is_host(one, "userns_mode"):
        worse = FindingSeverity.HIGH if one.project.userns_remap else None
        yield Hit(("userns_mode",), "its users are the host's", severity=worse)


@NAMESPACES.service(
    "N06", "medium", "control groups of the host",
    why="It sees the host's control groups, escapes its limits, or writes its own.",
    fix="remove it: the engine gives each container its own",
    refs="CIS 5.25, KICS 4d9f44c6",
)  # fmt: skip
def control_groups(one: Subject) -> Iterator[Hit]:
    if _is_host(one, "cgroup"):
        yield Hit(("cgroup",), "it shares the host's control groups")
    if one.model.get("cgroup_parent"):
        yield Hit(("cgroup_parent",), f"its control group lies below '{text(one.model['cgroup_parent'])}'")
    for index, kind, value in options(one.model):
        if kind == "writable-cgroups" and value.lower() != "false":
            yield Hit(("security_opt", index), "it may write its control groups", _option(one, index, kind))


@NAMESPACES.service(
    "N07", "medium", "joined to another container",
    why="Both see each other's network, processes or memory: who has one has the other.",
    fix=f"give it namespaces of its own, or say that it is meant so: labels: {{{SIDECAR}: \"true\"}}",
)  # fmt: skip
def joined(one: Subject) -> Iterator[Hit]:
    if any(name == SIDECAR and value != "false" for name, value in pairs(one.model.get("labels"))):
        return
    for key in ("network_mode", "pid", "ipc"):
        mode = text(one.model.get(key))
        if mode.startswith(("service:", "container:")):
            yield Hit((key,), f"it lives in the namespace of {mode.partition(':')[2]}")
    if text(one.model.get("ipc")) == "shareable":
        yield Hit(("ipc",), "others may join its shared memory")


def _unguarded(one: Subject, kind: str, values: tuple[str, ...]) -> Iterator[tuple[Keys, str]]:
    for index, found, value in options(one.model):
        if found == kind and value.lower() in values:
            yield ("security_opt", index), _option(one, index, kind)


@NAMESPACES.service(
    "N08", "high", "no filter of system calls",
    why="Calls that Docker filters since they lead out of containers are open to it.",
    fix="remove it, or name a profile of your own",
    refs="CIS 5.22, PSS baseline, OWASP 6, CL-0009, KICS 404fde2c",
)  # fmt: skip
def seccomp(one: Subject) -> Iterator[Hit]:
    for path, needle in _unguarded(one, "seccomp", ("unconfined",)):
        yield Hit(path, "its system calls are not filtered", needle)


@NAMESPACES.service(
    "N09", "high", "no AppArmor",
    why="Nothing keeps it from the files of /proc and /sys that it could write.",
    fix="remove it: docker-default is what it has then",
    refs="CIS 5.2, PSS baseline, CL-0009",
)  # fmt: skip
def apparmor(one: Subject) -> Iterator[Hit]:
    for path, needle in _unguarded(one, "apparmor", ("unconfined",)):
        yield Hit(path, "AppArmor does not confine it", needle)


@NAMESPACES.service(
    "N10", "high", "no SELinux label",
    why="SELinux does not keep it from what is the host's or other containers'.",
    fix="remove it",
    refs="CIS 5.3, PSS baseline, CL-0009",
)  # fmt: skip
def selinux(one: Subject) -> Iterator[Hit]:
    for index, kind, value in options(one.model):
        name, _, type_ = value.replace("=", ":").partition(":")
        weaker = name == "disable" or (name == "type" and type_ not in _TYPES) or (name in ("user", "role") and type_)
        if kind == "label" and weaker:
            yield Hit(("security_opt", index), f"its SELinux label is set: {value}", _option(one, index, kind))


_TYPES = ("container_t", "container_init_t", "container_kvm_t", "container_engine_t")
"""Those of Kubernetes' baseline."""


@NAMESPACES.service(
    "N11", "high", "/proc without its masks",
    why="It reads and writes files of /proc and /sys that speak to the kernel.",
    fix="remove it",
    refs="PSS baseline",
)  # fmt: skip
def masks(one: Subject) -> Iterator[Hit]:
    for path, needle in _unguarded(one, "systempaths", ("unconfined",)):
        yield Hit(path, "nothing of /proc is masked", needle)


_FALSE = ("0", "f", "F", "false", "FALSE", "False")
"""As Docker reads it."""


@NAMESPACES.service(
    "N12", "medium", "new privileges",
    why="A setuid program in its image makes root of whoever runs it.",
    fix="security_opt: [no-new-privileges:true]",
    refs="CIS 5.26, PSS restricted, OWASP 4, CL-0003, KICS 27fcc7d6, KICS 610e266e",
)  # fmt: skip
def new_privileges(one: Subject) -> Iterator[Hit]:
    found = [(index, value) for index, kind, value in options(one.model) if kind == "no-new-privileges"]
    if not found:
        yield Hit(("security_opt",), "it may gain privileges")
    elif found[-1][1] in _FALSE:
        index = found[-1][0]
        yield Hit(("security_opt", index), "it may gain privileges", _option(one, index, "no-new-privileges"))


@NAMESPACES.service(
    "N13", "medium", "setting of the kernel",
    why="It is not among those that Kubernetes calls safe for all that shares the kernel.",
    fix="remove it",
    refs="PSS baseline",
)  # fmt: skip
def sysctls(one: Subject) -> Iterator[Hit]:
    on_host = _is_host(one, "network_mode") or _host_network(one) is not None
    worse = FindingSeverity.HIGH if on_host else None
    for name, value in pairs(one.model.get("sysctls")):
        if name not in _SAFE_SYSCTLS:
            yield Hit(("sysctls", name), f"it sets {told_name(name)} to {value}", name, worse)


@NAMESPACES.service(
    "N14", "low", "another runtime",
    why="What keeps it apart from the host is not what Docker ships.",
    fix="remove runtime, or allow it: security.scan.allow.runtimes",
)  # fmt: skip
def runtime(one: Subject) -> Iterator[Hit]:
    name = text(one.model.get("runtime"))
    if name and name not in (*_RUNTIMES, *one.project.standards.runtimes):
        yield Hit(("runtime",), f"it runs under '{name}'")
