"""Which services get which secrets from the controller, in what form, and the override that gives them. Pure.

A service that is replaced for a new value gets each of its secrets as a file whose name stands for the value. One that
takes a new value up while it runs gets a folder: a file that is mounted alone would never be seen to change.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

from controller.intake.findings import Path, at
from controller.model.errors import Finding

if TYPE_CHECKING:
    from controller.model.manifest import Stack
    from controller.model.manifest.security import Reload

OURS = "controller-managed."
"""What the names of Compose secrets begin with that our override declares."""
FOLDER = "/run/secrets"
"""Where containers have them."""

_PLACE: Path = ("spec", "security", "secrets")
_OWNERS, _ALL = 0o400, 0o444

Model = Mapping[str, Any]


class Use(NamedTuple):
    """A secret in a service: as which file of it, whose that is, and what others may do with it."""

    service: str
    secret: str
    target: str
    uid: int | None = None
    gid: int | None = None
    mode: int = _ALL

    @property
    def path(self) -> str:
        """Where it is in the container."""
        return str(PurePosixPath(FOLDER, self.target))


def is_ours(source: str) -> bool:
    """Whether a Compose secret of that name is one that our override declares."""
    return source.startswith(OURS)


def managed_by(manifest: Stack | None) -> tuple[str, ...]:
    """The secrets that the manifest leaves to the controller."""
    return () if manifest is None else tuple(dict.fromkeys(manifest.spec.security.secrets.managed))


def find_uses(manifest: Stack | None, model: Model) -> tuple[Use, ...]:
    """Every use of a managed secret, by service; `model` as Compose renders the user's files."""
    managed = frozenset(managed_by(manifest))
    services: Model = model.get("services") or {}
    return tuple(
        _use(name, services[name], entry)
        for name in sorted(services)
        for entry in services[name].get("secrets") or ()
        if entry["source"] in managed
    )


def taken_up(manifest: Stack | None) -> Mapping[str, Reload]:
    """The services that take a new value up while they run, and how."""
    said = {} if manifest is None else manifest.spec.security.secrets.reload
    return {name: one for name, one in said.items() if one.mode != "roll"}


def check_managed(manifest: Stack | None, model: Model) -> Iterator[Finding]:
    """What cannot be as it is asked for."""
    uses, services = find_uses(manifest, model), model.get("services") or {}
    for name, said in sorted(taken_up(manifest).items()):
        place: Path = (*_PLACE, "reload", name)
        if said.mode == "exec" and not said.command:
            message = f"'{name}' is to run a command, and none is given"
            yield at((*place, "command"), message, hint="such as command: [nginx, -s, reload]")
        mine = [use for use in uses if use.service == name]
        others = [e["source"] for e in (services.get(name) or {}).get("secrets") or () if not _is_of(e, mine)]
        if mine and others:
            message = f"'{name}' has secrets beside the managed ones ({', '.join(others)}), and its folder is one"
            yield at(place, message, hint="name them in secrets.managed too, or leave its mode at roll")
        if elsewhere := [use.path for use in mine if not _is_plain(use.target)]:
            message = f"'{name}' has a secret at {elsewhere[0]}, which is no file of {FOLDER}"
            yield at(place, message, hint="leave its target out, or leave its mode at roll")


def warn_managed(manifest: Stack | None, model: Model) -> Iterator[Finding]:
    """What is said and changes nothing."""
    uses, declared = find_uses(manifest, model), model.get("secrets") or {}
    used = {use.secret for use in uses}
    for number, name in enumerate(manifest.spec.security.secrets.managed if manifest else ()):
        if name not in used and name not in declared:
            hint = f"declare it (secrets: {{{name}: {{external: true}}}}) and name it in a service's secrets"
            yield at((*_PLACE, "managed", number), f"no service has a secret '{name}'", hint=hint)
    for name in sorted(taken_up(manifest)):
        if not any(use.service == name for use in uses):
            yield at((*_PLACE, "reload", name), f"'{name}' has no managed secret to take up")


