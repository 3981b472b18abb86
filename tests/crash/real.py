"""A project on the real engine whose controllers die where a test wants it, and what the engine tells of it."""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from controller.failpoints import CRASH_AT, RECORD
from controller.loop.folders import DATABASE
from controller.loop.store import Store
from tests.engine.checks import docker
from tests.engine.scenario import Scene, clean, eventually

MANIFEST = """
startup: {settle: 100ms}
reconcile: {prune: true}
services: {web: {update: {monitor: 0s, order: stop-first}}}
"""


@dataclass
class Mortal:
    """A scene, its events as the engine tells them, and how long it took to finish what a dead controller began."""

    scene: Scene
    _events: Path
    seconds: list[float] = field(default_factory=list)
    """Of each apply that came after a death."""

    def apply(self, point: str = "", record: Path | None = None) -> int:
        """`controller apply`, killed at that point; the exit code, negative: the signal."""
        self.scene.env = {**({CRASH_AT: point} if point else {}), **({RECORD: str(record)} if record else {})}
        try:
            return self.scene.run("apply", "--confirm").code
        finally:
            self.scene.env = {}

    def finish(self) -> None:
        """What somebody does who found that it died: the same again."""
        began = time.monotonic()
        code = self.apply()
        self.seconds.append(time.monotonic() - began)
        assert code == 0, f"the apply after it ended with {code}"

    def counted(self) -> Counter[str]:
        """Creates and removes so far; waits until the stream has told all that can be seen."""
        label = f"label=com.docker.compose.project={self.scene.name}"

        def told() -> Counter[str] | None:
            there = len(docker("ps", "-aq", "--filter", label).split())
            found = Counter({"seen": 1, **Counter(self._events.read_text().split())})
            return found if found["create"] - found["destroy"] == there else None

        found: Counter[str] = eventually(told)
        return Counter(create=found["create"], destroy=found["destroy"])

    def end(self) -> dict[str, Any]:
        """What there is: nothing half done, and nothing of which the journal does not know the end."""
        store = Store(next(self.scene.state.glob(f"*/{self.scene.name}/{DATABASE}")).parent)
        found = self.scene.containers()
        known = set(store.replicas.known())
        label = f"label=com.docker.compose.project={self.scene.name}"
        state = {
            "containers": {name: (c.state, c.service, c.number, c.hash) for name, c in found.items()},
            "open intents": store.replicas.open_intents(),
            "not ours": {c.id for c in found.values()} - known,
            "gone": known - {c.id for c in found.values()},
            "networks": sorted(docker("network", "ls", "--format", "{{.Name}}", "--filter", label).split()),
            "volumes": sorted(docker("volume", "ls", "--format", "{{.Name}}", "--filter", label).split()),
            "attached": {name: sorted(c.inspect["NetworkSettings"]["Networks"]) for name, c in found.items()},
        }
        store.close()
        return state


@contextmanager
def watched(scene: Scene) -> Iterator[Mortal]:
    """With the engine's event stream beside it: what it remembers of old events is too little."""
    path = scene.folder.parent / "events"
    words = ["docker", "events", "--filter", "type=container", "--format", "{{.Action}}"]
    words += ["--filter", f"label=com.docker.compose.project={scene.name}"]
    words += [part for action in ("create", "destroy") for part in ("--filter", f"event={action}")]
    with path.open("wb") as file:
        stream = subprocess.Popen(words, stdout=file, stdin=subprocess.DEVNULL)
    try:
        yield Mortal(scene, path)
    finally:
        stream.kill()
        stream.wait()


def wipe(scene: Scene) -> None:
    """As on the first day; the events go on."""
    clean(scene.name)
    for file in scene.state.glob(f"*/{scene.name}/*"):
        file.unlink()
