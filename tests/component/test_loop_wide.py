"""Two hundred services in one stack: at rest a pass is one look and no write, and who falls is healed alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.engines.base import Scope
from controller.model.observed import Observed
from tests.component.stage import Stage, converged, load, service

pytestmark = [pytest.mark.unit, pytest.mark.fault("I9")]

WIDE = 200


def count_looks(stage: Stage, looks: list[Scope]) -> None:
    observe = stage.engine.observe

    def noting(scope: Scope, *, deadline: float = 10.0) -> Observed:
        looks.append(scope)
        return observe(scope, deadline=deadline)

    stage.engine.observe = noting  # type: ignore[method-assign]


def test_at_rest_a_pass_is_one_look_and_no_write_and_who_falls_is_looked_at_alone(tmp_path: Path) -> None:
    quick = {"controller.simulated.ready": "0.1"}
    stage = Stage(tmp_path, load({f"s{number}": service(labels=quick) for number in range(WIDE)}))
    stage.settle(900, step=5.0, until=lambda: converged(stage))
    stage.settle(20, step=5.0)
    assert stage.running() == WIDE
    before, (one,) = {replica.id: replica.life for replica in stage.replicas()}, stage.replicas("s7")
    looks: list[Scope] = []
    count_looks(stage, looks)
    written, done = stage.store._database._connection.total_changes, len(stage.actions())
    for _ in range(5):
        stage.turn()
    assert [scope.only for scope in looks] == [None] * 5
    assert stage.store._database._connection.total_changes == written and len(stage.actions()) == done
    looks.clear()
    stage.meddle(lambda hands, now: hands.kill(one.id, now))
    stage.settle(10)
    assert stage.actions()[done:] == [("Start", "s7")]
    assert looks and {scope.only for scope in looks} == {frozenset({"s7"})}
    after = {replica.id: replica.life for replica in stage.replicas()}
    assert {id_ for id_ in after if after[id_] != before[id_]} == {one.id}
