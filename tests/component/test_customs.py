"""Figures of services' own, asked by real threads of replicas that answer as the test says."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from controller.loop import customs
from controller.loop.customs import Customs
from controller.model.decision import Phase
from controller.model.errors import ControllerError
from controller.model.metrics import CustomMetric
from controller.model.observed import Replica
from controller.model.status import StackStatus
from controller.resources.sampler import Custom
from tests.builders import healthy
from tests.component.waiting import eventually
from tests.unit.cli.statuses import service_status, stack_status

pytestmark = pytest.mark.unit


@dataclass
class Street:
    """Stacks whose services have each one metric, `jobs`. `slow`: services that do not answer until `go`."""

    slow: set[str] = field(default_factory=set)
    fails: set[str] = field(default_factory=set)
    go: threading.Event = field(default_factory=threading.Event)
    asked: Counter[str] = field(default_factory=Counter)
    at_once: int = 0
    most_at_once: int = 0
    told: list[tuple[str, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, _: object, replica: Replica, metric: CustomMetric) -> float:
        with self.lock:
            self.asked[replica.name] += 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if metric.service in self.slow:
                self.go.wait(20.0)
            if metric.service in self.fails:
                raise ControllerError("no whole answer within 5 s")
            return 1.0
        finally:
            with self.lock:
                self.at_once -= 1

    def tell(self, stack: str, service: str, reason: str, message: str, warning: bool) -> None:
        self.told.append((reason, message))


def wanted(stack: str, **replicas: int) -> tuple[list[CustomMetric], StackStatus]:
    metrics = [CustomMetric("jobs", name, port=1) for name in replicas]
    services = [
        service_status(name, Phase.READY, *(healthy(number, service=name) for number in range(count)))
        for name, count in replicas.items()
    ]
    return metrics, stack_status(*services, name=stack)


def jobs(found: Custom) -> dict[tuple[str, str], float]:
    return {key: one["jobs"] for key, one in found.items()}


@pytest.fixture
def street(monkeypatch: pytest.MonkeyPatch) -> Iterator[Street]:
    made = Street()
    monkeypatch.setattr(customs, "read_figure", made.answer)
    monkeypatch.setattr(customs, "_WITHIN", 0.5)
    yield made
    made.go.set()


@pytest.fixture
def here(street: Street) -> Iterator[Customs]:
    made = Customs(object(), street.tell)  # type: ignore[arg-type]
    yield made
    made.close()


def test_a_slow_service_keeps_no_other_stack_from_its_figures(street: Street, here: Customs) -> None:
    street.slow = {"slow"}
    asked = {"one": wanted("one", slow=9), "two": wanted("two", quick=3)}
    assert jobs(here.read(asked)) == {("two", "quick"): 3}


def test_nor_its_own_stack_once_it_was_seen_to_be_slow(street: Street, here: Customs) -> None:
    street.slow = {"slow"}
    asked = {"one": wanted("one", slow=4, quick=2)}
    assert jobs(here.read(asked)) == {}, "all hands are taken"
    street.go.set()
    street.slow, street.fails = set(), {"slow"}
    here.read(asked)
    street.go.clear()
    street.slow = {"slow"}
    assert jobs(here.read(asked)) == {("one", "quick"): 2}


def test_who_was_not_asked_is_not_said_not_to_answer(street: Street, here: Customs) -> None:
    street.slow = {"slow"}
    here.read({"one": wanted("one", slow=4, quick=2)})
    assert street.told == [] and not street.asked["quick-0"]


def test_who_does_not_answer_is_asked_once_and_says_itself_why(street: Street, here: Customs) -> None:
    street.slow, street.fails = {"slow"}, {"slow"}
    asked = {"one": wanted("one", slow=1)}
    for _ in range(3):
        assert jobs(here.read(asked)) == {}
    assert sum(street.asked.values()) == 1 and street.told == []
    street.go.set()
    eventually(lambda: street.at_once == 0)
    here.read(asked)
    (told,) = street.told
    assert told[0] == "MetricUnavailable" and "no whole answer within 5 s" in told[1]
    assert sum(street.asked.values()) == 1, "what it failed of is told before it is asked again"
    street.fails.clear()
    assert jobs(here.read(asked)) == {("one", "slow"): 1}
    assert [reason for reason, _ in street.told] == ["MetricUnavailable", "MetricAvailable"]


def test_an_answer_that_came_too_late_is_no_figure_of_now(street: Street, here: Customs) -> None:
    street.slow = {"slow"}
    asked = {"one": wanted("one", slow=1)}
    here.read(asked)
    street.go.set()
    eventually(lambda: street.at_once == 0)
    assert jobs(here.read(asked)) == {("one", "slow"): 1} and sum(street.asked.values()) == 2


def test_hands_are_few_however_many_are_asked(street: Street, here: Customs) -> None:
    street.slow = {"slow"}
    here.read({f"s{number}": wanted(f"s{number}", slow=9) for number in range(40)})
    assert 40 <= street.most_at_once <= customs._ALL_HANDS
    assert sum(thread.name.startswith("scrape") for thread in threading.enumerate()) <= customs._ALL_HANDS
    street.go.set()
    eventually(lambda: not any(thread.name.startswith("scrape") for thread in threading.enumerate()))


def test_a_round_ends_in_time_and_of_one_that_is_closed_nobody_is_asked(street: Street, here: Customs) -> None:
    street.slow, begun = {"slow"}, time.monotonic()
    here.read({"one": wanted("one", slow=9)})
    assert time.monotonic() - begun < 2.0
    here.close()
    assert jobs(here.read({"two": wanted("two", quick=1)})) == {}
    assert not street.asked["quick-0"] and street.told == []


def test_of_a_stack_that_is_forgotten_nothing_is_kept(street: Street, here: Customs) -> None:
    street.fails = {"web"}
    asked = {"one": wanted("one", web=1)}
    here.read(asked)
    here.forget("one")
    here.read(asked)
    assert [reason for reason, _ in street.told] == ["MetricUnavailable"] * 2
