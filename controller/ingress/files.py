"""The proxy's folder: files are replaced whole, so that a proxy that starts meanwhile finds the old or the new one."""

from __future__ import annotations

import os
from pathlib import Path

from controller import failpoints
from controller.model.errors import Rejected

_NEW = ".new"


def read_file(path: Path) -> str:
    """Empty where there is none yet. Raises Rejected where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise _refuse(path, "read", error) from error


def put_file(path: Path, text: str) -> None:
    """Takes the place of what is there, for our eyes only. Raises Rejected where it cannot be written."""
    if read_file(path) == text:
        return
    temporary = path.with_suffix(_NEW)
    try:
        with failpoints.around("disk.ingress"):
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            temporary.replace(path)
    except OSError as error:
        raise _refuse(path, "written", error) from error


def remove_file(path: Path) -> None:
    """With what a writer that was killed left of it. Raises Rejected where it is there and cannot be removed."""
    for each in (path, path.with_suffix(_NEW)):
        if not each.exists():
            continue
        try:
            with failpoints.around("disk.ingress"):
                each.unlink(missing_ok=True)
        except OSError as error:
            raise _refuse(each, "removed", error) from error


def make_folder(path: Path) -> None:
    """For our eyes only. Raises Rejected where it cannot be made."""
    try:
        with failpoints.around("disk.ingress"):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _refuse(path, "made", error) from error


def _refuse(path: Path, verb: str, error: Exception) -> Rejected:
    reason = getattr(error, "strerror", None) or str(error)
    return Rejected(f"{path}: cannot be {verb} ({reason})", hint="the state folder has to be ours to write")
