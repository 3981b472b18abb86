"""Measuring beside a running controller: real threads and files, simulated containers."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from controller.engines.base import Capabilities
from controller.loop import daemon as daemons
from controller.loop import metering
from controller.loop.controller import Controller
from controller.loop.ground import Ground
from controller.loop.metering import HOST, Metering
from controller.loop.session import Session
from controller.loop.usagebook import FILE as HISTORY
from controller.model.errors import ControllerError
from controller.model.routes import RouteSeen, RouteState
from controller.model.usage import HostUsage, Usage
from controller.resources.scrape import PATIENCE
from tests.component.house import FILE, House, Reading
from tests.component.waiting import eventually
from tests.unit.cli.statuses import service_status, stack_status

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]

EACH_SECOND = ", metrics: {interval: 1s}"


@pytest.fixture
def meters(monkeypatch: pytest.MonkeyPatch) -> list[Metering]:
    """Those that daemons make from now on."""
    made: list[Metering] = []

    def make(controller: Controller, ground: Ground) -> Metering:
        made.append(Metering(controller, ground))
        return made[-1]

    monkeypatch.setattr(daemons, "Metering", make)
    return made


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if something ran in the replicas."""
    monkeypatch.setattr(Reading, "capabilities", Capabilities(senses_health=True))


def rated(meters: list[Metering], stack: str, service: str = "db") -> bool:
    """Whether there is a rate of it."""
    latest = meters[-1].latest if meters else None
    found = latest.stacks.get(stack, {}).get(service) if latest is not None else None
    return found is not None and found.total.cpu is not None


def test_a_running_controller_measures_tells_and_remembers(house: House, meters: list[Metering]) -> None:
    house.write("one", spec=EACH_SECOND)
    heard: list[Usage] = []
    states: list[object] = []

    def script() -> None:
        eventually(lambda: bool(meters))
        meters[0].listeners.append(heard.append)
        eventually(lambda: rated(meters, "one"))
        session = Session(house.engine, house.asked("one"), lambda _: None, lambda *_: None)
        told = session.gauge().take(session.status())
        states.append(told.stacks["one"]["db"].replicas.keys())
        eventually(lambda: any(one.points for one in meters[0].history("one", None, 60.0)))
        states.append([one.service for one in meters[0].history("one", None, 60.0)])
        eventually(lambda: any(one.points for one in meters[0].history(None, None, 60.0)))

    assert house.run(script, house.asked("one")) == 0
    assert heard[-1].host.memory_total and heard[-1].host.cores >= 1
    assert states == [{"one-db-1"}, ["db"]]
    files = sorted(path.parent.name for path in (house.folder.parent / "state").glob(f"*/*/{HISTORY}"))
    assert files == [HOST, "one"]


def test_a_stack_that_is_not_to_be_measured_is_not(house: House, meters: list[Metering]) -> None:
    house.write("one", spec=EACH_SECOND)
    house.write("two", spec=", metrics: {enabled: false}")
    assert house.run(lambda: eventually(lambda: rated(meters, "one")), house.asked("one", "two")) == 0
    assert meters[0].latest is not None and meters[0].latest.stacks.keys() == {"one"}
    assert not list((house.folder.parent / "state").glob(f"*/two/{HISTORY}"))


def test_what_is_not_measured_any_more_is_not_told_any_more(house: House, meters: list[Metering]) -> None:
    each_hour = ", metrics: {interval: 1h}"
    db, web = "db: {image: busybox}", "web: {image: busybox}"
    house.write("one", f"name: NAME\nservices: {{{db}, {web}}}\n", each_hour)
    house.write("two", spec=each_hour)
    heard: list[Usage] = []

    def known() -> dict[str, set[str]]:
        latest = meters[0].latest
        return {} if latest is None else {stack: set(services) for stack, services in latest.stacks.items()}

    def script() -> None:
        eventually(lambda: rated(meters, "one", "web") and rated(meters, "two"))
        meters[0].listeners.append(heard.append)
        house.write("one", f"name: NAME\nservices: {{{db}}}\n", each_hour)
        eventually(lambda: house.ear.said("Orphaned"))
        house.ask("prune", "one")
        eventually(lambda: known() == {"one": {"db"}, "two": {"db"}})
        house.write("one", f"name: NAME\nservices: {{{db}}}\n", ", metrics: {enabled: false}")
        eventually(lambda: known() == {"two": {"db"}})
        house.write("two", spec=", metrics: {enabled: false}")
        eventually(lambda: known() == {})

    assert house.run(script, house.asked("one", "two"), watch=True) == 0
    assert [set(usage.stacks) for usage in heard] == [{"one", "two"}, {"two"}, set()]
    assert heard[1].host.memory_total, "somebody still measures the machine"
    assert heard[2].host == HostUsage(heard[1].host.cores), "nobody measures the machine"


def test_an_engine_that_is_away_is_no_noise_of_ours(
    house: House, meters: list[Metering], monkeypatch: pytest.MonkeyPatch
) -> None:
    house.write("one", spec=EACH_SECOND)

    def script() -> None:
        eventually(lambda: rated(meters, "one"))
        with monkeypatch.context() as patch:
            patch.setattr(house.engine, "usage", lambda replicas, *, deadline: {})
            eventually(lambda: not rated(meters, "one"))
        eventually(lambda: rated(meters, "one"))

    assert house.run(script, house.asked("one")) == 0
    assert house.ear.said("UsageNotKept") == house.ear.said("CallFailed") == []


