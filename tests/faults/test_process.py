"""The controller's own process: told to end, frozen, started twice, short of files and memory."""

from __future__ import annotations

import itertools
import os
import resource
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable

import pytest

from tests.contract_cli.command import CONTROLLER
from tests.engine.checks import docker, happened, lives, running
from tests.engine.proxy import EngineProxy
from tests.engine.scenario import Scene, eventually, stays

pytestmark = pytest.mark.engine

WIDE = "services: {web: {SLEEP, environment: {V: '1'}, deploy: {replicas: 3}}}"
ONE_BY_ONE = "services: {web: {update: {monitor: 500ms, order: stop-first}}}"


def of_version(scene: Scene, version: str) -> set[str]:
    return {name for name, one in scene.containers().items() if f"V={version}" in one.inspect["Config"]["Env"]}


@pytest.mark.slow
@pytest.mark.fault("C3")
def test_told_to_end_in_mid_update_it_finishes_its_step_and_the_next_run_the_update(
    scene: Scene, record_property: Callable[[str, object], None]
) -> None:
    scene.compose(WIDE)
    scene.manifest(ONE_BY_ONE)
    scene.done("apply")
    began = time.time()
    scene.compose(WIDE.replace("'1'", "'2'"))
    with scene.daemon("--watch") as daemon:
        with scene.step("SIGTERM once the first is replaced"):
            eventually(lambda: of_version(scene, "2"), 40, every=0.05)
            told = time.monotonic()
            assert daemon.signal(signal.SIGTERM) == 0
            record_property("seconds to the end", time.monotonic() - told)
        left = scene.containers()
        with scene.step("nothing goes on without it, and no half container is left"):
            assert of_version(scene, "1") and all(
                one.state in ("running", "created", "exited") for one in left.values()
            )
            stays(lambda: lives(scene.containers()) == lives(left), 2)
    with scene.step("the next run finishes the same update"), scene.daemon("--watch"):
        eventually(lambda: of_version(scene, "2") == running(scene.containers()) == set(left) | {"web-1"}, 60)
        scene.await_phase("Converged")
    made = Counter(happened(scene.name, began, "create", "destroy"))
    assert made == {(action, f"web-{number}"): 1 for action in ("create", "destroy") for number in range(1, 4)}


@pytest.mark.fault("C4")
@pytest.mark.slow
def test_frozen_for_a_while_it_looks_before_it_acts(scene: Scene) -> None:
    scene.compose("services: {web: {SLEEP}, db: {SLEEP}, gone: {SLEEP}}")
    with scene.daemon("--watch") as daemon:
        scene.await_phase("Converged")
        before = scene.containers()
        with scene.step("SIGSTOP; meanwhile somebody kills, removes, and puts one up again by hand"):
            docker("kill", before["web-1"].id)
            daemon.process.send_signal(signal.SIGSTOP)
            docker("rm", "-f", before["db-1"].id, before["gone-1"].id)
            scene.hand("up", "-d", "--no-deps", "web", "db")
            by_hand = scene.containers()
            time.sleep(8)
        began = time.time()
        with scene.step("SIGCONT: what stands already is left as it is, what is missing is made once"):
            daemon.process.send_signal(signal.SIGCONT)
            eventually(lambda: running(scene.containers()) == set(before), 30)
            scene.await_phase("Converged", 40)
        assert lives(scene.containers(), but="gone") == lives(by_hand, but="gone")
        assert happened(scene.name, began, "create") == [("create", "gone-1")]


@pytest.mark.fault("C5")
def test_a_second_controller_is_refused_and_told_who_has_the_stack(scene: Scene, proxy: EngineProxy) -> None:
    scene.compose("services: {web: {SLEEP}}")
    with scene.daemon("--watch") as first:
        scene.await_phase("Converged")
        before = scene.containers()
        with EngineProxy(scene.folder.parent / "second.sock") as other:
            scene.env["DOCKER_HOST"] = other.host
            ran = scene.run("run", timeout=30)
            assert ran.code == 1 and str(first.pid) in ran.err and "hint:" in ran.err and "Traceback" not in ran.err
            assert not other.writes()
        assert first.process.poll() is None and lives(scene.containers()) == lives(before)


@pytest.mark.fault("C5")
@pytest.mark.slow
def test_of_two_that_apply_at_once_one_writes_at_a_time(scene: Scene, proxy: EngineProxy) -> None:
    """The lock's holder alone writes; who comes second writes after the first has ended, if at all."""
    scene.compose("services: {web: {SLEEP, deploy: {replicas: 3}}, db: {SLEEP}}")
    began = time.time()
    with EngineProxy(scene.folder.parent / "second.sock") as other:
        wrote: list[str] = []
        for name, each in (("first", proxy), ("second", other)):
            each.heard = lambda call, name=name: wrote.append(name) if call.writes else None  # type: ignore[method-assign]
        both = [
            subprocess.Popen(
                [str(CONTROLLER), "apply"],
                cwd=scene.folder,
                env={**os.environ, **scene.environment, "DOCKER_HOST": each.host},
                stderr=subprocess.PIPE,
                text=True,
            )
            for each in (proxy, other)
        ]
        said = [one.communicate(timeout=60)[1] for one in both]
    assert any(one.returncode == 0 for one in both), said
    assert len([1 for one, after in itertools.pairwise(wrote) if one != after]) <= 1, wrote
    assert Counter(happened(scene.name, began, "create")) == {("create", name): 1 for name in scene.containers()}


def limited(limit: int, amount: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(limit, (amount, amount))


SHORT = {
    "64 open files": (resource.RLIMIT_NOFILE, 64),
    "16 open files": (resource.RLIMIT_NOFILE, 16),
    "10 open files": (resource.RLIMIT_NOFILE, 10),
    "200 MiB of addresses: no room for threads": (resource.RLIMIT_AS, 200 * 2**20),
    "80 MiB of addresses": (resource.RLIMIT_AS, 80 * 2**20),
}


@pytest.mark.fault("C7")
@pytest.mark.parametrize(
    "short", [pytest.param(name, marks=[pytest.mark.slow] * (number > 0)) for number, name in enumerate(SHORT)]
)
def test_short_of_what_it_needs_it_says_so_in_a_line_and_leaves_nothing_half(scene: Scene, short: str) -> None:
    scene.compose("services:\n" + "".join(f"  s{number}: {{SLEEP}}\n" for number in range(8)))
    scene.story.append(f"$ controller apply, with {short}")
    ran = subprocess.run(
        [str(CONTROLLER), "apply"],
        cwd=scene.folder,
        env={**os.environ, **scene.environment},
        preexec_fn=limited(*SHORT[short]),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    scene.story.append(f"→ {ran.returncode}\n{ran.stderr}")
    assert ran.returncode in (0, 1)
    assert "Traceback" not in ran.stderr and (ran.returncode == 0 or "error" in ran.stderr)
    with scene.step("without the limit it comes to its end, with one of each"):
        scene.done("apply")
        assert running(scene.containers()) == set(scene.containers()) == {f"s{number}-1" for number in range(8)}
