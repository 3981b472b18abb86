"""Limits under a controller that measures: real threads and files, simulated containers that use what we say."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import pytest

from controller.engines.base import Scope
from controller.loop.session import Session
from controller.model.names import ReplicaId
from controller.model.observed import Replica
from controller.model.usage import Counters
from tests.component.house import House, Reading
from tests.component.served import Visit, converge, visit
from tests.component.waiting import eventually

pytestmark = pytest.mark.unit

MIB = 2**20
LIMITED = (
    "name: NAME\nservices: {db: {image: busybox, mem_limit: 64m, labels: {controller.simulated.start: '0.01'}},"
    " web: {image: busybox, labels: {controller.simulated.start: '0.01'}}}\n"
)
BOUNDS = "services: {db: {limits: {minMemory: 16m, maxMemory: 256m}}}"


def spec(mode: str, cooldown: str = "1s") -> str:
    adjust = f"autoAdjust: {{mode: {mode}, cooldown: {cooldown}}}"
    return f", metrics: {{interval: 1s}}, resources: {{{adjust}}}, {BOUNDS}"


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """MiB by service; what is not named uses as much as ever."""
    figures: dict[str, int] = {}
    count = Reading.usage

    def tell(self: Reading, replicas: Collection[Replica], *, deadline: float = 5.0) -> Mapping[ReplicaId, Counters]:
        found = count(self, replicas, deadline=deadline)
        by_id = {replica.id: replica.service for replica in replicas}
        return {
            replica: replace(counters, memory=figures[by_id[replica]] * MIB) if by_id[replica] in figures else counters
            for replica, counters in found.items()
        }

    monkeypatch.setattr(Reading, "usage", tell)
    return figures


def memory(house: House, service: str = "db") -> float:
    view = house.engine.observe(Scope("one")).services.get(service)
    return (view.replicas[0].limit.memory or 0) / MIB if view is not None and view.replicas else 0.0


def test_what_is_measured_moves_limits_and_a_person_has_the_last_word(house: House, used: dict[str, int]) -> None:
    house.write("one", LIMITED, spec("apply"))
    used["db"] = 60

    def script() -> None:
        eventually(lambda: memory(house) == 72)
        result = house.ask("resources-undo", "one", "db")
        assert result.ok and "memory 72Mi → 64Mi" in result.message and memory(house) == 64
        refused = house.ask("resources-undo", "one", "nobody")
        assert not refused.ok and "no service nobody" in refused.message
        used["db"] = 100
        taken = house.ask("resources-apply", "one", "db")
        assert taken.ok and memory(house) >= 72
        assert house.ask("resources-resume", "one", "db").ok
        eventually(lambda: memory(house) >= 120)

    assert house.run(script, house.asked("one")) == 0
    assert house.ear.said("CallFailed") == []
    assert house.ear.said("LimitAdjusted")[0].startswith("memory 64Mi → 72Mi: uses 60Mi")


def test_who_only_asks_is_told_the_same(house: House, used: dict[str, int]) -> None:
    house.write("one", LIMITED, spec("recommend"))
    used["db"] = 60

    def script() -> None:
        session = Session(house.engine, house.asked("one"), lambda _: None, lambda *_: None)
        gauge = session.gauge()

        def recommended() -> Any:
            (stack,) = session.limits(gauge.take(session.status()))
            db, web = stack.services
            assert web.resources[0].limit is None
            return db.resources[0].recommendation

        eventually(lambda: recommended() is not None)
        found = recommended()
        assert (found.present, found.target) == (64 * MIB, 72 * MIB) and found.why.startswith("uses 60Mi")
        assert "resources apply db" in found.waits
        assert memory(house) == 64

    assert house.run(script, house.asked("one")) == 0
    assert house.ear.said("LimitAdjusted") == []


def test_a_controller_that_comes_later_knows_what_was_measured_before(house: House, used: dict[str, int]) -> None:
    """A limit is lowered only after a while; that while is not begun anew."""
    house.write("one", LIMITED, spec("recommend"))
    used["db"] = 20
    house.run(lambda: eventually(lambda: house.ear.statuses and _samples(house) >= 3), house.asked("one"))
    before = _samples(house)
    house.write("one", LIMITED, spec("apply"))
    session = Session(house.engine, house.asked("one"), lambda _: None, lambda *_: None)
    (stack,) = session.limits(session.gauge().take(session.status()))
    use = stack.services[0].resources[0].use
    assert before >= 3 and use is not None and use.samples >= 3 and use.span > 1.0


def _samples(house: House) -> int:
    session = Session(house.engine, house.asked("one"), lambda _: None, lambda *_: None)
    found = session.usage_history(["one"], 60.0)["one"]
    return max((len(series.points) for series in found), default=0)


def test_the_api_tells_and_takes_the_same(house: House, used: dict[str, int]) -> None:
    house.write("shop", LIMITED, spec("recommend"))
    used["db"] = 60

    def script(there: Visit) -> None:
        converge(there)
        found = lambda: there.get("/v1/stacks/shop/resources")["services"][0]["memory"]  # noqa: E731
        eventually(lambda: found()["recommended"] is not None)
        assert there.get("/v1/stacks/shop/resources")["mode"] == "recommend"
        told = found()
        assert (told["limit"], told["used"], told["recommended"]["limit"]) == (64 * MIB, 60 * MIB, 72 * MIB)
        assert told["recommended"]["possible"] and "recommend" in told["recommended"]["waits"]
        done = there.ask("shop", "resources-apply", "db")
        assert done["exitCode"] == 0
        eventually(lambda: found()["limit"] == 72 * MIB)
        assert found()["adjusted"] and there.ask("shop", "resources-undo", "db")["exitCode"] == 0
        assert there.http.get("/v1/stacks/none/resources").status_code == 404

    visit(house, script)
