"""Where state and locks lie, as plain paths, and whether there is room. Loads next to nothing, for `ide status`."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

DATABASE, BOOK = "state.db", "secrets.json"
"""What is remembered of a stack, and its secrets, encrypted, which no loss of the former touches."""

LOCK_FOLDER = "/run/lock"

_LEAST = 64 * 1024
"""Bytes that a write of the state takes at least: a page or two, and its journal."""


def state_root(env: Mapping[str, str], uid: int) -> str:
    """The folder of all state of one user; it need not exist yet. Raises ControllerError where nothing says where."""
    if given := env.get("CONTROLLER_STATE_DIR"):
        return given if os.path.isabs(given) else os.path.join(os.getcwd(), given)
    if uid == 0:
        return "/var/lib/controller"
    if (xdg := env.get("XDG_STATE_HOME", "")).startswith("/"):
        return os.path.join(xdg, "controller")
    return os.path.join(_home(env, uid), ".local", "state", "controller")


def folder_name(name: str) -> str:
    """The name as it can stand in a path; names of stacks and ids of engines nearly always stand as they are."""
    plain = name.replace("/", "_").replace("\0", "_")
    return plain if plain not in ("", ".", "..") else f"_{plain}"


def lock_file(engine_id: str, stack: str, state: str, folder: str = LOCK_FOLDER) -> str:
    """Where the lock of a stack lies: at a place that all users share, in the state folder where there is none."""
    name = f"controller-{folder_name(engine_id)}-{folder_name(stack)}.lock"
    shared = os.path.join(folder, name)
    if os.path.exists(shared) or (os.path.isdir(folder) and os.access(folder, os.W_OK | os.X_OK)):
        return shared
    return os.path.join(state, name)


def has_room(folder: str | os.PathLike[str]) -> bool:
    """False: its file system is read-only, or has no space or no inode left. What cannot be told is True."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return True
    inodes_end = found.f_files > 0 and found.f_ffree == 0  # some file systems count none
    return not (found.f_flag & os.ST_RDONLY or inodes_end or found.f_bfree * found.f_frsize < _LEAST)


def _home(env: Mapping[str, str], uid: int) -> str:
    if (home := env.get("HOME", "")).startswith("/"):
        return home
    import pwd

    try:
        return pwd.getpwuid(uid).pw_dir
    except KeyError:
        from controller.model.errors import ControllerError

        raise ControllerError("no home folder to keep state in", hint="set CONTROLLER_STATE_DIR") from None
