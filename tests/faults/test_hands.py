"""What hands and accidents do to containers: each is seen by its event and mended, once, and nobody else is touched."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.engine.checks import Container, docker, happened, hearing, lives, running
from tests.engine.scenario import IMAGE, Scene, eventually, stays

pytestmark = pytest.mark.engine

PAIR = "services: {web: {SLEEP}, db: {SLEEP}, strict: {SLEEP, restart: unless-stopped}}"


@pytest.mark.fault("W1")
@pytest.mark.parametrize(
    "service", ["db", pytest.param("strict", marks=pytest.mark.slow)], ids=["no policy", "a policy"]
)
def test_a_first_process_that_is_killed_on_the_host_is_back_after_one_start(scene: Scene, service: str) -> None:
    """Where Docker's policy acts we do not act as well."""
    scene.compose(PAIR)
    with scene.daemon("--watch"):
        scene.await_phase("Converged")
        before, began = scene.containers(), time.time()
        os.kill(before[f"{service}-1"].pid, signal.SIGKILL)
        eventually(lambda: scene.containers()[f"{service}-1"].started > before[f"{service}-1"].started, 30)
        scene.await_phase("Converged")
        stays(lambda: happened(scene.name, began, "start") == [("start", f"{service}-1")], 2)
        assert lives(scene.containers(), but=service) == lives(before, but=service)


@pytest.mark.fault("W2")
@pytest.mark.slow
def test_a_crash_loop_is_started_again_ever_more_slowly_and_disturbs_nobody(scene: Scene) -> None:
    scene.compose("""
        services:
          bad: {image: IMAGE, command: ["sh", "-c", "exit 3"], expose: ["80"]}
          good: {SLEEP}
    """)
    with hearing(scene.name, "start") as heard, scene.daemon("--watch"):
        eventually(lambda: "good-1" in running(scene.containers()), 30)
        good = scene.containers()["good-1"]
        eventually(lambda: len([one for one in heard if one.name == "bad-1"]) >= 6, 60)
        assert scene.phases() == {"bad": "CrashLoopBackOff", "good": "Ready"}
        begun = [one.at for one in heard if one.name == "bad-1"]
        pauses = [later - earlier for earlier, later in itertools.pairwise(begun)]
        # the second start comes at once; then not before 1, 2, 4 and 8 s after the one before it
        assert all(pause >= least * 0.9 for pause, least in zip(pauses[1:], (1, 2, 4, 8), strict=False))
        assert scene.containers()["good-1"].life == good.life


def _remove(scene: Scene, one: Container) -> None:
    docker("rm", "-f", one.id)


def _rename(scene: Scene, one: Container) -> None:
    docker("rename", one.id, f"{scene.name}-mine")


def _disconnect(scene: Scene, one: Container) -> None:
    docker("network", "disconnect", f"{scene.name}_default", one.id)


def _stop(scene: Scene, one: Container) -> None:
    docker("stop", one.id)


def _pause(scene: Scene, one: Container) -> None:
    docker("pause", one.id)


def _limit(scene: Scene, one: Container) -> None:
    docker("update", "--memory", "128m", "--memory-swap", "128m", "--cpus", "1", "--pids-limit", "50", one.id)


def _lift(scene: Scene, one: Container) -> None:
    docker("update", "--restart", "always", "--pids-limit", "70", one.id)


HANDS: dict[str, tuple[Callable[[Scene, Container], None], bool]] = {
    "removed": (_remove, False),
    "renamed": (_rename, True),
    "disconnected from its network": (_disconnect, True),
    "given other limits": (_limit, True),
    "given a restart policy": (_lift, True),
    "stopped": (_stop, False),
    "paused": (_pause, True),
}
"""What is done, and whether the same process has to live on."""

FAST = {"renamed", "disconnected from its network", "given other limits"}


@pytest.mark.fault("W9")
@pytest.mark.fault("W10")
@pytest.mark.parametrize("hand", [pytest.param(n, marks=[] if n in FAST else [pytest.mark.slow]) for n in HANDS])
def test_a_container_that_was_touched_is_as_it_was_and_its_neighbour_is_left_alone(
    scene: Scene, hand: str, record_property: Callable[[str, object], None]
) -> None:
    limits = "mem_limit: 64m, cpus: 0.5"
    scene.compose(f"services: {{web: {{SLEEP, {limits}, networks: {{default: {{aliases: [face]}}}}}}, db: {{SLEEP}}}}")
    with scene.daemon("--watch"):
        scene.await_phase("Converged")
        before = scene.containers()
        act, survives = HANDS[hand]
        touched = time.monotonic()
        act(scene, before["web-1"])
        eventually(lambda: is_as_made(scene), 30, every=0.05)
        record_property("seconds until mended", time.monotonic() - touched)
        scene.await_phase("Converged")
        after = scene.containers()
        assert set(after) == {"web-1", "db-1"} and is_as_made(scene)
        assert (after["web-1"].life == before["web-1"].life) == survives
        assert lives(after, but="web") == lives(before, but="web")
    scene.hand("up", "-d")
    assert lives(scene.containers()) == lives(after)


