"""Killed with -9 in the middle of creates, on the real engine: every container that was made is known as ours."""

import signal
import subprocess
import sys
import textwrap
import time

import pytest

from controller.engines.base import Scope
from controller.loop.store import Store
from tests.engine.docker_project import IMAGE, docker

pytestmark = pytest.mark.engine

CREATOR = textwrap.dedent(
    """
    import os, sys, threading
    from pathlib import Path
    from controller.engines.compose_engine import ComposeEngine
    from controller.loop.executor import Batch, Executor
    from controller.loop.store import Store
    from controller.model.project import ComposeProject
    from controller.model.steps import Create

    folder, state = Path(sys.argv[1]), Path(sys.argv[2])
    engine, store = ComposeEngine(), Store(state)
    project = ComposeProject(None, (folder / "compose.yaml",), folder, environment=dict(os.environ))
    recording = engine.record(project, engine.render(project))
    done = threading.Event()
    executor = Executor(engine, lambda batch: done.set())
    steps = tuple(Create("web", number, "r1", recording.templates["web"], "test") for number in range(1, 40))
    executor.submit(Batch("s", "web", steps, project, store.replicas))
    print("begun", flush=True)
    done.wait()
    """
)


def count(project: str) -> int:
    return len(docker("ps", "-aq", "--filter", f"label=com.docker.compose.project={project}").split())


@pytest.mark.parametrize("after", [0.0, 0.15, 0.4])
def test_nothing_that_was_made_is_unknown_after_a_kill(project, docker_engine, tmp_path, after):
    project.write(f"services: {{web: {{image: '{IMAGE}', command: sleep 9}}}}")
    argv = [sys.executable, "-c", CREATOR, str(tmp_path), str(tmp_path / "state")]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline().strip() == "begun"
        deadline = time.monotonic() + 60
        while not count(project.name):
            assert time.monotonic() < deadline
        time.sleep(after)
        child.send_signal(signal.SIGKILL)
    made = -1
    while made != count(project.name):  # a create that was under way still lands
        made = count(project.name)
        time.sleep(1.0)
    store = Store(tmp_path / "state")
    replicas = docker_engine.observe(Scope(project.name)).services["web"].replicas
    confirmed = len(store.replicas.made())
    store.replicas.settle(replicas)
    assert store.replicas.made() == {replica.id for replica in replicas}
    assert len(replicas) - confirmed in (0, 1)
    assert set(store.replicas.known().values()) == {"r1"}
    assert len(replicas) < 39
