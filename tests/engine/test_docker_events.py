"""Nudges of the real engine: which service, loss and return of the daemon, and a daemon that hangs."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.engines import events
from controller.engines.base import Nudge, NudgeAt, Scope
from controller.engines.compose_engine import ComposeEngine
from controller.engines.transport import Endpoint
from controller.model.errors import Transient
from tests.engine.docker_project import IMAGE, Project, docker
from tests.engine.proxy import EngineProxy

pytestmark = pytest.mark.engine


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[EngineProxy]:
    with EngineProxy(tmp_path / "proxy.sock") as made:
        yield made


@pytest.fixture
def far(proxy: EngineProxy) -> Iterator[ComposeEngine]:
    engine = ComposeEngine(Endpoint(f"unix://{proxy.path}"))
    yield engine
    engine.close()


def wait_for(nudges: Iterator[NudgeAt], kind: Nudge) -> NudgeAt:
    return next(nudge for nudge in nudges if nudge.kind is kind)


def test_what_happens_to_a_container_nudges_its_service_and_no_other(project: Project) -> None:
    recording = project.write("services: {a: {SLEEP}, b: {SLEEP}}").record()
    nudges = project.engine.nudges()
    assert next(nudges).kind is Nudge.CONNECTED
    made = project.run(recording, "b")
    project.engine.execute(made, ["true"], timeout=5.0)
    docker("kill", made)
    docker("rm", made)
    docker("tag", IMAGE, f"{project.name}:x")
    docker("rmi", f"{project.name}:x")
    seen = []
    for nudge in nudges:
        if nudge.kind is Nudge.NETWORK or nudge.stack not in (project.name, None):
            continue  # one that nobody has seen yet may be anybody's on a network
        seen.append(nudge)
        if len(set(seen)) == 2:
            break
    assert set(seen) == {NudgeAt(Nudge.SERVICE, project.name, "b"), NudgeAt(Nudge.IMAGES)}
    assert len(seen) < 12  # create start connect kill die disconnect destroy …, but no exec_*


@pytest.mark.fault("D7")
def test_a_daemon_that_goes_and_comes_is_lost_once_and_connected_again(proxy: EngineProxy, far: ComposeEngine) -> None:
    nudges = far.nudges()
    assert next(nudges).kind is Nudge.CONNECTED
    proxy.refuse()
    assert wait_for(nudges, Nudge.LOST)
    with pytest.raises(Transient):
        far.observe(Scope("none"))
    proxy.answer()
    assert wait_for(nudges, Nudge.CONNECTED)
    assert far.observe(Scope("none")).stack == "none"


@pytest.mark.fault("D4")
def test_a_daemon_that_hangs_is_lost(proxy: EngineProxy, far: ComposeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_SILENCE", 0.2)
    monkeypatch.setattr(events, "_PING_PATIENCE", 0.3)
    nudges = far.nudges()
    assert next(nudges).kind is Nudge.CONNECTED
    proxy.hang()
    assert wait_for(nudges, Nudge.LOST)
    with pytest.raises(Transient, match="in time"):
        far.observe(Scope("none"), deadline=0.3)
    proxy.answer()
    assert wait_for(nudges, Nudge.CONNECTED)


def test_observations_are_watched_since_the_stream_is_up(project: Project) -> None:
    recording = project.write("services: {a: {SLEEP}}").record()
    project.create(recording, "a")
    unwatched = project.view("a")
    assert unwatched.since == unwatched.taken_at
    nudges = project.engine.nudges()
    assert next(nudges).kind is Nudge.CONNECTED
    first, second = project.view("a"), project.view("a")
    assert first.since == second.since < second.taken_at


def test_close_ends_the_stream_and_leaves_no_thread(proxy: EngineProxy) -> None:
    before = {thread.name for thread in threading.enumerate()}
    engine = ComposeEngine(Endpoint(f"unix://{proxy.path}"))
    seen: list[NudgeAt] = []
    reader = threading.Thread(target=lambda: seen.extend(engine.nudges()))
    reader.start()
    while not engine._sightings.since:
        time.sleep(0.01)
    engine.observe(Scope("none"))
    engine.close()
    reader.join(60.0)
    assert not reader.is_alive()
    left = {thread.name for thread in threading.enumerate()} - before
    assert not {name for name in left if name.startswith(("events", "inspect"))}
    assert [nudge.kind for nudge in seen if nudge.kind in (Nudge.CONNECTED, Nudge.LOST)] == [Nudge.CONNECTED]


def test_logs_are_followed_line_by_line_and_end_with_the_container(project: Project) -> None:
    script = "echo one; echo two >&2; sleep 1; echo three; sleep 0.5"
    project.write(f'services: {{a: {{image: {IMAGE}, command: ["sh", "-c", "{script}"]}}}}')
    made = project.run(project.record(), "a")
    assert sorted(project.engine.logs(made, follow=True)) == ["one", "three", "two"]
    assert list(project.engine.logs(made, tail=1)) == ["three"]