def is_as_made(scene: Scene) -> bool:
    """It runs, under its name, in its network, with its alias, its limits and without a restart policy."""
    web = scene.containers().get("web-1")
    if web is None or not web.running:
        return False
    host = web.inspect["HostConfig"]
    limits = (host["Memory"], host["NanoCpus"], host["PidsLimit"] or 0, host["RestartPolicy"]["Name"] or "no")
    if limits != (64 << 20, 500_000_000, 0, "no"):
        return False
    network = web.inspect["NetworkSettings"]["Networks"].get(f"{scene.name}_default")
    return network is not None and {"web", "face"} <= set(network["Aliases"])


@pytest.mark.fault("W10")
def test_an_alias_that_a_hand_did_not_give_back_is_given_back_once(scene: Scene) -> None:
    scene.compose("services: {web: {SLEEP, networks: {default: {aliases: [face]}}}}")
    scene.done("apply")
    before, network = scene.containers(), f"{scene.name}_default"
    docker("network", "disconnect", network, before["web-1"].id)
    docker("network", "connect", "--alias=web", "--alias=mine", network, before["web-1"].id)

    def aliases() -> set[str]:
        return set(scene.containers()["web-1"].inspect["NetworkSettings"]["Networks"][network]["Aliases"])

    assert "face" not in aliases()
    with scene.daemon("--watch"):
        eventually(lambda: {"web", "face", "mine"} <= aliases(), 30)
        scene.await_phase("Converged")
        endpoint = scene.containers()["web-1"].inspect["NetworkSettings"]["Networks"][network]["EndpointID"]
        stays(
            lambda: (
                scene.containers()["web-1"].inspect["NetworkSettings"]["Networks"][network]["EndpointID"] == endpoint
            ),
            2,
        )
    assert lives(scene.containers()) == lives(before)
    scene.hand("up", "-d")
    assert lives(scene.containers()) == lives(before)


@pytest.mark.fault("W10")
@pytest.mark.slow
def test_one_that_another_tool_made_anew_is_told_and_left_until_somebody_says_so(scene: Scene) -> None:
    """Some tools make a container anew with other settings, and keep its labels."""
    scene.compose("services: {web: {SLEEP, environment: {A: '1'}}}")
    scene.done("apply")
    made = scene.containers()["web-1"]
    labels = [f"--label={name}={value}" for name, value in made.inspect["Config"]["Labels"].items()]
    docker("rm", "-f", made.id)
    named = ["--name", f"{scene.name}-web-1", "--network", f"{scene.name}_default", "--network-alias", "web"]
    docker("run", "-d", *labels, *named, "-e", "A=2", "--stop-signal", "SIGKILL", IMAGE, *made.inspect["Config"]["Cmd"])
    other = scene.containers()["web-1"]
    scene.done("apply")
    told = "is not as asked for; another tool made it so: `controller rollout restart web` makes it anew"
    assert told in scene.done("describe", "web").out
    assert scene.containers()["web-1"].life == other.life
    with scene.step("nobody is to be told of it"):
        scene.manifest("services: {web: {ignoreDrift: [Env]}}")
        scene.done("apply")
        assert "another tool" not in scene.done("describe", "web").out
    with scene.step("it is made anew"):
        scene.manifest("")
        scene.done("rollout", "restart", "web")
        (made,) = scene.containers().values()
        assert "A=1" in made.inspect["Config"]["Env"]
        assert "another tool" not in scene.done("describe", "web").out


@pytest.mark.fault("W10")
@pytest.mark.slow
def test_a_network_that_was_taken_away_is_made_again_and_joined(scene: Scene) -> None:
    scene.compose("services: {web: {SLEEP}, db: {SLEEP}}")
    with scene.daemon("--watch"):
        scene.await_phase("Converged")
        before = scene.containers()
        for one in before.values():
            docker("network", "disconnect", "-f", f"{scene.name}_default", one.id)
        with suppress(AssertionError):  # it may have been joined again already
            docker("network", "rm", f"{scene.name}_default")
        eventually(
            lambda: all(
                f"{scene.name}_default" in one.inspect["NetworkSettings"]["Networks"]
                for one in scene.containers().values()
            ),
            40,
        )
        scene.await_phase("Converged")
        assert lives(scene.containers()) == lives(before)


