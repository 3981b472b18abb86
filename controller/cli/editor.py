"""`ide init`: all of it is decided first, from what is there; then whole files are written, or nothing."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from controller import failpoints
from controller.intake import editor, jsonc
from controller.intake.discovery import ManifestFile, find_manifests, read_manifests
from controller.intake.stacks import read_controller
from controller.loop.whole import clear_unfinished, write_whole
from controller.model.errors import ControllerError, Finding, InvalidInput
from controller.model.manifest import schema

if TYPE_CHECKING:
    from controller.model.manifest.daemon import Ide

_NEW = 0o644
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


@dataclass(frozen=True, slots=True)
class Change:
    """One file, by its path seen from the folder: what it is (None: there is none) and what it becomes."""

    file: str
    before: str | None
    after: str


def find_here(folder: Path, files: Sequence[Path]) -> tuple[ManifestFile, ...]:
    """The manifests that editors are to know: below `manifests/`, and those that were named. Raises ControllerError."""
    read = [read_manifests(path, str(path)) for path in _paths_below(folder / "manifests")]
    for path in files:
        whole = folder / path
        if not whole.exists():
            raise ControllerError(f"'{path}' does not exist", hint="check the path given with -f")
        read += find_manifests(whole, str(path)) if whole.is_dir() else [read_manifests(whole, str(path))]
    found = {os.path.abspath(file.path): file for file in read if file.documents or file.findings}
    return tuple(found.values())


def decide(folder: Path, manifests: Sequence[ManifestFile], files: Sequence[Path] = ()) -> tuple[Change, ...]:
    """What is to change, unchanged files left out; `files`: those of `-f`.

    Raises ControllerError where a file cannot be merged into, or cannot be written.
    """
    ide = read_ide(manifests)
    status_bar = None if ide is None else ide.status_bar
    named = [_inside(folder, folder / file) for file in files]
    made: list[tuple[str, Callable[[str], str]]] = [
        (editor.SCHEMA, lambda _: jsonc.whole(schema())),
        (editor.SETTINGS, lambda text: editor.with_settings(text, status_bar=status_bar)),
        (editor.EXTENSIONS, editor.with_extensions),
    ]
    if ide is not None:
        command = _command(folder)
        with_tasks = lambda text: editor.with_tasks(  # noqa: E731
            text, auto_start=ide.auto_start, command=command, files=named
        )
        made.append((editor.TASKS, with_tasks if ide.tasks else editor.without_tasks))
    names = dict.fromkeys(_inside(folder, file.path) for file in manifests)
    made += [(name, lambda text, name=name: editor.with_modeline(text, name)) for name in names]  # type: ignore[misc]
    changes = tuple(change for name, make in made if (change := _change(folder, name, make)))
    for change in changes:
        _must_take(folder, change.file)
    return changes


def read_ide(manifests: Sequence[ManifestFile]) -> Ide | None:
    """`ide` of the document of kind Controller, the defaults where there is none; None: it is broken, or may be."""
    from controller.model.manifest.daemon import Ide

    for file in manifests:
        for document in file.documents:
            keys = document.root.keys or {}
            if "kind" in keys and keys["kind"].node.value == "Controller":
                try:
                    return None if file.findings else read_controller(document).spec.ide
                except InvalidInput:
                    return None
    return None if any(file.findings for file in manifests) else Ide()


def remarks(folder: Path, manifests: Sequence[ManifestFile]) -> Iterator[Finding]:
    """What was left out, and what one should know beside it."""
    if read_ide(manifests) is None:
        message = "left as it is: what `ide` is to be cannot be read, for a manifest is broken"
        yield Finding(message, editor.TASKS, hint="controller validate says what is wrong; then call this again")
    for path in _paths_below(folder / "manifests"):
        if not os.access(path, os.R_OK):
            yield Finding("left out: it is not ours to read", os.path.relpath(path, folder), hint="make it readable")
    if not any((folder / own).exists() for own in (".git", ".vscode")):
        above = next((one for one in folder.parents if any((one / own).exists() for own in (".git", ".vscode"))), None)
        if above is not None:
            hint = "where the editor opens the folder above, call this there, with -f for the manifests"
            yield Finding(f"editors may open {above} instead, and would find nothing of this", hint=hint)


def write(folder: Path, changes: Sequence[Change]) -> None:
    """Each file whole; none, where one was changed since, or cannot be written. Raises ControllerError."""
    for change in changes:
        if _read(folder, change.file) != change.before:
            message = f"{change.file}: was changed meanwhile; nothing was written"
            raise ControllerError(message, hint="call this again")
        _must_take(folder, change.file)
    for change in changes:
        try:
            _put(Path(os.path.realpath(folder / change.file)), change.after)
        except (ControllerError, OSError) as error:
            cause = error if isinstance(error, OSError) else error.__cause__
            number = cause.errno if isinstance(cause, OSError) else None
            said = (os.strerror(number) if number else str(error)).lower()
            hint = "make it writable, then call this again" if number in _FORBIDDEN else "then call this again"
            raise ControllerError(f"{change.file}: {said}", hint=hint) from error


def _put(path: Path, text: str) -> None:
    with failpoints.around("disk.folder"):
        path.parent.mkdir(exist_ok=True)
    clear_unfinished(path.parent, path.name)
    mode, owner = kept_rights(path) if path.exists() else (_NEW, _owner(path.parent.stat()))
    write_whole(path, text.encode("utf-8"), "editor", mode, owner)


def kept_rights(path: Path) -> tuple[int, tuple[int, int]]:
    """Mode and owner of what takes a file's place: nobody may more, and no other group what one may that is lost."""
    found = path.stat()
    owner = _owner(found)
    mode = stat.S_IMODE(found.st_mode)
    return (mode if owner[1] == found.st_gid else mode & ~stat.S_IRWXG), owner


