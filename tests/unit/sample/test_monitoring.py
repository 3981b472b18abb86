"""The sample's alert rules and dashboards speak of metrics, labels and phases that there are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from controller.model.manifest import Stack
from controller.model.phases import Phase, StackPhase
from controller.web.families import FAMILIES
from tests.unit.sample.promql import Selector, groupings, selectors

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[3]
COMPOSE = ROOT / "compose"
BOARDS = sorted((COMPOSE / "grafana" / "dashboards").glob("*.json"))
OURS = {family.name: {*family.labels, "job", "instance"} for family in FAMILIES}
PROMETHEUS = {"up", "ALERTS"}
QDRANT = {"collections_vector_total"}


class Use(NamedTuple):
    where: str
    expression: str
    legend: str = ""


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((COMPOSE / "prometheus" / "rules.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels(board: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(board.read_text())["panels"]
    return found


def read_uses() -> Iterator[Use]:
    for rule in rules():
        yield Use(rule["alert"], rule["expr"], json.dumps(rule["annotations"]))
    for board in BOARDS:
        for panel in panels(board):
            for target in panel.get("targets", ()):
                yield Use(f"{board.stem}: {panel['title']}", target["expr"], target["legendFormat"])


USES = tuple(read_uses())


def servers_own() -> set[str]:
    """What rag-server counts and times, out of its source."""
    source = "".join(path.read_text() for path in (COMPOSE / "rag-server" / "ragserver").glob("*.py"))
    named = set(re.findall(r"\b(rag_\w+?)(?=[\" {])", source))
    return named | {f"rag_request_seconds_{part}" for part in ("bucket", "sum", "count")}


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ('sum by (a) (rate(x_total{b="c", d=~"e|f"}[5m])) > 0', [("x_total", (("b", "=", "c"), ("d", "=~", "e|f")))]),
        ("-y / on (z) group_left (w) y:sum or vector(0)", [("y", ()), ("y:sum", ())]),
        ("rate(x[$__rate_interval]) > 0.05", [("x", ())]),
    ],
)
def test_selectors_are_found(expression: str, found: list[Selector]) -> None:
    assert list(selectors(expression)) == found


@pytest.mark.parametrize("use", USES, ids=lambda use: use.where)
def test_every_metric_is_exposed_and_has_the_labels_that_are_asked_for(use: Use) -> None:
    found = list(selectors(use.expression))
    assert found
    for name, matchers in found:
        assert name in OURS.keys() | PROMETHEUS | QDRANT | servers_own(), use
        if name in OURS:
            asked = {label for label, _, _ in matchers} | groupings(use.expression)
            asked |= set(re.findall(r"\{\{ ?(?:\$labels\.)?(\w+) ?\}\}", use.legend))
            assert asked <= OURS[name], use


@pytest.mark.parametrize("use", USES, ids=lambda use: use.where)
def test_every_phase_that_is_matched_is_one(use: Use) -> None:
    known = {"controller_stack_phase": set(StackPhase), "controller_service_phase": set(Phase)}
    for name, matchers in selectors(use.expression):
        named = {word for label, _, value in matchers if label == "phase" for word in value.split("|")}
        assert named <= known.get(name, set()), use


def test_a_rule_says_how_bad_it_is_and_what_to_do() -> None:
    for rule in rules():
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert set(rule["annotations"]) == {"summary", "description"}, rule["alert"]


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.stem)
def test_a_dashboard_has_panels_beside_each_other_and_a_provisioned_source(board: Path) -> None:
    provisioned = yaml.safe_load((COMPOSE / "grafana" / "provisioning" / "datasources" / "prometheus.yaml").read_text())
    sources = {one["uid"] for one in provisioned["datasources"]}
    taken: set[tuple[int, int]] = set()
    for panel in panels(board):
        width, height, left, top = (panel["gridPos"][key] for key in "whxy")
        cells = {(x, y) for x in range(left, left + width) for y in range(top, top + height)}
        assert not cells & taken and max(x for x, _ in cells) < 24, panel["title"]
        taken |= cells
        assert panel["type"] == "row" or panel["datasource"]["uid"] in sources
    assert len({panel["id"] for panel in panels(board)}) == len(panels(board))


def test_the_dashboard_of_the_controller_tells_what_each_panel_means() -> None:
    for panel in panels(COMPOSE / "grafana" / "dashboards" / "controller.json"):
        if panel["type"] != "row":
            assert panel["description"]
            assert panel["fieldConfig"]["defaults"].keys() >= {"unit", "noValue"}, panel["title"]


def test_prometheus_shows_the_token_that_the_controller_makes_and_asks_where_it_listens() -> None:
    spec = Stack.model_validate(yaml.safe_load((ROOT / "manifests" / "rag.yaml").read_text())).spec
    service = yaml.safe_load((COMPOSE / "rag.yaml").read_text())["services"]["prometheus"]
    jobs = {
        job["job_name"]: job
        for job in yaml.safe_load((COMPOSE / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    }
    mounts = dict(volume.split(":")[:2] for volume in service["volumes"])
    assert spec.metrics.listen is not None and spec.metrics.token_file is not None
    token = (ROOT / "manifests" / spec.metrics.token_file).resolve()
    source = next(source for source in mounts if (COMPOSE / source).resolve() == token.parent)
    shown = f"{mounts[source]}/{token.name}"
    host, port = service["extra_hosts"][0].split(":")[0], spec.metrics.listen.rpartition(":")[2]
    assert service["extra_hosts"] == [f"{host}:host-gateway"] and spec.metrics.listen.startswith("host-gateway:")
    discovery = jobs["services"]["http_sd_configs"][0]
    assert jobs["controller"]["static_configs"] == [{"targets": [f"{host}:{port}"]}]
    assert discovery["url"] == f"http://{host}:{port}/v1/sd"
    assert jobs["controller"]["authorization"]["credentials_file"] == shown
    assert discovery["authorization"] == {"type": "Bearer", "credentials_file": shown}


def test_the_token_is_never_committed_and_its_folder_is_there_from_the_start() -> None:
    """A folder that is missing would be made by Docker, for root alone to write."""
    kept = (COMPOSE / "secrets" / "prometheus" / ".gitignore").read_text().splitlines()
    assert "*" in kept and "!.gitignore" in kept


def test_what_the_manifest_wants_measured_is_there_from_the_start() -> None:
    """A series that appears with the first request would be missing until then, and told so."""
    from ragserver.metrics import Metrics
    from ragserver.retrieval import Backends, Retrieval

    spec = Stack.model_validate(yaml.safe_load((ROOT / "manifests" / "rag.yaml").read_text())).spec
    metrics = Metrics()
    Retrieval(Backends(None, None, ""), metrics)
    exposed = metrics.render()
    for one in spec.metrics.custom:
        if one.service == "rag-server":
            assert f"{one.series} 0\n" in exposed