@pytest.mark.fault("W10")
@pytest.mark.slow
def test_a_network_that_was_removed_under_what_is_stopped_is_made_again_and_joined(scene: Scene) -> None:
    """As `docker network prune` does it: the containers still name a network that there is no more."""
    scene.compose("""
        services:
          web: {SLEEP, networks: {default: {aliases: [face]}, back: {}}}
          db: {SLEEP, networks: [back]}
          other: {SLEEP}
        networks: {back: {}}
    """)
    scene.done("apply")
    before = scene.containers()
    scene.done("stop")
    docker("network", "rm", f"{scene.name}_default", f"{scene.name}_back")
    scene.done("start")
    after = scene.containers()
    assert running(after) == set(after) and {one.id for one in after.values()} == {one.id for one in before.values()}
    joined = {name: set(one.inspect["NetworkSettings"]["Networks"]) for name, one in after.items()}
    front, back = f"{scene.name}_default", f"{scene.name}_back"
    assert joined == {"web-1": {front, back}, "db-1": {back}, "other-1": {front}}
    assert {"web", "face"} <= set(after["web-1"].inspect["NetworkSettings"]["Networks"][front]["Aliases"])
    docker("exec", after["web-1"].id, "ping", "-c", "1", "db")
    scene.hand("up", "-d")
    assert lives(scene.containers()) == lives(after)


@pytest.mark.fault("W10")
@pytest.mark.slow
def test_a_volume_that_went_with_its_container_is_made_again_and_said_to_be_empty(scene: Scene) -> None:
    scene.compose("services: {db: {SLEEP, volumes: ['data:/data']}}\nvolumes: {data: {}}")
    scene.done("apply")
    volume = f"{scene.name}_data"

    def told() -> list[str]:
        return [f"{e['type']} {e['message']}" for e in scene.data("events")["events"] if e["reason"] == "VolumeCreated"]

    assert told() == [f"Normal volume {volume} was not there"]
    docker("rm", "-f", scene.containers()["db-1"].id)
    docker("volume", "rm", volume)
    scene.done("apply")
    again = f"Warning volume {volume} was not there any more, and was made again: it is empty"
    assert again in told()
    scene.done("apply")
    assert len(told()) == 2


@pytest.mark.fault("C6")
@pytest.mark.slow
def test_what_a_person_does_with_compose_beside_us_is_seen_and_ends_in_one_state(scene: Scene) -> None:
    scene.compose(PAIR)
    with scene.daemon("--watch"):
        scene.await_phase("Converged")
        with scene.step("up with another scale: brought back, once"):
            began = time.time()
            scene.hand_meanwhile("up", "-d", "--scale", "web=3", "--no-recreate").wait(60)
            eventually(lambda: set(scene.containers()) == {"web-1", "db-1", "strict-1"}, 40)
            scene.await_phase("Converged", 30)
            made = happened(scene.name, began, "create")
            assert sorted(made) == [("create", "web-2"), ("create", "web-3")]
        with scene.step("down: everything comes back, once"):
            began = time.time()
            scene.hand("down")
            eventually(lambda: len(running(scene.containers())) == 3, 60)
            scene.await_phase("Converged", 30)
            stays(lambda: len(happened(scene.name, began, "create")) == 3, 3)


@pytest.mark.slow
@pytest.mark.fault("I4")
@pytest.mark.parametrize("taken_by", ["a process", pytest.param("a container", marks=pytest.mark.slow)])
def test_a_host_port_that_is_taken_is_named_and_the_old_one_is_not_stopped_for_it(scene: Scene, taken_by: str) -> None:
    text = "services: {web: {SLEEP, environment: {V: '1'}, ports: ['127.0.0.1:PORT:80']}, db: {SLEEP}}"
    port, other = free_port(), free_port()
    scene.compose(text.replace("PORT", str(port)))
    scene.done("apply")
    before = scene.containers()
    with socket.socket() as taken:
        if taken_by == "a process":
            taken.bind(("127.0.0.1", other))
            taken.listen()
        else:
            docker("run", "-d", "--name", f"{scene.another()}-x", "-p", f"127.0.0.1:{other}:80", IMAGE, "sleep", "1000")
        try:
            scene.compose(text.replace("PORT", str(other)))
            ran = scene.run("apply", "--timeout", "6s", timeout=60)
            assert ran.code == 1 and str(other) in ran.err and "Traceback" not in ran.err
            assert lives(scene.containers()) == lives(before)
        finally:
            if taken_by == "a container":
                docker("rm", "-f", f"{scene._others[-1]}-x")
    with scene.step("the port is free: the update goes on"):
        scene.done("apply")
        assert scene.containers()["web-1"].id != before["web-1"].id


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
