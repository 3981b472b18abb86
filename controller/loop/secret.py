"""Tokens in files: made where there are none, refused where others could have read or written them."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from controller import failpoints
from controller.model.errors import ControllerError

PRIVATE, SHARED = 0o600, 0o644
"""For its owner alone; and for whoever is on this machine, such as a container with users of its own."""
_BITS = 32
_LEAST = 32
"""Characters below which a token that somebody wrote by hand is no token."""


def read_secret(path: Path, mode: int) -> str:
    """The token in that file; made, with that mode, where there is none. Raises ControllerError."""
    try:
        with suppress(FileNotFoundError):
            return _checked(path, mode)
        _make(path, mode)
        return _checked(path, mode)
    except OSError as error:
        raise ControllerError(f"{path}: {error.strerror}", hint=_mend(error, path)) from None


def read_shared(path: Path, root: Path) -> str:
    """The same of a token that others read too: never one among the state in `root`, which may open more."""
    if path.resolve().is_relative_to(root.resolve()):
        hint = "name a file beside the manifest, or leave tokenFile out"
        raise ControllerError(f"{path}: this lies among the controller's own state", hint=hint)
    return read_secret(path, SHARED)


def _mend(error: OSError, path: Path) -> str:
    match error:
        case IsADirectoryError():
            return f"rmdir {path}: Docker makes a folder where the file of a mount is missing"
        case FileNotFoundError():
            return f"mkdir -p {path.parent}"
    return "let the controller read and write it"


def _make(path: Path, mode: int) -> None:
    """Whole or not at all."""
    token = secrets.token_urlsafe(_BITS)
    beside = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    with failpoints.around("disk.token"):
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE)
        try:
            os.write(handle, f"{token}\n".encode())
            os.fchmod(handle, mode)  # whatever the umask says
            os.fsync(handle)
            os.close(handle)
            with suppress(FileExistsError):  # another process was quicker: its token counts
                os.link(beside, path)
        finally:
            beside.unlink()


def _checked(path: Path, mode: int) -> str:
    """Nobody may do with it what its mode does not say, but for its owner, and nobody else may write it."""
    token = path.read_text(encoding="utf-8", errors="replace").strip()
    if excess := path.stat().st_mode & ~mode & 0o066:
        hint = f"chmod {mode:o} {path}, or remove it for a new one"
        raise ControllerError(f"{path}: others can {'read' if excess & 0o044 else 'write'} it", hint=hint)
    if len(token) < _LEAST:
        raise ControllerError(f"{path}: no token of {_LEAST} characters or more", hint="remove it for a new one")
    return token
