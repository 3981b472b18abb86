"""`controller netcheck` on the command line: pairs, exit codes and shapes, on the simulated engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.contract_cli.command import controller
from tests.contract_cli.conftest import Project, make_project

pytestmark = pytest.mark.unit

PAIR = [
    *("from", "to", "port", "declared", "needed", "reachable", "by", "via"),
    *("at", "verdict", "counts", "ms", "cause", "mend"),
]

SHOP = """
    name: shop
    services:
      db: {image: "db:1", networks: [back], expose: ["5432"]}
      api: {image: "api:1", networks: [front, back], depends_on: [db], expose: ["80"]}
      web: {image: "web:1", networks: [front], depends_on: [api], ports: ["127.0.0.1:8080:8000", "9000:9000"]}
    networks: {front: {}, back: {}}
"""
STRAY = SHOP.replace("networks: [back], expose", "networks: [front, back], expose")
APART = SHOP.replace("networks: [front, back], depends_on", "networks: [front], depends_on")
POLICY = """
    apiVersion: controller/v1
    kind: Stack
    metadata: {name: shop}
    spec:
      compose: {files: [../compose.yaml]}
      security: {networkPolicy: dependencies}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Project:
    return make_project(tmp_path)


def applied(shop: Project, compose: str, *, policy: bool = False) -> Project:
    shop.write("compose.yaml", compose)
    if policy:
        shop.write("manifests/shop.yaml", POLICY)
    ran = shop.run("apply")
    assert ran.code == 0, ran.err
    return shop


def check(shop: Project, *words: str, code: int = 0) -> Any:
    ran = shop.run("netcheck", *words, "-o", "json")
    assert ran.code == code, ran.err
    return json.loads(ran.out)


def wrong(data: Any) -> set[tuple[str, str, str]]:
    return {(one["from"], one["to"], one["verdict"]) for one in data["pairs"] if one["counts"]}


def test_a_stack_whose_networks_are_as_its_edges_are(shop: Project) -> None:
    data = check(applied(shop, SHOP, policy=True))
    assert (data["stack"], data["policy"], data["differences"], data["unchecked"]) == ("shop", "dependencies", 0, 0)
    assert all(list(pair) == PAIR for pair in data["pairs"])
    reached = {(one["from"], one["to"]) for one in data["pairs"] if one["reachable"]}
    assert reached == {("web", "api"), ("api", "web"), ("api", "db"), ("db", "api")}
    assert {one["address"]: one["reachableFrom"] for one in data["published"]} == {
        "127.0.0.1:8080->8000/tcp": "machine",
        "0.0.0.0:9000->9000/tcp": "everyone",
    }
    kept = next(shop.state.rglob("netcheck.json"))
    assert kept.stat().st_mode & 0o777 == 0o600
    assert shop.run("get", "endpoints", "-o", "wide").out.splitlines()[0].endswith("REACHABLE FROM")


def test_what_is_reached_though_nobody_declares_it_is_a_difference_under_the_policy_alone(shop: Project) -> None:
    data = check(applied(shop, STRAY))
    assert (data["policy"], data["differences"]) == ("off", 0)
    free = [(one["from"], one["to"]) for one in data["pairs"] if one["verdict"] == "undeclared"]
    assert set(free) == {("web", "db"), ("db", "web")}
    shop.write("manifests/shop.yaml", POLICY)
    assert wrong(check(shop, code=1)) == {("web", "db", "undeclared"), ("db", "web", "undeclared")}


def test_what_is_needed_and_not_reached_is_a_difference_always(shop: Project) -> None:
    assert wrong(check(applied(shop, APART), code=1)) == {("api", "db", "blocked")}
    ran = shop.run("netcheck")
    assert ran.code == 1 and "✗ api → db:5432  declared, but not reachable: they share no network" in ran.out
    assert "  hint: put both on one network" in ran.out
    assert shop.run("netcheck", "-o", "name").out == "api db:5432\n"
    data = check(shop, "web", "api", "shop/web", "db:5432")
    assert [(one["from"], one["to"], one["port"]) for one in data["pairs"]] == [("web", "api", 80), ("web", "db", 5432)]
    assert data["published"] == []


def test_what_does_not_run_is_told_and_unknown_where_it_is_asked_for(shop: Project) -> None:
    shop.write("compose.yaml", SHOP)
    assert check(shop)["notRunning"] == ["api", "db", "web"]
    data = check(shop, "web", "api", code=1)
    assert (data["unchecked"], data["pairs"][0]["cause"]) == (1, "no replica of web runs")


@pytest.mark.parametrize(
    ("words", "said"),
    [(("web", "dbb"), "did you mean 'db'?"), (("web", "web"), "'web' twice"), (("web", "nobody"), "there are: ")],
)
def test_a_service_that_is_none_is_an_error(applied: Project, words: tuple[str, ...], said: str) -> None:
    ran = applied.run("netcheck", *words)
    assert (ran.code, ran.out) == (1, "") and said in ran.err


@pytest.mark.parametrize("words", [("web",), ("web", "db:"), ("web", "db:70000"), ("web", "db:http")])
def test_half_a_pair_and_what_is_no_port_are_usage_errors(words: tuple[str, ...]) -> None:
    ran = controller("netcheck", *words)
    assert (ran.code, ran.out) == (2, "") and "hint: controller netcheck --help" in ran.err
