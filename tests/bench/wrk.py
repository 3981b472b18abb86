"""Load by `wrk`: 64 connections that are kept open and ask as fast as they are answered, on 127.0.0.1 alone."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

CONNECTIONS = 64
LATE = 2
"""Seconds after which wrk calls an answer late; it did come."""
_LONGEST = 1800
"""Seconds after which the load ends whatever becomes of us."""
_TELL = """
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\\n{"requests":%d,"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d,"most":%d,"median":%d}\\n',
    summary.requests, e.connect, e.read, e.write, e.status, e.timeout, latency.max, latency:percentile(50)))
end
"""


@dataclass
class Told:
    """What wrk counted, once it has ended. `late` were answered, after more than LATE seconds; `most` in seconds."""

    requests: int = 0
    late: int = 0
    most: float = 0.0
    errors: dict[str, int] = field(default_factory=dict)

    @property
    def failed(self) -> int:
        return sum(self.errors.values())

    def __str__(self) -> str:
        kinds = ", ".join(f"{count} {kind}" for kind, count in self.errors.items() if count)
        return f"{self.requests:,} requests, {self.failed} failed ({kinds or 'none'}), {self.late} late"


def is_there() -> bool:
    return shutil.which("wrk") is not None


@contextmanager
def load(port: int, connections: int = CONNECTIONS) -> Iterator[Told]:
    """The load, until the end of the block; what is told is complete after it. Raises RuntimeError where wrk fails."""
    told = Told()
    with tempfile.TemporaryDirectory(prefix="controller-bench-") as folder:
        script = Path(folder) / "tell.lua"
        script.write_text(_TELL, encoding="utf-8")
        words = ["wrk", "-t2", f"-c{connections}", f"-d{_LONGEST}", "--timeout", str(LATE), "-s", str(script)]
        running = subprocess.Popen([*words, f"http://127.0.0.1:{port}/"], stdout=subprocess.PIPE, text=True)
        try:
            yield told
        finally:
            running.send_signal(signal.SIGINT)
            out, _ = running.communicate(timeout=30)
        _read(told, out)


def _read(told: Told, out: str) -> None:
    try:
        counted = json.loads(out.strip().splitlines()[-1])
    except (IndexError, ValueError):
        raise RuntimeError(f"wrk told nothing: {out.strip()}") from None
    told.requests, told.late, told.most = counted["requests"], counted["timeout"], counted["most"] / 1e6
    told.errors = {kind: counted[kind] for kind in ("connect", "read", "write", "status")}
