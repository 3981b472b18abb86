"""The machine runs short of disk, files or cores: nothing is half written, nobody is restarted for it, it is said."""

from __future__ import annotations

import os
import re
import resource
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.contract_cli.command import CONTROLLER
from tests.engine.checks import docker, happened, hearing, lives, running
from tests.engine.scenario import Daemon, Scene, eventually, ready_after, stays

pytestmark = pytest.mark.engine

PAIR = "services: {web: {SLEEP}, db: {SLEEP}}"


@pytest.fixture
def little(scene: Scene) -> Iterator[Path]:
    """The state folder is a disk of its own, of two megabytes and two hundred files."""
    scene.state.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=2m,nr_inodes=200", "tmpfs", str(scene.state)]
    if os.geteuid() != 0 or subprocess.run(words, capture_output=True, check=False).returncode != 0:
        pytest.skip("nobody may mount a disk here")
    yield scene.state
    subprocess.run(["umount", "-l", str(scene.state)], check=True)


@contextmanager
def no_room(state: Path) -> Iterator[None]:
    """Not a byte is left."""
    filler = state / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def no_inodes(state: Path) -> Iterator[None]:
    """No file can be made any more."""
    folder = state / "fillers"
    folder.mkdir()
    try:
        for number in range(1000):
            (folder / str(number)).touch()
    except OSError:
        pass
    try:
        yield
    finally:
        subprocess.run(["rm", "-r", str(folder)], check=True)


@contextmanager
def read_only(state: Path) -> Iterator[None]:
    """As the kernel leaves a disk that failed."""
    subprocess.run(["mount", "-o", "remount,ro", str(state)], check=True)
    try:
        yield
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(state)], check=True)


def is_whole(state: Path) -> bool:
    (path,) = state.rglob("state.db")
    with sqlite3.connect(path) as database:
        return bool(database.execute("PRAGMA integrity_check").fetchone() == ("ok",))


@pytest.mark.slow
@pytest.mark.fault("I6")
def test_on_a_full_disk_nothing_is_begun_and_once_there_is_room_everything_goes_on(scene: Scene, little: Path) -> None:
    scene.compose(PAIR)
    with scene.daemon("--watch") as daemon:
        scene.await_phase("Converged")
        before = scene.containers()
        with hearing(scene.name, "create", "start", "destroy") as heard:
            with scene.step("one is killed meanwhile: it is said why nothing follows"), no_room(little):
                docker("kill", before["web-1"].id)
                eventually(lambda: "PassFailed" in daemon.said(), 30)
                ran = scene.run("apply", timeout=60)
                assert ran.code == 1 and "disk is full" in ran.err and "hint:" in ran.err
                assert not heard and daemon.process.poll() is None
                assert scene.phases() != {"web": "Ready", "db": "Ready"}, "not what was written when there was room"
            with scene.step("there is room again: it goes on by itself, and does nothing twice"):
                eventually(lambda: running(scene.containers()) == {"web-1", "db-1"}, 40)
                scene.await_phase("Converged", 40)
        assert [one[:2] for one in heard] == [("start", "web-1")]
        assert lives(scene.containers(), but="web") == lives(before, but="web")
        assert "Traceback" not in daemon.said() + ran.err
    assert is_whole(little) and "state.db.damaged" not in daemon.said()


@pytest.mark.fault("I7")
@pytest.mark.slow
def test_on_a_disk_that_may_only_be_read_a_look_is_had_and_nothing_is_done(scene: Scene, little: Path) -> None:
    scene.compose(PAIR)
    scene.done("apply")
    before, began = scene.containers(), time.time()
    with read_only(little):
        docker("kill", before["web-1"].id)
        ran = scene.run("apply", timeout=60)
        assert ran.code == 1 and str(little) in ran.err and "Traceback" not in ran.err
        assert not happened(scene.name, began, "create", "start", "destroy")
        shown = scene.run("status")
        assert "Traceback" not in shown.err and (shown.code == 0 or str(little) in shown.err)
    scene.done("apply")
    assert running(scene.containers()) == {"web-1", "db-1"} and is_whole(little)
    assert lives(scene.containers(), but="web") == lives(before, but="web")


