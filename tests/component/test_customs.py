"""Figures of services' own, asked by real threads of replicas that answer as the test says."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from controller.engines.base import Capabilities
from controller.loop import customs, inquiry
from controller.loop.inquiry import Inquiry
from controller.model.errors import ControllerError
from controller.model.metrics import CustomMetric
from controller.model.observed import Replica
from controller.model.phases import Phase
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
    figure: float = 1.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, _: object, replica: Replica, metric: CustomMetric) -> float:
        with self.lock:
            self.asked[replica.name] += 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            figure = self.figure
        try:
            if metric.service in self.slow:
                self.go.wait(20.0)
            if metric.service in self.fails:
                raise ControllerError("no whole answer within 5 s")
            return figure
        finally:
            with self.lock:
                self.at_once -= 1

    def answers_come(self) -> None:
        """Of all who are asked now; from then on who is slow is slow again."""
        self.go.set()
        eventually(lambda: self.at_once == 0)
        self.go.clear()

    def tell(self, stack: str, service: str, reason: str, message: str, warning: bool) -> None:
        self.told.append((reason, message))


def wanted(stack: str, **replicas: int) -> tuple[list[CustomMetric], StackStatus]:
    metrics = [CustomMetric("jobs", name, port=1) for name in replicas]
    services = [
        service_status(name, Phase.READY, *(healthy(number, service=name) for number in range(count)))
        for name, count in replicas.items()
    ]
    return metrics, stack_status(*services, name=stack)


def hands() -> int:
    return sum(thread.name.startswith("scrape") for thread in threading.enumerate())


def jobs(found: Custom) -> dict[tuple[str, str], float]:
    return {key: one["jobs"] for key, one in found.items()}


@pytest.fixture
def street(monkeypatch: pytest.MonkeyPatch) -> Iterator[Street]:
    made = Street()
    monkeypatch.setattr(customs, "read_figure", made.answer)
    monkeypatch.setattr(inquiry, "_MOMENT", 0.3)
    yield made
    made.go.set()


@pytest.fixture
def here(street: Street) -> Iterator[Inquiry]:
    made = Inquiry(SimpleNamespace(capabilities=Capabilities()), street.tell)  # type: ignore[arg-type]
    yield made
    made.close()


def test_a_slow_service_keeps_no_other_stack_from_its_figures(street: Street, here: Inquiry) -> None:
    street.slow = {"slow"}
    asked = {"one": wanted("one", slow=9), "two": wanted("two", quick=3)}
    assert jobs(here.read(asked)) == {("two", "quick"): 3}


def test_nor_its_own_stack_however_many_do_not_answer(street: Street, here: Inquiry) -> None:
    street.slow = {"slow"}
    asked = {"one": wanted("one", slow=4, quick=2)}
    assert jobs(here.read(asked)) == {}, "nobody knows yet who is slow: all hands are taken"
    for _ in range(3):
        assert jobs(here.read(asked)) == {("one", "quick"): 2}


def test_of_those_who_are_slow_each_has_its_turn(street: Street, here: Inquiry) -> None:
    street.slow, street.fails = {"slow"}, {"slow"}
    asked = {"one": wanted("one", slow=8)}
    for _ in range(2):
        here.read(asked)
        street.answers_come()
    assert len(street.asked) == 8


def test_who_was_not_asked_is_not_said_not_to_answer(street: Street, here: Inquiry) -> None:
    street.slow = {"slow"}
    here.read({"one": wanted("one", slow=4, quick=2)})
    assert street.told == [] and not street.asked["shop-quick-0"]


def test_who_does_not_answer_is_asked_once_and_says_itself_why(street: Street, here: Inquiry) -> None:
    street.slow, street.fails = {"slow"}, {"slow"}
    asked = {"one": wanted("one", slow=1)}
    for _ in range(3):
        assert jobs(here.read(asked)) == {}
    assert sum(street.asked.values()) == 1 and street.told == []
    for _ in range(2):
        street.answers_come()
        assert jobs(here.read(asked)) == {}
    (told,) = street.told
    assert told[0] == "MetricUnavailable" and "slow-0: no whole answer within 5 s" in told[1]
    street.fails.clear()
    street.answers_come()
    assert jobs(here.read(asked)) == {("one", "slow"): 1}
    assert [reason for reason, _ in street.told] == ["MetricUnavailable", "MetricAvailable"]


def test_an_answer_that_comes_late_is_the_next_figure_and_only_that(street: Street, here: Inquiry) -> None:
    street.slow = {"slow"}
    asked = {"one": wanted("one", slow=1)}
    assert jobs(here.read(asked)) == {}
    street.answers_come()
    assert jobs(here.read({"two": wanted("two", quick=1)})) == {("two", "quick"): 1}
    assert jobs(here.read(asked)) == {("one", "slow"): 1}
    assert jobs(here.read(asked)) == {}
    assert sum(street.asked.values()) == 3, "once more beside the late answer"


def test_a_newer_answer_is_better_than_a_late_one(street: Street, here: Inquiry) -> None:
    street.slow = {"slow"}
    asked = {"one": wanted("one", slow=1)}
    here.read(asked)
    street.answers_come()
    street.slow, street.figure = set(), 2.0
    assert jobs(here.read(asked)) == {("one", "slow"): 2}
    street.slow = {"slow"}
    assert jobs(here.read(asked)) == {}, "the late one was of use then, or never"


def test_an_answer_that_came_before_figures_were_taken_without_it_is_too_old(street: Street, here: Inquiry) -> None:
    street.slow = {"slow"}
    here.read({"one": wanted("one", slow=1)})
    street.answers_come()
    assert jobs(here.read({"one": wanted("one", quick=1)})) == {("one", "quick"): 1}
    assert jobs(here.read({"one": wanted("one", slow=1)})) == {}


def test_a_sum_is_of_late_and_of_new_answers(street: Street, here: Inquiry) -> None:
    street.slow = {"slow"}
    asked = {"one": wanted("one", slow=5)}
    here.read(asked)
    street.answers_come()
    assert len(street.asked) == 5, "the hand that is free asks the fifth"
    assert jobs(here.read(asked)) == {("one", "slow"): 5}


def test_hands_are_few_however_many_are_asked(street: Street, here: Inquiry) -> None:
    street.slow = {"slow"}
    asked = {f"s{number}": wanted(f"s{number}", slow=9) for number in range(40)}
    begun = time.monotonic()
    for _ in range(3):
        here.read(asked)
    assert time.monotonic() - begun < 3.0
    assert street.most_at_once == inquiry._HANDS and hands() <= inquiry._HANDS
    here.close()
    street.go.set()
    eventually(lambda: hands() == 0)
    assert sum(street.asked.values()) == inquiry._HANDS


def test_of_a_stack_that_is_forgotten_nothing_is_kept(street: Street, here: Inquiry) -> None:
    street.fails = {"web"}
    asked = {"one": wanted("one", web=1)}
    here.read(asked)
    here.forget("one")
    here.read(asked)
    assert [reason for reason, _ in street.told] == ["MetricUnavailable"] * 2


def test_a_stack_is_forgotten_while_it_is_asked(street: Street, here: Inquiry) -> None:
    street.slow = street.fails = {"slow"}
    asked = {"one": wanted("one", slow=9)}
    here.read(asked)
    here.forget("one")
    here.forget("one")
    street.answers_come()
    assert sum(street.asked.values()) == 4, "who was not asked yet is not asked any more"
    street.slow = street.fails = set()
    assert jobs(here.read(asked)) == {("one", "slow"): 9}
    assert street.told == []


def test_closed_while_it_waits_for_answers(street: Street, here: Inquiry) -> None:
    street.slow, found = {"slow"}, []
    reads = threading.Thread(target=lambda: found.append(here.read({"one": wanted("one", slow=9)})))
    reads.start()
    eventually(lambda: street.at_once == 4)
    here.close()
    reads.join(2.0)
    street.go.set()
    eventually(lambda: hands() == 0)
    assert found == [{}] and sum(street.asked.values()) == 4
    assert jobs(here.read({"two": wanted("two", quick=1)})) == {}
    assert not street.asked["shop-quick-0"] and street.told == []
