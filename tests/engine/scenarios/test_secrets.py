"""Secrets from the file that a person sets them from to the containers, and nowhere else."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.checks import Container, docker
from tests.engine.scenario import Daemon, Scene, eventually

pytestmark = pytest.mark.engine

COMPOSE = """
    services:
      web: {SLEEP, user: "1000", secrets: [password]}
      live:
        image: IMAGE
        stop_signal: SIGKILL
        command: ["sh", "-c", "trap 'cat /run/secrets/password > /tmp/seen' USR1; while :; do sleep 0.1; done"]
        secrets: [password]
      calm: {SLEEP}
    secrets: {password: {external: true}}
    """
SPEC = (
    "security: {scan: {failOn: critical}, secrets: {managed: [password], reload: {live: {mode: signal, signal: USR1}}}}"
)
FIRST, SECOND, THIRD = "first-hippopotamus", "second-hippopotamus", "third-hippopotamus"
ROUTES = (
    "",
    "/secrets",
    "/plan",
    "/events",
    "/revisions",
    "/revisions/1",
    "/revisions/2",
    "/security",
    "/services/web",
)


@pytest.fixture
def shop(scene: Scene) -> Scene:
    scene.compose(COMPOSE)
    scene.manifest(SPEC)
    return scene


def give(scene: Scene, value: str) -> None:
    path = scene.state.parent / "value"
    path.write_text(value)
    scene.done("secrets", "set", "password", "--from-file", path)
    path.unlink()


def one_of(scene: Scene, service: str) -> Container:
    """The only one that there is of it."""
    (found,) = (one for one in scene.containers().values() if one.service == service)
    return found


def inside(scene: Scene, service: str, path: str = "/run/secrets/password") -> str:
    """What is read there; nothing where it is not there, or several are."""
    found = [one for one in scene.containers().values() if one.service == service and one.running]
    if len(found) != 1:
        return ""
    words = ["docker", "exec", found[0].id, "cat", path]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout


def test_a_secret_is_given_rolled_taken_up_and_there_after_a_start_without_a_controller(shop: Scene) -> None:
    with shop.step("a value is set and applied: both read it, the one as its own user"):
        give(shop, FIRST)
        shop.done("apply")
        assert inside(shop, "web") == inside(shop, "live") == FIRST
    before = shop.containers()
    with shop.daemon("--watch", "--no-api"):
        with shop.step("another value replaces who is not told otherwise, and is taken up by who is"):
            give(shop, SECOND)
            eventually(lambda: inside(shop, "web") == SECOND)
            eventually(lambda: inside(shop, "live", "/tmp/seen") == SECOND)
        with shop.step("nobody else was touched"):
            lives = {one.service: one.life for one in shop.containers().values()}
            assert {one.service for one in before.values() if one.life != lives[one.service]} == {"web"}
        with shop.step("another key replaces nobody"):
            assert "0 records on the old key" in shop.done("secrets", "rotate-key").out
            give(shop, THIRD)
            eventually(lambda: inside(shop, "live", "/tmp/seen") == THIRD)
    with shop.step("no controller runs, and Docker starts them anew"):
        shop.done("apply")
        for name in ("web", "live"):
            docker("restart", "-t", "0", one_of(shop, name).id)
            assert inside(shop, name) == THIRD


@pytest.mark.slow
def test_without_the_key_all_goes_on(shop: Scene) -> None:
    give(shop, FIRST)
    shop.done("apply")
    key = shop.state / "encryption.key"
    kept = key.read_bytes()
    key.unlink()
    with shop.daemon("--watch", "--no-api"):
        eventually(lambda: "VaultLocked" in shop.conditions())
        with shop.step("what falls over is healed, with its secret"):
            docker("rm", "-f", one_of(shop, "web").id)
            eventually(lambda: inside(shop, "web") == FIRST)
        with shop.step("nothing is set, and no key is made"):
            path = shop.write("value", SECOND)
            assert shop.run("secrets", "set", "password", "--from-file", path).code == 1
            assert not key.exists()
    key.write_bytes(kept)
    key.chmod(0o600)
    give(shop, SECOND)
    shop.done("apply")
    assert inside(shop, "web") == SECOND


@pytest.mark.slow
def test_values_are_in_no_output_file_inspect_or_process(shop: Scene) -> None:
    values = (FIRST, SECOND)
    told: list[str] = []
    give(shop, FIRST)
    with shop.daemon("--watch", "--api", "127.0.0.1:0") as daemon:
        eventually(lambda: inside(shop, "web") == FIRST)
        give(shop, SECOND)
        eventually(lambda: inside(shop, "web") == SECOND)
        eventually(lambda: inside(shop, "live", "/tmp/seen") == SECOND)
        found = dict(answers(shop, daemon))
        rules = {(one["rule"], one["service"]) for one in json.loads(found["/security"])["findings"]}
        assert rules and not {rule for rule, _ in rules} & {"H06", "X01"}  # what the controller gives is meant
        told += found.values()
        told += [text for path in Path("/proc").glob("[0-9]*/cmdline") if (text := read(path))]
        told += [text for path in Path("/proc").glob("[0-9]*/environ") if (text := read(path))]
        told += [str(container.inspect) for container in shop.containers().values()]
    for words in (("status", "-o", "json"), ("plan",), ("events",), ("describe", "web"), ("secrets",), ("render",)):
        ran = shop.run(*words)
        told += [ran.out, ran.err]
    told += [shop.run("rollout", "history", "--diff").out, *map(Daemon.said, shop._daemons), *shop.story]
    assert len(told) > 30
    assert [text[:300] for text in told if any(value in text for value in values)] == []
    places = {path for path in files(shop) if any(value.encode() in path.read_bytes() for value in values)}
    assert places and all("mounts" in path.parts for path in places), places


def answers(scene: Scene, daemon: Daemon) -> Iterator[tuple[str, str]]:
    base = eventually(lambda: re.search(r"dashboard: (\S+)", daemon.said()))[1]
    token = next(scene.state.rglob("api.token")).read_text().strip()
    for route in ROUTES:
        url = f"{base}/v1/stacks/{scene.name}{route}"
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            yield route, answer.read().decode()


def read(path: Path) -> str:
    try:
        return path.read_bytes().decode("latin-1")
    except OSError:
        return ""


def files(scene: Scene) -> list[Path]:
    return [path for path in scene.state.parent.rglob("*") if path.is_file()]
