"""The graph: order, batches, cycles by name, the critical path."""

import pytest

from controller.decide.graph import batches, build_graph, critical_path, find_cycle
from tests.builders import HEALTHY, need

pytestmark = pytest.mark.unit


def graph(seconds=None, **needs: str):
    edges = {name: dict.fromkeys(deps.split(), need(HEALTHY)) for name, deps in needs.items()}
    return build_graph(edges, seconds.get) if seconds else build_graph(edges)


SHOP = {"db": "", "cache": "", "api": "db cache", "web": "api", "docs": ""}


def test_dependencies_come_before_dependents_and_ties_go_by_name() -> None:
    assert graph(**SHOP).order == ("cache", "db", "docs", "api", "web")


def test_batches_are_what_could_start_together() -> None:
    assert batches(graph(**SHOP)) == (("cache", "db", "docs"), ("api",), ("web",))


def test_edges_to_services_that_do_not_exist_are_left_out() -> None:
    made = graph(web="db ghost", db="")
    assert (made.order, tuple(made.needs["web"])) == (("db", "web"), ("db",))


def test_dependents_are_the_edges_turned_round() -> None:
    assert graph(**SHOP).dependents["db"] == ("api",)
    assert graph(**SHOP).dependents["web"] == ()


def test_the_rank_is_the_longest_way_to_a_leaf() -> None:
    ranks = graph({"db": 8.0, "cache": 1.0, "api": 2.0, "web": 4.0, "docs": 3.0}, **SHOP).rank
    assert ranks == {"db": 14.0, "cache": 7.0, "api": 6.0, "web": 4.0, "docs": 3.0}


def test_the_critical_path_goes_through_what_takes_longest() -> None:
    slow_cache = {"db": 1.0, "cache": 9.0, "api": 2.0, "web": 4.0, "docs": 3.0}
    assert critical_path(graph(slow_cache, **SHOP)) == ("cache", "api", "web")
    assert critical_path(graph()) == ()


@pytest.mark.parametrize(
    ("needs", "cycle"),
    [
        pytest.param({"a": ["b"], "b": ["c"], "c": []}, None, id="none"),
        pytest.param({"a": ["a"]}, ("a", "a"), id="itself"),
        pytest.param(
            {"web": ["api"], "api": ["db"], "db": ["web"]},
            ("api", "db", "web", "api"),
            id="three, from the first name on",
        ),
        pytest.param(
            {"x": ["y"], "y": ["x"], "a": ["x"]}, ("x", "y", "x"), id="who only leads to it is not part of it"
        ),
    ],
)
def test_a_cycle_is_named(needs, cycle) -> None:
    assert find_cycle(needs) == cycle


def test_a_graph_with_a_cycle_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"^dependency cycle: api → web → api$"):
        graph(web="api", api="web")
