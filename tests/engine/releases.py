"""Releases of one web service with three replicas behind one published port: good ones, and those that fail."""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from tests.engine.checks import Container
from tests.engine.ingress_bed import PROXY_IMAGE, WEB_IMAGE, free_port
from tests.engine.scenario import Scene

PORT = 8000
REPLICAS = 3
NEVER = 1e6
"""Seconds: it does not come to that."""
COMMAND = ("python3", "-c", Path(__file__).with_name("release_backend.py").read_text(encoding="utf-8"))
"""It has no `$`, which Compose would take for a variable."""


@dataclass(frozen=True, slots=True)
class Release:
    """What an edit of the Compose file brings. `exit_after`: seconds, 0.0 crashes at the start; None: it does not."""

    name: str
    ready_after: float = 0.2
    exit_after: float | None = None
    port: int = PORT
    takes: float = 0.0
    """Seconds from a request to its answer."""
    blind: bool = False
    """What says that it is ready does not look at the port to which traffic is led."""
    fault: str = ""
    """What it does, where it is a broken one."""

    @property
    def environment(self) -> dict[str, str]:
        exit_after = -1.0 if self.exit_after is None else self.exit_after
        return {
            "RELEASE": self.name,
            "PORT": str(self.port),
            "READY_AFTER": str(self.ready_after),
            "EXIT_AFTER": str(exit_after),
            "TAKES": str(self.takes),
        }


CRASHES = Release("crashes", exit_after=0.0, fault="crashes at its start")
NEVER_READY = Release("never-ready", ready_after=NEVER, fault="is never ready")
ELSEWHERE = Release("elsewhere", port=9000, fault="listens elsewhere")
UNNOTICED = Release("unnoticed", port=9000, blind=True, fault="listens elsewhere, unnoticed by its check")
EXITS_SOON = Release("exits-soon", exit_after=3.0, fault="exits after 3 s")
BROKEN = (CRASHES, NEVER_READY, ELSEWHERE, UNNOTICED, EXITS_SOON)

CHECK = ("test", "-f", "/tmp/ready")
HEALTHCHECK = {"test": ["CMD", *CHECK], "interval": "1s", "retries": 3}
PROBE = f"readiness: {{http: {{port: {PORT}, path: /ready}}, interval: 250ms, timeout: 2s}}"


@dataclass
class Site:
    """A service behind the ingress, in a scene. `update`: inner settings of the manifest's stanza."""

    scene: Scene
    update: str = "monitor: 1s"
    probe: str = PROBE
    more: dict[str, object] = field(default_factory=dict)
    port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        self.scene.write(".env", f"HAPROXY_IMAGE={PROXY_IMAGE}\n")
        lines = (f"update: {{{self.update}}}", "startTimeout: 20s", self.probe)
        service = "\n".join(f"    {line}" for line in lines if line)
        self.scene.manifest(f"ingress: {{mode: auto, drainTimeout: 10s}}\nservices:\n  web:\n{service}\n")

    def write(self, release: Release) -> None:
        """The Compose file with this release: JSON is YAML."""
        project = {"name": self.scene.name, "services": {"web": self.web(release)}}
        (self.scene.folder / "compose.yaml").write_text(json.dumps(project), encoding="utf-8")

    def web(self, release: Release) -> dict[str, object]:
        return {
            "image": WEB_IMAGE,
            "command": [*COMMAND],
            "init": True,
            "stop_grace_period": "5s",
            "restart": "unless-stopped",
            "environment": release.environment,
            "ports": [f"127.0.0.1:{self.port}:{PORT}"],
            "deploy": {"replicas": REPLICAS},
            **self.more,
        }

    def replicas(self) -> list[Container]:
        return [one for one in self.scene.containers().values() if one.service == "web"]

    def runs(self, release: Release) -> bool:
        """Three replicas run, all of this release, and nothing else is there."""
        found = self.replicas()
        return len(found) == REPLICAS and all(one.running and release_of(one) == release.name for one in found)

    def answers_now(self) -> bool:
        try:
            return bool(self.answers())
        except OSError:
            return False

    def answers(self) -> str:
        """The release that answers through the published port."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=5) as answer:
            return str(answer.read().decode().split()[0])


def release_of(one: Container) -> str:
    """The name of the release that this container was made for."""
    pairs = (word.partition("=") for word in one.inspect["Config"]["Env"])
    return next((str(value) for key, _, value in pairs if key == "RELEASE"), "")
