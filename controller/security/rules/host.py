"""H: what gives the host away."""

from __future__ import annotations

import re
from collections.abc import Iterator

from controller.security.hostfiles import HostPart, absolute, followed, host_parts
from controller.security.paths import (
    HARMLESS,
    PIPE,
    READABLE,
    READABLE_EXACT,
    ROOT_LIKE,
    ROOT_LIKE_EXACT,
    SOCKET_FOLDERS,
    holds,
    is_below,
    is_engine_socket,
    is_home,
    tidy,
)
from controller.security.reading import (
    deep,
    devices,
    is_true,
    items,
    mapping,
    mounts,
    text,
    texts,
)
from controller.security.subject import Checks, Hit, Project, Subject

HOST = Checks()

_BLOCK = re.compile(
    r"/dev/(sd[a-z]|hd[a-z]|nvme\d|vd[a-z]|xvd[a-z]|mmcblk\d|md\d|dm-\d|mapper(/|$)|loop|disk(/|$)|zfs|zd\d|rbd\d|nbd\d"
    r"|kmsg$|mem$|port$|kmem$|sg\d)"
)
_HARMLESS_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/ptmx")
CREDENTIALS = "/run/secrets/docker/config.json"
"""Where Compose mounts the registry credentials of whoever runs it."""


@HOST.service(
    "H01", "critical", "engine socket in a container",
    why="Whoever can speak to the engine starts a privileged container and is root of the host.",
    fix="leave it out, or put a proxy with a list of allowed calls between (docs/socket-proxy.md)",
    refs="CIS 5.32, PSS baseline, OWASP 1, CL-0001, KICS d6355c88",
)  # fmt: skip
def engine_socket(one: Subject) -> Iterator[Hit]:
    for part in host_parts(one):
        if (source := part.first(is_engine_socket)) is not None:
            what = "is an engine's socket" if source.endswith((".sock", PIPE)) else "holds an engine's socket"
            yield Hit(part.path, f"{part.told(source)} {what}", one.needle(part.mount))


@HOST.service(
    "H02", "critical", "engine socket and registry credentials by use_api_socket",
    why="Compose makes it a mount of the engine's socket and of your registry credentials.",
    fix="remove use_api_socket; put a proxy with a list of allowed calls between (docs/socket-proxy.md)",
)  # fmt: skip
def api_socket(one: Subject) -> Iterator[Hit]:
    if is_true(one.model.get("use_api_socket")):
        yield Hit(("use_api_socket",), "use_api_socket hands over the engine and your registry credentials")
    if any(mount.target == CREDENTIALS for mount in mounts(one.model)):
        yield Hit(("volumes",), "your registry credentials are mounted", CREDENTIALS)


@HOST.service(
    "H03", "critical", "privileged container",
    why="It has every capability and every device: nothing stands between it and the host.",
    fix="remove privileged; name the capabilities and devices that it needs",
    refs="CIS 5.5, PSS baseline, OWASP 3, CL-0002, KICS ae5b6871",
)  # fmt: skip
def privileged(one: Subject) -> Iterator[Hit]:
    if is_true(one.model.get("privileged")):
        yield Hit(("privileged",), "it runs privileged")


@HOST.service(
    "H04", "critical", "writable path of the host that makes root",
    why="Who writes there changes what the host runs or whom it trusts.",
    fix="use a named volume, or mount the one file that is needed with :ro",
    refs="CIS 5.6, PSS baseline, OWASP 8, CL-0025, KICS 1c1325ff",
)  # fmt: skip
def root_paths(one: Subject) -> Iterator[Hit]:
    for part in host_parts(one):
        if part.mount.read_only:
            continue
        if part.kernel:
            yield Hit(part.path, f"the kernel's {part.kernel} can be written from it", one.needle(part.mount))
        elif (source := _root_place(one, part)) is not None:
            yield Hit(part.path, f"{part.told(source)} can be written from it", one.needle(part.mount))


def _root_place(one: Subject, part: HostPart) -> str | None:
    return part.first(lambda source: _makes_root(source) and not _is_own(one, source))


def _makes_root(source: str) -> bool:
    return (is_below(source, ROOT_LIKE) and not is_below(source, HARMLESS)) or source in ROOT_LIKE_EXACT


def _is_own(one: Subject, source: str) -> bool:
    """It lies in the project's folder, wherever that is."""
    folder = one.project.directory
    own = followed(one.project, folder)
    return folder not in ("", *ROOT_LIKE, *ROOT_LIKE_EXACT) and is_below(source, own)


@HOST.service(
    "H05", "high", "path of the host that tells too much",
    why="What stands there lets it go on to other containers, to the host or to other machines.",
    fix="mount the one file that is needed, read-only",
    refs="CIS 5.6, CL-0013, KICS 1c1325ff",
)  # fmt: skip
def readable_paths(one: Subject) -> Iterator[Hit]:
    for part in host_parts(one):
        if part.kernel and part.mount.read_only:
            yield Hit(part.path, f"the kernel's {part.kernel} can be read from it", one.needle(part.mount))
        if part.first(is_engine_socket) is not None or (not part.mount.read_only and _root_place(one, part)):
            continue  # told as what is worse
        source = part.first(lambda source: _tells(source) and not _is_own(one, source))
        if source is not None:
            yield Hit(part.path, f"{part.told(source)} can be read from it", one.needle(part.mount))


def _tells(source: str) -> bool:
    if is_below(source, HARMLESS):
        return False
    return _makes_root(source) or is_below(source, READABLE) or source in READABLE_EXACT or is_home(source)


