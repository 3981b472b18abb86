"""What the simulated engine makes of a rendered project."""

from __future__ import annotations

from typing import Any

import pytest

from controller.engines.simulated_labels import read_behaviour, read_service, read_times
from controller.engines.simulated_requests import record_model, seconds
from controller.engines.simulated_traits import Traits, read_traits
from controller.model.desired import DockerRestart, Port, Template
from controller.model.errors import Rejected
from controller.model.project import RenderedProject
from controller.model.timings import Span

pytestmark = pytest.mark.unit


def record(**services: dict[str, Any]) -> dict[str, Template]:
    full = {name: {"image": "busybox", **service} for name, service in services.items()}
    return dict(record_model(RenderedProject("shop", {"name": "shop", "services": full})).templates)


def traits(**service: Any) -> Traits:
    return read_traits(record(web=service)["web"].body)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("10s", 10.0), ("1m30s", 90.0), ("500ms", 0.5), ("1h0m1s", 3601.0), ("2.5s", 2.5), ("7", 7.0), (None, 0.0)],
)
def test_durations_are_read_as_compose_writes_them(text: str | None, expected: float) -> None:
    assert seconds(text) == pytest.approx(expected)


def test_what_is_no_duration_is_refused() -> None:
    with pytest.raises(ValueError, match="soon"):
        seconds("soon")


@pytest.mark.parametrize(
    ("service", "policy", "retries"),
    [
        ({}, DockerRestart.NO, None),
        ({"restart": "unless-stopped"}, DockerRestart.UNLESS_STOPPED, None),
        ({"restart": "on-failure:4"}, DockerRestart.ON_FAILURE, 4),
        ({"deploy": {"restart_policy": {"condition": "on-failure", "max_attempts": 2}}}, DockerRestart.ON_FAILURE, 2),
        ({"deploy": {"restart_policy": {"condition": "any"}}, "restart": "no"}, DockerRestart.ALWAYS, None),
        ({"deploy": {"restart_policy": {"condition": "none"}}, "restart": "always"}, DockerRestart.NO, None),
    ],
)
def test_restart_policies(service: dict[str, Any], policy: DockerRestart, retries: int | None) -> None:
    found = traits(**service)
    assert (found.policy, found.retries) == (policy, retries)


def test_health_checks() -> None:
    check = traits(
        healthcheck={"test": ["CMD-SHELL", "curl x"], "interval": "1m30s", "timeout": "500ms", "retries": 5}
    ).check
    assert check is not None
    assert (check.command, check.interval) == (("/bin/sh", "-c", "curl x"), 90.0)
    assert (check.timeout, check.retries) == (0.5, 5)
    assert traits(healthcheck={"disable": True}).disabled
    assert traits().check is None


def test_only_unnamed_volumes_are_anonymous() -> None:
    volumes = [{"type": "volume", "target": "/a"}, {"type": "volume", "source": "named", "target": "/b"}]
    assert traits(volumes=[*volumes, {"type": "bind", "source": "/x", "target": "/c"}]).volumes == ("/a",)


def test_the_service_is_read_back_from_its_request() -> None:
    ports = [{"target": 80, "published": "8080-8081", "protocol": "tcp"}, {"target": 53, "protocol": "udp"}]
    templates = record(web={"ports": ports, "restart": "always"}, solo={"container_name": "only-me"})
    web = read_service(templates["web"])
    assert (web.name, web.image, web.docker_restart) == ("web", "busybox", DockerRestart.ALWAYS)
    assert web.ports == (Port(53, None, "", "udp"), Port(80, (8080, 8081), "", "tcp"))
    assert (web.container_name, web.is_job) == (None, False)
    assert read_service(templates["solo"]).container_name == "only-me"


def test_whom_somebody_waits_for_to_complete_is_a_job_and_is_not_replaced_for_it() -> None:
    needs = {"migrate": {"condition": "service_completed_successfully"}}
    alone, awaited = record(migrate={}, web={}), record(migrate={}, web={"depends_on": needs})
    assert read_service(awaited["migrate"]).is_job
    assert not read_service(alone["migrate"]).is_job
    assert {name: template.fingerprint for name, template in awaited.items()} == {
        name: template.fingerprint for name, template in alone.items()
    }


@pytest.mark.parametrize("kind", ["network_mode", "pid", "ipc"])
def test_whose_namespace_is_shared(kind: str) -> None:
    templates = record(web={}, side={kind: "service:web"}, host={kind: "host"})
    assert {name: template.namespace_of for name, template in templates.items()} == {
        "web": None,
        "side": "web",
        "host": None,
    }


@pytest.mark.parametrize(
    ("change", "replaces"),
    [
        ({"scale": 3}, False),
        ({"profiles": ["x"]}, False),
        ({"deploy": {"replicas": 3, "update_config": {"order": "start-first"}}}, False),
        ({"deploy": {"resources": {"limits": {"memory": "1"}}}}, True),
        ({"image": "other"}, True),
        ({"labels": {"a": "b"}}, True),
    ],
)
def test_what_replaces_and_what_does_not(change: dict[str, Any], replaces: bool) -> None:
    assert (record(web=change)["web"].fingerprint != record(web={})["web"].fingerprint) is replaces


def test_labels_script_the_simulation() -> None:
    marks = {"controller.simulated.ready": "2.5", "controller.simulated.run": "1", "controller.simulated.lives": "2"}
    marks |= {"controller.simulated.crash-after": "3", "controller.simulated.becomes-ready": "false", "other": "x"}
    assert read_times(marks) == {Span.READY: 2.5, Span.RUN: 1.0}
    behaviour = read_behaviour(marks)
    assert (behaviour.crash_after, behaviour.lives, behaviour.becomes_ready) == (3.0, 2, False)


def test_labels_that_make_no_sense_are_refused_with_their_name() -> None:
    with pytest.raises(Rejected, match=r"controller\.simulated\.ready: 'soon'"):
        read_times({"controller.simulated.ready": "soon"})
