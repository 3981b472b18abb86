"""Paths of a host, by what whoever has them may do. Pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection

SOCKETS = (
    "/run/docker.sock", "/run/containerd/containerd.sock", "/run/podman/podman.sock",
    "/run/crio/crio.sock", "/run/k3s/containerd/containerd.sock", "/run/balena.sock", "/run/docker.sock.raw",
    "/run/containerd/containerd.sock.ttrpc", "/run/buildkit/buildkitd.sock",
)  # fmt: skip
"""Of engines, who obey everyone who can speak to them."""
INIT_SOCKETS = ("/run/systemd/private", "/run/dbus/system_bus_socket")
"""Of the init system, which does so, too."""
PIPE = "docker_engine"
"""The engine's pipe on Windows, by the end of its name."""
SOCKET_NAMES = (
    "docker.sock",
    "containerd.sock",
    "podman.sock",
    "crio.sock",
    "balena.sock",
    PIPE,
    "cri-dockerd.sock",
    "docker.sock.raw",
    "containerd.sock.ttrpc",
    "buildkitd.sock",
)


def _folders(sockets: Collection[str]) -> tuple[str, ...]:
    """That they are in, up to the root."""
    found: dict[str, None] = {}
    for socket in sockets:
        folder = posixpath.dirname(socket)
        while folder not in found:
            found[folder] = None
            folder = posixpath.dirname(folder)
    return tuple(found)


SOCKET_FOLDERS = (*_folders(SOCKETS), "/run/docker", "/var")
"""Folders that hold an engine's socket; `/var` does by its `run`."""
_INIT_FOLDERS = _folders(INIT_SOCKETS)
_OF_USERS = re.compile(r"/run/user(/\d+)?|.*/\.docker/(run|desktop)")
"""Folders of users, which hold the sockets of their own engines."""

ROOT_LIKE = (
    "/etc", "/root", "/boot", "/proc", "/usr", "/lib", "/lib64", "/bin", "/sbin", "/var/lib/docker",
    "/var/lib/containerd", "/var/spool/cron", "/lib/modules", "/var/lib/kubelet",
)  # fmt: skip
"""Who writes there, or below, is root of the host in the end."""
ROOT_LIKE_EXACT = ("/", "/var/lib", "/var", "/opt")
READABLE = ("/sys", "/dev", "/run")
READABLE_EXACT = ("/home", "/Users")
"""What says more of the host than a container needs."""
HARMLESS = (
    "/etc/localtime", "/etc/timezone", "/usr/share/zoneinfo", "/usr/share/ca-certificates", "/etc/ssl/certs",
    "/dev/null", "/dev/zero", "/dev/random", "/dev/urandom", "/dev/net/tun", "/dev/dri", "/dev/snd",
)  # fmt: skip
"""Files that hold nothing of anybody, where they are only read."""
HARMLESS_WRITTEN = ("/etc/localtime", "/etc/timezone")
"""Those of them that make nobody root where they are written: the worst is a wrong clock. Certificates are whom the
host trusts."""
HOME_SECRETS = (
    ".ssh",
    ".aws",
    ".kube",
    ".docker",
    ".gnupg",
    ".config/gcloud",
    ".azure",
    ".netrc",
    ".git-credentials",
    ".npmrc",
)


def tidy(path: str) -> str:
    """Without `..`, doubled or last slashes; a home directory as `/home/user`, and `/var/run` as `/run`."""
    if path.startswith("~"):
        path = "/home/user" + path.lstrip("~")
    for home in ("${HOME}", "$HOME"):
        if path.startswith(home):
            path = "/home/user" + path[len(home) :]
    found = posixpath.normpath(path) if path else ""
    found = "/" + found.lstrip("/") if found.startswith("/") else found
    return found.removeprefix("/var") if is_below(found, ("/var/run",)) else found


def is_below(path: str, places: Collection[str]) -> bool:
    """It is one of them, or in one of them."""
    return any(path == place or path.startswith(place.rstrip("/") + "/") for place in places)


def holds(path: str, places: Collection[str]) -> bool:
    """One of them is in it."""
    return any(is_below(place, (path,)) for place in places)


def is_engine_socket(path: str) -> bool:
    """A socket of a container engine, or of the init system, or a folder that holds one."""
    return bool(socket_words(path))


def socket_words(path: str) -> str:
    """What such a path is, for people; "" for any other."""
    name = posixpath.basename(path.replace("\\", "/"))  # of Windows' pipes
    if name in SOCKET_NAMES or path in SOCKETS:
        return "is an engine's socket"
    if path in SOCKET_FOLDERS or _OF_USERS.fullmatch(path):
        return "holds an engine's socket"
    if path in INIT_SOCKETS:
        return "is a socket of the init system"
    if path in _INIT_FOLDERS:
        return "holds a socket of the init system"
    return "holds an engine's socket" if is_below(path, ("/run/user",)) and name == "podman" else ""


def is_home(path: str) -> bool:
    """Somebody's home, or what holds keys in it."""
    parts = path.strip("/").split("/")
    if path == "/root" or (parts[0] in ("home", "Users") and len(parts) <= 2):
        return True
    return any(path.endswith(f"/{secret}") or f"/{secret}/" in path for secret in HOME_SECRETS)
