"""Every failure of an engine, whatever raised it, as one of three: Transient, Conflict, Rejected."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
from dataclasses import dataclass

from controller.model.errors import Conflict, EngineError, Rejected, Transient

_MISSING_IMAGE = ("no such image", "pull access denied", "manifest unknown", "repository does not exist")
_GONE = ("no such container", "no such network", "no such exec", "is not running", "no such volume")
_AWAY = (
    "cannot connect to the docker daemon",
    "connection refused",
    "connection reset",
    "broken pipe",
    "error during connect",
    "context deadline exceeded",
    "i/o timeout",
    "tls handshake timeout",
    "unexpected eof",
    "is the docker daemon running",
)
_FORBIDDING = {
    "authorization": "ask whoever set the daemon's authorization plugin",
    "forbidden": "ask whoever set up what stands in front of Docker: it lets this call not through",
}
"""Who forbids, by a word of the refusal. The daemon's own refusals of that status name their reason."""
_JOINED = "already exists in network"
"""Somebody else connected it first, which Docker calls forbidden."""
_TAKEN = ("is already in use by container", "marked for removal", "removal of container")
_PORT_TAKEN = re.compile(
    r"listen (?P<kind>tcp|udp)\w* (\S+:\d+): bind: address already in use"
    r"|Bind for (\S+:\d+) failed: port is already allocated"
)
_PORT_SAID = re.compile(r"^host port (?:(\S+):)?(\d+)(?:/(udp))? is already in use$")
_NO_ADDRESSES = ("non-overlapping ipv4 address pool", "address pools have been fully subscribed")
"""No subnet is left for another network, in the words of older and newer engines, which answer 404, 400 or 500."""
_VERSION = re.compile(r"client version (\S+) is too (old|new)")
_NO_PLUGIN = (
    "is not a docker command",
    "unknown shorthand flag: 'f'",
    "unknown flag: --file",
    "unknown command: docker",
)


@dataclass(frozen=True, slots=True)
class Failure(Exception):
    """The daemon's answer to a request that it did not fulfil."""

    status: int
    message: str
    request: str

    def __str__(self) -> str:
        return f"{self.request}: {self.message} ({self.status})"

    @property
    def refused_version(self) -> tuple[str, str] | None:
        """The API version that was asked in, and whether it is too "old" or too "new" for the daemon."""
        found = _VERSION.search(self.message)
        return (found[1], found[2]) if found else None


def map_failure(failure: Failure) -> EngineError:
    """An HTTP answer: 409, what is gone and what is joined ask for a new look, 5xx may pass, every other 4xx stays."""
    message, text = f"Docker refused {failure.request}: {failure.message}", failure.message.lower()
    if (used_up := _map_used_up(failure.message, message)) is not None:
        return used_up
    if any(mark in text for mark in _MISSING_IMAGE):
        return Rejected(message, hint="pull or build the image, or set pull_policy")
    if failure.refused_version is not None:
        return _map_version(message, *failure.refused_version)
    match failure.status:
        case 403 if _JOINED not in text:
            return Rejected(message, hint=next((hint for word, hint in _FORBIDDING.items() if word in text), None))
        case 403 | 404 | 409:
            return Conflict(message)
        case 408 | 425 | 429:
            return Transient(message)
        case status if status >= 500:
            return map_words(message)
        case _:
            return Rejected(message)


def _map_used_up(said: str, message: str) -> Transient | None:
    """What somebody else has for now, whatever the status."""
    if taken := _PORT_TAKEN.search(said):
        port, kind = taken[2] or taken[3], "/udp" if taken["kind"] == "udp" else ""
        return Transient(f"host port {port}{kind} is already in use", hint="free it, or publish another one")
    if any(mark in said.lower() for mark in _NO_ADDRESSES):
        more = "give Docker more in `default-address-pools` of its daemon.json"
        return Transient(message, hint=f"remove networks that nobody uses (docker network prune), or {more}")
    return None


