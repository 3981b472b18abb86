"""What the controller keeps is its user's alone, whatever the umask."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.ingress_bed import PROXY_IMAGE, WEB_IMAGE, free_port
from tests.engine.scenario import Scene, eventually

pytestmark = pytest.mark.engine


@pytest.fixture
def careless() -> Iterator[None]:
    """Whatever is made without a word about its mode may be read and written by everybody."""
    before = os.umask(0)
    yield
    os.umask(before)


def open_to_others(folder: Path) -> list[str]:
    """All that is there, with its mode, which others or the group may touch, or its owner may run."""
    found = []
    for path in (folder, *folder.rglob("*")):
        status = path.lstat()
        private = 0o700 if stat.S_ISDIR(status.st_mode) else 0o600
        if stat.S_IMODE(status.st_mode) != private:
            found.append(f"{path.relative_to(folder)} {stat.S_IMODE(status.st_mode):o}")
    return found


def test_all_of_the_state_is_its_users_alone(scene: Scene, careless: None) -> None:
    scene.env["HAPROXY_IMAGE"] = PROXY_IMAGE
    scene.compose(f"""
        services:
          web:
            image: {WEB_IMAGE}
            command: ["python3", "-m", "http.server", "8000"]
            stop_signal: SIGKILL
            ports: ["127.0.0.1:{free_port()}:8000"]
    """)
    scene.manifest(f"""
        ingress: {{mode: auto}}
        metrics: {{interval: 1s, listen: "127.0.0.1:{free_port()}"}}
    """)
    with scene.step("after an apply"):
        scene.done("apply")
        assert open_to_others(scene.state) == []
    with scene.step("while it is kept, and served, and measured"), scene.daemon("--watch") as daemon:
        scene.await_phase("Converged")
        names = {"api.json", "api.token", "scrape.token", "state.db", "state.db-wal", "state.db-shm", "usage.db"}
        eventually(lambda: names <= {path.name for path in scene.state.rglob("*")})
        kinds = {stat.S_IFMT(path.lstat().st_mode) for path in scene.state.rglob("*")}
        assert kinds == {stat.S_IFDIR, stat.S_IFREG, stat.S_IFSOCK}
        assert open_to_others(scene.state) == [], daemon.said()
    with scene.step("and when that has ended"):
        assert open_to_others(scene.state) == []