def lacking(uses: tuple[Use, ...], held: Mapping[str, Any], model: Model) -> Iterator[tuple[Finding, bool]]:
    """Managed secrets that have no value; whether that keeps who uses them from being made: not those with a file."""
    declared = model.get("secrets") or {}
    for name in sorted({use.secret for use in uses} - held.keys()):
        users = ", ".join(sorted({use.service for use in uses if use.secret == name}))
        given = (declared.get(name) or {}).get("file")
        beside = f", and is given to {users} from {given}" if given else f", which {users} waits for"
        hint = f"controller secrets set {name}" + (f" --from-file {given}" if given else "")
        yield at((*_PLACE, "managed"), f"secret '{name}' has no value yet{beside}", hint=hint), not given


class File(NamedTuple):
    """A file that a service gets: by which name of a Compose secret, for what, and which one of this machine."""

    called: str
    use: Use
    path: str


class Given(NamedTuple):
    """How a service gets its secrets: as files, or as a folder of this machine."""

    files: tuple[File, ...] = ()
    folder: str | None = None


def file_name(use: Use, tag: str) -> str:
    """Of the file for a use: another one for another value, or another owner."""
    whose = "" if (use.uid, use.gid, use.mode) == (None, None, _ALL) else f".{use.uid}-{use.gid}-{use.mode:o}"
    return f"{use.secret}.{tag}{whose}".replace("None", "")


def override_text(given: Mapping[str, Given], model: Model) -> str:
    """A Compose file to be laid over the user's: names and paths, no value."""
    lines = ["# Written by controller; overwritten whenever a secret changes.", "services:"]
    for name, one in sorted(given.items()):
        lines += _service_lines(name, one, (model.get("services") or {})[name])
    if files := {file.called: file.path for one in given.values() for file in one.files}:
        lines.append("secrets:")
        lines += [f"  {_text(called)}: {_text({'file': path})}" for called, path in sorted(files.items())]
    return "\n".join(lines if given else [lines[0], "services: {}"]) + "\n"


def _service_lines(name: str, one: Given, service: Model) -> Iterator[str]:
    mine = [file.use for file in one.files]
    kept = [entry for entry in service.get("secrets") or () if not _is_of(entry, mine)] if one.folder is None else []
    entries = [*kept, *({"source": file.called, "target": file.use.path} for file in one.files)]
    yield f"  {_text(name)}:"
    yield "    secrets: !override" + ("" if entries else " []")
    yield from (f"      - {_text(entry)}" for entry in entries)
    if one.folder is not None:
        mount = {"type": "bind", "source": one.folder, "target": FOLDER, "read_only": True}
        yield "    volumes:"
        yield f"      - {_text({**mount, 'bind': {'create_host_path': False}})}"


def _text(value: object) -> str:
    """JSON is YAML; a dollar would be filled in."""
    return json.dumps(value).replace("$", "$$")


def _is_of(entry: Model, uses: list[Use]) -> bool:
    return any(use.secret == entry["source"] and use.target == _target(entry) for use in uses)


def _use(name: str, service: Model, entry: Model) -> Use:
    uid, gid = _owner(str(service.get("user") or ""))
    said = entry.get("uid"), entry.get("gid")
    uid, gid = (_number(said[0]) if said[0] else uid), (_number(said[1]) if said[1] else gid)
    mode = _mode(entry.get("mode"))
    return Use(name, entry["source"], _target(entry), uid, gid, mode or (_ALL if uid is None else _OWNERS))


def _target(entry: Model) -> str:
    target = str(entry.get("target") or entry["source"])
    return target.removeprefix(f"{FOLDER}/")


def _is_plain(target: str) -> bool:
    return "/" not in target and not target.startswith("..") and target not in ("", ".")


def _owner(user: str) -> tuple[int | None, int | None]:
    uid, _, gid = user.partition(":")
    return _number(uid), _number(gid)


def _number(text: object) -> int | None:
    return int(str(text)) if str(text).isascii() and str(text).isdecimal() else None


def _mode(said: object) -> int | None:
    """A number as it is, text as octal: Compose renders either."""
    if isinstance(said, int):
        return said & 0o777
    try:
        return int(str(said), 8) & 0o777 if said else None
    except ValueError:
        return None
