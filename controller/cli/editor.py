"""`ide init`: all of it is decided first, from what is there; then whole files are written, or nothing."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from controller import failpoints
from controller.intake.discovery import ManifestFile, find_manifests, read_manifests
from controller.intake.stacks import read_controller
from controller.loop.whole import clear_unfinished, write_whole
from controller.model.errors import ControllerError, Finding, InvalidInput
from controller.model.manifest import schema
from controller.render import editor, jsonc

if TYPE_CHECKING:
    from controller.model.manifest.daemon import Ide

_NEW = 0o644


@dataclass(frozen=True, slots=True)
class Change:
    """One file, by its path seen from the folder: what it is (None: there is none) and what it becomes."""

    file: str
    before: str | None
    after: str


def find_here(folder: Path, files: Sequence[Path]) -> tuple[ManifestFile, ...]:
    """The manifests that editors are to know: below `manifests/`, and those that were named. Raises ControllerError."""
    found = {file.path: file for file in _below(folder / "manifests")}
    for path in files:
        whole = folder / path
        if not whole.exists():
            raise ControllerError(f"'{path}' does not exist", hint="check the path given with -f")
        named = find_manifests(whole, str(path)) if whole.is_dir() else (read_manifests(whole, str(path)),)
        found |= {file.path: file for file in named if file.documents or file.findings}
    return tuple(found.values())


def decide(folder: Path, manifests: Sequence[ManifestFile]) -> Iterator[Change]:
    """What is to change, unchanged files left out. Raises InvalidInput where a file cannot be merged into."""
    ide = read_ide(manifests)
    names = {file.path: _inside(folder, file.path) for file in manifests}
    others = sorted(name for name in names.values() if not name.startswith("manifests/"))
    made: list[tuple[str, Callable[[str], str]]] = [
        (editor.SCHEMA, lambda _: jsonc.whole(schema())),
        (editor.SETTINGS, lambda text: editor.with_settings(text, others)),
        (editor.EXTENSIONS, editor.with_extensions),
    ]
    if ide.tasks:
        made.append((editor.TASKS, lambda text: editor.with_tasks(text, auto_start=ide.auto_start)))
    made += [(name, lambda text, name=name: editor.with_modeline(text, name)) for name in names.values()]  # type: ignore[misc]
    for name, make in made:
        before = _read(folder, name)
        if (after := make(before or "")) != before:
            yield Change(name, before, after)


def read_ide(manifests: Sequence[ManifestFile]) -> Ide:
    """`ide` of the document of kind Controller; the defaults where there is none, or it is broken for now."""
    from controller.model.manifest.daemon import Ide

    for file in manifests:
        for document in file.documents:
            keys = document.root.keys or {}
            if "kind" in keys and keys["kind"].node.value == "Controller":
                try:
                    return read_controller(document).spec.ide
                except InvalidInput:
                    return Ide()
    return Ide()


def write(folder: Path, changes: Sequence[Change]) -> None:
    """Each file whole. Raises ControllerError."""
    for change in changes:
        path = Path(os.path.realpath(folder / change.file))
        with failpoints.around("disk.folder"):
            path.parent.mkdir(exist_ok=True)
        beside = path if path.exists() else path.parent
        found = beside.stat()
        mode = stat.S_IMODE(found.st_mode) if path.exists() else _NEW
        try:
            clear_unfinished(path.parent, path.name)
            write_whole(path, change.after.encode("utf-8"), "editor", mode, (found.st_uid, found.st_gid))
        except ControllerError as error:
            raise ControllerError(error.message, hint="make the folder writable, then call this again") from error


def _below(folder: Path) -> Iterator[ManifestFile]:
    paths = sorted(path for suffix in ("yaml", "yml") for path in folder.rglob(f"*.{suffix}") if path.is_file())
    for path in paths:
        file = read_manifests(path, str(path))
        if file.documents or file.findings:
            yield file


def _inside(folder: Path, path: Path) -> str:
    """Seen from the folder, as it is written. Raises ControllerError for what lies, or leads, out of it."""
    name = os.path.relpath(path, folder)
    real, root = os.path.realpath(path), os.path.realpath(folder)
    if name.startswith("..") or os.path.commonpath([real, root]) != root:
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
