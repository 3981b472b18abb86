"""Which targets there are, and what is said of each."""

from __future__ import annotations

import json
from typing import Any

import pytest

from controller.model.desired import DesiredService, Port
from controller.model.metrics import CustomMetric, MetricsPolicy
from controller.model.observed import Replica
from controller.model.phases import Phase
from controller.model.routes import Frontend
from controller.web.discovery import Door, Group, find_doors, find_groups
from tests.builders import created, healthy, service, stack, template
from tests.unit.cli.statuses import service_status, stack_status

pytestmark = pytest.mark.unit

NOTHING = MetricsPolicy()
JOBS = MetricsPolicy(custom=(CustomMetric("jobs", "web", 9100, "/metrics", "jobs"),))


def exposing(*ports: str, **others: Any) -> DesiredService:
    body = json.dumps({"create": {"ExposedPorts": {port: {} for port in ports}}, "connects": []})
    return service(template=template(body=body), **others)


def groups(wanted: DesiredService, *replicas: Replica, metrics: MetricsPolicy = NOTHING, **asked: Any) -> list[Group]:
    status = stack_status(service_status(wanted.name, Phase.READY, *replicas))
    return list(find_groups(status, stack(wanted), metrics, **asked))


@pytest.mark.parametrize(
    ("wanted", "metrics", "doors"),
    [
        (service(), NOTHING, ()),
        (service(ports=(Port(80, (8080, 8080)), Port(53, None, protocol="udp"))), NOTHING, (Door(80),)),
        (exposing("9000/tcp", "53/udp", "7000"), NOTHING, (Door(7000), Door(9000))),
        (exposing("80/tcp", ports=(Port(80, None),)), NOTHING, (Door(80),)),
        (service(frontends=(Frontend("web", 8080, 80),)), NOTHING, (Door(80),)),
        (service(), JOBS, (Door(9100, "/metrics"),)),
        (exposing("9100/tcp", "80/tcp"), JOBS, (Door(80), Door(9100, "/metrics"))),
        (service("db"), JOBS, ()),
        (service(), MetricsPolicy(custom=(CustomMetric("jobs", "web", command=("cat", "/n")),)), ()),
        (service(), MetricsPolicy(custom=(*JOBS.custom, *JOBS.custom)), (Door(9100, "/metrics"),)),
    ],
    ids=[
        "a service without ports", "TCP only", "exposed", "exposed and published are one", "behind the ingress",
        "scraped by us", "scraped and exposed are one", "another's metric", "a command has no port", "two of one port",
    ],
)  # fmt: skip
def test_the_ports_that_are_known(wanted: DesiredService, metrics: MetricsPolicy, doors: tuple[Door, ...]) -> None:
    assert find_doors(wanted, metrics) == doors


def test_a_group_says_whose_it_is_and_where_its_metrics_are() -> None:
    wanted = exposing("80/tcp")
    plain, scraped = groups(wanted, healthy(1, address="172.18.0.5"), metrics=JOBS)
    labels = {
        "__meta_controller_stack": "shop",
        "__meta_controller_service": "web",
        "__meta_controller_replica": "shop-web-1",
    }
    assert plain == {
        "targets": ["172.18.0.5:80"],
        "labels": {**labels, "__meta_controller_port": "80", "__meta_controller_metrics": "false"},
    }
    assert scraped == {
        "targets": ["172.18.0.5:9100"],
        "labels": {
            **labels,
            "__meta_controller_port": "9100",
            "__meta_controller_metrics": "true",
            "__metrics_path__": "/metrics",
        },
    }


def test_a_query_is_told_apart_from_its_path() -> None:
    asked = MetricsPolicy(custom=(CustomMetric("jobs", "web", 80, "/stats?format=prom&a-b=1", "jobs"),))
    (group,) = groups(service(), healthy(1, address="10.0.0.1"), metrics=asked)
    assert (group["labels"]["__metrics_path__"], group["labels"]["__param_format"]) == ("/stats", "prom")
    assert "__param_a-b" not in group["labels"]


def test_who_is_not_ready_or_cannot_be_reached_is_no_target() -> None:
    there, cannot = healthy(1, address="10.0.0.1"), healthy(2)
    assert [g["targets"] for g in groups(exposing("80"), there, cannot, created(3, address="10.0.0.3"))] == [
        ["10.0.0.1:80"]
    ]


def test_an_address_of_version_six_is_in_brackets() -> None:
    (group,) = groups(exposing("80"), healthy(1, address="fd00::5"))
    assert group["targets"] == ["[fd00::5]:80"]


def test_one_service_can_be_asked_for() -> None:
    there = healthy(1, address="10.0.0.1")
    assert groups(exposing("80"), there, service="web") and not groups(exposing("80"), there, service="db")


def test_an_orphan_of_which_no_ports_are_known_is_no_target() -> None:
    status = stack_status(service_status("old", Phase.READY, healthy(1, service="old", address="10.0.0.1")))
    assert not list(find_groups(status, stack(exposing("80")), NOTHING))


def test_who_asks_from_a_container_is_told_names_where_networks_are_ours() -> None:
    wanted, confined = (
        exposing("80/tcp"),
        healthy(1, address="10.201.0.5", joined=("shop.a--web",), ours=("shop.a--web",)),
    )
    assert groups(wanted, confined)[0]["targets"] == ["10.201.0.5:80"]
    assert groups(wanted, confined, by_name=True)[0]["targets"] == [f"{confined.name}:80"]
    assert groups(wanted, healthy(1, address="172.18.0.5"), by_name=True)[0]["targets"] == ["172.18.0.5:80"]
