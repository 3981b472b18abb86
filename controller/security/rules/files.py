"""F: who it runs as, and which files it may write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from controller.model.scanning import FindingSeverity
from controller.security.hostfiles import real
from controller.security.paths import is_below
from controller.security.reading import Mounted, is_true, mounts, sought, text, texts, tmpfs
from controller.security.subject import Checks, Hit, Project, Subject

FILES = Checks()

_ROOT = ("0", "root")


@FILES.service(
    "F01", "medium", "runs as root",
    why="Whoever breaks in is root inside, and whatever else is open counts for more.",
    fix="user: with a number above 0, such as \"10001:10001\"",
    refs="CIS 4.1, PSS restricted, OWASP 2, CL-0018",
)  # fmt: skip
def root(one: Subject) -> Iterator[Hit]:
    user = text(one.model.get("user"))
    if user:
        if user.split(":")[0] in _ROOT:
            yield Hit(("user",), f"it runs as {'root' if user == 'root' else f'root (user: {user})'}")
    elif one.image is None:
        yield Hit(("user",), "no user is given: it runs as its image's, which mostly is root")
    elif (brought := one.image.user.split(":")[0]) in ("", *_ROOT):
        yield Hit(("user",), f"no user is given, and its image's is root{'' if not brought else f' ({brought})'}")


@FILES.service(
    "F02", "medium", "group of root or of the engine",
    why="Files of that group are open to it; who is in docker's group speaks to the engine.",
    fix="remove it from group_add",
)  # fmt: skip
def groups(one: Subject) -> Iterator[Hit]:
    for index, group in enumerate(texts(one.model.get("group_add"))):
        if group in ("0", "root", "docker", "disk", "sudo", "wheel", "shadow"):
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
        if mount.propagation in ("shared", "rshared", "slave", "rslave"):
            worse = FindingSeverity.HIGH if mount.kind == "bind" and mount.propagation.endswith("shared") else None
            needle = f"{mount.propagation}\n{one.needle(mount)}"
            yield Hit(("volumes", mount.at), f"mounts spread: {mount.propagation}", needle, worse)


@FILES.service(
    "F05", "low", "tmpfs with programs or devices",
    why="Whoever breaks in writes a program there and runs it, though all else is read-only.",
    fix="leave the options out: noexec, nosuid and nodev are what holds then",
    refs="CL-0022",
)  # fmt: skip
def loose_tmpfs(one: Subject) -> Iterator[Hit]:
    for index, place, options in tmpfs(one.model):
        if loose := sorted(options & {"exec", "suid", "dev"}):
            yield Hit(("tmpfs", index), f"{place} is mounted with {', '.join(loose)}", place)


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
                writers.setdefault(mount.source, []).append((name, mount))
    for volume, found in writers.items():
        services = sorted({name for name, _ in found})
        for name, mount in found if volume not in project.standards.sharers else ():
            others = ", ".join(one for one in services if one != name and project.may_meet(one, name))
            if others:
                needle = sought(mount, project.directory)
                yield Hit(("services", name, "volumes", mount.at), f"{others} can write '{volume}' too", needle)
    yield from _taken(project.services)


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
