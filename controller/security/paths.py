"""Paths of a host, by what whoever has them may do. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Collection

SOCKETS = (
    "/run/docker.sock", "/run/docker", "/run/containerd/containerd.sock", "/run/podman/podman.sock",
    "/run/crio/crio.sock", "/run/k3s/containerd/containerd.sock", "/run/balena.sock", "/run/systemd/private",
    "/run/dbus/system_bus_socket",
)  # fmt: skip
"""Of who obeys everyone who can speak to them: engines, and the init system."""
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
)
SOCKET_FOLDERS = (
    "/",
    "/var",
    "/run",
    "/run/containerd",
    "/run/systemd",
    "/run/podman",
)
"""Folders that hold such a socket."""

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
    "/dev/null", "/dev/zero", "/dev/random", "/dev/urandom", "/dev/net/tun", "/dev/dri", "/dev/shm", "/dev/snd",  # noqa: S108
)  # fmt: skip
"""Files that hold nothing of anybody, where they are only read."""
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
    """A container engine's socket, or a folder that holds one."""
    name = posixpath.basename(path.replace("\\", "/"))  # of Windows' pipes
    if name in SOCKET_NAMES or path in SOCKETS or path in SOCKET_FOLDERS:
        return True
    return is_below(path, ("/run/user",)) and name in ("docker.sock", "podman", "podman.sock")


def is_home(path: str) -> bool:
    """Somebody's home, or what holds keys in it."""
    parts = path.strip("/").split("/")
    if path == "/root" or (parts[0] in ("home", "Users") and len(parts) <= 2):
        return True
    return any(path.endswith(f"/{secret}") or f"/{secret}/" in path for secret in HOME_SECRETS)
