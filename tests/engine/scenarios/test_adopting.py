"""Projects that already run: taken over with no restart or not at all, and given back as they were."""

from __future__ import annotations

import pytest

from tests.engine.checks import docker, lives, running
from tests.engine.scenario import Scene, eventually, stays

pytestmark = pytest.mark.engine

PLAIN = "services: {db: {SLEEP}, web: {SLEEP, depends_on: [db], environment: {V: '1'}}}"

RICH = """
services:
  envfile: {SLEEP, env_file: [values.env], environment: {OWN: "2"}}
  nets: {SLEEP, networks: {front: {aliases: [n1]}, back: {}}}
  side: {SLEEP, network_mode: "service:nets"}
  files: {SLEEP, configs: [{source: c, target: /c}], secrets: [s]}
  inline: {SLEEP, configs: [{source: i, target: /i}]}
  store: {SLEEP, volumes: ["data:/data", "/anonymous"]}
  wide: {SLEEP, deploy: {replicas: 3}}
networks: {front: {}, back: {}}
volumes: {data: {}}
configs: {c: {file: ./c.txt}, i: {content: "inline text"}}
secrets: {s: {file: ./s.txt}}
"""


def write_rich(scene: Scene) -> None:
    scene.compose(RICH)
    scene.write("values.env", "A=1\n")
    scene.write("c.txt", "config\n")
    scene.write("s.txt", "secret\n")


def test_a_running_project_is_adopted_with_no_restart_and_released(scene: Scene) -> None:
    scene.compose(PLAIN)
    scene.hand("up", "-d")
    before = scene.containers()
    with scene.step("apply takes it over: nothing happens"):
        told = scene.data("apply")
        assert told["outcome"] == "converged"
        assert {one["outcome"] for one in told["services"]} == {"unchanged"}
        assert lives(scene.containers()) == lives(before)
    with scene.step("a daemon heals it from now on"), scene.daemon("--watch"):
        docker("kill", before["db-1"].id)
        eventually(lambda: scene.containers()["db-1"].running)
        scene.await_phase("Converged")
        assert lives(scene.containers(), but="db") == lives(before, but="db")
    healed = scene.containers()
    with scene.step("it is given back: Compose by hand finds nothing to do"):
        scene.done("release")
        scene.hand("up", "-d")
        assert lives(scene.containers()) == lives(healed)
    with scene.step("what was given back is left alone, and said to be"), scene.daemon("--watch"):
        eventually(lambda: "Held" in str(scene.conditions()) or "Released" in str(scene.conditions()))
        docker("kill", healed["web-1"].id)
        stays(lambda: not scene.containers()["web-1"].running, 3)


@pytest.mark.slow
def test_a_project_with_everything_is_adopted_and_given_back(scene: Scene) -> None:
    write_rich(scene)
    scene.hand("up", "-d")
    before = scene.containers()
    assert len(before) == 9
    with scene.step("a daemon takes it over and nothing is restarted"), scene.daemon("--watch"):
        scene.await_phase("Converged")
        stays(lambda: lives(scene.containers()) == lives(before), 2)
    scene.done("release")
    scene.hand("up", "-d")
    assert lives(scene.containers()) == lives(before)


@pytest.mark.slow
def test_what_we_made_of_everything_is_what_compose_would_have_made(scene: Scene) -> None:
    write_rich(scene)
    scene.done("apply")
    before = scene.containers()
    assert running(before) == set(before) and len(before) == 9
    assert docker("exec", before["inline-1"].id, "cat", "/i") == "inline text"
    assert docker("exec", before["files-1"].id, "cat", "/run/secrets/s") == "secret\n"
    side, nets = before["side-1"].inspect, before["nets-1"]
    assert side["HostConfig"]["NetworkMode"] == f"container:{nets.id}"
    with scene.step("Compose by hand finds nothing to do, and so do we"):
        scene.hand("up", "-d")
        assert lives(scene.containers()) == lives(before)
        scene.done("apply")
        assert lives(scene.containers()) == lives(before)


