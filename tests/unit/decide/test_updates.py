"""Whole updates of three replicas: every order and parallelism, with a failure at every position, to the end."""

from itertools import product

import pytest

from controller.model.desired import FailureAction, Order
from tests.unit.decide.rollouts import Behaviour, update

pytestmark = pytest.mark.unit

ORDERS = tuple(Order)
PARALLELISMS = (0, 1, 2, 3)


def floor_of(order: Order, parallelism: int) -> int:
    return 3 if order is Order.START_FIRST else 3 - (parallelism or 3)


def cap_of(order: Order, parallelism: int) -> int:
    return 3 + (parallelism or 3) if order is Order.START_FIRST else 3


@pytest.mark.parametrize(("order", "parallelism"), tuple(product(ORDERS, PARALLELISMS)))
def test_a_good_release_replaces_all_and_never_goes_below_its_floor(order: Order, parallelism: int) -> None:
    play = update(order, parallelism)
    decision = play.run()
    assert (decision.phase, play.revisions) == ("Ready", ["v2"] * 3)
    assert play.floor >= floor_of(order, parallelism) and play.most <= cap_of(order, parallelism)
    assert play.created == ["v2"] * 3


@pytest.mark.fault("W12")
@pytest.mark.parametrize(
    ("order", "parallelism", "fails", "how"),
    tuple(product(ORDERS, PARALLELISMS, (1, 2, 3, -1), ("crash", "never", "late"))),
)
def test_a_bad_release_is_taken_back_whichever_replica_fails(
    order: Order, parallelism: int, fails: int, how: str
) -> None:
    play = update(order, parallelism, behaviour=Behaviour(fails, how))
    decision = play.run()
    assert (decision.phase, decision.reason) == ("Degraded", "RolledBack"), decision
    assert play.revisions == ["v1"] * 3
    assert play.floor >= floor_of(order, parallelism) and play.most <= cap_of(order, parallelism)
    assert play.created.count("v2") <= 3
    again = play.run(3000.0)
    assert not again.steps and again.reason == "RolledBack"


@pytest.mark.parametrize(
    ("order", "parallelism", "fails", "how"),
    tuple(product(ORDERS, PARALLELISMS, (1, 2, 3), ("crash", "never", "late"))),
)
def test_pause_leaves_all_as_it_is_when_one_fails(order: Order, parallelism: int, fails: int, how: str) -> None:
    play = update(order, parallelism, FailureAction.PAUSE, Behaviour(fails, how))
    play.run(400.0)
    created = list(play.created)
    play.run(400.0)
    assert play.decision is not None and play.decision.reason == "UpdatePaused"
    assert play.created == created and "v1" not in created
    assert play.floor >= floor_of(order, parallelism)


@pytest.mark.parametrize(("order", "parallelism", "fails"), tuple(product(ORDERS, PARALLELISMS, (1, 2, 3))))
def test_continue_counts_a_failed_one_as_done(order: Order, parallelism: int, fails: int) -> None:
    play = update(order, parallelism, FailureAction.CONTINUE, Behaviour(fails, "crash"))
    play.run(300.0)
    assert play.created == ["v2"] * 3
    assert play.revisions == ["v2"] * 2


@pytest.mark.parametrize("order", ORDERS)
def test_a_share_of_failures_may_be_let_pass(order: Order) -> None:
    play = update(order, 1, behaviour=Behaviour(2, "crash"), max_failure_ratio=0.34)
    play.run(300.0)
    assert play.created == ["v2"] * 3 and play.revisions == ["v2"] * 2
    play = update(order, 1, behaviour=Behaviour(-1, "crash"), max_failure_ratio=0.34)
    assert play.run().reason == "RolledBack"