def _owner(found: os.stat_result) -> tuple[int, int]:
    """As far as we may give files away; -1: ours."""
    if os.geteuid() == 0:
        return found.st_uid, found.st_gid
    return -1, found.st_gid if found.st_gid in (os.getegid(), *os.getgroups()) else -1


def _command(folder: Path) -> str:
    """Where the command that runs is part of the folder, in a venv of the project, that one; else that of the PATH."""
    beside = Path(sys.executable).with_name("controller")
    if beside.is_file() and beside.is_relative_to(folder):
        return f"${{workspaceFolder}}/{beside.relative_to(folder)}"
    return "controller"


def _change(folder: Path, name: str, make: Callable[[str], str]) -> Change | None:
    before = _read(folder, name)
    after = make(before or "")
    return Change(name, before, after) if after != (before or "") else None


def _must_take(folder: Path, file: str) -> None:
    """Raises ControllerError where a file cannot be written, as far as that can be known before."""
    path = Path(os.path.realpath(folder / file))
    place = path.parent if os.path.lexists(path.parent) else path.parent.parent
    name = os.path.relpath(place, folder)
    if not place.is_dir():
        raise ControllerError(f"{name}: is no folder; nothing was written", hint="move it away, then call this again")
    writable = os.access(path, os.W_OK) and path.stat().st_mode & 0o222 if path.exists() else True
    if not (os.access(place, os.W_OK | os.X_OK) and writable):
        message = f"{file}: cannot be written, it is read-only; nothing was written"
        if writable:
            message = f"{file}: cannot be written, for its folder is not ours to write; nothing was written"
        raise ControllerError(message, hint="make it writable, then call this again")


def _paths_below(folder: Path) -> list[Path]:
    return sorted(path for end in ("yaml", "yml") for path in folder.rglob(f"*.{end}") if path.is_file())


def _inside(folder: Path, path: Path) -> str:
    """Seen from the folder, as it is written. Raises ControllerError for what lies, or leads, out of it."""
    name, real, root = os.path.relpath(path, folder), os.path.realpath(path), os.path.realpath(folder)
    if name.split("/")[0] == "..":  # by another way to this folder, perhaps
        name = os.path.relpath(os.path.join(os.path.realpath(path.parent), path.name), root)
    if name.split("/")[0] == ".." or os.path.commonpath([real, root]) != root:
        hint = "go to the folder that the editor opens, and keep links inside of it"
        raise ControllerError(f"{name}: leads out of this folder; nothing is written there", hint=hint)
    return name


def _read(folder: Path, name: str) -> str | None:
    path = folder / name
    _inside(folder, path)
    try:
        raw = path.read_bytes() if path.is_file() else None
    except OSError as error:
        raise ControllerError(f"{name}: {(error.strerror or str(error)).lower()}", hint="make it readable") from None
    if raw is None:
        if path.exists():
            raise ControllerError(f"{name}: is no regular file", hint="move it away")
        return None
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line, column = raw.count(b"\n", 0, error.start) + 1, error.start - raw.rfind(b"\n", 0, error.start)
        finding = Finding("is not UTF-8 text", name, line, column, hint="save it as UTF-8")
        raise InvalidInput((finding,)) from None
