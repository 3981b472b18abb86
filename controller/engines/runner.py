"""Child processes with a deadline, a group of their own, capped output, and no secret in what is reported of them."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from controller.engines.errors import map_exception, map_exit
from controller.model.errors import Rejected

_OUTPUT_CAP = 32 * 1024 * 1024
_ERROR_CAP = 64 * 1024
_MEMORY_CAP = 2 << 30
_GRACE = 0.5
_PR_SET_PDEATHSIG = 1
_SECRET_NAME = re.compile(r"PASS|SECRET|TOKEN|KEY|CREDENTIAL|AUTH", re.IGNORECASE)
_SHORTEST_SECRET = 4


@dataclass(frozen=True, slots=True)
class Result:
    """How a child ended. `stderr` holds the last 64 KiB at most, secret values blotted out."""

    code: int
    stdout: bytes = field(repr=False)
    stderr: str


@dataclass(frozen=True, slots=True)
class Command:
    """What to run: `name` is how errors call it (an argv may hold paths, never secrets)."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    directory: Path


def run(command: Command, *, deadline: float) -> Result:
    """Run to the end. Raises Rejected where there is no such command, Transient when `deadline` seconds have passed."""
    ends_at = time.monotonic() + deadline
    try:
        child = _spawn(command)
    except FileNotFoundError as error:
        missing = command.directory if not command.directory.is_dir() else command.argv[0]
        raise Rejected(f"{command.name}: {missing} does not exist", hint="install the Docker CLI") from error
    except OSError as error:
        raise map_exception(error, command.name) from error
    try:
        stdout, stderr = _collect(child, ends_at)
        code = child.wait(max(0.0, ends_at - time.monotonic()))
    except (TimeoutError, subprocess.TimeoutExpired, _TooMuch) as error:
        raise map_exception(error, command.name) from error
    finally:
        _end(child)
    return Result(code, stdout, blot(stderr.decode("utf-8", "replace"), command.environment))


def check(command: Command, *, deadline: float) -> Result:
    """Run, and raise the mapped error where the child did not end with 0."""
    result = run(command, deadline=deadline)
    if result.code != 0:
        raise map_exit(command.name, result.code, result.stderr)
    return result


def blot(text: str, environment: Mapping[str, str]) -> str:
    """The text without the values of variables whose names speak of a secret."""
    secrets = (value for name, value in environment.items() if _SECRET_NAME.search(name))
    for value in sorted((value for value in secrets if len(value) >= _SHORTEST_SECRET), key=len, reverse=True):
        text = text.replace(value, "***")
    return text


class _TooMuch(OSError):
    pass


def _spawn(command: Command) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command.argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(command.environment),
        cwd=command.directory,
        start_new_session=True,
        preexec_fn=_bound_child(),  # noqa: PLW1509 - two C calls prepared beforehand, which take no lock
    )


def _bound_child() -> Callable[[], object] | None:
    """A hook for the child: be killed when the thread that waits for it is gone, however it went, and never take more
    than 2 GiB of memory of one's own: what got past the guards ends Compose, not the machine (Linux)."""
    import ctypes

    try:
        prctl = ctypes.CDLL(None).prctl
    except (OSError, AttributeError):
        return None
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = _MEMORY_CAP if hard == resource.RLIM_INFINITY else min(_MEMORY_CAP, hard)
    limit = resource.setrlimit
    return lambda: (prctl(_PR_SET_PDEATHSIG, signal.SIGKILL), limit(resource.RLIMIT_DATA, (most, most)))


def _collect(child: subprocess.Popen[bytes], ends_at: float) -> tuple[bytes, bytes]:
    """Both outputs until the child closes them; of standard error the end counts, of standard output all."""
    assert child.stdout is not None and child.stderr is not None
    stdout, stderr = bytearray(), bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ, stdout)
        selector.register(child.stderr, selectors.EVENT_READ, stderr)
        while selector.get_map():
            remaining = ends_at - time.monotonic()
            if remaining <= 0:
                raise TimeoutError("deadline passed")
            for key, _ in selector.select(remaining):
                part = os.read(key.fd, 65536)
                if not part:
                    selector.unregister(key.fileobj)
                key.data.extend(part)
            del stderr[:-_ERROR_CAP]
            if len(stdout) > _OUTPUT_CAP:
                raise _TooMuch("its output is larger than 32 MiB")
    return bytes(stdout), bytes(stderr)


def _end(child: subprocess.Popen[bytes]) -> None:
    """Leave nothing of the group behind: ask, then kill."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if child.poll() is not None:
            break
        _signal_group(child.pid, number)
        try:
            child.wait(_GRACE)
        except subprocess.TimeoutExpired:
            continue
    for pipe in (child.stdout, child.stderr):
        if pipe is not None:
            pipe.close()


def _signal_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)


def which(name: str, environment: Mapping[str, str]) -> str:
    """The path of a command in that environment. Raises Rejected."""
    found = shutil.which(name, path=environment.get("PATH"))
    if found is None:
        raise Rejected(f"there is no `{name}` command on PATH", hint="install the Docker CLI")
    return found


def join(arguments: Sequence[object]) -> tuple[str, ...]:
    return tuple(str(argument) for argument in arguments)