@pytest.mark.slow
def test_an_edited_project_is_held_until_adopt(scene: Scene) -> None:
    scene.compose(PLAIN)
    scene.hand("up", "-d")
    before = scene.containers()
    scene.compose(PLAIN.replace("'1'", "'2'"))
    with scene.step("apply without --adopt prints the plan, ends with 1 and changes nothing"):
        ran = scene.run("apply")
        assert ran.code == 1
        assert "web" in ran.out + ran.err and "changed since" in ran.err and "adopt" in ran.err
        assert "replace" in ran.out + ran.err
        assert lives(scene.containers()) == lives(before)
    with scene.daemon("--watch"):
        with scene.step("run holds it, and says so"):
            held = eventually(lambda: scene.conditions().get("AdoptionHeld"))
            assert "web" in held["message"] and "changed since" in held["message"]
            stays(lambda: lives(scene.containers()) == lives(before), 2)
        with scene.step("adopt goes on"):
            scene.done("adopt")
            found = scene.containers()
            assert "V=2" in found["web-1"].inspect["Config"]["Env"]
            assert lives(found, but="web") == lives(before, but="web")
            scene.await_phase("Converged")
    with scene.step("later edits are applied without asking"):
        scene.compose(PLAIN.replace("'1'", "'3'"))
        scene.done("apply")
        assert "V=3" in scene.containers()["web-1"].inspect["Config"]["Env"]


@pytest.mark.slow
def test_apply_adopt_takes_an_edited_project_over(scene: Scene) -> None:
    scene.compose(PLAIN)
    scene.hand("up", "-d")
    before = scene.containers()
    scene.compose(PLAIN.replace("'1'", "'2'"))
    scene.done("apply", "--adopt")
    found = scene.containers()
    assert "V=2" in found["web-1"].inspect["Config"]["Env"]
    assert lives(found, but="web") == lives(before, but="web")


@pytest.mark.slow
def test_a_partly_running_project_is_completed_without_asking(scene: Scene) -> None:
    scene.compose(PLAIN)
    scene.hand("up", "-d", "db")
    before = scene.containers()
    scene.done("apply")
    found = scene.containers()
    assert running(found) == {"db-1", "web-1"}
    assert found["db-1"].life == before["db-1"].life


@pytest.mark.slow
def test_containers_of_other_projects_and_of_compose_run_are_never_touched(scene: Scene) -> None:
    other = scene.another()
    elsewhere = scene.folder.parent / "elsewhere"
    scene.write("../elsewhere/compose.yaml", f"name: {other}\nservices: {{db: {{SLEEP}}, gone: {{SLEEP}}}}")
    docker("compose", "up", "-d", directory=elsewhere)
    docker("kill", scene.containers(other)["gone-1"].id)
    scene.compose(PLAIN)
    oneoff = scene.hand("run", "-d", "db", "sleep", "1000").split()[-1]
    theirs, ran = scene.containers(other), docker("inspect", "-f", "{{.State.StartedAt}}", oneoff)
    with scene.daemon("--watch"):
        scene.await_phase("Converged")
        scene.compose(PLAIN.replace("'1'", "'2'"))
        eventually(lambda: "V=2" in scene.containers()["web-1"].inspect["Config"]["Env"])
        scene.done("stop")
        scene.done("start")
    assert lives(scene.containers(other)) == lives(theirs)
    assert docker("inspect", "-f", "{{.State.StartedAt}}", oneoff) == ran
    assert scene.containers(other)["gone-1"].state == "exited"


def test_a_service_that_only_lost_an_orphan_keeps_it_until_prune_says_otherwise(scene: Scene) -> None:
    scene.compose("services: {a: {SLEEP}, old: {SLEEP}}")
    scene.hand("up", "-d")
    before = scene.containers()
    scene.compose("services: {a: {SLEEP}}")
    scene.done("apply")
    assert lives(scene.containers()) == lives(before)
