"""A look that is no observation takes back nothing that is known of who it leaves out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import pytest

from controller.engines.base import Execution, Scope
from controller.health.prober import Clocks, Prober
from controller.loop.senses import Senses
from controller.model.errors import EngineError
from controller.model.names import ReplicaId
from controller.model.observed import Health, Observed, Replica, ServiceView
from tests.builders import probe, service, stack
from tests.component.probing import WALL, replica

pytestmark = [pytest.mark.unit, pytest.mark.fault("D6")]


class Engine:
    """One replica is there. `lies`: its list leaves it out."""

    def __init__(self, web: Replica) -> None:
        self.web, self.lies = web, False

    def observe(self, scope: Scope) -> Observed:
        view = ServiceView(() if self.lies else (self.web,), WALL)
        return Observed(scope.stack, {"web": view}, WALL)

    def absent(self, replicas: Collection[ReplicaId]) -> frozenset[ReplicaId]:
        return frozenset(replicas) - {self.web.id}

    def execute(self, *_: object, **__: object) -> Execution:
        return Execution(0, "")


def test_a_list_that_leaves_out_who_is_there_takes_no_verdict_back() -> None:
    wanted = stack(service("web", readiness=probe(), startup=probe()))
    engine = Engine(replica(started_at=WALL, health=Health.STARTING))
    prober = Prober(engine, lambda *_: None, Clocks(lambda: WALL, lambda: 0.0), workers=0)  # type: ignore[arg-type]
    senses = Senses(engine, prober, lambda: {engine.web.id: wanted.services["web"].revision}, dict, WALL)  # type: ignore[arg-type]

    def look() -> Health:
        _, views = senses.look(wanted, None)
        return views["web"].replicas[0].health

    for _ in range(3):
        look()
        prober.run_due()
    assert look() is Health.HEALTHY
    engine.lies = True
    with pytest.raises(EngineError):
        senses.look(wanted, None)
    engine.lies = False
    assert look() is Health.HEALTHY
    engine.web = replace(engine.web, started_at=WALL + 1)
    assert look() is Health.STARTING, "another life has to begin"
