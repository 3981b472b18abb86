"""F: who it runs as, and which files it may write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from controller.model.scanning import FindingSeverity
from controller.security.hostfiles import (
    absolute,
    engine_names,
    host_devices,
    is_bound,
    read_options,
    real,
    volume_options,
)
from controller.security.paths import is_below
from controller.security.reading import Mounted, is_root, is_true, is_zero, mounts, sought, text, texts, tmpfs
from controller.security.subject import Checks, Hit, Project, Subject

FILES = Checks()


@FILES.service(
    "F01", "medium", "runs as root",
    why="Whoever breaks in is root inside, and whatever else is open counts for more.",
    fix="user: with a number above 0, such as \"10001:10001\"",
    refs="CIS 4.1, PSS restricted, OWASP 2, CL-0018",
)  # fmt: skip
def root(one: Subject) -> Iterator[Hit]:
    user = text(one.model.get("user"))
    if user:
        if is_root(user):
            yield Hit(("user",), f"it runs as {'root' if user == 'root' else f'root (user: {user})'}")
    elif one.image is None:
        yield Hit(("user",), "no user is given: it runs as its image's, which mostly is root")
    elif is_root(one.image.user):
        brought = one.image.user.partition(":")[0]
        yield Hit(("user",), f"no user is given, and its image's is root{'' if not brought else f' ({brought})'}")


@FILES.service(
    "F02", "medium", "group of root or of the engine",
    why="Files of that group are open to it; who is in docker's group speaks to the engine.",
    fix="remove it from group_add",
)  # fmt: skip
def groups(one: Subject) -> Iterator[Hit]:
    for index, group in enumerate(texts(one.model.get("group_add"))):
        if is_zero(group) or group in ("root", "docker", "disk", "sudo", "wheel", "shadow"):
            yield Hit(("group_add", index), f"it is in the group {group}", group)


@FILES.service(
    "F03", "low", "writable root file system",
    why="Whoever breaks in can change its programs and leave others.",
    fix="read_only: true, and tmpfs for what it writes",
    refs="CIS 5.13, OWASP 8, CL-0007",
)  # fmt: skip
def writable(one: Subject) -> Iterator[Hit]:
    if not is_true(one.model.get("read_only")):
        yield Hit(("read_only",), "it can write all of its own files")


@FILES.service(
    "F04", "low", "mounts that spread",
    why="What is mounted below it appears on the host, or in other containers.",
    fix="leave propagation out: rprivate is what holds then",
    refs="CIS 5.20, CL-0017, KICS baa452f0",
)  # fmt: skip
def propagation(one: Subject) -> Iterator[Hit]:
    for mount in mounts(one.model):
        if mount.propagation in _SPREADING:
            worse = FindingSeverity.HIGH if mount.kind == "bind" else None
            needle = f"{mount.propagation}\n{one.needle(mount)}"
            yield Hit(("volumes", mount.at), f"mounts spread: {mount.propagation}", needle, worse)
    for mount, _, flags in _options(one):
        for word in (word for word in _SPREADING if word in flags):
            worse = FindingSeverity.HIGH if is_bound(flags) else None
            yield _of_volume(one, mount, f"lets mounts spread: {word}", worse, "leave it out of the volume's options")


_SPREADING = ("rshared", "shared", "rslave", "slave")


def _options(one: Subject) -> Iterator[tuple[Mounted, str, Mapping[str, str]]]:
    """Of its volumes' drivers: type, and the words of `o`."""
    for mount in mounts(one.model):
        for options in volume_options(one.project, mount.source) if mount.kind == "volume" and mount.source else ():
            kind, _, flags = read_options(options)
            yield mount, kind, flags


def _of_volume(one: Subject, mount: Mounted, what: str, worse: FindingSeverity | None = None, fix: str = "") -> Hit:
    at = ("volumes", mount.source, "driver_opts", "o")
    return Hit(("volumes", mount.at), f"volume '{mount.source}' {what}", one.needle(mount), worse, fix, at)


