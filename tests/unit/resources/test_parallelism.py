"""How many starts a machine bears: the table, and that more pressure never means more of them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.engines.base import EngineInfo
from controller.resources.parallelism import Machine, slots, starts_at_once, tell_squeeze
from controller.resources.pressure import Pressure
from controller.resources.starts import Starts, count_cores, read_machine

pytestmark = pytest.mark.unit

TABLE = [
    pytest.param(Machine(2), 3, None, "", id="cores and one, where nothing is known but them"),
    pytest.param(Machine(1), 2, None, "", id="one core"),
    pytest.param(Machine(16), 17, None, "", id="many cores"),
    pytest.param(Machine(2, Pressure(0.3, 0.0, 0.1), 0.8), 3, None, "", id="a machine at its usual work"),
    pytest.param(Machine(2, Pressure(cpu=1.0)), 3, None, "", id="busy cores: each has its share"),
    pytest.param(Machine(2, memory_left=0.15), 3, None, "", id="just enough memory"),
    pytest.param(Machine(2, memory_left=0.12), 2, None, "12% of the memory is free", id="memory becomes short"),
    pytest.param(Machine(2, memory_left=0.08), 1, 1, "8% of the memory is free", id="fewer services, too"),
    pytest.param(Machine(8, memory_left=0.09), 4, 4, "9% of the memory is free", id="in between of more"),
    pytest.param(Machine(8, memory_left=0.01), 1, 1, "1% of the memory is free", id="never below one"),
    pytest.param(
        Machine(8, Pressure(memory=0.4)), 1, 1, "tasks wait for memory 40% of the time", id="all wait for memory"
    ),
    pytest.param(
        Machine(8, Pressure(memory=0.4), memory_left=0.6), 9, None, "", id="a container at a limit of its own"
    ),
    pytest.param(Machine(8, Pressure(io=0.49)), 9, None, "", id="a disk at work"),
    pytest.param(Machine(8, Pressure(io=0.5)), 8, None, "tasks wait for the disk 50% of the time", id="a busy disk"),
    pytest.param(Machine(1, Pressure(io=1.0)), 1, None, "tasks wait for the disk 100% of the time", id="one by one"),
]


@pytest.mark.parametrize(("machine", "at_once", "services", "why"), TABLE)
def test_what_a_machine_bears(machine: Machine, at_once: int, services: int | None, why: str) -> None:
    assert (starts_at_once(machine), slots(machine), tell_squeeze(machine)) == (at_once, services, why)


shares = st.none() | st.floats(0.0, 1.0)
machines = st.builds(
    Machine,
    cores=st.integers(1, 256),
    pressure=st.builds(Pressure, shares, shares, shares),
    memory_left=shares,
)


@given(machines)
def test_there_is_always_one_and_never_more_than_cores_and_one(machine: Machine) -> None:
    assert 1 <= starts_at_once(machine) <= machine.cores + 1
    assert 1 <= (slots(machine) or 1) <= machine.cores + 1


@given(machines, st.sampled_from(Pressure._fields), st.lists(st.floats(0.0, 1.0), min_size=2))
def test_more_pressure_never_means_more_starts(machine: Machine, kind: str, values: list[float]) -> None:
    steps = [machine._replace(pressure=machine.pressure._replace(**{kind: one})) for one in sorted(values)]
    assert all(starts_at_once(less) >= starts_at_once(more) for less, more in pairwise(steps))
    assert all(_bound(less) >= _bound(more) for less, more in pairwise(steps))


@given(machines, st.lists(st.floats(0.0, 1.0), min_size=2))
def test_nor_does_less_memory(machine: Machine, values: list[float]) -> None:
    steps = [machine._replace(memory_left=one) for one in sorted(values, reverse=True)]
    assert all(starts_at_once(more) >= starts_at_once(less) for more, less in pairwise(steps))
    assert all(_bound(more) >= _bound(less) for more, less in pairwise(steps))


def _bound(machine: Machine) -> float:
    bound = slots(machine)
    return float("inf") if bound is None else bound


@given(machines)
def test_fewer_than_usual_are_told_why(machine: Machine) -> None:
    if starts_at_once(machine) < machine.cores + 1 or slots(machine) is not None:
        assert tell_squeeze(machine)


def test_a_reading_holds_for_a_second() -> None:
    now, read = [10.0], [Machine(2), Machine(2, memory_left=0.01), Machine(2)]
    starts = Starts(lambda: read.pop(0), lambda: now[0])
    seen = []
    for now[0] in (10.0, 10.9, 11.0, 11.9, 12.0):
        seen.append((starts.at_once(), starts.slots(), starts.tell()))
    assert [at_once for at_once, _, _ in seen] == [3, 3, 1, 1, 3]
    assert seen[2] == (1, 1, "1% of the memory is free") and not read


def engine(*, shares_host: bool, cores: int | None) -> EngineInfo:
    return EngineInfo("x", "x", "1", "1", "x", cores=cores, shares_host=shares_host)


def test_this_machine_can_be_read_where_the_engine_runs_on_it() -> None:
    machine = read_machine(engine(shares_host=True, cores=7))
    assert machine.cores == 7
    assert machine.memory_left is not None and 0.0 < machine.memory_left <= 1.0


@pytest.mark.parametrize(
    ("told", "cores"),
    [
        pytest.param(engine(shares_host=False, cores=7), 7, id="behind a local socket too, in a virtual machine"),
        pytest.param(engine(shares_host=False, cores=None), count_cores(), id="it does not say what it has"),
        pytest.param(None, count_cores(), id="it has not been asked yet"),
    ],
)
def test_how_this_machine_fares_says_nothing_of_an_engine_elsewhere(told: EngineInfo | None, cores: int) -> None:
    assert read_machine(told) == Machine(cores)
