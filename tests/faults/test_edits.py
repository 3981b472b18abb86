"""Files under a watching controller, on the real engine: saved in every way, half-written, gone, saved in a storm."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.checks import docker, lives, running
from tests.engine.scenario import SLEEP, Scene, eventually, stays

pytestmark = pytest.mark.engine

PATIENT = 60.0


def text_of(scene: Scene, version: int) -> str:
    return (
        f"name: {scene.name}\n"
        "services:\n"
        f"  a: {{{SLEEP}, environment: {{V: '{version}'}}}}\n"
        f"  b: {{{SLEEP}}}\n"
        f"  c: {{{SLEEP}}}\n"
    )


def version_of(scene: Scene) -> str | None:
    """Of the one replica of `a` that is there; while there are two, or none, there is no one version."""
    found = [one for name, one in scene.containers().items() if name.startswith("a-") and one.running]
    if len(found) != 1:
        return None
    one = found[0]
    return next((item[2:] for item in one.inspect["Config"]["Env"] if item.startswith("V=")), None)


def write_in_place(path: Path, text: str) -> None:
    path.write_text(text)


def write_in_two_halves(path: Path, text: str) -> None:
    with path.open("w") as stream:
        stream.write(text[: len(text) // 2])
        stream.flush()
        time.sleep(0.05)
        stream.write(text[len(text) // 2 :])


def rename_over(path: Path, text: str) -> None:
    new = path.with_name(f".{path.name}.tmp123")
    new.write_text(text)
    os.replace(new, path)


def save_as_vim(path: Path, text: str) -> None:
    swap = path.with_name(f".{path.name}.swp")
    swap.write_text("swap")
    (path.parent / "4913").write_text("")
    (path.parent / "4913").unlink()
    os.rename(path, f"{path}~")
    path.write_text(text)
    os.unlink(f"{path}~")
    swap.unlink()


def rewrite_in_place_bit_by_bit(path: Path, text: str) -> None:
    """As `rsync --inplace`."""
    raw = text.encode()
    with path.open("r+b") as stream:
        for begin in range(0, len(raw), 64):
            stream.write(raw[begin : begin + 64])
            stream.flush()
        stream.truncate(len(raw))


def check_out(path: Path, text: str) -> None:
    """As `git checkout`: many files of the folder, each unlinked and written anew."""
    for number in range(30):
        other = path.parent / f"note{number}.txt"
        other.unlink(missing_ok=True)
        other.write_text(str(number))
    path.unlink()
    path.write_text(text)
    (path.parent / "extra.yaml").write_text("a: 1\n")


SAVES: dict[str, Callable[[Path, str], None]] = {
    "written in place": write_in_place,
    "written in two halves": write_in_two_halves,
    "renamed over": rename_over,
    "saved as vim does": save_as_vim,
    "rewritten bit by bit": rewrite_in_place_bit_by_bit,
    "checked out with thirty others": check_out,
}


COMMON = {"written in two halves", "renamed over"}


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.fault("F1")
@pytest.mark.fault("F2")
@pytest.mark.parametrize(
    "manners", [COMMON, pytest.param(SAVES.keys() - COMMON, marks=pytest.mark.slow)], ids=["common", "rest"]
)
def test_each_manner_of_saving_is_one_change_that_replaces_one_service(scene: Scene, manners: set[str]) -> None:
    path = scene.folder / "compose.yaml"
    path.write_text(text_of(scene, 0))
    with scene.daemon("--watch"):
        scene.await_phase("Converged", PATIENT)
        before = scene.containers()
        for number, manner in enumerate(sorted(manners), 1):
            with scene.step(manner):
                SAVES[manner](path, text_of(scene, number))
                eventually(lambda number=number: version_of(scene) == str(number), PATIENT)
                scene.await_phase("Converged", PATIENT)
                assert scene.status()["generation"] == number + 1
        assert lives(scene.containers(), but=["a"]) == lives(before, but=["a"])
        with scene.step("what editors leave beside is nobody's business"):
            for name in (".compose.yaml.swp", "compose.yaml~", "#compose.yaml#", "4913", "x.tmp"):
                (scene.folder / name).write_text("half: [")
            stays(lambda: scene.status()["generation"] == len(manners) + 1, 2)
            assert not [one for one in scene.conditions() if one != "Converged"]


@pytest.mark.slow
@pytest.mark.fault("F2")
def test_a_swapped_link_to_the_data_is_one_change(scene: Scene) -> None:
    """As a mounted ConfigMap is updated: `..data` points to another folder from one instant to the next."""
    for number in (0, 1):
        (scene.folder / f"..v{number}").mkdir()
        (scene.folder / f"..v{number}" / "compose.yaml").write_text(text_of(scene, number))
    (scene.folder / "..data").symlink_to("..v0")
    (scene.folder / "compose.yaml").symlink_to("..data/compose.yaml")
    with scene.daemon("--watch"):
        scene.await_phase("Converged", PATIENT)
        before = scene.containers()
        (scene.folder / "..new").symlink_to("..v1")
        os.replace(scene.folder / "..new", scene.folder / "..data")
        eventually(lambda: version_of(scene) == "1", PATIENT)
        scene.await_phase("Converged", PATIENT)
        assert scene.status()["generation"] == 2
        assert lives(scene.containers(), but=["a"]) == lives(before, but=["a"])


@pytest.mark.slow
@pytest.mark.fault("F1")
def test_a_file_that_stays_half_written_removes_nothing_even_with_prune(scene: Scene) -> None:
    path = scene.folder / "compose.yaml"
    path.write_text(text_of(scene, 0))
    scene.manifest("reconcile: {prune: true}")
    with scene.daemon("--watch"):
        scene.await_phase("Converged", PATIENT)
        before = scene.containers()
        with scene.step("the first service only: valid for YAML and for Compose, held by us"):
            whole = path.read_text()
            path.write_text(whole[: whole.index("  b:")])
            eventually(lambda: "MassRemovalHeld" in scene.conditions(), PATIENT)
        with scene.step("cut in the middle of a line: refused, the last good generation stays in force"):
            path.write_text(whole[: whole.index("SIGKILL, env") + 3])
            held = eventually(lambda: scene.conditions().get("GenerationHeld"), PATIENT)
            assert "compose.yaml:" in held["message"]
            stays(lambda: lives(scene.containers()) == lives(before), 2)
        with scene.step("written to its end, it goes on"):
            path.write_text(text_of(scene, 1))
            eventually(lambda: version_of(scene) == "1", PATIENT)
        assert lives(scene.containers(), but=["a"]) == lives(before, but=["a"])


def delete(scene: Scene) -> Callable[[], object]:
    text = (scene.folder / "compose.yaml").read_text()
    (scene.folder / "compose.yaml").unlink()
    return lambda: (scene.folder / "compose.yaml").write_text(text)


def move(scene: Scene) -> Callable[[], object]:
    away = scene.folder.with_name("elsewhere")
    os.rename(scene.folder, away)
    return lambda: os.rename(away, scene.folder)


def cover(scene: Scene) -> Callable[[], object]:
    """What was mounted there is not any more: here an empty file system hides it."""
    done = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", scene.folder], capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("nothing may be mounted here")
    return lambda: subprocess.run(["umount", scene.folder], check=True)


LOSSES = {"deleted": delete, "moved away": move, "unmounted": cover}
SLOWLY = [pytest.param(loss, marks=pytest.mark.slow) for loss in LOSSES if loss != "deleted"]


@pytest.mark.timeout(240)
@pytest.mark.fault("F3")
@pytest.mark.parametrize("loss", ["deleted", *SLOWLY])
def test_a_stack_whose_files_are_gone_is_kept_as_it_was(loss: str, scene: Scene) -> None:
    (scene.folder / "compose.yaml").write_text(text_of(scene, 0))
    outside = scene.folder.parent
    with scene.daemon("--watch", "-f", scene.folder / "compose.yaml", cwd=outside):
        told = ("status", "-s", scene.name)
        eventually(lambda: running(scene.containers()) == {"a-1", "b-1", "c-1"}, PATIENT)
        eventually(lambda: "Converged" in scene.run(*told, cwd=outside).out, PATIENT)
        before = scene.containers()
        restore = LOSSES[loss](scene)
        try:
            with scene.step("it is said, and nothing is removed"):
                eventually(lambda: "GenerationHeld" in scene.run(*told, "-o", "json", cwd=outside).out, PATIENT)
                assert lives(scene.containers()) == lives(before)
            with scene.step("what falls is put up as it was"):
                docker("rm", "-f", before["b-1"].id)
                eventually(lambda: running(scene.containers()) == {"a-1", "b-1", "c-1"}, PATIENT)
        finally:
            restore()
        with scene.step("back again, it goes on and replaces nothing"):
            eventually(lambda: "GenerationHeld" not in scene.run(*told, "-o", "json", cwd=outside).out, PATIENT)
            assert lives(scene.containers(), but=["b"]) == lives(before, but=["b"])


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.fault("F6")
def test_a_hundred_saves_in_ten_seconds_are_three_changes_at_most_and_the_last_one_wins(
    scene: Scene, record_property: Callable[[str, object], None]
) -> None:
    path = scene.folder / "compose.yaml"
    path.write_text(text_of(scene, 0))
    with scene.daemon("--watch"):
        scene.await_phase("Converged", PATIENT)
        before = scene.containers()
        began = time.monotonic()
        for number in range(1, 101):
            path.write_text(text_of(scene, number))
            time.sleep(max(0.0, began + number / 10 - time.monotonic()))
        eventually(lambda: version_of(scene) == "100", PATIENT)
        scene.await_phase("Converged", PATIENT)
        applied = scene.status()["generation"] - 1
        record_property("applies", applied)
        assert 1 <= applied <= 3
        assert lives(scene.containers(), but=["a"]) == lives(before, but=["a"])


@pytest.mark.slow
@pytest.mark.fault("F7")
def test_a_variable_or_a_secret_that_changes_rolls_who_uses_it_and_nobody_else(scene: Scene) -> None:
    scene.compose("""
        services:
          var: {SLEEP, environment: {V: "${VALUE}"}}
          sec: {SLEEP, secrets: [s]}
          env: {SLEEP, env_file: [values.env]}
          other: {SLEEP}
        secrets: {s: {file: ./s.txt}}
    """)
    scene.write(".env", "VALUE=one\n")
    scene.write("s.txt", "one\n")
    scene.write("values.env", "W=one\n")
    with scene.daemon("--watch"):
        scene.await_phase("Converged", PATIENT)
        for service, file, text in (
            ("var", ".env", "VALUE=two\n"),
            ("sec", "s.txt", "two\n"),
            ("env", "values.env", "W=two\n"),
        ):
            before = scene.containers()
            with scene.step(f"{file} changes: {service} is replaced"):
                scene.write(file, text)
                eventually(lambda s=service, b=before: scene.containers()[f"{s}-1"].id != b[f"{s}-1"].id, PATIENT)
                scene.await_phase("Converged", PATIENT)
                assert lives(scene.containers(), but=[service]) == lives(before, but=[service])


@pytest.mark.fault("F8")
def test_the_controllers_own_secrets_reach_no_container_and_no_rendering(scene: Scene) -> None:
    own = {"ENCRYPTION_KEY": "key-7531", "JWT_SECRET_KEY": "jwt-7531", "CONTROLLER_TOKEN": "tok-7531"}
    scene.env.update(own)
    scene.compose("""
        services:
          a:
            image: IMAGE
            command: [sleep, "1000"]
            stop_signal: SIGKILL
            environment:
              E: "${ENCRYPTION_KEY}"
              J: "${JWT_SECRET_KEY:-none}"
              T: "$CONTROLLER_TOKEN"
              ENCRYPTION_KEY:
    """)
    shown = scene.done("render", "-o", "json")
    assert "7531" not in shown.out + shown.err
    told = scene.done("apply")
    assert "7531" not in told.out + told.err
    for name in own:
        assert f"{name} is the controller's own" in told.err
    env = scene.containers()["a-1"].inspect["Config"]["Env"]
    assert not [item for item in env if "7531" in item] and "J=none" in env
    state = b"".join(file.read_bytes() for file in scene.state.rglob("*") if file.is_file())
    assert b"7531" not in state


@pytest.mark.fault("F8")
def test_under_strict_a_remote_include_is_refused_and_nothing_is_fetched(scene: Scene, tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    for word in ("git", "docker"):  # who calls either leaves a trace
        real = shutil.which(word) or "/bin/false"
        (folder / word).write_text(f'#!/bin/sh\necho "{word} $*" >> {tmp_path}/called\nexec {real} "$@"\n')
        (folder / word).chmod(0o755)
    scene.env["PATH"] = f"{folder}:{os.environ['PATH']}"
    scene.compose('include: ["https://127.0.0.1:9/x.git"]\nservices: {a: {SLEEP}}')
    scene.manifest("security: {strict: true}")
    ran = scene.run("validate")
    assert ran.code == 1 and "fetched from elsewhere" in ran.err and "security.strict" in ran.err
    assert "compose.yaml:2:11" in ran.err
    assert not (tmp_path / "called").exists()
