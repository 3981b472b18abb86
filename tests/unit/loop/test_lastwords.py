"""Whose last lines are read, when, and how often."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from controller.loop.lastwords import LastWords
from controller.model.errors import Transient
from controller.model.observed import Health, Replica, ReplicaPhase
from tests.builders import NOW, exited, healthy, replica

pytestmark = pytest.mark.unit

PATIENCE = 60.0


class Printed:
    """What a container printed; of the engine nothing else is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.fails = False
        self.lines = ["connecting", "no route to db"]

    def logs(self, replica: str, *, tail: int, since: float | None) -> list[str]:
        self.asked += 1
        if self.fails:
            raise Transient("busy")
        return self.lines


def starting(age: float, **others: Any) -> Replica:
    return replica(health=Health.STARTING, started_at=NOW - age, **others)


SAID = "connecting\nno route to db"
ROWS = [
    ("it ended with an error", exited(exit_code=1), SAID),
    ("it ended well", exited(exit_code=0), ""),
    ("the engine says why it could not start", exited(exit_code=127, last_output="no such file"), "no such file"),
    ("Docker has started it again", replica(health=Health.STARTING, restarts=1, started_at=NOW - 1), SAID),
    (
        "Docker has started it again, and its check has said something since",
        replica(health=Health.STARTING, restarts=1, started_at=NOW - 1, last_output="connection refused"),
        f"{SAID}\nconnection refused",
    ),
    ("it is about to be restarted", replica(phase=ReplicaPhase.RESTARTING, exit_code=1), SAID),
    ("it is ready", healthy(started_at=NOW - 500), ""),
    ("it has only begun", starting(10.0, last_output="503"), "503"),
    ("half of its time is over", starting(40.0, last_output="503"), f"{SAID}\n503"),
    ("nothing tells whether it is ready", replica(health=Health.NONE, started_at=NOW - 500), ""),
    ("unhealthy", replica(health=Health.UNHEALTHY, started_at=NOW - 5, last_output="503"), f"{SAID}\n503"),
]


@pytest.mark.parametrize(("seen", "said"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_whose_words_are_told(seen: Replica, said: str) -> None:
    assert LastWords(Printed()).add(seen, PATIENCE, NOW).last_output == said  # type: ignore[arg-type]


def test_what_was_slow_and_ended_then_has_other_last_words() -> None:
    """Those of when it was slow say nothing of why it ended."""
    printed = Printed()
    words = LastWords(printed)  # type: ignore[arg-type]
    slow = starting(40.0)
    words.add(slow, PATIENCE, NOW)
    printed.lines = ["FATAL: no such database"]
    ended = replace(slow, phase=ReplicaPhase.EXITED, health=Health.NONE, exit_code=1, finished_at=NOW + 20)
    assert ended.life == slow.life
    assert words.add(ended, PATIENCE, NOW + 20).last_output == "FATAL: no such database"


def test_secrets_in_them_are_masked() -> None:
    """They are told in reasons and events, and kept."""
    printed = Printed()
    printed.lines = ["connecting to postgres://app:hunter2@db/x", "FATAL"]
    words = LastWords(printed)  # type: ignore[arg-type]
    assert words.add(exited(), PATIENCE, NOW).last_output == "connecting to postgres://app:***@db/x\nFATAL"
    sick = replica(health=Health.UNHEALTHY, last_output="refused: token=hunter2")
    assert words.add(sick, PATIENCE, NOW).last_output.endswith("refused: token=***")


def test_secrets_in_what_a_check_said_are_masked_also_of_one_that_is_well() -> None:
    words = LastWords(Printed())  # type: ignore[arg-type]
    seen = healthy(started_at=NOW - 500, last_output="cannot reach postgres://app:hunter2@db/shop")
    assert "hunter2" not in words.add(seen, PATIENCE, NOW).last_output


def test_they_are_read_once_for_each_life() -> None:
    printed = Printed()
    words = LastWords(printed)  # type: ignore[arg-type]
    for restarts in (0, 0, 1, 1):
        words.add(exited(exit_code=1, restarts=restarts), PATIENCE, NOW)
    assert printed.asked == 2


def test_what_cannot_be_had_now_is_asked_for_again() -> None:
    printed = Printed()
    printed.fails = True
    words = LastWords(printed)  # type: ignore[arg-type]
    assert words.add(exited(), PATIENCE, NOW).last_output == ""
    printed.fails = False
    assert words.add(exited(), PATIENCE, NOW).last_output == SAID
