"""Twelve projects in the sub-folders of one folder: most without health checks, some switched off, one broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.checks import docker, lives, running
from tests.engine.scenario import Scene, eventually, stays

pytestmark = pytest.mark.engine

SERVICES = "services: {app: {SLEEP, labels: {n: 'NUMBER'}}, db: {SLEEP}}"
CHECKED = 'services: {app: {SLEEP, healthcheck: {test: ["CMD", "true"], interval: 2s}}}'


def write_fleet(scene: Scene) -> dict[int, str]:
    """Projects 1–8 plain, 9 with a check, 10 and 11 with no container, 12 broken. 1–9 run already."""
    names = {number: scene.another() for number in range(1, 13)}
    for number, name in names.items():
        text = CHECKED if number == 9 else SERVICES.replace("NUMBER", str(number))
        if number == 12:
            text = "services:\n  app: {image: x\n  db:"
        scene.write(f"fleet/p{number:02}/compose.yaml", f"name: {name}\n{text}\n")
    for number in range(1, 10):
        docker("compose", "up", "-d", directory=folder_of(scene, number))
    return names


def folder_of(scene: Scene, number: int) -> Path:
    return scene.folder / "fleet" / f"p{number:02}"


@pytest.mark.slow
def test_a_folder_of_twelve_projects_is_kept_as_it_was_found(scene: Scene) -> None:
    names = write_fleet(scene)
    fleet = scene.folder / "fleet"
    before = {number: scene.containers(name) for number, name in names.items()}

    def status() -> dict[str, str]:
        found = scene.data("status", "-f", fleet, code=None)["stacks"]
        return {stack["name"]: stack["phase"] for stack in found}

    with scene.step("apply touches nothing, since one of them is broken"):
        ran = scene.run("apply", "-f", fleet)
        assert ran.code == 1 and "p12/compose.yaml:" in ran.err
        assert {n: lives(scene.containers(name)) for n, name in names.items()} == {
            n: lives(b) for n, b in before.items()
        }
    with scene.step("run carries on with the others"), scene.daemon("--watch", "-f", fleet) as daemon:
        eventually(lambda: len(status()) >= 11)
        eventually(lambda: all(status()[names[number]] == "Converged" for number in range(1, 10)))
        with scene.step("what ran was not restarted, what was off stays off, what is broken is told"):
            after = {number: scene.containers(name) for number, name in names.items()}
            assert {n: lives(a) for n, a in after.items()} == {n: lives(b) for n, b in before.items()}
            assert status()[names[10]] == status()[names[11]] == "Stopped"
            assert "p12/compose.yaml:" in daemon.said()
        with scene.step("one falls and comes back, alone"):
            docker("kill", after[3]["app-1"].id)
            eventually(lambda: scene.containers(names[3])["app-1"].running)
            assert lives(scene.containers(names[4])) == lives(before[4])
        with scene.step("what was off is started when it is asked for"):
            scene.done("start", "-f", folder_of(scene, 10) / "compose.yaml")
            assert running(scene.containers(names[10])) == {"app-1", "db-1"}
            stays(lambda: not scene.containers(names[11]), 1)
        with scene.step("the broken one is mended: it comes in, as one that did not run"):
            scene.write("fleet/p12/compose.yaml", f"name: {names[12]}\n{SERVICES}\n")
            eventually(lambda: status().get(names[12]) == "Stopped")
            assert not scene.containers(names[12])
        with scene.step("one is edited: it alone is converged on"):
            scene.write("fleet/p05/compose.yaml", f"name: {names[5]}\n{SERVICES.replace('NUMBER', 'five')}\n")
            eventually(lambda: scene.containers(names[5])["app-1"].inspect["Config"]["Labels"]["n"] == "five")
            assert lives(scene.containers(names[6])) == lives(before[6])
        with scene.step("the folder of one is deleted: its stack is held, never removed"):
            (folder_of(scene, 7) / "compose.yaml").unlink()
            stays(lambda: lives(scene.containers(names[7])) == lives(before[7]), 3)


def test_two_stacks_of_one_name_are_an_error_with_both_places(scene: Scene) -> None:
    for folder in ("one", "two"):
        scene.write(f"fleet/{folder}/compose.yaml", f"name: {scene.name}\nservices: {{a: {{SLEEP}}}}\n")
    ran = scene.run("apply", "-f", scene.folder / "fleet")
    assert ran.code == 1
    assert "one/compose.yaml" in ran.err and "two/compose.yaml" in ran.err
    assert not scene.containers()


@pytest.mark.slow
def test_keep_going_does_the_rest(scene: Scene) -> None:
    other = scene.another()
    scene.write("fleet/good/compose.yaml", f"name: {scene.name}\nservices: {{a: {{SLEEP}}}}\n")
    scene.write("fleet/bad/compose.yaml", f"name: {other}\nservices: {{a: {{SLEEP, imagee: x}}}}\n")
    fleet = scene.folder / "fleet"
    ran = scene.run("apply", "-f", fleet)
    assert ran.code == 1 and not scene.containers()
    ran = scene.run("apply", "-f", fleet, "--keep-going")
    assert ran.code == 1 and "bad/compose.yaml" in ran.err
    assert running(scene.containers()) == {"a-1"}


@pytest.mark.slow
def test_auto_start_false_starts_nothing_until_start_and_then_keeps_it(scene: Scene) -> None:
    scene.compose("services: {a: {SLEEP}, b: {SLEEP}}")
    scene.manifest("autoStart: false")
    scene.hand("up", "-d", "a")
    with scene.daemon("--watch") as daemon:
        eventually(lambda: "b Stopped" in daemon.said())  # it has looked: what falls from now on did run
        with scene.step("what runs is kept in shape, what does not run is not started"):
            before = scene.containers()
            eventually(lambda: scene.phases() == {"a": "Ready", "b": "Stopped"})
            docker("kill", before["a-1"].id)
            eventually(lambda: scene.containers()["a-1"].running)
            assert running(scene.containers()) == {"a-1"}
        with scene.step("start"):
            scene.done("start")
            assert running(scene.containers()) == {"a-1", "b-1"}
