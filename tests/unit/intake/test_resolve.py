"""From manifest and rendered project to the desired stack: what each service is to be, and the stack's own policy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from controller.decide.touched import ignores
from controller.intake.order import BARE
from controller.intake.resolve import Sources, resolve
from controller.model.desired import (
    START_TIMEOUT,
    Backoff,
    Condition,
    DockerRestart,
    FailureAction,
    Need,
    Port,
    Probe,
    ProbeKind,
    PullPolicy,
    StackPolicy,
    StartupMode,
    UpdatePolicy,
)
from controller.model.errors import Finding
from tests.unit.intake.builders import needs, rendered, resolved, service, stack

pytestmark = pytest.mark.unit


def test_a_bare_project_has_the_defaults() -> None:
    found = resolved({"web": {}})
    assert found.errors == found.warnings == ()
    assert found.stack is not None
    assert found.stack.policy == StackPolicy()
    web = found.stack.services["web"]
    assert (web.replicas, web.image, web.leaving, web.is_job) == (1, "web", None, None)
    assert web.update == UpdatePolicy(because=BARE)
    assert web.rollback == UpdatePolicy(failure_action=FailureAction.PAUSE, because=BARE)
    assert (web.settle, web.start_timeout, web.stop_grace, web.backoff) == (1.0, 120.0, 10.0, Backoff())


REPLICAS = {
    "nobody says": ({}, None, 1),
    "scale": ({"scale": 3}, None, 3),
    "deploy.replicas": ({"deploy": {"replicas": 2}}, None, 2),
    "deploy.replicas over scale": ({"deploy": {"replicas": 2}, "scale": 3}, None, 2),
    "none": ({"scale": 0}, None, 0),
    "the manifest over Compose": ({"deploy": {"replicas": 2}}, {"replicas": 4}, 4),
    "the manifest says none": ({"scale": 2}, {"replicas": 0}, 0),
    "the manifest says nothing of it": ({"scale": 2}, {"priority": 1}, 2),
}


@pytest.mark.parametrize("case", REPLICAS)
def test_replicas(case: str) -> None:
    definition, policy, count = REPLICAS[case]
    assert service(definition, policy).replicas == count


RESTART = {
    "absent": ({}, DockerRestart.NO),
    "no": ({"restart": "no"}, DockerRestart.NO),
    "always": ({"restart": "always"}, DockerRestart.ALWAYS),
    "unless-stopped": ({"restart": "unless-stopped"}, DockerRestart.UNLESS_STOPPED),
    "on-failure with a count": ({"restart": "on-failure:3"}, DockerRestart.ON_FAILURE),
    "deploy: any": ({"deploy": {"restart_policy": {"condition": "any"}}}, DockerRestart.ALWAYS),
    "deploy: none over restart": (
        {"restart": "always", "deploy": {"restart_policy": {"condition": "none"}}},
        DockerRestart.NO,
    ),
    "deploy: on-failure": ({"deploy": {"restart_policy": {"condition": "on-failure"}}}, DockerRestart.ON_FAILURE),
}


@pytest.mark.parametrize("case", RESTART)
def test_docker_restart(case: str) -> None:
    definition, policy = RESTART[case]
    assert service(definition).docker_restart is policy


PORTS = {
    "one": ({"target": 80, "published": "8000", "protocol": "tcp"}, Port(80, (8000, 8000))),
    "a range": ({"target": 80, "published": "8000-8009", "protocol": "tcp"}, Port(80, (8000, 8009))),
    "any": ({"target": 80, "protocol": "tcp"}, Port(80, None)),
    "any, said": ({"target": 80, "published": "0", "protocol": "tcp"}, Port(80, None)),
    "address, UDP": (
        {"target": 53, "published": "53", "protocol": "udp", "host_ip": "127.0.0.1"},
        Port(53, (53, 53), "127.0.0.1", "udp"),
    ),
}


@pytest.mark.parametrize("case", PORTS)
def test_ports(case: str) -> None:
    port, expected = PORTS[case]
    assert service({"ports": [port]}).ports == (expected,)


@pytest.mark.parametrize(
    ("word", "policy"),
    [
        (None, PullPolicy.MISSING),
        ("missing", PullPolicy.MISSING),
        ("if_not_present", PullPolicy.MISSING),
        ("always", PullPolicy.ALWAYS),
        ("never", PullPolicy.NEVER),
        ("build", PullPolicy.BUILD),
        ("daily", PullPolicy.MISSING),
    ],
)
def test_pull_policy(word: str | None, policy: PullPolicy) -> None:
    assert service({"pull_policy": word} if word else {}).pull is policy


def test_what_is_built_is_named_after_its_project() -> None:
    web = service({"image": None, "build": {"context": "."}})
    assert (web.builds, web.image) == (True, "demo-web")


def test_stop_grace_period() -> None:
    assert service({"stop_grace_period": "1m30s"}).stop_grace == 90.0


READINESS: dict[str, Any] = {
    "http": (
        {"http": {"port": 80, "path": "/ready"}, "interval": "250ms", "timeout": "2s"},
        Probe(ProbeKind.HTTP, port=80, path="/ready", interval=0.25, timeout=2.0, start_period=60.0),
    ),
    "tcp": (
        {"tcp": {"port": 80}, "retries": 5, "startPeriod": "3s"},
        Probe(ProbeKind.TCP, port=80, retries=5, start_period=3.0),
    ),
    "exec, an argv": ({"exec": ["pg_isready", "-q"]}, Probe(ProbeKind.EXEC, ("pg_isready", "-q"), start_period=60.0)),
    "exec, a line": (
        {"exec": "test -f /ok"},
        Probe(ProbeKind.EXEC, ("/bin/sh", "-c", "test -f /ok"), start_period=60.0),
    ),
    "exec, long": ({"exec": {"command": ["true"]}}, Probe(ProbeKind.EXEC, ("true",), start_period=60.0)),
}


@pytest.mark.parametrize("case", READINESS)
def test_readiness(case: str) -> None:
    check, probe = READINESS[case]
    assert service({}, {"readiness": check, "startTimeout": "60s"}).readiness == probe


def test_a_replica_that_starts_is_given_the_start_timeout_however_often_it_is_asked() -> None:
    often = {"tcp": {"port": 80}, "interval": "250ms"}
    asked = service({}, {"readiness": often}).readiness
    strict = service({}, {"readiness": {**often, "startPeriod": "0s"}}).readiness
    assert asked is not None and asked.start_period == START_TIMEOUT
    assert strict is not None and strict.start_period == 0.0


@pytest.mark.parametrize(
    ("startup", "start_timeout", "expected"),
    [
        ({}, "60s", 90.0),
        ({"interval": "10s", "retries": 30}, "60s", 360.0),
        ({"interval": "10s", "retries": 30, "startPeriod": "20s"}, "60s", 380.0),
    ],
)
def test_what_a_startup_probe_gives_comes_on_top(startup: dict[str, Any], start_timeout: str, expected: float) -> None:
    probe = {"tcp": {"port": 80}, **startup}
    web = service({}, {"startupProbe": probe, "startTimeout": start_timeout})
    assert web.start_timeout == expected
    assert web.startup is not None and web.startup.start_period == expected, "its failures end nothing before"


def test_a_long_start_has_a_longer_deadline_for_progress_unless_somebody_gives_one() -> None:
    slow = {"startupProbe": {"tcp": {"port": 80}, "interval": "10s", "retries": 90}}
    assert service({}, slow).update.progress_deadline == 1800.0
    assert service({}, {**slow, "update": {"progressDeadline": "60s"}}).update.progress_deadline == 60.0


def test_after_a_startup_probe_each_failure_of_liveness_counts() -> None:
    alone = {"liveness": {"tcp": {"port": 80}}}
    both = {**alone, "startupProbe": {"tcp": {"port": 80}}}
    asked = {name: service({}, said).liveness for name, said in {"alone": alone, "both": both}.items()}
    assert {name: probe.start_period for name, probe in asked.items() if probe} == {"alone": START_TIMEOUT, "both": 0.0}


@pytest.mark.parametrize("kind", ["readiness", "liveness", "startupProbe"])
def test_what_is_probed_is_no_job(kind: str) -> None:
    assert service({}, {kind: {"tcp": {"port": 80}}}).is_job is False
    assert service({}, {}).is_job is None


NEEDS: dict[str, Any] = {
    "depends_on": (needs("db", condition="service_healthy"), None, {"db": Need(Condition.HEALTHY)}),
    "restart": (
        {"depends_on": {"db": {"condition": "service_started", "restart": True, "required": False}}},
        None,
        {"db": Need(Condition.STARTED, False, True)},
    ),
    "links": ({"links": ["db:database"]}, None, {"db": Need(restart=True)}),
    "volumes_from": ({"volumes_from": ["db:ro", "container:other"]}, None, {"db": Need(restart=True)}),
    "network": ({"network_mode": "service:db"}, None, {"db": Need(restart=True)}),
    "the manifest over Compose": (
        needs("db"),
        {"dependsOn": {"db": "service_healthy"}},
        {"db": Need(Condition.HEALTHY)},
    ),
    "the manifest beside Compose, as a list": ({}, {"dependsOn": ["db"]}, {"db": Need()}),
}


@pytest.mark.parametrize("case", NEEDS)
def test_needs(case: str) -> None:
    definition, policy, expected = NEEDS[case]
    assert service(definition, policy).needs == expected


def test_namespace_owner() -> None:
    assert service({"network_mode": "service:db"}).namespace_of == "db"
    assert service({"pid": "service:db"}).namespace_of == "db"
    assert service({"network_mode": "host"}).namespace_of is None


JOBS: dict[str, Any] = {
    "nobody says": ({"web": {}}, {}, None),
    "a dependent waits for its end": (
        {"web": {}, "app": needs("web", condition="service_completed_successfully")},
        {},
        True,
    ),
    "the manifest says so": ({"web": {"ports": [{"target": 1}]}}, {"web": {"job": True}}, True),
    "the manifest says no": ({"web": {}}, {"web": {"job": False}}, False),
    "always restarted": ({"web": {"restart": "always"}}, {}, False),
    "restarted on failure": ({"web": {"restart": "on-failure"}}, {}, None),
    "publishes": ({"web": {"ports": [{"target": 80}]}}, {}, False),
    "has a health check": ({"web": {"healthcheck": {"test": ["CMD", "true"]}}}, {}, False),
    "its health check is switched off": ({"web": {"healthcheck": {"test": ["NONE"]}}}, {}, None),
    "has a probe": ({"web": {}}, {"web": {"readiness": {"tcp": {"port": 1}}}}, False),
}


@pytest.mark.parametrize("case", JOBS)
def test_jobs(case: str) -> None:
    services, policies, expected = JOBS[case]
    found = resolved(services, {"services": policies})
    assert found.stack is not None
    assert found.stack.services["web"].is_job is expected


def test_what_the_manifest_says_of_the_stack() -> None:
    spec = {
        "autoStart": False,
        "startup": {
            "mode": "sequential",
            "maxParallel": 4,
            "timeout": "30s",
            "settle": "2s",
            "retry": {"attempts": 3, "initialDelay": "500ms", "maxDelay": "10s", "multiplier": 3},
        },
        "reconcile": {"resync": "5s", "selfHeal": False, "prune": True, "drift": "report", "contents": "ignore"},
        "services": {"web": {"priority": 7, "startTimeout": "5s", "onUnhealthy": "notify"}},
    }
    found = resolved({"web": {}, "db": {}}, spec).stack
    assert found is not None
    policy = found.policy
    assert (policy.mode, policy.max_parallel, policy.resync, policy.auto_start) == (
        StartupMode.SEQUENTIAL,
        4,
        5.0,
        False,
    )
    assert (policy.self_heal, policy.prune, found.services["db"].drift, policy.contents) == (
        False,
        True,
        "report",
        "ignore",
    )
    web, db = found.services["web"], found.services["db"]
    assert (web.priority, web.start_timeout, web.heals_unhealthy, web.settle) == (7, 5.0, False, 2.0)
    assert (db.priority, db.start_timeout, db.heals_unhealthy) == (0, 30.0, True)
    assert db.backoff == Backoff(0.5, 10.0, 3.0, 3)


def test_secrets_are_not_in_the_texts_of_what_is_wanted() -> None:
    found = resolved({"web": {"environment": {"TOKEN": "hunter2"}}})
    assert "hunter2" not in repr(found)
    errors: tuple[Finding, ...] = resolved({"web": {"environment": {"TOKEN": "hunter2"}}}, {"engine": "swarm"}).errors
    assert "hunter2" not in repr(errors)


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("HostConfig.Memroy", "did you mean 'HostConfig.Memory'?"),
        ("Memory", "did you mean 'HostConfig.Memory'?"),
        ("HostConfig.RestartPolicy.Name", "did you mean 'HostConfig.RestartPolicy'?"),
        ("HostConfig.Memory", None),
        ("Envs", "did you mean 'Env'?"),
        ("PortBinding", "did you mean 'HostConfig.PortBindings'?"),
        ("Env", None),
        ("HostConfig.PortBindings", None),
        ("Networks.shop_default", None),
        ("Name", None),
    ],
)
def test_a_path_that_nothing_is_ever_found_at_ignores_nothing(path: str, hint: str | None) -> None:
    found = resolved({"web": {}}, {"services": {"web": {"ignoreDrift": [path]}}})
    told = [finding for finding in found.warnings if path in finding.message]
    assert [finding.hint for finding in told] == ([hint] if hint else [])


@pytest.mark.parametrize("name", ["front", "shop_front"])
def test_a_network_is_ignored_by_either_of_its_names(name: str) -> None:
    project = rendered({"web": {}})
    model = {**project.model, "networks": {"front": {"name": "shop_front"}, "back": None}}
    manifest = stack({"services": {"web": {"ignoreDrift": [f"Networks.{name}"]}}})
    found = resolve(Sources(replace(project, model=model), manifest=manifest))
    assert found.stack is not None
    want = found.stack.services["web"]
    assert ignores(want, "Networks.shop_front") and not ignores(want, "Networks.back")


def test_what_a_profile_overrides_is_looked_through_as_well() -> None:
    said = {"web": {"ignoreDrift": ["Memory"], "egress": False}}
    found = resolved({"web": {}}, {"startupProfiles": {"dev": {"services": ["web"], "overrides": said}}})
    places = [finding.path for finding in found.warnings]
    assert "spec.services.web.egress" not in places, "of another profile than the one that is chosen"
    assert "spec.startupProfiles.dev.overrides.web.ignoreDrift[0]" in places
