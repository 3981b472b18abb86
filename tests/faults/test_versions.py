"""Engines that we do not know, and what is none: refused with one line that says why, or used as far as both go."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from controller.engines.client import Client
from controller.engines.transport import Endpoint
from controller.model.errors import Transient
from tests.contract_cli.command import Ran, controller
from tests.faults.stranger import (
    ENGINE_19,
    ENGINE_29,
    ENGINE_OF_LATER,
    FORBIDDING,
    NOBODY,
    PODMAN,
    Character,
    Stranger,
)

pytestmark = pytest.mark.fault("D8")

Ask = Callable[..., Ran]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """The installed command, in a project of one service, with that stranger as its engine."""
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "compose.yaml").write_text("name: shop\nservices: {web: {image: 'web:1'}}\n")

    def run(stranger: Stranger, *words: str) -> Ran:
        env = {"DOCKER_HOST": stranger.host, "CONTROLLER_STATE_DIR": str(tmp_path / "state")}
        return controller(*words, cwd=folder, env=env)

    return run


REFUSED = [
    pytest.param(
        PODMAN,
        ["error: this is Podman's socket, which is not supported", "hint: point DOCKER_HOST at a Docker daemon"],
        id="podman",
    ),
    pytest.param(
        ENGINE_19,
        ["error: the daemon speaks API 1.40, older than 1.41", "hint: Docker Engine 20.10 or later"],
        id="an engine older than 20.10",
    ),
    pytest.param(
        ENGINE_OF_LATER,
        [
            "error: docker refused GET /info: client version 1.47 is too old. Minimum supported API version is 1.90, "
            "please upgrade your client to a newer version",
            "hint: this controller is too old for the engine: update it, or let the daemon speak 1.47 "
            "(DOCKER_MIN_API_VERSION=1.47 in its environment)",
        ],
        id="an engine that speaks nothing any more that we know",
    ),
    pytest.param(
        NOBODY,
        [
            "error: what answers is no Docker daemon: it names no API version",
            "hint: point DOCKER_HOST at a Docker daemon",
        ],
        id="a socket behind which is something else",
    ),
    pytest.param(
        FORBIDDING,
        [
            "error: docker refused GET /_ping: request forbidden",
            "hint: ask whoever set up what stands in front of Docker: it lets this call not through",
        ],
        id="a proxy that lets nothing through",
    ),
]


@pytest.mark.parametrize("words", [("run",), ("apply",), ("plan",), ("status",)], ids=" ".join)
@pytest.mark.parametrize(("character", "told"), REFUSED)
def test_what_cannot_be_used_is_refused_at_once_with_one_line_and_its_mend(
    tmp_path: Path, ask: Ask, character: Character, told: list[str], words: tuple[str, ...]
) -> None:
    """`run` too ends: waiting would not help. Nothing is written to whatever it is."""
    with Stranger(tmp_path / "engine.sock", character) as stranger:
        ran = ask(stranger, *words)
    assert (ran.code, ran.out, ran.err.splitlines()) == (1, "", told)
    assert all(asked.startswith(("GET ", "HEAD ")) for asked in stranger.asked)


def test_an_engine_newer_than_any_we_know_is_spoken_to_in_the_newest_words_that_we_know(
    tmp_path: Path, ask: Ask
) -> None:
    with Stranger(tmp_path / "engine.sock", ENGINE_29) as stranger:
        ran = ask(stranger, "plan", "-o", "name")
    assert (ran.code, ran.err) == (0, "")
    spoken = {asked.split("/")[1] for asked in stranger.asked if "/containers/" in asked}
    assert "v1.47" in spoken and not {version for version in spoken if version < "v1.44"}


def test_an_engine_that_became_an_older_one_is_asked_anew_what_it_speaks(tmp_path: Path) -> None:
    """A daemon that was downgraded behind a socket that somebody else keeps open, as systemd does."""
    with Stranger(tmp_path / "engine.sock", Character("26.1.5", "1.45")) as stranger:
        client = Client(Endpoint(stranger.host))
        assert client.get("/info", deadline=5.0)["ServerVersion"] == "26.1.5"
        stranger.character = Character("20.10.24", "1.41")
        with pytest.raises(Transient, match="too new"):
            client.get("/info", deadline=5.0)
        assert client.get("/info", deadline=5.0)["ServerVersion"] == "20.10.24"
        client.close()
    assert stranger.asked[-1] == "GET /v1.41/info"


@pytest.mark.parametrize(
    ("character", "line"),
    [
        (PODMAN, "fail  kind            Podman's socket: its events and labels differ too much"),
        (ENGINE_19, "fail  engine version  Docker Engine 19.03.15 is too old"),
        (ENGINE_29, "ok    engine version  29.1.0 (20.10 or newer is needed)"),
    ],
    ids=["podman", "older", "newer"],
)
def test_doctor_names_who_answers(tmp_path: Path, ask: Ask, character: Character, line: str) -> None:
    with Stranger(tmp_path / "engine.sock", character) as stranger:
        ran = ask(stranger, "doctor")
    assert line in ran.out.splitlines()


def test_doctor_blames_the_docker_command_where_the_engine_refuses_that(tmp_path: Path, ask: Ask) -> None:
    with Stranger(tmp_path / "engine.sock", ENGINE_OF_LATER) as stranger:
        ran = ask(stranger, "doctor")
    assert ran.code == 1 and "mend: update the `docker` command, the engine is too new for it" in ran.out
