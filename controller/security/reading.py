"""Reads a service's definition in any form that Compose takes: as written, as rendered, or as told by an engine. Pure.

What makes no sense is left out and never raised: a scan says something also of files that Compose refuses.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from controller.model.running import Model

Keys = tuple[str | int, ...]

_UNITS = {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_SIZE = re.compile(r"\s*([0-9.]+)\s*([kmgtb]?)i?b?\s*$", re.IGNORECASE)
_OPTIONS = frozenset(
    [
        "ro",
        "rw",
        "z",
        "Z",
        "nocopy",
        "consistent",
        "cached",
        "delegated",
        "volume-nocopy",
        "rprivate",
        "private",
        "rshared",
        "shared",
        "rslave",
        "slave",
    ]
)


class Mounted(NamedTuple):
    """Something of outside in a container. `source` "" for an anonymous volume; `at`: where in `volumes`."""

    at: int
    kind: str
    source: str
    target: str
    read_only: bool = False
    propagation: str = ""


def mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def items(value: object) -> list[Any]:
    """A list, or the one thing that stands in its place."""
    if isinstance(value, list | tuple):
        return list(value)
    return [] if value is None else [value]


def text(value: object) -> str:
    """A scalar as it is written; "" for anything else."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int | float) else ""


def texts(value: object) -> list[str]:
    return [found for one in items(value) if (found := text(one))]


def is_true(value: object) -> bool:
    return value is True or text(value).lower() in ("true", "yes", "on", "1")


def pairs(value: object) -> list[tuple[str, str | None]]:
    """Names and values of a mapping, or of a list of `NAME=value`; None: no value is given."""
    if isinstance(value, Mapping):
        return [(str(name), None if one is None else text(one)) for name, one in value.items()]
    split = (one.partition("=") for one in texts(value))
    return [(name, found if sign else None) for name, sign, found in split]


LONGEST_COMMAND = 8192
"""Characters of a command that is split as a shell does it, and of a mount: no path has as many."""


def words(value: object) -> list[str]:
    """A command as Compose splits it; a very long one at its blanks alone, for a long word takes the square of it."""
    if not isinstance(value, str):
        return texts(value)
    if len(value) > LONGEST_COMMAND:
        return value.split()
    try:
        return shlex.split(value)
    except ValueError:
        return value.split()


def octets(value: object) -> int | None:
    """Bytes of `128m` or `134217728`; None: that is no size."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    found = _SIZE.match(value) if isinstance(value, str) else None
    try:
        if isinstance(value, int | float):
            return int(value)
        return int(float(found[1]) * _UNITS[found[2].lower()]) if found else None
    except (ValueError, OverflowError):
        return None


def number(value: object) -> float | None:
    try:
        return None if isinstance(value, bool) or value is None else float(text(value))
    except ValueError:
        return None


_ZERO = re.compile(r"\s*[+-]?0+\s*")


def is_root(user: str) -> bool:
    """Of `user` or `user:group`, as the engine reads it: without a name it is root as well."""
    name = user.partition(":")[0]
    return name.strip() in ("", "root") or is_zero(name)


def is_zero(number: str) -> bool:
    """`0`, `00`."""
    return _ZERO.fullmatch(number) is not None


def deep(model: object, *keys: str) -> Any:
    """What stands at the end of a path of keys; None where it ends before."""
    for key in keys:
        model = mapping(model).get(key)
    return model


def limit(model: Model, key: str, own: str) -> Any:
    """`deploy.resources.limits.<key>`, or the service's own word for it."""
    found = deep(model, "deploy", "resources", "limits", key)
    return model.get(own) if found is None else found


# --- mounts


def mounts(model: Model) -> Iterator[Mounted]:
    """`volumes`, each as what it is."""
    for index, one in enumerate(items(model.get("volumes"))):
        if isinstance(one, Mapping):
            yield _long_mount(index, one)
        elif isinstance(one, str) and one:
            yield _short_mount(index, one)


def _long_mount(index: int, one: Model) -> Mounted:
    source = text(one.get("source"))
    kind = text(one.get("type")) or ("bind" if is_path(source) else "volume")
    propagation = text(deep(one, "bind", "propagation"))
    return Mounted(index, kind, source, text(one.get("target")), is_true(one.get("read_only")), propagation)


def _short_mount(index: int, one: str) -> Mounted:
    parts = _split_mount(one)
    options = set(parts.pop().split(",")) if len(parts) > 1 and set(parts[-1].split(",")) <= _OPTIONS else set()
    if len(parts) < 2:
        return Mounted(index, "volume", "", parts[0] if parts else "")
    source, target = parts[0], ":".join(parts[1:])
    spread = next((one for one in ("rshared", "shared", "rslave", "slave") if one in options), "")
    return Mounted(index, "bind" if is_path(source) else "volume", source, target, "ro" in options, spread)


def sought(mount: Mounted, directory: str) -> str:
    """What may stand in the files where it is mounted, one a line: its source, as a path of the project too, and where
    it is in the container."""
    found = [mount.source]
    if directory and mount.source.startswith(f"{directory.rstrip('/')}/"):
        found.append("." + mount.source.removeprefix(directory.rstrip("/")))
    return "\n".join(filter(None, (*found, mount.target)))


def _split_mount(one: str) -> list[str]:
    """At the colons, but for those of `${NAME:-default}` and of a drive."""
    parts, depth, one = [""], 0, one[:LONGEST_COMMAND]
    for index, sign in enumerate(one):
        depth += (sign == "{") - (sign == "}")
        drive = index == 1 and one[0].isalpha() and one[2:3] in ("\\", "/") and ":" in one[2:]
        if sign == ":" and depth <= 0 and not (drive and one[2:3] == "\\"):
            parts.append("")
        else:
            parts[-1] += sign
    return parts


def is_path(source: str) -> bool:
    """Whether a mount's source is a path of the host, and not the name of a volume."""
    return source.startswith(("/", "./", "../", "~", "\\", "$PWD", "${PWD}", "$HOME", "${HOME}")) or source in (
        ".",
        "..",
    )


def tmpfs(model: Model) -> Iterator[tuple[int, str, frozenset[str]]]:
    """Where, and with which options."""
    for index, one in enumerate(texts(model.get("tmpfs"))):
        place, _, options = one.partition(":")
        yield index, place, frozenset(filter(None, options.split(",")))


# --- networks


def networks(model: Model) -> tuple[str, ...]:
    """Keys of the networks that it is on; Compose puts it on `default` where it names none and has no other mode."""
    named = model.get("networks")
    if isinstance(named, Mapping):
        return tuple(map(str, named)) or ("default",)
    if isinstance(named, list | tuple) and named:
        return tuple(texts(named))
    return () if model.get("network_mode") else ("default",)


def options(model: Model) -> Iterator[tuple[int, str, str]]:
    """`security_opt` as kind and value: `seccomp:unconfined`, `label=disable`, `no-new-privileges`."""
    for index, one in enumerate(texts(model.get("security_opt"))):
        kind, sign, value = one.partition("=") if "=" in one else one.partition(":")
        yield index, kind.strip(), value.strip() if sign else "true"


def devices(model: Model) -> Iterator[tuple[int, str]]:
    """The host's devices that it gets, by path."""
    for index, one in enumerate(items(model.get("devices"))):
        source = text(one.get("source")) if isinstance(one, Mapping) else text(one).split(":")[0]
        if source:
            yield index, source


def capabilities(model: Model, key: str) -> list[str]:
    """In capitals and without `CAP_`."""
    return [one.upper().removeprefix("CAP_") for one in texts(model.get(key))]
