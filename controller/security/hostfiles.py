"""What of the host's own files comes into a container: binds, volumes that are mounts in disguise, and where links of
theirs lead. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from controller.security.paths import HARMLESS, is_below, tidy
from controller.security.reading import Keys, Mounted, is_true, mapping, mounts, pairs, text
from controller.security.subject import Hit, Project, Subject

_KERNEL = frozenset(
    ("proc", "sysfs", "devtmpfs", "tracefs", "debugfs", "securityfs", "selinuxfs", "cgroup", "cgroup2", "bpf")
) | {"configfs", "efivarfs", "binfmt_misc"}
"""File systems that are the host's kernel itself, wherever they are mounted."""
_FAR = frozenset(["nfs", "nfs3", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "glusterfs", "tmpfs"])
"""Those whose device is no path of this host."""


OTHER_VOLUME = "use a volume without these driver_opts: the engine keeps it in a folder of its own"
"""The mend where a volume is a part of the host."""


class HostPart(NamedTuple):
    """Something of the host in a service. `path`: where that is said; `places`: of the host, first as it is written,
    then where links lead; `kernel`: the kernel's file system that it is, and then it has no places. `written`: the
    first place as it stands in the file; `option`: of a volume's driver, which makes it a part of the host."""

    path: Keys
    mount: Mounted
    places: tuple[str, ...] = ()
    kernel: str = ""
    written: str = ""
    option: str = ""

    def first(self, is_bad: Callable[[str], bool]) -> str | None:
        """The first place of which that holds."""
        return next((place for place in self.places if is_bad(place)), None)

    def told(self, place: str) -> str:
        """For people: a place, and through which link."""
        first = posixpath.normpath(self.written) if self.written.startswith(("/", "~", "$")) else self.places[0]
        first = f"/{first.lstrip('/')}" if first.startswith("/") else first
        return first if place == self.places[0] else f"{first} -> {place}"

    def hit(self, one: Subject, place: str, what: str, fix: str = "") -> Hit:
        """What is to be said of a place of it, or of its kernel's file system (`place` ""): `what` goes on from there,
        without it the place says all."""
        told = self.told(place) if place else f"the kernel's {self.kernel}"
        if not self.option:
            return Hit(self.path, f"{told} {what}" if what else f"it has {told}", one.needle(self.mount), fix=fix)
        volume = self.mount.source
        message = f"volume '{volume}' is made of {told}{', which ' if what else ''}{what}"
        at = ("volumes", volume, "driver_opts", self.option)
        return Hit(self.path, message, one.needle(self.mount), fix=OTHER_VOLUME, at=at)


def host_parts(one: Subject) -> Iterator[HostPart]:
    """Of one service."""
    for mount in mounts(one.model):
        at: Keys = ("volumes", mount.at)
        if mount.kind in ("bind", "npipe") and mount.source:
            places = followed(one.project, real(one, mount.source))
            yield HostPart(at, mount, places, written=mount.source)
        elif mount.kind == "volume" and mount.source:
            for options in volume_options(one.project, mount.source):
                yield from _disguised(one.project, at, mount, options)


def real(one: Subject, source: str) -> str:
    """A mount's source as a path of the host."""
    return absolute(one.project, source)


def absolute(project: Project, source: str) -> str:
    """A path as it is written, from the project's folder on."""
    if source.startswith(("/", "~", "$", "\\")) or source[1:3] == ":\\":
        return tidy(source)
    return tidy(f"{project.directory}/{source}") if project.directory else tidy(source)


def followed(project: Project, path: str) -> tuple[str, ...]:
    """The path, and where it leads. What only the host's root can turn, and holds nothing, is not followed."""
    found = project.sources.get(path)
    settled = is_below(path, HARMLESS) and path.startswith(("/etc/", "/usr/"))
    return (path,) if found is None or settled else tuple(dict.fromkeys((path, tidy(found.path))))


# --- volumes


def volume_options(project: Project, volume: str) -> tuple[Mapping[str, str], ...]:
    """How it is mounted: as its definition says, and as the engine has it, which then is what counts."""
    spec = mapping(project.volumes.get(volume))
    said = dict(pairs(spec.get("driver_opts")))
    made = next((project.made[name] for name in engine_names(project, volume) if name in project.made), {})
    found = [{key: value or "" for key, value in one.items()} for one in (said, dict(pairs(made))) if one]
    return tuple(one for number, one in enumerate(found) if one not in found[:number])


def engine_names(project: Project, volume: str) -> Iterator[str]:
    """What the engine may call it, the likeliest first."""
    spec = mapping(project.volumes.get(volume))
    external = spec.get("external")
    for name in (text(mapping(external).get("name")), text(spec.get("name"))):
        if name:
            yield name
    if not is_true(external):
        yield f"{project.name}_{volume}"
    yield volume


def host_devices(options: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """Paths of the host that a volume of these options is made of, and whether they are only read."""
    for written, only_read, _ in _written_devices(options):
        yield tidy(f"/{written}"), only_read


def _written_devices(options: Mapping[str, Any]) -> Iterator[tuple[str, bool, str]]:
    """The same as they are written, each with the option that names it."""
    kind, device, flags = read_options(options)
    if device and _is_here(kind, device, flags):
        yield device, False, "device"
    for key in ("upperdir", "workdir"):
        if flags.get(key):
            yield flags[key], False, "o"
    for lower in filter(None, flags.get("lowerdir", "").split(":")):
        yield lower, True, "o"


def read_options(options: Mapping[str, Any]) -> tuple[str, str, dict[str, str]]:
    """Type, device, and the words of `o` with their values."""
    flags = (word.strip().partition("=") for word in text(options.get("o")).split(","))
    named = {name.rstrip("+"): value for name, _, value in flags}
    return text(options.get("type")).lower(), text(options.get("device")), named


def is_bound(flags: Mapping[str, str]) -> bool:
    """Then the type means nothing, and a path that is relative is so to the engine's folder, which is `/`."""
    return "bind" in flags or "rbind" in flags


def _is_here(kind: str, device: str, flags: Mapping[str, str]) -> bool:
    return is_bound(flags) or (device.startswith("/") and kind not in _FAR)


def _disguised(project: Project, at: Keys, mount: Mounted, options: Mapping[str, str]) -> Iterator[HostPart]:
    kind, _, flags = read_options(options)
    if kind in _KERNEL and not is_bound(flags):
        yield HostPart(at, mount, kernel=kind, option="type")
        return
    for written, only_read, option in _written_devices(options):
        within = mount._replace(read_only=mount.read_only or only_read)
        yield HostPart(at, within, followed(project, tidy(f"/{written}")), written=f"/{written}", option=option)