@pytest.mark.fault("I7")
@pytest.mark.slow
def test_without_an_inode_an_apply_says_so_in_a_line_and_makes_nothing(scene: Scene, little: Path) -> None:
    scene.compose(PAIR)
    with no_inodes(little):
        ran = scene.run("apply")
        assert ran.code == 1 and "Traceback" not in ran.err and str(little) in ran.err
        assert not scene.containers()
    scene.done("apply")
    assert running(scene.containers()) == {"web-1", "db-1"} and is_whole(little)


@pytest.mark.fault("I7")
@pytest.mark.slow
def test_who_runs_when_the_last_inode_goes_is_kept_in_shape(scene: Scene, little: Path) -> None:
    """All files that are needed are there already."""
    scene.compose(PAIR)
    with scene.daemon("--watch"):
        scene.await_phase("Converged")
        before = scene.containers()
        with no_inodes(little):
            docker("kill", before["web-1"].id)
            eventually(lambda: scene.containers()["web-1"].started > before["web-1"].started, 30)
            scene.await_phase("Converged")
            assert lives(scene.containers(), but="web") == lives(before, but="web")
    assert is_whole(little)


@pytest.mark.fault("I6")
@pytest.mark.slow
def test_a_file_that_may_not_grow_is_a_full_disk(scene: Scene) -> None:
    """A quota, where nobody may mount: the call ends with a line, and without the limit it is finished."""
    scene.compose(PAIR)
    ran = subprocess.run(
        [str(CONTROLLER), "apply"],
        cwd=scene.folder,
        env={**os.environ, **scene.environment},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (40960, 40960)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    scene.story.append(f"$ controller apply, with 40 KiB a file → {ran.returncode}\n{ran.stderr}")
    assert ran.returncode == 1 and "Traceback" not in ran.stderr and str(scene.state) in ran.stderr
    scene.done("apply")
    assert running(scene.containers()) == set(scene.containers()) == {"web-1", "db-1"} and is_whole(scene.state)


# --- processor time

BUSY = 25.0
LEAST = ready_after(0.0, interval="1s").replace("retries: 30", "retries: 3, timeout: 5s")


@contextmanager
def burners(seconds: float) -> Iterator[None]:
    """Two processes for each core do nothing but count, and end by themselves."""
    code = f"import time; end = time.monotonic() + {seconds + 20}\nwhile time.monotonic() < end: pass"
    begun = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        yield
    finally:
        for one in begun:
            one.kill()
            one.wait()


def seconds_of_processor(daemon: Daemon) -> float:
    text = Path(f"/proc/{daemon.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(text[11]) + int(text[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.fault("I8")
@pytest.mark.slow
def test_on_a_machine_without_a_free_core_nobody_is_taken_for_unhealthy(
    scene: Scene, record_property: Callable[[str, object], None]
) -> None:
    """Checks are late there; who is late with his own questions restarts nobody for it, and healing goes on."""
    scene.compose(f"""
        services:
          db: {{{LEAST}}}
          web: {{{LEAST}, deploy: {{replicas: 3}}, depends_on: {{db: {{condition: service_healthy}}}}}}
          one: {{SLEEP}}
          two: {{SLEEP}}
    """)
    with scene.daemon("--watch") as daemon:
        scene.await_phase("Converged", 90)
        idle = heal_time(scene, "one-1")
        scene.await_phase("Converged", 60)
        before, began = scene.containers(), time.time()
        used = seconds_of_processor(daemon)
        with burners(BUSY):
            stays(lambda: daemon.process.poll() is None, BUSY)
            assert not happened(scene.name, began, "die", "start", "create", "restart")
            busy = heal_time(scene, "two-1")
        scene.await_phase("Converged", 60)
        assert lives(scene.containers(), but="two") == lives(before, but="two")
        told = daemon.said() + scene.done("events").out
        assert not re.search(r"unhealthy|Unhealthy|CrashLoop|EngineUnavailable", told), told
    figures = {"healed idle": idle, "healed busy": busy, "ratio": busy / idle, "core-seconds": used}
    for name, value in figures.items():
        record_property(name, value)
    print(figures)


def heal_time(scene: Scene, name: str) -> float:
    """Seconds from a kill to the new process."""
    begun = time.time()
    docker("kill", scene.containers()[name].id)
    eventually(lambda: scene.containers()[name].started > begun, 60)
    return scene.containers()[name].started - begun
