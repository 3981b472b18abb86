"""Inside a container: commands run in it, and what it wrote."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from controller.engines.answers import get_container, get_object
from controller.engines.base import Execution, Opened
from controller.engines.client import Client
from controller.engines.demultiplex import read_frames, read_raw, split_lines
from controller.engines.parse import clean
from controller.model.errors import Conflict, Transient
from controller.model.names import ReplicaId

_OUTPUT_CAP = 4096


def execute(
    client: Client,
    replica: ReplicaId,
    command: Sequence[str],
    *,
    timeout: float,
    settings: Mapping[str, Any] | None = None,
    made: Callable[[str], None] = lambda _: None,
) -> Execution:
    """Run a command as `docker exec` does; `settings`: more of Docker's exec options (`User`, `Env` …).

    `made` is told its id before it begins.

    A command that outlives `timeout` seconds gives no exit code; Docker cannot end it. Raises Transient without an
    engine and Conflict where the container is gone.
    """
    ends_at = time.monotonic() + timeout
    body = {"AttachStdout": True, "AttachStderr": True, "Cmd": list(command), **(settings or {})}
    try:
        one = client.call("POST", f"/containers/{replica}/exec", body=body, deadline=timeout)[1]["Id"]
    except Conflict as error:
        if "no such container" in error.message.lower():
            raise
        return Execution(None, clean(error.message))
    made(one)
    output = bytearray()
    try:
        begin = {"Detach": False, "Tty": False}
        remaining = ends_at - time.monotonic()
        with client.stream("POST", f"/exec/{one}/start", body=begin, deadline=remaining) as (response, _):
            for _, payload in read_frames(response):
                output.extend(payload)
                del output[:-_OUTPUT_CAP]
        patience = max(0.5, ends_at - time.monotonic())
        code = get_object(client, f"/exec/{one}/json", "ID", deadline=patience).get("ExitCode")
    except Conflict as error:
        return Execution(None, clean(error.message))
    except Transient:
        if time.monotonic() < ends_at:
            raise
        return Execution(None, f"no end within {timeout:g} s")
    return Execution(code, clean(output.decode("utf-8", "replace")))


def read_logs(
    client: Client,
    replica: ReplicaId,
    *,
    tail: int | None,
    follow: bool,
    since: float | None,
    opened: Opened | None = None,
) -> Iterator[str]:
    """Line by line; `since` in seconds on the engine's clock. Ends with the container, or at once without `follow`."""
    config = get_container(client, replica, deadline=5.0)["Config"]
    query = {
        "stdout": "1",
        "stderr": "1",
        "tail": "all" if tail is None else str(tail),
        "follow": "1" if follow else "0",
        "since": None if since is None else f"{since:.9f}",
    }
    deadline = None if follow else 30.0
    with client.stream("GET", f"/containers/{replica}/logs", query, deadline=deadline) as (response, stream):
        if opened is not None:
            opened(stream.hang_up)
        yield from split_lines(read_raw(response) if config.get("Tty") else read_frames(response))
