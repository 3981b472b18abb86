"""Bad input changes nothing; edits that mean nothing for containers replace nothing; contents count."""

from __future__ import annotations

import pytest

from tests.engine.checks import docker, lives, running
from tests.engine.scenario import Scene, eventually, stays

pytestmark = pytest.mark.engine


@pytest.mark.fault("F1")
def test_a_broken_file_keeps_the_last_good_generation_and_a_mended_one_goes_on(scene: Scene) -> None:
    good = "services: {a: {SLEEP, environment: {V: '1'}}, b: {SLEEP}}"
    scene.compose(good)
    with scene.daemon("--watch"):
        scene.await_phase("Converged")
        before = scene.containers()
        with scene.step("half a file is saved"):
            scene.compose("services:\n  a: {image: x\n  b:")
            told = eventually(
                lambda: next((c for c in scene.conditions().values() if "compose.yaml:" in c["message"]), None)
            )
            assert "compose.yaml:" in told["message"]
        with scene.step("the last good generation stays in force: what falls is put up as it was"):
            docker("rm", "-f", before["a-1"].id)
            eventually(lambda: "a-1" in running(scene.containers()))
            found = scene.containers()
            assert "V=1" in found["a-1"].inspect["Config"]["Env"]
            assert found["b-1"].life == before["b-1"].life
            assert scene.status()["generation"] == 1
        with scene.step("mended, it goes on"):
            scene.compose(good.replace("'1'", "'2'"))
            eventually(lambda: "V=2" in scene.containers()["a-1"].inspect["Config"]["Env"])
            scene.await_phase("Converged")
            assert not [c for c in scene.conditions().values() if "compose.yaml:" in c["message"]]
            assert scene.containers()["b-1"].life == before["b-1"].life


@pytest.mark.fault("F5")
def test_a_broken_manifest_is_told_with_its_place_and_changes_nothing(scene: Scene) -> None:
    scene.compose("services: {a: {SLEEP}}")
    path = scene.manifest("services: {a: {replicas: 2}}")
    with scene.daemon("--watch"):
        eventually(lambda: running(scene.containers()) == {"a-1", "a-2"})
        before = scene.containers()
        scene.manifest("services: {a: {replcas: 1}}")
        eventually(lambda: [c for c in scene.conditions().values() if "replcas" in c["message"]])
        with scene.step("apply beside the daemon refuses it with file, line and column"):
            ran = scene.run("apply")
            assert ran.code == 1 and f"{path.name}:6:" in ran.err and "did you mean" in ran.err
        assert lives(scene.containers()) == lives(before)


@pytest.mark.fault("F1")
def test_the_status_of_a_stack_with_broken_files_that_nobody_keeps_tells_what_is_to_be_seen(scene: Scene) -> None:
    scene.compose("services: {a: {SLEEP}, b: {SLEEP}}")
    path = scene.manifest()
    scene.done("apply")
    scene.manifest("services: {a: {replcas: 1}}")
    with scene.step("the fault of the files is told, and the last generation of which all is well"):
        status = scene.status()
        assert (status["phase"], status["generation"]) == ("Converged", 1)
        assert f"{path.name}:6:" in scene.conditions()["GenerationHeld"]["message"]
    with scene.step("what fell meanwhile is told as well"):
        docker("rm", "-f", scene.containers()["a-1"].id)
        found = {one["name"]: (one["phase"], one["ready"]) for one in scene.status()["services"]}
        assert found == {"a": ("Degraded", 0), "b": ("Ready", 1)}
        assert scene.run("status", "--exit-code").code == 1


@pytest.mark.slow
@pytest.mark.fault("F3")
def test_a_manifest_that_disappears_holds_the_stack(scene: Scene) -> None:
    scene.compose("services: {a: {SLEEP}}")
    manifest = scene.manifest()
    with scene.daemon("--watch"):
        scene.await_phase("Converged")
        before = scene.containers()
        with scene.step("the manifest is deleted: the stack stays, and is said to be held"):
            text = manifest.read_text()
            manifest.unlink()
            eventually(lambda: "is gone" in str(scene.conditions()))
            stays(lambda: lives(scene.containers()) == lives(before), 2)
        with scene.step("it comes back: all is well"):
            manifest.write_text(text)
            eventually(lambda: scene.status()["phase"] == "Converged" and "is gone" not in str(scene.conditions()))
            assert lives(scene.containers()) == lives(before)