def find_taken_port(error: EngineError) -> tuple[str, int, str] | None:
    """Address, number and protocol of the host port that somebody else has, where that is what is wrong.

    Of one that another container has, engines do not say the protocol: it is told as TCP, which most are.
    """
    if (said := _PORT_SAID.search(error.message)) is None:
        return None
    return (said[1] or "").strip("[]"), int(said[2]), said[3] or "tcp"


def _map_version(message: str, version: str, fault: str) -> EngineError:
    """What is too new was agreed on with the daemon that was there before; the next call agrees anew."""
    if fault == "new":
        return Transient(message)
    way = f"update it, or let the daemon speak {version} (DOCKER_MIN_API_VERSION={version} in its environment)"
    return Rejected(message, hint=f"this controller is too old for the engine: {way}")


def map_words(message: str) -> EngineError:
    """A failure known by its words alone: a 5xx answer, or what `docker` printed."""
    text = message.lower()
    if any(mark in text for mark in _MISSING_IMAGE):
        return Rejected(message, hint="pull or build the image, or set pull_policy")
    if any(mark in text for mark in (*_TAKEN, *_GONE)):
        return Conflict(message)
    return Transient(message)


def map_exception(error: BaseException, request: str) -> EngineError:
    """Whatever a call into a third party or the network raised; nothing but an EngineError leaves engines/."""
    match error:
        case EngineError():
            return error
        case Failure():
            return map_failure(error)
        case PermissionError():
            return Rejected(
                f"{request}: no permission to use Docker's socket ({error.filename or 'permission denied'})",
                hint="join the `docker` group and log in again, or run as root",
            )
        case TimeoutError() | subprocess.TimeoutExpired():
            return Transient(f"{request}: Docker did not answer in time")
        case FileNotFoundError():
            return Transient(
                f"{request}: Docker is not there ({error.filename or 'no such file'})",
                hint="start the Docker daemon, or point DOCKER_HOST at it",
            )
        case OSError() | http.client.HTTPException():
            return Transient(f"{request}: connection to Docker failed ({error or type(error).__name__})")
        case json.JSONDecodeError() | UnicodeDecodeError():
            return Transient(f"{request}: Docker's answer is not JSON")
        case _:
            return _map_third_party(error, request)


def _map_third_party(error: BaseException, request: str) -> EngineError:
    """Python-on-whales' errors, told apart by name so that nothing needs to be imported to handle an error."""
    match type(error).__name__:
        case "ClientNotFoundError":
            return Rejected(f"{request}: there is no `docker` command", hint="install the Docker CLI")
        case "NoSuchImage":
            return Rejected(f"{request}: no such image", hint="pull or build the image, or set pull_policy")
        case "NoSuchContainer" | "NoSuchNetwork" | "NoSuchVolume" | "NoSuchService" | "NoSuchPod":
            return Conflict(f"{request}: {type(error).__name__}")
        case "NotASwarmManager":
            return Rejected(f"{request}: this engine is not a swarm manager", hint="docker swarm init")
        case _:
            return Transient(f"{request}: {type(error).__name__}")


def lacks_plugin(output: str) -> bool:
    """Whether `docker` says that it knows no `compose`."""
    return any(mark in output.lower() for mark in _NO_PLUGIN)


def map_exit(request: str, code: int, output: str) -> EngineError:
    """A `docker` command that ended with `code`; `output` is its trimmed, secret-free standard error."""
    text = output.lower()
    last = next((line.strip() for line in reversed(output.splitlines()) if line.strip()), f"exit code {code}")
    message = f"{request}: {last}"
    if any(mark in text for mark in _AWAY):
        answered = "error response from daemon" in text  # of what it could not reach itself
        return Transient(message, hint=None if answered else "start the Docker daemon, or point DOCKER_HOST at it")
    if "permission denied" in text and "docker" in text and "socket" in text:
        return Rejected(message, hint="join the `docker` group and log in again, or run as root")
    if lacks_plugin(text):
        return Rejected(
            f"{request}: Docker has no `compose` plugin", hint="install the Docker Compose plugin, 2.24 or later"
        )
    if code < 0:
        return Transient(f"{request}: killed by signal {-code}")
    return map_words(message)
