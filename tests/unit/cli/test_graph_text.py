"""The graph as text, dot, mermaid and data."""

from __future__ import annotations

import pytest

from controller.decide.graph import build_graph
from controller.model.desired import Condition, Need
from controller.render.graph import StackGraph, dot_lines, graph_data, graph_lines, mermaid_lines

pytestmark = pytest.mark.unit

HEALTHY = Need(Condition.HEALTHY)
TIMES = {"db": 2.0, "cache": 1.0, "web": 0.5}
NEEDS = {"db": {}, "cache": {}, "web": {"db": HEALTHY, "cache": Need(required=False, restart=True)}}
SHOP = StackGraph("shop", build_graph(NEEDS, TIMES.__getitem__), TIMES)


def test_text_has_batches_and_the_critical_path() -> None:
    assert graph_lines([SHOP]) == [
        "shop",
        "  batch 1",
        "      cache  usually 1.0 s",
        "    * db     usually 2.0 s",
        "  batch 2",
        "    * web    needs cache (started, optional, restarts), db (healthy) · usually 0.5 s",
        "  critical path (*): db → web (usually 2.5 s)",
    ]


def test_dot_and_mermaid_have_every_edge_and_survive_quotes() -> None:
    odd = StackGraph('s"hop', SHOP.graph, {})
    assert dot_lines([odd]).count("  subgraph cluster_0 {") == 1
    assert [line.strip() for line in dot_lines([odd]) if "->" in line] == [
        '"s\\"hop/cache" -> "s\\"hop/web" [label="started", style=dashed];',
        '"s\\"hop/db" -> "s\\"hop/web" [label="healthy", penwidth=2];',
    ]
    assert [line.strip() for line in mermaid_lines([SHOP]) if "-" in line] == [
        "s0n0 -.->|started| s0n2",
        "s0n1 -->|healthy| s0n2",
    ]


def test_data_has_all_of_it_and_no_invented_time() -> None:
    [stack] = graph_data([SHOP])["stacks"]
    assert stack["batches"] == [["cache", "db"], ["web"]]
    assert (stack["criticalPath"], stack["criticalSeconds"]) == (["db", "web"], 2.5)
    assert stack["edges"][0] == {
        "from": "cache", "to": "web", "condition": "service_started", "required": False, "restart": True,
    }  # fmt: skip
    [unmeasured] = graph_data([StackGraph("shop", SHOP.graph, {"db": 2.0})])["stacks"]
    assert unmeasured["criticalSeconds"] is None
