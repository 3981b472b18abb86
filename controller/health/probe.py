"""Senses: asks one replica once, by a command, an HTTP request or a connection. Raises nothing."""

from __future__ import annotations

import re
import socket
import time
from contextlib import suppress
from typing import assert_never
from urllib.parse import quote

from controller.engines.base import Engine, Execution
from controller.health.verdict import ProbeResult
from controller.model.desired import Probe, ProbeKind
from controller.model.errors import EngineError
from controller.model.observed import Replica

_LOCAL_PORT = re.compile(r"(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\]):(\d{1,5})\b")
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})(?: |\r|\n)")
_ANSWER_LIMIT = 4096
_NO_TOOL = (126, 127)
"""Exit codes where the image lacks the command: that says nothing about the replica."""

_LISTENS_WITHIN = """
for table in /proc/net/tcp /proc/net/tcp6; do
  [ -r $table ] && while read -r _ here _ state _; do
    case $here.$state in *:$1.0A) exit 0;; esac
  done < $table
done
exit 1"""
"""Needs nothing but a shell: is the port, in hexadecimal digits, in the kernel's table with state LISTEN."""

_FETCH_WITHIN = """
if command -v wget >/dev/null; then exec wget -q -O /dev/null "http://127.0.0.1:$1$2"; fi
if command -v curl >/dev/null; then exec curl -fsS -o /dev/null "http://127.0.0.1:$1$2"; fi
command -v bash >/dev/null || exit 127
exec bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0" || exit 1
  printf "GET %s HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n" "$1" >&3
  read -r _ status _ <&3; case $status in [23]*) exit 0;; *) echo "status $status"; exit 1;; esac' "$1" "$2"
"""


def run_probe(engine: Engine, replica: Replica, probe: Probe) -> ProbeResult:
    """Ask once, `probe.timeout` seconds at most. A replica that cannot be reached from here is asked from within."""
    match probe.kind:
        case ProbeKind.EXEC:
            return _execute(engine, replica, probe.command, probe.timeout)
        case ProbeKind.TCP:
            return _ask_tcp(engine, replica, probe)
        case ProbeKind.HTTP:
            return _ask_http(engine, replica, probe)
        case _:
            assert_never(probe.kind)


def known_port(probe: Probe) -> int | None:
    """The port that has to be open before the probe can succeed, where the probe says; a guess for commands."""
    if probe.port:
        return probe.port
    found = _LOCAL_PORT.search(" ".join(probe.command))
    return int(found[1]) if found and 0 < int(found[1]) < 65536 else None


def knock(address: str, port: int, timeout: float) -> bool | None:
    """Is the port open? None: nobody answers there at all, so that knocking is of no use."""
    try:
        with socket.create_connection((address, port), timeout):
            return True
    except ConnectionError:
        return False
    except OSError:
        return None


def _execute(engine: Engine, replica: Replica, command: tuple[str, ...], timeout: float) -> ProbeResult:
    begun = time.monotonic()
    try:
        done = engine.execute(replica.id, command, timeout=timeout)
    except EngineError as error:
        return ProbeResult(None, error.message)
    return _read(done, timeout, time.monotonic() - begun)


def _read(done: Execution, timeout: float, seconds: float) -> ProbeResult:
    if done.exit_code is not None:
        return ProbeResult(done.exit_code == 0, done.output)
    if seconds >= timeout * 0.95:
        return ProbeResult(False, f"no end after {timeout:g} s\n{done.output}", timed_out=True)
    return ProbeResult(None, done.output)


def _ask_tcp(engine: Engine, replica: Replica, probe: Probe) -> ProbeResult:
    if replica.address is None:
        return _ask_within(engine, replica, (_LISTENS_WITHIN, "sh", f"{probe.port:04X}"), probe)
    try:
        with socket.create_connection((replica.address, probe.port), probe.timeout):
            return ProbeResult(True)
    except OSError as error:
        return ProbeResult(False, f"port {probe.port}: {_tell(error, probe)}", closed=_is_refusal(error))


def _ask_http(engine: Engine, replica: Replica, probe: Probe) -> ProbeResult:
    """2xx and 3xx are well; redirects are not followed."""
    if replica.address is None:
        return _ask_within(engine, replica, (_FETCH_WITHIN, "sh", str(probe.port), _path(probe)), probe)
    place = f"GET :{probe.port}{probe.path}"
    try:
        answer = _fetch(replica.address, probe)
    except (OSError, ValueError) as error:
        return ProbeResult(False, f"{place}: {_tell(error, probe)}", closed=_is_refusal(error))
    status = _STATUS.match(answer)
    if status is None:
        return ProbeResult(False, f"{place}: no HTTP answer")
    body = answer.partition(b"\r\n\r\n")[2].decode("utf-8", "replace")
    return ProbeResult(200 <= int(status[1]) < 400, f"{place}: {int(status[1])}\n{body}")


def _fetch(address: str, probe: Probe) -> bytes:
    """The beginning of the answer: all time together is bounded, whatever the other side sends how slowly."""
    ends_at = time.monotonic() + probe.timeout
    with socket.create_connection((address, probe.port), probe.timeout) as connection:
        request = (
            f"GET {_path(probe)} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: controller\r\nConnection: close\r\n\r\n"
        )
        connection.sendall(request.encode("ascii"))
        answer = b""
        with suppress(TimeoutError):
            while len(answer) < _ANSWER_LIMIT and (left := ends_at - time.monotonic()) > 0:
                connection.settimeout(left)
                if not (part := connection.recv(_ANSWER_LIMIT)):
                    break
                answer += part
                if _STATUS.match(answer) and answer[9:10] in b"23":
                    break
        if not answer:
            raise TimeoutError
        return answer


def _ask_within(engine: Engine, replica: Replica, script: tuple[str, ...], probe: Probe) -> ProbeResult:
    """By a command in the container, where its address cannot be reached from here; its image may lack the tools."""
    begun = time.monotonic()
    try:
        done = engine.execute(replica.id, ("sh", "-c", *script), timeout=probe.timeout)
    except EngineError as error:
        return ProbeResult(None, error.message)
    if done.exit_code in _NO_TOOL:
        return ProbeResult(None, "it cannot be reached from here, and its image has no tool to ask from within")
    return _read(done, probe.timeout, time.monotonic() - begun)


def _path(probe: Probe) -> str:
    return quote(probe.path, safe="/?&=%:@+,;~!$'()*[]-._")


def _is_refusal(error: Exception) -> bool:
    return isinstance(error, ConnectionRefusedError)


def _tell(error: Exception, probe: Probe) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {probe.timeout:g} s"
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
