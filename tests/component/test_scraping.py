"""Scrapes of a running controller: real sockets and threads, simulated containers that have addresses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families as read_text

from controller.engines.base import Scope
from controller.loop.alertbook import Posted
from controller.loop.window import Window
from controller.model.errors import ControllerError
from controller.model.observed import Observed, ServiceView
from tests.component.house import House, Reading, open_house
from tests.component.served import Visit, converge, visit
from tests.component.waiting import eventually

pytestmark = pytest.mark.unit

WEB = (
    "name: NAME\nservices: {web: {image: busybox, ports: [{target: 80, protocol: tcp}], "
    "labels: {controller.simulated.start: '0.01'}}}\n"
)
MEASURED = ", metrics: {interval: 1s}"


class Addressed(Reading):
    """Its containers have addresses."""

    def observe(self, scope: Scope, *, deadline: float = 10.0) -> Observed:
        seen = super().observe(scope, deadline=deadline)
        return replace(seen, services={name: _addressed(view) for name, view in seen.services.items()})


def _addressed(view: ServiceView) -> ServiceView:
    return replace(view, replicas=tuple(replace(one, address=f"172.18.0.{one.number}") for one in view.replicas))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path, Addressed(tmp_path / "world")) as made:
        yield made


def samples(text: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in read_text(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def test_a_scrape_tells_of_stacks_their_use_and_the_machine(house: House) -> None:
    house.write("shop", WEB, MEASURED)
    house.write("idle", spec=MEASURED)

    def script(there: Visit) -> None:
        converge(there)
        converge(there, "idle")
        eventually(lambda: "controller_replica_cpu_cores{" in there.http.get("/metrics").text, 20)
        answer = there.http.get("/metrics")
        assert answer.headers["content-type"].startswith("text/plain; version=")
        found = samples(answer.text)
        assert dict((labels["stack"], up) for labels, up in found["controller_engine_up"]) == {"idle": 1, "shop": 1}
        present = [labels for labels, value in found["controller_service_phase"] if value == 1]
        assert {"stack": "shop", "service": "web", "phase": "Ready"} in present and len(present) == 2
        assert {labels["replica"] for labels, _ in found["controller_replica_memory_bytes"]} == {
            "shop-web-1",
            "idle-db-1",
        }
        assert all(value > 0 for name in ("passes", "pass_seconds") for _, value in found[f"controller_{name}_total"])
        assert found["controller_host_memory_total_bytes"][0][1] > 1 << 20

    visit(house, script, "shop", "idle")


def test_the_format_is_the_one_that_is_accepted(house: House) -> None:
    house.write("shop", WEB)

    def script(there: Visit) -> None:
        accept = "application/openmetrics-text;version=1.0.0;q=0.9,text/plain;q=0.1"
        opened = there.http.get("/metrics", headers={"accept": accept})
        assert opened.headers["content-type"].startswith("application/openmetrics-text")
        assert opened.text.endswith("# EOF\n")

    visit(house, script)


def test_an_engine_that_is_away_is_told_and_nothing_breaks(house: House) -> None:
    house.write("shop", WEB)

    def up(there: Visit) -> float:
        return samples(there.http.get("/metrics").text)["controller_engine_up"][0][1]

    def script(there: Visit) -> None:
        converge(there)
        house.engine.away = 10**6
        there.http.post("/v1/stacks/shop/intents", json={"verb": "retry"})
        eventually(lambda: up(there) == 0, 20)
        house.engine.away = 0
        eventually(lambda: up(there) == 1, 20)

    visit(house, script)


def test_a_stack_whose_store_cannot_be_read_hides_no_other(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.write("shop", WEB)
    house.write("idle")
    read = Window.alerts

    def read_one(window: Window, stack: str) -> Posted:
        if stack == "idle":
            raise ControllerError("state.db: disk I/O error")
        return read(window, stack)

    def script(there: Visit) -> None:
        converge(there)
        converge(there, "idle")
        monkeypatch.setattr(Window, "alerts", read_one)
        found = samples(there.http.get("/metrics").text)
        for name, figures in {"store": {"idle": 0, "shop": 1}, "engine": {"idle": 1, "shop": 1}}.items():
            assert {labels["stack"]: up for labels, up in found[f"controller_{name}_up"]} == figures
        assert {labels["stack"] for labels, _ in found["controller_service_replicas_ready"]} == {"idle", "shop"}

    visit(house, script, "shop", "idle")


def test_nobody_scrapes_without_a_key(house: House) -> None:
    house.write("shop", WEB)

    def script(there: Visit) -> None:
        for path in ("/metrics", "/v1/sd"):
            refused = there.stranger.get(path)
            assert refused.status_code == 401 and "shop" not in refused.text

    visit(house, script)


def test_ready_replicas_are_discovered(house: House) -> None:
    custom = ", metrics: {custom: [{name: jobs, service: web, series: jobs, http: {port: 9100, path: /metrics}}]}"
    house.write("shop", WEB, custom)
    house.write("idle")

    def script(there: Visit) -> None:
        converge(there)
        converge(there, "idle")
        plain, scraped = there.get("/v1/sd")
        assert (plain["targets"], scraped["targets"]) == (["172.18.0.1:80"], ["172.18.0.1:9100"])
        assert scraped["labels"]["__metrics_path__"] == "/metrics"
        assert scraped["labels"]["__meta_controller_replica"] == "shop-web-1"
        assert there.get("/v1/sd", stack="shop", service="web") == [plain, scraped]
        assert (
            there.get("/v1/sd", stack="idle")
            == there.get("/v1/sd", service="db")
            == there.get("/v1/sd", stack="x")
            == []
        )
        there.ask("shop", "stop")
        assert there.get("/v1/sd") == []

    visit(house, script, "shop", "idle")


def test_discovery_can_be_switched_off(house: House) -> None:
    house.write("shop", WEB)

    def script(there: Visit) -> None:
        assert there.http.get("/v1/sd").status_code == 404
        assert there.http.get("/metrics").status_code == 200

    visit(house, script, discovery=False)
