"""The status of stacks some of whose files are broken: nothing is left out, and nothing old is told as new."""

from __future__ import annotations

from contextlib import closing

import pytest

from controller.engines.base import Scope
from controller.engines.simulated_world import Simulation
from controller.loop.session import Session
from controller.model.errors import InvalidInput
from controller.model.status import StackStatus
from tests.component.house import House
from tests.component.waiting import eventually


def ask(house: House, *names: str) -> tuple[dict[str, StackStatus], list[str]]:
    with closing(Session(house.engine, house.asked(*names), lambda _: None, Simulation)) as session:
        return {one.name: one for one in session.status()}, [str(item) for item in session.warnings]


def spoil(house: House, name: str) -> None:
    manifest = house.folder / f"{name}.yaml"
    manifest.write_text(manifest.read_text().replace("compose:", "compsoe:"))


def held(status: StackStatus) -> list[str]:
    return [one.message for one in status.conditions if one.type == "GenerationHeld" and one.status == "True"]


def converge(house: House, *names: str) -> None:
    for name in names:
        house.write(name)
    well = lambda: all(one in house.ear.statuses and house.ear.statuses[one].phase == "Converged" for one in names)  # noqa: E731
    house.run(lambda: eventually(well), house.asked(*names))


def test_with_nobody_who_keeps_it_a_stack_with_broken_files_is_looked_at(house: House) -> None:
    converge(house, "one")
    spoil(house, "one")
    status, warnings = ask(house, "one")
    assert (status["one"].phase, status["one"].generation) == ("Converged", 1)
    assert "compsoe" in held(status["one"])[0] and not warnings
    (replica,) = house.engine.observe(Scope("one")).services["db"].replicas
    house.engine.meddle("one", lambda hands, now: hands.remove(replica.id, now))
    status, _ = ask(house, "one")
    assert status["one"].phase == "Degraded"
    assert [(one.phase, one.ready) for one in status["one"].services] == [("Degraded", 0)]


def test_what_its_keeper_says_counts(house: House) -> None:
    house.write("one")

    def script() -> None:
        eventually(lambda: "one" in house.ear.statuses and house.ear.statuses["one"].phase == "Converged")
        spoil(house, "one")
        eventually(lambda: "GenerationHeld" in house.ear.conditions("one"))
        eventually(lambda: ask(house, "one") == ({"one": house.ear.statuses["one"]}, []))

    house.run(script, house.asked("one"), watch=True)


def test_beside_others_a_broken_stack_that_nobody_knows_is_told(house: House) -> None:
    converge(house, "one")
    house.write("two")
    spoil(house, "two")
    status, warnings = ask(house, "one", "two")
    assert list(status) == ["one"] and not held(status["one"])
    assert len(warnings) == 1 and "two.yaml" in warnings[0] and "compsoe" in warnings[0]
    with pytest.raises(InvalidInput, match="compsoe"):
        ask(house, "two")


def test_a_sound_stack_beside_a_broken_one_in_the_same_file_is_told_once_and_as_sound(house: House) -> None:
    converge(house, "one")
    house.write("two")
    spoil(house, "two")
    one, two = (house.folder / f"{name}.yaml" for name in ("one", "two"))
    one.write_text(f"{one.read_text()}---\n{two.read_text()}")
    status, warnings = ask(house, "one")
    assert list(status) == ["one"] and not held(status["one"])
    assert len(warnings) == 1 and "compsoe" in warnings[0]
