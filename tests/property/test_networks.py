"""networkPolicy over random graphs: two share a network if and only if an edge is declared, whatever the order."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from itertools import combinations, product
from pathlib import Path
from typing import Any

import pytest

from controller.model.desired import DesiredStack
from controller.model.placed import confine_all
from controller.security.edges import Edge, declared_edges
from controller.security.networks import MERGE_ABOVE, MOST, merge_edges, plan_networks
from tests.component.releases import BROKEN
from tests.component.stage import load, service
from tests.component.test_loop_networks import POLICY, ids, sharing, stage_of, steps_one_by_one

pytestmark = pytest.mark.unit

GRAPHS = 40


def draw(chance: random.Random, most: int = 14) -> tuple[list[str], set[Edge]]:
    """Names with dashes and dots among them, and some of the pairs."""
    names = [f"{chance.choice('abc')}{chance.choice(('', '-', '--', '.'))}{number}" for number in range(most)]
    share = chance.choice((0.05, 0.15, 0.3))
    return names, {frozenset(pair) for pair in combinations(names, 2) if chance.random() < share}


def stack_of(names: list[str], edges: set[Edge], chance: random.Random, **more: Mapping[str, Any]) -> DesiredStack:
    """Half of the edges are dependencies, the others are connections; published and internal ones among them."""
    names, services, said = sorted(names, key=lambda _: chance.random()), {}, {}
    order = {name: index for index, name in enumerate(sorted(names))}
    needs: dict[str, list[str]] = {name: [] for name in names}
    connects: dict[str, list[str]] = {name: [] for name in names}
    for edge in sorted(edges, key=lambda _: chance.random()):
        one, other = sorted(edge, key=order.__getitem__)
        (needs if len(one) % 2 else connects)[one].append(other)
    for name in names:
        services[name] = service(*needs[name])
        said[name] = {"connectsTo": connects[name], **more.get(name, {})}
    return load(services, **POLICY, services=said).desired


def shared(stack: DesiredStack) -> set[Edge]:
    laid = confine_all(stack, plan_networks(stack).services)
    joins = {name: one.template.joins() for name, one in laid.services.items()}
    return {frozenset(pair) for pair in combinations(joins, 2) if joins[pair[0]] & joins[pair[1]]}


def requests(stack: DesiredStack) -> dict[str, Any]:
    """By name, who asks for each network and how."""
    laid = confine_all(stack, plan_networks(stack).services).services.values()
    found: dict[str, Any] = {}
    for one in laid:
        for text in one.template.networks:
            name = json.loads(text)["Name"]
            found.setdefault(name, (text, []))[1].append(one.name)
    return {name: (text, sorted(users)) for name, (text, users) in found.items()}


@pytest.mark.parametrize("seed", range(GRAPHS))
def test_two_share_a_network_if_and_only_if_an_edge_is_declared(seed: int) -> None:
    chance = random.Random(seed)
    names, edges = draw(chance)
    stack = stack_of(names, edges, chance)
    assert declared_edges(stack.services) == edges == shared(stack)
    networks = plan_networks(stack).all
    assert len(networks) <= len(edges) + len(names), "one for each edge, and one way out for each service"
    assert all(one.internal == (one.purpose != "outside") for one in networks)
    again = stack_of(names, edges, random.Random(seed + 1000))
    assert requests(again) == requests(stack), "whatever the order in which they are written"


@pytest.mark.parametrize("seed", range(GRAPHS))
def test_an_edge_more_or_less_touches_its_own_network_alone(seed: int) -> None:
    chance = random.Random(seed)
    names, edges = draw(chance)
    edge = frozenset(chance.sample(names, 2))
    without, along = stack_of(names, edges - {edge}, chance), stack_of(names, edges | {edge}, chance)
    before, after = requests(without), requests(along)
    (more,) = after.keys() - before.keys()
    assert after[more][1] == sorted(edge) and {**before, more: after[more]} == after


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_many_edges_share_networks_and_nobody_else_does(share: float) -> None:
    chance = random.Random(7)
    names = [f"s{number}" for number in range(24)]
    edges = {frozenset(pair) for pair in combinations(names, 2) if chance.random() < share}
    assert len(edges) > MERGE_ABOVE
    stack = stack_of(names, edges, chance)
    between = [one for one in plan_networks(stack).all if one.purpose == "between"]
    assert shared(stack) == edges and len(between) < len(edges)
    assert requests(stack_of(names, edges, random.Random(8))) == requests(stack)


def test_more_than_there_may_be_is_one_clear_error() -> None:
    """A star, in which no two of the others speak with each other: nothing can be merged."""
    names = ["hub", *(f"s{number}" for number in range(MOST))]
    edges = {frozenset(("hub", name)) for name in names[1:]}
    planned = plan_networks(stack_of(names, edges, random.Random(1)))
    assert planned.fault is not None and not planned.services
    assert f"{MOST} is the most" in planned.fault[0] and "split the stack" in planned.fault[1]


def test_many_more_than_there_may_be_are_told_as_soon() -> None:
    """What is refused anyway is not worked out to its end: these would be some 20 000 networks."""
    left, right = ([f"{side}{number:03}" for number in range(140)] for side in "lr")
    cliques = merge_edges(frozenset(pair) for pair in product(left, right))
    assert len(cliques) == MOST + 1


@pytest.mark.parametrize("seed", range(6))
def test_from_one_graph_to_another_no_edge_that_stays_is_cut_for_an_instant(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    names = ["a", "b", "c", "d", "e"]
    pairs = list(combinations(names, 2))
    first, second = (set(chance.sample(pairs, 4)) for _ in range(2))

    def spec(edges: set[tuple[str, str]]) -> dict[str, Any]:
        said = {one: {"connectsTo": [b for a, b in edges if a == one]} for one in names}
        return {**POLICY, "services": said}

    services = {name: service() for name in names}
    stage = stage_of(tmp_path, services, **(spec(first) if seed % 2 else {"security": {"networkPolicy": "off"}}))
    before, stays = ids(stage), (first if seed % 2 else set(pairs)) & second
    stage.change(services, **spec(second))
    stage.turn()
    list(steps_one_by_one(stage, stays, chance))
    assert sharing(stage.replicas()) == second and ids(stage) == before


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_rolled_out_no_release_that_runs_loses_an_edge_of_its_own(tmp_path: Path, seed: int) -> None:
    """Edges go and come with releases, of which some are bad, and services leave the profile or the file meanwhile."""
    chance = random.Random(seed)
    names = ["a", "b", "c", "d"]

    def draw_needs() -> dict[str, list[str]]:
        return {name: [one for one in names[:number] if chance.random() < 0.5] for number, name in enumerate(names)}

    def services(version: int, needs: dict[str, list[str]], bad: set[str]) -> dict[str, Any]:
        return {
            name: service(
                *needs[name], image=f"{name}:{version}", environment={"V": str(version)},
                labels=BROKEN if name in bad else {},
            )
            for name in names
        }  # fmt: skip

    def check() -> None:
        there = [one for one in stage.replicas() if one.running]
        for one, other in ((one, other) for one in there for other in there):
            if other.service in made[one.image]:
                assert {*(one.joined or ())} & {*(other.joined or ())}, (one.image, other.image, stage.bench.steps[-3:])

    first, second = draw_needs(), draw_needs()
    made = {f"{name}:{version}": needs[name] for version, needs in ((1, first), (2, second)) for name in names}
    made = {image: [one for one in needs if one in first[image[0]]] for image, needs in made.items()}
    stage = stage_of(tmp_path, services(1, first, set()), **POLICY)
    after = services(2, second, set(chance.sample(names, 1)))
    gone = chance.choice(names) if seed % 2 else None
    left = {name: {**one, "depends_on": {n: v for n, v in one["depends_on"].items() if n != gone}}
            for name, one in after.items() if name != gone}  # fmt: skip
    stage.change(left, **POLICY)
    stage.turn()
    for number in range(110):
        waiting = sorted({batch.service for batch in stage.bench.waiting})
        if waiting:
            stage.bench.perform(waiting[number % len(waiting)])
        else:
            stage.settle(0.5)
        check()
        stage.turn()
