"""The contract on the simulated engine: in memory and with its state in a file, under a clock moved by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from controller.engines.base import Engine
from controller.engines.simulated import SimulatedEngine
from controller.engines.simulated_clock import HandClock
from controller.engines.simulated_faults import Faults
from controller.engines.simulated_stack import Settings
from controller.model.names import ReplicaId
from controller.model.project import ImageDefaults, RenderedProject
from tests.contract.bench import Bench, make_services, write_project
from tests.contract.engine_contract import EngineContract

pytestmark = pytest.mark.unit

NAME = "contract"
IMAGE = "busybox"
NOW = 1_700_000_000.0
BRINGING = "local/bringing:1"
SETTINGS = Settings(
    missing=frozenset({"local/does-not-exist:0"}), images={BRINGING: ImageDefaults(True, ("/data", "/var/lib/x"))}
)


class StrangeHands:
    def __init__(self, engine: SimulatedEngine) -> None:
        self._engine = engine

    def kill(self, replica: ReplicaId) -> None:
        self._engine.meddle(NAME, lambda hands, now: hands.kill(replica, now))

    def pause(self, replica: ReplicaId) -> None:
        self._engine.meddle(NAME, lambda hands, now: hands.pause(replica, now))

    def remove(self, replica: ReplicaId) -> None:
        self._engine.meddle(NAME, lambda hands, now: hands.remove(replica, now))


def rendered(services: Mapping[str, Any]) -> RenderedProject:
    """As Compose prints it: the long form comes out as it went in."""
    return RenderedProject(NAME, {"name": NAME, "services": services})


class TestSimulatedEngine(EngineContract):
    @pytest.fixture(params=["memory", "file"])
    def bench(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
        clock = HandClock(NOW)
        folder = tmp_path / "state" if request.param == "file" else None
        engine = SimulatedEngine(folder, clock=clock, settings=SETTINGS)
        services = make_services(IMAGE)
        project = write_project(tmp_path, NAME, services, {})
        bench = Bench(engine, project, rendered(services), StrangeHands(engine))
        bench.sleep = clock.sleep
        yield bench
        engine.close()

    @pytest.fixture
    def away(self) -> Engine:
        return SimulatedEngine(clock=HandClock(NOW), settings=Settings(faults=Faults(away=((0.0, 2 * NOW),))))

    @pytest.fixture
    def bringing(self) -> str:
        return BRINGING

    @pytest.fixture
    def record(self, bench: Bench) -> Callable[[str, dict[str, object]], str]:
        def fingerprint(service: str, changes: dict[str, object]) -> str:
            services = dict(make_services(IMAGE))
            services[service] = {**services[service], **changes}
            return bench.engine.record(bench.project, rendered(services)).templates[service].fingerprint

        return fingerprint
