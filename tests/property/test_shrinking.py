"""The bed's own tools: a world is the same again in another process, and a broken promise comes out small."""

import os
import subprocess
import sys
from collections.abc import Iterable

import pytest

from controller.decide import rollout
from controller.model.observed import ReplicaPhase
from tests.builders import NOW, checked, stack, timings
from tests.property.kinds import KINDS, draw
from tests.property.life import Event, Life, begin
from tests.property.many import main, report, run
from tests.property.shrink import find_break, shrink, tell

pytestmark = pytest.mark.unit

TRACE = """
from tests.property.kinds import KINDS, draw
for kind in KINDS:
    life = draw(kind, 4)
    play = KINDS[kind].live(life)
    print(kind, life, play.done, play.now, play.world.histories)
"""


@pytest.mark.slow
def test_a_seed_gives_the_same_world_and_the_same_life_in_every_process() -> None:
    def trace(hashes: str) -> str:
        env = {**os.environ, "PYTHONHASHSEED": hashes}
        child = subprocess.run((sys.executable, "-c", TRACE), env=env, capture_output=True, text=True, check=True)
        return child.stdout

    first = trace("1")
    assert first.count("\n") == len(KINDS)
    assert first == trace("2")


@pytest.fixture
def surge_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replicas are created beside all the old ones, as if there were room."""

    def all_at_once(case, parts) -> int:
        return case.want.replicas - len(parts.fresh)

    monkeypatch.setattr(rollout, "_may_create", all_at_once)


def first_broken(kinds: Iterable[str]) -> tuple[str, int]:
    return next((kind, seed) for seed in range(50) for kind in kinds if find_break(KINDS[kind].live, draw(kind, seed)))


def test_a_planted_bug_comes_out_as_one_service_and_at_most_two_events(surge_bug: None) -> None:
    kind, seed = first_broken(("edits", "any"))
    life, live = draw(kind, seed), KINDS[kind].live
    broken = find_break(live, life)
    assert broken is not None
    small = shrink(live, life, broken)
    found = find_break(live, small)
    assert found is not None and found.place == broken.place
    assert (len(small.stack.services), len(small.events) <= 2, small.faults) == (1, True, None), tell(small)


def test_a_report_tells_the_promise_the_script_and_the_command_that_replays_it(surge_bug: None, capsys) -> None:
    kind, seed = first_broken(("edits",))
    told = report(kind, seed)
    command = f"python -m tests.property.many --kind {kind} --seed {seed}"
    assert KINDS[kind].promise in told and "services" in told and told.endswith(f"replay: {command}")
    assert main(command.split()[3:]) == 1
    assert capsys.readouterr().out.strip() == told


def test_the_runner_stops_at_the_first_broken_promise_and_says_which(surge_bug: None) -> None:
    assert "replay: " in run(200, jobs=1, kinds=("edits",), chatty=False)


def test_the_runner_counts_what_it_played(capsys) -> None:
    assert main(["--worlds", str(2 * len(KINDS)), "--jobs", "1"]) == 0
    told = capsys.readouterr().out
    assert f"{2 * len(KINDS)} worlds, no promise broken" in told and "kills" in told
    assert all(f"{kind} 2" in told for kind in KINDS)


def test_a_life_without_a_broken_promise_is_no_break() -> None:
    assert report("cold", 1) == ""


def test_events_strike_at_their_instant_and_are_taken_back() -> None:
    life = Life(stack(checked("s0")), timings(), (Event(100.0, "stop", "s0", lasts=50.0),), until=400.0)
    play = begin(life)
    for until, phase in ((99.0, ReplicaPhase.RUNNING), (140.0, ReplicaPhase.EXITED), (300.0, ReplicaPhase.RUNNING)):
        play.run(NOW + until)
        assert {replica.phase for replica in play.simulation.view("s0", play.now).replicas} == {phase}
