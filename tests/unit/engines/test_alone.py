"""A command that hangs is not begun once more, for as long as it hangs."""

from __future__ import annotations

from typing import Any

import pytest

from controller.engines import alone
from controller.engines.alone import Alone
from controller.engines.base import Execution
from controller.model.errors import Conflict, EngineError, Transient
from controller.model.names import ReplicaId

pytestmark = pytest.mark.unit

WEB, COMMAND = ReplicaId("web"), ["count", "queue"]
HUNG, DONE = Execution(None, "no end within 5 s"), Execution(0, "7")


class Daemon:
    """Execs have numbers. `outcome`: of the next ones; `running`: an answer, or what asking for it raises."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun: list[str] = []
        self.asked: list[str] = []
        self.outcome: Execution | EngineError = DONE
        self.running: bool | EngineError = True
        monkeypatch.setattr(alone, "execute", self._execute)

    def _execute(self, _: object, replica: str, command: list[str], *, timeout: float, made: Any) -> Execution:
        self.begun.append(f"{replica}: {' '.join(command)}")
        made(str(len(self.begun)))
        return give(self.outcome)

    def get(self, path: str, *, deadline: float) -> dict[str, Any]:
        self.asked.append(path)
        return {"ID": "x", "Running": give(self.running)}


def give(outcome: Any) -> Any:
    if isinstance(outcome, EngineError):
        raise outcome
    return outcome


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Daemon:
    return Daemon(monkeypatch)


def run(here: Alone, command: list[str] = COMMAND, replica: ReplicaId = WEB) -> Execution:
    return here.execute(replica, command, timeout=5.0)


def test_one_that_ends_is_begun_each_time_and_nobody_asks_whether_it_runs(daemon: Daemon) -> None:
    here = Alone(daemon)  # type: ignore[arg-type]
    assert [run(here), run(here)] == [DONE, DONE]
    assert len(daemon.begun) == 2 and not daemon.asked


@pytest.mark.parametrize("outcome", [HUNG, Transient("Docker has gone")], ids=["hung", "lost out of sight"])
def test_one_that_runs_on_is_not_begun_again_until_it_has_ended(daemon: Daemon, outcome: Any) -> None:
    here, daemon.outcome = Alone(daemon), outcome  # type: ignore[arg-type]
    if isinstance(outcome, Execution):
        assert run(here) == outcome
    else:
        with pytest.raises(Transient):
            run(here)
    for _ in range(3):
        again = run(here)
        assert again.exit_code is None and "still runs" in again.output
    assert len(daemon.begun) == 1 and set(daemon.asked) == {"/exec/1/json"}
    daemon.running, daemon.outcome = False, DONE
    assert [run(here), run(here)] == [DONE, DONE] and len(daemon.begun) == 3


def test_others_are_not_held_up_by_it(daemon: Daemon) -> None:
    here, daemon.outcome = Alone(daemon), HUNG  # type: ignore[arg-type]
    run(here)
    daemon.outcome = DONE
    assert run(here, ["other"]) == run(here, COMMAND, ReplicaId("db")) == DONE


def test_what_is_gone_does_not_run_and_what_is_not_known_is_not_begun(daemon: Daemon) -> None:
    here, daemon.outcome = Alone(daemon), HUNG  # type: ignore[arg-type]
    run(here)
    daemon.running = Transient("no answer")
    with pytest.raises(Transient):
        run(here)
    daemon.running, daemon.outcome = Conflict("no such exec instance"), DONE
    assert run(here) == DONE and len(daemon.begun) == 2
