"""The status of stacks some of whose files are broken: nothing is left out, and nothing old is told as new."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from controller.engines.base import Scope
from controller.engines.simulated_world import Simulation
from controller.loop.schema import MIGRATIONS, mark_of
from controller.loop.session import Session
from controller.model.errors import InvalidInput
from controller.model.status import StackStatus
from tests.component.house import House
from tests.component.waiting import eventually


def ask(house: House, *files: str, stacks: tuple[str, ...] = ()) -> tuple[dict[str, StackStatus], list[str]]:
    asked = replace(house.asked(*files), stacks=stacks)
    with closing(Session(house.engine, asked, lambda _: None, Simulation)) as session:
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


def both_in_one_file(house: House) -> None:
    """`one`, which is known and sound, and `two`, which nobody knows and which is broken."""
    house.write("two")
    spoil(house, "two")
    one, two = (house.folder / f"{name}.yaml" for name in ("one", "two"))
    one.write_text(f"{one.read_text()}---\n{two.read_text()}")


def test_a_sound_stack_beside_a_broken_one_in_the_same_file_is_told_once_and_as_sound(house: House) -> None:
    converge(house, "one")
    both_in_one_file(house)
    status, warnings = ask(house, "one")
    assert list(status) == ["one"] and not held(status["one"])
    assert len(warnings) == 1 and "compsoe" in warnings[0]
    status, warnings = ask(house, "one", stacks=("one",))
    assert list(status) == ["one"] and not held(status["one"]) and not warnings
    with pytest.raises(InvalidInput, match="compsoe"):
        ask(house, "one", stacks=("two",))


def test_nor_is_it_held_by_who_keeps_it(house: House) -> None:
    house.write("one")

    def script() -> None:
        eventually(lambda: "one" in house.ear.statuses and house.ear.statuses["one"].phase == "Converged")
        both_in_one_file(house)
        eventually(lambda: house.ear.said("InvalidInput"))
        eventually(lambda: house.ear.statuses["one"].phase == "Converged")
        assert "GenerationHeld" not in house.ear.conditions("one")

    house.run(script, house.asked("one"), watch=True)


def test_two_broken_ones_of_a_file_have_a_fault_each(house: House) -> None:
    converge(house, "one")
    spoil(house, "one")
    both_in_one_file(house)
    status, warnings = ask(house, "one")
    assert len(held(status["one"])) == len(warnings) == 1
    assert "one.yaml:4:" in held(status["one"])[0] and "one.yaml:9:" in warnings[0]


@pytest.mark.parametrize("stacks", [(), ("one",)])
def test_where_not_even_its_name_can_be_read_it_is_known_by_its_file(house: House, stacks: tuple[str, ...]) -> None:
    converge(house, "one")
    (house.folder / "one.yaml").write_text("apiVersion: controller/v1\nkind: [Stack\n")
    status, warnings = ask(house, *(() if stacks else ("one",)), stacks=stacks)
    (message,) = held(status["one"])
    assert "one.yaml:" in message and "cannot be used any more" not in message and not warnings


def test_a_fault_in_a_document_with_a_new_name_holds_the_stack_whose_file_it_was(house: House) -> None:
    converge(house, "uno")
    (house.folder / "uno.yaml").unlink()
    house.write("one")
    manifest = house.folder / "one.yaml"

    def script() -> None:
        eventually(lambda: "one" in house.ear.statuses and house.ear.statuses["one"].phase == "Converged")
        manifest.write_text(manifest.read_text().replace("name: one", "name: uno").replace("compose:", "compsoe:"))
        eventually(lambda: "GenerationHeld" in house.ear.conditions("one"))
        assert "compsoe" in held(house.ear.statuses["one"])[0] and not house.ear.said("ReadFailed")

    house.run(script, house.asked("one"), watch=True)


def test_a_store_that_cannot_be_used_is_nobody_elses_business(house: House) -> None:
    converge(house, "one", "two")
    (house.folder / "one.yaml").write_text("apiVersion: controller/v1\nkind: [Stack\n")
    (database,) = house.asked().root.glob("*/two/state.db")
    newer = len(MIGRATIONS) + 1
    with closing(sqlite3.connect(database)) as kept:
        kept.execute(f"PRAGMA user_version = {newer}")
        kept.execute(f"PRAGMA application_id = {mark_of(newer)}")
    status, warnings = ask(house, "one")
    assert list(status) == ["one"] and held(status["one"]) and not warnings


def test_what_a_keeper_does_not_know_of_its_files_is_told_beside_what_it_says(house: House) -> None:
    house.write("one")

    def script() -> None:
        eventually(lambda: "one" in house.ear.statuses and house.ear.statuses["one"].phase == "Converged")
        spoil(house, "one")
        eventually(lambda: ask(house, "one")[0]["one"] == house.ear.statuses["one"])
        assert not held(house.ear.statuses["one"]) and "compsoe" in ask(house, "one")[1][0]

    house.run(script, house.asked("one"))