@FILES.service(
    "F05", "low", "tmpfs with programs or devices",
    why="Whoever breaks in writes a program there and runs it, though all else is read-only.",
    fix="leave the options out: noexec, nosuid and nodev are what holds then",
    refs="CL-0022",
)  # fmt: skip
def loose_tmpfs(one: Subject) -> Iterator[Hit]:
    for index, place, options in tmpfs(one.model):
        if loose := sorted(options & _LOOSE):
            yield Hit(("tmpfs", index), f"{place} is mounted with {', '.join(loose)}", place)
    for mount, kind, flags in _options(one):
        if kind == "tmpfs" and (loose := sorted(_LOOSE & flags.keys())):
            yield _of_volume(one, mount, f"is a tmpfs with {', '.join(loose)}", fix="o: noexec,nosuid,nodev")


_LOOSE = frozenset(["exec", "suid", "dev"])


@FILES.project(
    "F06", "medium", "volume with several writers",
    why="One that is broken into changes what the others read and trust.",
    fix="one writer, the others with :ro; or say that they share it: security.scan.allow.sharedVolumes",
    refs="KICS 8c978947",
)  # fmt: skip
def shared_volumes(project: Project) -> Iterator[Hit]:
    writers: dict[str, list[tuple[str, Mounted]]] = {}
    for name, model in project.services.items():
        for mount in mounts(model):
            if mount.source and not mount.read_only and mount.kind in ("bind", "volume"):
                for place in _written_places(project, mount):
                    writers.setdefault(place, []).append((name, mount))
    told: set[tuple[str, int]] = set()
    for found in writers.values():
        for name, mount in found if not _is_shared(project, found) else ():
            others = [(one, known.source) for one, known in found if one != name and project.may_meet(one, name)]
            if others and (name, mount.at) not in told:
                told.add((name, mount.at))
                needle = sought(mount, project.directory)
                message = f"{_named(others, mount.source)} can write '{mount.source}' too"
                yield Hit(("services", name, "volumes", mount.at), message, needle)
    yield from _taken(project.services)


def _written_places(project: Project, mount: Mounted) -> Iterator[str]:
    """What it writes to, whatever that is called: paths of the host, or the engine's name of a volume."""
    if mount.kind == "bind":
        yield absolute(project, mount.source)
        return
    devices = [device for options in volume_options(project, mount.source) for device in host_devices(options)]
    yield from dict.fromkeys(path for path, only_read in devices if not only_read)
    if not devices:
        yield f"volume {next(engine_names(project, mount.source))}"


def _is_shared(project: Project, found: Sequence[tuple[str, Mounted]]) -> bool:
    return any(mount.source in project.standards.sharers for _, mount in found)


def _named(others: Iterable[tuple[str, str]], source: str) -> str:
    """Each service, with its own name of the volume where that is another one."""
    return ", ".join(sorted({name if own == source else f"{name} (as '{own}')" for name, own in others}))


def _taken(services: Mapping[str, Mapping[str, object]]) -> Iterator[Hit]:
    for name, model in services.items():
        for index, source in enumerate(texts(model.get("volumes_from"))):
            if not source.endswith(":ro"):
                yield Hit(("services", name, "volumes_from", index), f"it can write all volumes of {source}", source)


@FILES.service(
    "F07", "medium", "mount from outside of the project",
    why="What lies there is not part of what was reviewed, and others may change it.",
    fix="keep it below the project's folder, or use a named volume",
)  # fmt: skip
def escaping(one: Subject) -> Iterator[Hit]:
    own = one.project.directory
    for mount in mounts(one.model):
        if mount.kind != "bind" or not mount.source or not own:
            continue
        path = real(one, mount.source)
        found = one.project.sources.get(path)
        inside = is_below(path, (own,))
        if inside and found is not None and not is_below(found.path, (_real(one, own),)):
            yield Hit(("volumes", mount.at), f"{mount.source} leads to {found.path}, outside of it", one.needle(mount))
        elif not inside and (mount.source.startswith(".") or path in one.project.relative):
            yield Hit(("volumes", mount.at), f"{mount.source} lies outside of it", one.needle(mount))


def _real(one: Subject, own: str) -> str:
    found = one.project.sources.get(own)
    return own if found is None else found.path
