"""What a person asked for while another process holds the stack: written down, claimed, finished, followed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from controller.loop.database import Database
from controller.model.names import Instant

KEPT_INTENTS = 200


class IntentState(StrEnum):
    WAITING = "waiting"
    CLAIMED = "claimed"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Intent:
    """One request: verb and arguments of the command, and who asked. `result` is the command's data, as JSON text."""

    id: int
    verb: str
    args: Mapping[str, Any]
    who: str
    asked_at: Instant
    state: IntentState = IntentState.WAITING
    exit_code: int | None = None
    result: str = ""


class IntentBox:
    """The requests of one stack, in the order in which they came."""

    def __init__(self, database: Database, clock: Callable[[], Instant] = time.time) -> None:
        self._database = database
        self._clock = clock

    def add(self, verb: str, args: Mapping[str, Any], who: str) -> int:
        """Ask for something; durable when it returns. The number by which to follow it."""
        with self._database.write():
            number = self._database.insert(
                "INSERT INTO intents (verb, args, who, asked_at, state) VALUES (?, ?, ?, ?, ?)",
                (verb, json.dumps(dict(args), sort_keys=True), who, self._clock(), IntentState.WAITING),
            )
            self._database.execute(
                "DELETE FROM intents WHERE id <= ? AND state = ?", (number - KEPT_INTENTS, IntentState.DONE)
            )
            return number

    def waiting(self) -> int:
        """How many nobody has taken up yet."""
        row = self._database.row("SELECT COUNT(*) FROM intents WHERE state = ?", (IntentState.WAITING,))
        return int(row[0]) if row else 0

    def claim(self) -> Intent | None:
        """The oldest request that nobody has taken up; it is now the caller's."""
        if not self._database.row("SELECT 1 FROM intents WHERE state = ?", (IntentState.WAITING,)):
            return None
        with self._database.write():
            row = self._database.row(
                f"{_SELECT} WHERE state = ? ORDER BY id LIMIT 1",
                (IntentState.WAITING,),
            )
            if row is None:
                return None
            self._database.execute("UPDATE intents SET state = ? WHERE id = ?", (IntentState.CLAIMED, row[0]))
            return _intent(row)

    def finish(self, number: int, *, exit_code: int, result: str = "") -> None:
        """The request came to its end: exit code and data of the command that asked."""
        self._database.execute(
            "UPDATE intents SET state = ?, exit_code = ?, result = ?, ended_at = ? WHERE id = ?",
            (IntentState.DONE, exit_code, result, self._clock(), number),
        )

    def reopen(self) -> int:
        """Give back what a process claimed that has died; how many. Only the holder of the stack's lock may call it."""
        return self._database.execute(
            "UPDATE intents SET state = ? WHERE state = ?", (IntentState.WAITING, IntentState.CLAIMED)
        )

    def get(self, number: int) -> Intent | None:
        row = self._database.row(f"{_SELECT} WHERE id = ?", (number,))
        return _intent(row) if row else None

    def drop(self, number: int) -> None:
        """Take back a request that nobody will do any more."""
        self._database.execute("DELETE FROM intents WHERE id = ? AND state <> ?", (number, IntentState.DONE))

    def clear(self) -> None:
        """Forget every request that is not done. Only the holder of the stack's lock may call it."""
        self._database.execute("DELETE FROM intents WHERE state <> ?", (IntentState.DONE,))


def follow(box: IntentBox, number: int, *, pause: Callable[[], None], alive: Callable[[], bool]) -> Iterator[Intent]:
    """The request each time that it was looked at, until it is done; `pause` sleeps between two looks.

    Ends before that, with nothing left of the request, where nobody is there any more to do it.
    """
    while True:
        had_worker = alive()
        intent = box.get(number)
        if intent is None:
            return
        yield intent
        if intent.state is IntentState.DONE:
            return
        if not had_worker:
            box.drop(number)
            return
        pause()


_SELECT = "SELECT id, verb, args, who, asked_at, state, exit_code, result FROM intents"


def _intent(row: tuple[Any, ...]) -> Intent:
    number, verb, args, who, asked_at, state, exit_code, result = row
    return Intent(number, verb, json.loads(args), who, asked_at, IntentState(state), exit_code, result)