def test_a_disk_that_takes_no_history_is_told_once_and_measuring_goes_on(house: House, meters: list[Metering]) -> None:
    house.write("one", spec=EACH_SECOND)
    samples: list[Usage] = []

    def script() -> None:
        eventually(lambda: rated(meters, "one"))
        (file,) = (house.folder.parent / "state").glob(f"*/one/{HISTORY}")
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            meters[0].listeners.append(samples.append)
            eventually(lambda: len(samples) >= 3)

    assert house.run(script, house.asked("one")) == 0
    (said,) = house.ear.said("UsageNotKept")
    assert HISTORY in said and "locked" in said


@pytest.mark.usefixtures("processes")
def test_what_a_service_tells_of_itself_is_summed_and_its_absence_told_once(
    house: House, meters: list[Metering], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = {"fails": False}

    def read(*_: object) -> float:
        if answers["fails"]:
            raise ControllerError("it exposes no series jobs")
        return 3.0

    monkeypatch.setattr("controller.loop.customs.read_figure", read)
    custom = "{name: jobs, service: db, exec: 'true'}"
    house.write("one", spec=f", services: {{db: {{replicas: 2}}}}, metrics: {{interval: 1s, custom: [{custom}]}}")
    jobs = lambda: meters[0].latest.stacks["one"]["db"].custom if rated(meters, "one") else None  # noqa: E731

    def script() -> None:
        eventually(lambda: jobs() == {"jobs": 6.0})
        answers["fails"] = True
        eventually(lambda: len(house.ear.said("MetricUnavailable")) == 1)
        eventually(lambda: jobs() == {})
        time.sleep(1.5)
        answers["fails"] = False
        eventually(lambda: jobs() == {"jobs": 6.0} and bool(house.ear.said("MetricAvailable")))

    assert house.run(script, house.asked("one")) == 0
    assert house.ear.said("MetricUnavailable") == ["jobs cannot be had: one-db-1: it exposes no series jobs"]
    assert house.ear.said("MetricAvailable") == ["jobs is measured again"]


@pytest.mark.usefixtures("processes")
def test_who_does_not_answer_keeps_nobody_from_being_measured(
    house: House, meters: list[Metering], monkeypatch: pytest.MonkeyPatch
) -> None:
    go = threading.Event()
    monkeypatch.setattr("controller.loop.customs.read_figure", lambda *_: float(go.wait(PATIENCE)))
    custom = "custom: [{name: jobs, service: db, exec: 'true'}]"
    house.write("one", spec=f", metrics: {{interval: 1s, {custom}}}")
    house.write("two", spec=EACH_SECOND)
    samples: list[Usage] = []
    told = lambda: samples[-1].stacks["one"]["db"].custom  # noqa: E731

    def script() -> None:
        eventually(lambda: rated(meters, "one") and rated(meters, "two"))
        meters[0].listeners.append(samples.append)
        eventually(lambda: len(samples) >= 4)
        go.set()
        eventually(lambda: told() == {"jobs": 1.0})

    try:
        assert house.run(script, house.asked("one", "two")) == 0
    finally:
        go.set()
    gaps = [after.at - before.at for before, after in pairwise(samples)]
    assert max(gaps) < PATIENCE / 2, gaps
    assert house.ear.said("MetricUnavailable") == []


def test_where_nothing_real_runs_nobody_is_asked_for_figures(house: House, meters: list[Metering]) -> None:
    """The sample's, as `scripts/quickstart` runs it where no Docker can be had."""
    metrics = yaml.safe_load((ROOT / "manifests" / "rag.yaml").read_text())["spec"]["metrics"]
    assert metrics["custom"]
    services = {one["service"]: yaml.safe_load(FILE)["services"]["db"] for one in metrics["custom"]}
    asked = json.dumps({"interval": "1s", "custom": metrics["custom"]})
    house.write("one", json.dumps({"name": "NAME", "services": services}), f", metrics: {asked}")
    samples: list[Usage] = []

    def script() -> None:
        eventually(lambda: all(rated(meters, "one", service) for service in services))
        meters[0].listeners.append(samples.append)
        eventually(lambda: len(samples) >= 2)

    assert house.run(script, house.asked("one")) == 0
    assert all(used.custom == {} for used in samples[-1].stacks["one"].values())
    assert house.ear.said("MetricUnavailable") == []


def test_without_a_controller_two_samples_of_ones_own_do(house: House) -> None:
    house.write("one")
    house.run(lambda: eventually(lambda: "Converged" in house.ear.conditions("one")), house.asked("one"))
    session = Session(house.engine, house.asked("one"), lambda _: None, lambda *_: None)
    gauge, stacks = session.gauge(), session.status()
    first = gauge.take(stacks)
    assert gauge.first and first.stacks["one"]["db"].total.cpu is None
    time.sleep(0.2)
    second = gauge.take(stacks)
    assert not gauge.first and second.stacks["one"].keys() == {"db"}


def test_what_an_ingress_counts_is_read_at_rest_too(
    house: House, meters: list[Metering], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The simulated engine has no ingress: its stack is taken for one that has."""
    monkeypatch.setattr(metering, "has_routes", lambda status: status.name == "two")
    house.write("one", spec=EACH_SECOND)
    house.write("two", spec=EACH_SECOND)

    def script() -> None:
        eventually(lambda: rated(meters, "one") and rated(meters, "two"))
        time.sleep(1.0)
        passes = meters[0]._controller.passes
        before = {name: passes[name].times for name in ("one", "two")}
        eventually(lambda: passes["two"].times >= before["two"] + 3, 10)
        assert passes["one"].times == before["one"]

    assert house.run(script, house.asked("one", "two")) == 0


def test_an_ingress_is_known_by_a_replica_that_has_a_route() -> None:
    alone = stack_status(service_status("db"))
    replica = replace(alone.services[0].replicas[0], route=RouteSeen(RouteState.IN))
    routed = replace(alone, services=(replace(alone.services[0], replicas=(replica,)),))
    assert metering.has_routes(routed) and not metering.has_routes(alone)