@HOST.service(
    "H06", "critical", "the controller's own files in a container",
    why="Whoever writes them says what the controller starts next; whoever reads them has its keys.",
    fix="mount nothing of the controller's, and manifests read-only",
)  # fmt: skip
def own_files(one: Subject) -> Iterator[Hit]:
    for part in host_parts(one):
        watched = () if part.mount.read_only else one.project.watched_paths
        pairs = ((source, own) for source in part.places for own in (*one.project.own_paths, *watched))
        found = next(((source, own) for source, own in pairs if _touches(source, own)), None)
        if found is not None:
            yield Hit(part.path, f"{part.told(found[0])} is, or holds, {found[1]}", one.needle(part.mount))


def _touches(source: str, own: str) -> bool:
    """What holds half of the host is told as that."""
    too_much = source in ("/", *SOCKET_FOLDERS, *ROOT_LIKE_EXACT)
    return is_below(source, (own,)) or (not too_much and holds(source, (own,)))


@HOST.service(
    "H07", "critical", "raw device of the host",
    why="A disk is read and written beneath its file system: all that is on the host is open.",
    fix="use a volume",
    refs="CIS 5.18, CL-0016",
)  # fmt: skip
def block_devices(one: Subject) -> Iterator[Hit]:
    for index, device in devices(one.model):
        if _is_raw(one, device):
            yield Hit(("devices", index), f"it has {device}", device)
    for part in host_parts(one):
        if (source := part.first(lambda source: _BLOCK.match(source) is not None)) is not None:
            yield Hit(part.path, f"it has {part.told(source)}", one.needle(part.mount))


def _is_raw(one: Subject, device: str) -> bool:
    """The engine follows links of devices as well."""
    return any(_BLOCK.match(place) or place == "/dev" for place in followed(one.project, tidy(device)))


@HOST.service(
    "H08", "critical", "every device allowed",
    why="A rule for all devices lets it make the node of a disk and read that.",
    fix="name one kind, major and minor: `c 1:3 r`",
)  # fmt: skip
def device_rules(one: Subject) -> Iterator[Hit]:
    for index, rule in enumerate(texts(one.model.get("device_cgroup_rules"))):
        kind, _, rest = rule.strip().partition(" ")
        if kind in ("a", "b") or rest.strip().startswith(("*:", "*")):
            yield Hit(("device_cgroup_rules", index), f"'{rule}' allows more than one device", rule)


@HOST.service(
    "H09", "low", "device of the host",
    why="Its driver is a way into the kernel that few have looked at.",
    fix="remove it, or allow it: security.scan.allow.devices",
    refs="CIS 5.18",
)  # fmt: skip
def other_devices(one: Subject) -> Iterator[Hit]:
    allowed = one.project.standards.devices
    for index, device in devices(one.model):
        if not _is_raw(one, device) and tidy(device) not in (*_HARMLESS_DEVICES, *allowed):
            yield Hit(("devices", index), f"it has {device}", device)
    if "gpus" in allowed:
        return
    if one.model.get("gpus"):
        yield Hit(("gpus",), "it has graphics cards")
    if deep(one.model, "deploy", "resources", "reservations", "devices"):
        yield Hit(("deploy", "resources", "reservations", "devices"), "it reserves devices")


@HOST.service(
    "H15", "high", "hook as root or privileged",
    why="It runs with more rights than the service itself, each time that starts or stops.",
    fix="leave out privileged and user: root",
    refs="CIS 5.23, CIS 5.24",
)  # fmt: skip
def hooks(one: Subject) -> Iterator[Hit]:
    for key in ("pre_start", "post_start", "pre_stop"):
        for index, hook in enumerate(items(one.model.get(key))):
            user = text(mapping(hook).get("user")).split(":")[0]
            if is_true(mapping(hook).get("privileged")):
                yield Hit((key, index, "privileged"), f"a command of {key} runs privileged")
            elif user in ("0", "root"):
                yield Hit((key, index, "user"), f"a command of {key} runs as root")


@HOST.service(
    "H16", "high", "program of the host that the file names",
    why="Compose runs a program of this machine for it, outside of any container.",
    fix="run it as a service, or allow it: security.scan.allow.providers",
)  # fmt: skip
def providers(one: Subject) -> Iterator[Hit]:
    provider = one.model.get("provider")
    kind = text(mapping(provider).get("type")) or text(provider)
    if kind and kind not in one.project.standards.providers:
        yield Hit(("provider", "type") if mapping(provider) else ("provider",), f"Compose runs the program '{kind}'")


@HOST.service(
    "H17", "high", "build with the host's rights",
    why="What its Dockerfile says is run with rights over the host, or on its network.",
    fix="remove it from build",
)  # fmt: skip
def builds(one: Subject) -> Iterator[Hit]:
    build = mapping(one.model.get("build"))
    if is_true(build.get("privileged")):
        yield Hit(("build", "privileged"), "it is built privileged")
    if text(build.get("network")) == "host":
        yield Hit(("build", "network"), "it is built on the host's network")
    for index, one_right in enumerate(texts(build.get("entitlements"))):
        if one_right in ("security.insecure", "network.host"):
            yield Hit(("build", "entitlements", index), f"its build may have {one_right}", one_right)


@HOST.also_project("H01")
def engine_configs(project: Project) -> Iterator[Hit]:
    """Secrets and configs are mounts of the host's files, too."""
    for section, named in (("secrets", project.secrets), ("configs", project.configs)):
        for name, one in named.items():
            file = text(mapping(one).get("file"))
            if file and any(map(is_engine_socket, followed(project, absolute(project, file)))):
                yield Hit((section, name, "file"), f"{file} is an engine's socket")
