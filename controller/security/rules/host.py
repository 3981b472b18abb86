"""H: what gives the host away."""

from __future__ import annotations

import re
from collections.abc import Iterator

from controller.model.scanning import FindingSeverity
from controller.security.hostfiles import HostPart, absolute, followed, host_parts
from controller.security.paths import (
    HARMLESS,
    HARMLESS_WRITTEN,
    READABLE,
    READABLE_EXACT,
    ROOT_LIKE,
    ROOT_LIKE_EXACT,
    SOCKET_FOLDERS,
    holds,
    is_below,
    is_engine_socket,
    is_home,
    socket_words,
    tidy,
)
from controller.security.reading import (
    deep,
    devices,
    is_root,
    is_true,
    items,
    mapping,
    mounts,
    text,
    texts,
)
from controller.security.subject import Checks, Hit, Project, Subject, Watched

HOST = Checks()

_BLOCK = re.compile(
    r"/dev/((sd[a-z]{1,3}|(hd|vd|xvd)[a-z]{1,2})\d*|nvme\d+(c\d+)?(n\d+)?(p\d+)?|mmcblk\d+(p\d+|boot\d+|rpmb)?"
    r"|(md|loop|zd|rbd|nbd|drbd)\d+(p\d+)?|dm-\d+|loop-control|(mapper|disk|md|rbd|loop)(/.*)?|zfs|sg\d+"
    r"|kmsg|mem|port|kmem)\Z"
)
"""Whole names: `/dev/vdpau` is no disk."""
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
            yield part.hit(one, source, socket_words(source))


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
            yield part.hit(one, "", "can be written from it")
        elif (source := _root_place(one, part)) is not None:
            yield part.hit(one, source, "can be written from it")


def _root_place(one: Subject, part: HostPart) -> str | None:
    """Where it can be written to become root."""
    return part.first(
        lambda source: _is_roots(source) and not is_below(source, HARMLESS_WRITTEN) and not _is_own(one, source)
    )


def _is_roots(source: str) -> bool:
    return is_below(source, ROOT_LIKE) or source in ROOT_LIKE_EXACT


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
            yield part.hit(one, "", "can be read from it")
        if part.first(is_engine_socket) is not None or (not part.mount.read_only and _root_place(one, part)):
            continue  # told as what is worse
        source = part.first(lambda source: _tells(source) and not _is_own(one, source))
        if source is not None:
            yield part.hit(one, source, "can be read from it")


def _tells(source: str) -> bool:
    if is_below(source, HARMLESS):
        return False
    return _is_roots(source) or is_below(source, READABLE) or source in READABLE_EXACT or is_home(source)


@HOST.service(
    "H06", "critical", "files of the controller, or of what it starts, in a container",
    why="Whoever writes them says what is started next; whoever reads the controller's own has its keys.",
    fix="mount nothing of the controller's; manifests, Compose and env files only with :ro",
)  # fmt: skip
def own_files(one: Subject) -> Iterator[Hit]:
    for part in host_parts(one):
        pairs = ((source, own) for source in part.places for own in one.project.own_paths)
        touched = ((source, own) for source, own in pairs if _touches(source, own))
        found = next((pair for pair in touched if not (part.mount.read_only and _is_given(one, *pair))), None)
        if found is not None:
            yield part.hit(one, found[0], f"is, or holds, {found[1]}")
        elif not part.mount.read_only and (hit := _watched(one, part)) is not None:
            yield hit


def _is_given(one: Subject, source: str, own: str) -> bool:
    """The controller gives this very service what lies there: its secrets."""
    place = source[len(own) :].split("/")  # "", the engine, the stack, …
    return is_below(source, (own,)) and place[2:5] == [one.project.name, "mounts", one.name] and len(place) > 5


def _touches(source: str, own: str) -> bool:
    return is_below(source, (own,)) or (not _is_too_much(source) and holds(source, (own,)))


def _is_too_much(source: str) -> bool:
    """What holds half of the host is told as that."""
    return source in ("/", *SOCKET_FOLDERS, *ROOT_LIKE_EXACT)


def _watched(one: Subject, part: HostPart) -> Hit | None:
    """The worst of what is started next that it may write."""
    found = (_written(one, part, source, file) for source in part.places for file in one.project.watched)
    hits = [hit for hit in found if hit is not None]
    return max(hits, key=lambda hit: (hit.severity or FindingSeverity.CRITICAL).rank, default=None)


def _written(one: Subject, part: HostPart, source: str, file: Watched) -> Hit | None:
    if file.path == source:
        hit = part.hit(one, source, "says what is started next, and can be written from it")
        return hit._replace(severity=file.alone)
    if not file.path.startswith(f"{source.rstrip('/')}/") or _is_too_much(source):
        return None
    told = f"holds {file.path}, which says what is started next, and can be written from it"
    hit = part.hit(one, source, told, "mount only what it needs of that folder, or all of it with :ro")
    return hit._replace(severity=file.around)


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
            yield part.hit(one, source, "")


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
            user = text(mapping(hook).get("user"))
            if is_true(mapping(hook).get("privileged")):
                yield Hit((key, index, "privileged"), f"a command of {key} runs privileged")
            elif user and is_root(user):
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
