"""Where a row is measured: a project and a state folder of its own; nothing of it is left behind, nor after Ctrl-C."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from controller.loop.folders import LOCK_FOLDER
from tests.engine.scenario import Scene


@contextmanager
def stage() -> Iterator[Scene]:
    """A scene that is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="controller-bench-") as root:
        scene = Scene(Path(root) / "project", Path(root) / "state")
        scene.folder.mkdir()
        try:
            yield scene
        finally:
            scene.clean()
            for lock in Path(LOCK_FOLDER).glob(f"controller-*-{scene.name}.lock"):
                lock.unlink()


def clock(words: Sequence[str | Path], scene: Scene) -> float:
    """Seconds of one call in the scene's folder, until it has ended. Raises CalledProcessError where it fails."""
    began = time.monotonic()
    call(words, scene)
    return time.monotonic() - began


def call(words: Sequence[str | Path], scene: Scene) -> None:
    """One command in the scene's folder. Raises CalledProcessError where it fails."""
    env = {**os.environ, **scene.environment}
    subprocess.run(words, cwd=scene.folder, env=env, check=True, capture_output=True, stdin=subprocess.DEVNULL)


def cpu_of_call(words: Sequence[str], scene: Scene) -> float:
    """Seconds of processor time of one command and its children."""
    child = subprocess.Popen(words, cwd=scene.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, list(words))
    return used.ru_utime + used.ru_stime


def cpu_of_process(pid: int) -> float:
    """Seconds of processor time so far, children included."""
    times = [process.cpu_times() for process in _family(pid)]
    return sum(t.user + t.system for t in times) + sum(t.children_user + t.children_system for t in times)


def memory_of_process(pid: int) -> float:
    """Resident megabytes (10⁶ bytes), children included."""
    return sum(process.memory_info().rss for process in _family(pid)) / 1e6


def _family(pid: int) -> list[psutil.Process]:
    head = psutil.Process(pid)
    return [head, *head.children(recursive=True)]


def rest(seconds: float) -> None:
    """Nothing happens in this time that is to be measured."""
    threading.Event().wait(seconds)