@pytest.mark.slow
@pytest.mark.fault("F7")
def test_contents_of_configs_secrets_env_files_and_read_only_binds_count(scene: Scene) -> None:
    scene.compose("""
        services:
          conf: {SLEEP, configs: [{source: c, target: /c}]}
          sec: {SLEEP, secrets: [s]}
          env: {SLEEP, env_file: [values.env]}
          bind: {SLEEP, volumes: ["./b.txt:/b.txt:ro"]}
          writable: {SLEEP, volumes: ["./w.txt:/w.txt"]}
        configs: {c: {file: ./c.txt}}
        secrets: {s: {file: ./s.txt}}
    """)
    for name in ("c.txt", "s.txt", "b.txt", "w.txt"):
        scene.write(name, "one\n")
    scene.write("values.env", "V=one\n")
    with scene.daemon("--watch"):
        eventually(lambda: scene.phases() and scene.status()["phase"] == "Converged")
        for service, file in (("conf", "c.txt"), ("sec", "s.txt"), ("bind", "b.txt"), ("env", "values.env")):
            before = scene.containers()
            with scene.step(f"{file} is edited: {service} is replaced, nobody else"):
                scene.write(file, "V=two\n")
                scene.wait_replaced(before[f"{service}-1"])
                scene.await_phase("Converged")
                assert lives(scene.containers(), but=[service]) == lives(before, but=[service])
        with scene.step("a writable mount's contents are the service's own"):
            before = scene.containers()
            scene.write("w.txt", "two\n")
            stays(lambda: lives(scene.containers()) == lives(before), 2)


@pytest.mark.slow
def test_edits_that_no_container_is_needed_for_replace_nothing(scene: Scene) -> None:
    scene.compose("services: {a: {SLEEP}, b: {SLEEP, deploy: {replicas: 1}}, c: {SLEEP}}")
    scene.done("apply")
    before, generation = scene.containers(), scene.status()["generation"]
    for sentence, text in (
        ("depends_on", "services: {a: {SLEEP}, b: {SLEEP, deploy: {replicas: 1}}, c: {SLEEP, depends_on: [a]}}"),
        (
            "update_config",
            "services: {a: {SLEEP, deploy: {update_config: {order: start-first}}}, b: {SLEEP}, c: {SLEEP}}",
        ),
        ("rollback_config", "services: {a: {SLEEP, deploy: {rollback_config: {delay: 1s}}}, b: {SLEEP}, c: {SLEEP}}"),
        ("profiles", "services: {a: {SLEEP}, b: {SLEEP, profiles: [p]}, c: {SLEEP}}"),
    ):
        with scene.step(f"only {sentence} is edited"):
            scene.compose(text)
            scene.env["COMPOSE_PROFILES"] = "p"
            scene.done("apply")
            assert lives(scene.containers()) == lives(before)
            assert scene.data("plan")["changes"] == 0
            made, generation = generation, scene.status()["generation"]
            assert generation > made
    with scene.step("scale alone adds one and replaces none"):
        scene.compose("services: {a: {SLEEP}, b: {SLEEP, deploy: {replicas: 2}}, c: {SLEEP}}")
        scene.done("apply")
        found = scene.containers()
        assert set(found) == {*before, "b-2"}
        assert {name: one.life for name, one in found.items() if name in before} == lives(before)


@pytest.mark.fault("F1")
def test_a_mass_removal_is_held_until_confirm(scene: Scene) -> None:
    whole = "services: {a: {SLEEP}, b: {SLEEP}, c: {SLEEP}}"
    scene.compose(whole)
    scene.manifest("reconcile: {prune: true}")
    scene.done("apply")
    before = scene.containers()
    with scene.step("two of three services vanish from the file: apply holds"):
        scene.compose("services: {a: {SLEEP}}")
        ran = scene.run("apply")
        assert ran.code == 1 and "confirm" in ran.err
        assert lives(scene.containers()) == lives(before)
    with scene.step("confirmed, they go"):
        scene.done("apply", "--confirm")
        assert set(scene.containers()) == {"a-1"}
        assert scene.containers()["a-1"].life == before["a-1"].life


@pytest.mark.slow
def test_a_variable_that_is_unset_now_holds_the_generation(scene: Scene) -> None:
    scene.compose("services: {a: {SLEEP, environment: {TAG: '${HOUSE_TAG:-none}'}}}")
    scene.env["HOUSE_TAG"] = "seven"
    scene.done("apply")
    before = scene.containers()
    assert "TAG=seven" in before["a-1"].inspect["Config"]["Env"]
    with scene.step(
        "applied from a shell that lacks the variable: nothing is changed, the name is told, not the value"
    ):
        del scene.env["HOUSE_TAG"]
        ran = scene.run("apply")
        assert ran.code == 1
        assert "HOUSE_TAG" in ran.err and "seven" not in ran.err + ran.out
        assert lives(scene.containers()) == lives(before)
    with scene.step("set again, all is well"):
        scene.env["HOUSE_TAG"] = "eight"
        scene.done("apply")
        assert "TAG=eight" in scene.containers()["a-1"].inspect["Config"]["Env"]
