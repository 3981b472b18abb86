"""A Docker engine whose data lie on a small disk of their own (a file, mounted), which is then full."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.contract_cli.command import Ran, controller
from tests.engine.scenario import IMAGE, eventually

pytestmark = [pytest.mark.engine, pytest.mark.slow]

SIZE = 400
"""MiB: an engine's own files and an image of 2 MiB take 30."""

_ENGINE = """
mount --bind "$1/run" /run
exec dockerd --data-root "$1/root" --exec-root "$1/exec" --pidfile "$1/pid" --host "unix://$1/d.sock"
"""


def call(*words: str, env: Mapping[str, str] | None = None) -> str:
    whole = {**os.environ, **(env or {})}
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=120, env=whole).stdout.strip()


def try_to(*words: str, env: Mapping[str, str]) -> bool:
    return subprocess.run(words, check=False, capture_output=True, env={**os.environ, **env}).returncode == 0


@dataclass
class SmallEngine:
    """`folder` has its socket; `disk` is where its data lie."""

    folder: Path
    network: str

    @property
    def disk(self) -> Path:
        return self.folder / "root"

    @property
    def env(self) -> dict[str, str]:
        return {"DOCKER_HOST": f"unix://{self.folder}/d.sock", "CONTROLLER_STATE_DIR": str(self.folder / "state")}

    def docker(self, *words: str) -> str:
        return call("docker", *words, env=self.env)

    def controller(self, *words: str | Path) -> Ran:
        return controller(*words, cwd=self.folder, env=self.env, timeout=60)

    def names(self) -> list[str]:
        return sorted(self.docker("ps", "--format", "{{.Names}}").split())

    def compose(self, services: str) -> None:
        (self.folder / "compose.yaml").write_text(f"name: small\nservices: {services}\n")
        stack = (
            "apiVersion: controller/v1\nkind: Stack\nmetadata: {name: small}\nspec: {resources: {admission: enforce}}\n"
        )
        (self.folder / "manifests").mkdir(exist_ok=True)
        (self.folder / "manifests" / "small.yaml").write_text(
            stack.replace("spec: {", "spec: {compose: {files: [../compose.yaml]}, ")
        )

    def fill(self, left: int) -> Path:
        """All of its disk but so many MiB."""
        file = self.disk / "filler"
        free = shutil.disk_usage(self.disk).free // 2**20
        call("fallocate", "-l", f"{free - left}M", str(file))
        return file


@pytest.fixture
def small() -> Iterator[SmallEngine]:
    if os.geteuid() != 0:
        pytest.skip("only root can mount a disk")
    network = f"small{uuid.uuid4().hex[:6]}"
    made = SmallEngine(Path(f"/tmp/{network}"), network)  # a socket's path has to be short
    with ExitStack() as ending:
        ending.callback(shutil.rmtree, made.folder, ignore_errors=True)
        for name in ("root", "run", "exec"):
            (made.folder / name).mkdir(parents=True)
        mount_disk(made, ending)
        start_engine(made, ending)
        call("docker", "save", "--output", str(made.folder / "image.tar"), IMAGE)
        made.docker("load", "--input", str(made.folder / "image.tar"))
        yield made


def mount_disk(made: SmallEngine, ending: ExitStack) -> None:
    file = made.folder / "disk.img"
    call("truncate", "-s", f"{SIZE}M", str(file))
    call("mkfs.ext4", "-q", "-m", "0", str(file))
    try:
        call("mount", "-o", "loop", str(file), str(made.disk))
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no file can be mounted here: {error.stderr.strip()}")
    ending.callback(call, "umount", "--lazy", str(made.disk))


def start_engine(made: SmallEngine, ending: ExitStack) -> None:
    call("ip", "netns", "add", made.network)
    ending.callback(call, "ip", "netns", "delete", made.network)
    call("ip", "-n", made.network, "link", "set", "lo", "up")
    words = ("setpriv", "--pdeathsig", "TERM", "nsenter", f"--net=/run/netns/{made.network}", "unshare", "--mount")
    log = ending.enter_context((made.folder / "dockerd.log").open("w"))
    engine = subprocess.Popen((*words, "sh", "-c", _ENGINE, "sh", str(made.folder)), stdout=log, stderr=log)
    ending.callback(end_engine, engine, made)

    def answers() -> bool:
        assert engine.poll() is None, (made.folder / "dockerd.log").read_text()[-2000:]
        return try_to("docker", "version", env=made.env)

    eventually(answers)


def end_engine(engine: subprocess.Popen[bytes], made: SmallEngine) -> None:
    (made.disk / "filler").unlink(missing_ok=True)
    try_to("sh", "-c", "docker ps -aq | xargs -r docker rm -f -v", env=made.env)
    engine.terminate()
    try:
        engine.wait(20)
    except subprocess.TimeoutExpired:
        engine.kill()
        engine.wait(20)
    time.sleep(0.5)  # its children let go of the disk


def test_a_disk_that_is_full(small: SmallEngine) -> None:
    """Nothing is begun that could not be finished; once there is room again, it goes on."""
    sleep = f'{{image: "{IMAGE}", command: [sleep, "1000"], stop_signal: SIGKILL}}'
    small.compose(f"{{a: {sleep}}}")
    assert small.controller("apply").code == 0
    filler = small.fill(0)
    small.compose(f"{{a: {sleep}, b: {sleep}}}")
    ran = small.controller("apply")
    assert ran.code == 1
    assert "b is Waiting: a container takes 1Mi of disk at least, " in ran.err
    assert small.names() == ["small-a-1"], "what runs is left alone"
    small.docker("kill", "small-a-1")
    small.controller("apply")
    assert small.names() == ["small-a-1"], "what is there may start"
    filler.unlink()
    assert small.controller("apply").code == 0
    assert small.names() == ["small-a-1", "small-b-1"]


def test_no_image_is_fetched_onto_a_disk_that_is_nearly_full(small: SmallEngine) -> None:
    small.compose("{a: {image: 'localhost:1/none:1'}}")
    small.fill(30)
    ran = small.controller("apply")
    assert ran.code == 1
    assert "a is Waiting: its image takes 64Mi of disk at least, " in ran.err
