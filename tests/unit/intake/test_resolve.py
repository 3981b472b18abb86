"""From manifest and rendered project to the desired stack."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from controller.intake.order import BARE
from controller.intake.resolve import Sources, resolve
from controller.model.desired import (
    START_TIMEOUT,
    Backoff,
    Condition,
    DockerRestart,
    FailureAction,
    Leaving,
    Need,
    Order,
    Port,
    Probe,
    ProbeKind,
    PullPolicy,
    Scope,
    StackPolicy,
    StartupMode,
    Template,
    UpdatePolicy,
    Watch,
)
from controller.model.errors import Finding
from controller.model.project import ImageDefaults, Recording
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


UPDATE: dict[str, Any] = {
    "Compose": (
        {
            "parallelism": 2,
            "delay": "1m30s",
            "monitor": "500ms",
            "failure_action": "pause",
            "max_failure_ratio": 0.3,
            "order": "stop-first",
        },
        None,
        UpdatePolicy(Order.STOP_FIRST, 2, 90.0, 0.5, FailureAction.PAUSE, 0.3, 600.0),
    ),
    "the manifest over Compose, key by key": (
        {"parallelism": 2, "delay": "10s"},
        {
            "parallelism": 0,
            "monitor": "0s",
            "failureAction": "continue",
            "progressDeadline": "1m",
            "order": "stop-first",
        },
        UpdatePolicy(Order.STOP_FIRST, 0, 10.0, 0.0, FailureAction.CONTINUE, 0.0, 60.0),
    ),
    "what Compose has no word for": (
        {},
        {"order": "start-first", "bake": "2m", "watch": "ready", "scope": "stack"},
        UpdatePolicy(Order.START_FIRST, bake=120.0, watch=Watch.READY, scope=Scope.STACK),
    ),
}


PATIENCE = [
    ("ten minutes", {}, {}, 600.0),
    ("a watch that is as long, of Compose", {"monitor": "10m"}, {}, 1200.0),
    ("a watch that is longer, of the manifest", {}, {"monitor": "1h"}, 7200.0),
    ("what is given stays", {"monitor": "10m"}, {"progressDeadline": "11m"}, 660.0),
    ("no watch at all", {}, {"watch": "ready", "monitor": "2m", "progressDeadline": "1m"}, 60.0),
]


@pytest.mark.parametrize(("config", "said", "deadline"), [pytest.param(*row[1:], id=row[0]) for row in PATIENCE])
def test_how_long_an_update_may_go_without_progress(config, said, deadline: float) -> None:
    web = service({"deploy": {"update_config": config, "rollback_config": config}}, {"update": said, "rollback": said})
    assert (web.update.progress_deadline, web.rollback.progress_deadline) == (deadline, deadline)


@pytest.mark.parametrize("section", ["update", "rollback"])
@pytest.mark.parametrize("monitor", ["1m", "2m"])
def test_a_watch_that_is_as_long_as_the_time_for_progress_is_an_error(section: str, monitor: str) -> None:
    said = {"services": {"web": {section: {"monitor": monitor, "progressDeadline": "1m"}}}}
    (found,) = resolved({"web": {}}, said).errors
    assert found.path == f"spec.services.web.{section}.progressDeadline"
    assert "every update would fail after 60 s" in found.message and "shorter monitor" in (found.hint or "")


def test_such_a_watch_of_a_startup_profile_is_told_there() -> None:
    short = {"web": {"update": {"progressDeadline": "3s"}}}
    said = {"startupProfiles": {"quick": {"services": ["web"], "overrides": short}}, "profile": "quick"}
    (found,) = resolved({"web": {}}, said).errors
    assert found.path == "spec.startupProfiles.quick.overrides.web.update.progressDeadline"


@pytest.mark.parametrize("case", UPDATE)
def test_update_policy(case: str) -> None:
    config, policy, expected = UPDATE[case]
    web = service({"deploy": {"update_config": config}}, None if policy is None else {"update": policy})
    assert web.update == expected


@pytest.mark.parametrize(
    ("said", "irreversible"),
    [
        ({}, None),
        ({"irreversible": True}, True),
        ({"irreversible": False}, False),
        ({"reversible": True}, False),
        ({"reversible": False}, True),
    ],
)
def test_whether_the_stack_goes_back_over_it(said: dict[str, bool], irreversible: bool | None) -> None:
    assert service({}, said).irreversible is irreversible


def test_both_words_on_going_back_are_refused() -> None:
    with pytest.raises(ValidationError, match="one of irreversible and reversible"):
        stack({"services": {"web": {"irreversible": True, "reversible": False}}})


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
    assert (policy.self_heal, policy.prune, policy.drift, policy.contents) == (False, True, "report", "ignore")
    web, db = found.services["web"], found.services["db"]
    assert (web.priority, web.start_timeout, web.heals_unhealthy, web.settle) == (7, 5.0, False, 2.0)
    assert (db.priority, db.start_timeout, db.heals_unhealthy) == (0, 30.0, True)
    assert db.backoff == Backoff(0.5, 10.0, 3.0, 3)


PROFILES = {
    "minimal": {"services": ["app"]},
    "full": {"services": ["*"]},
    "testing": {"services": ["app"], "overrides": {"app": {"replicas": 3, "update": {"parallelism": 2}}}},
}
FOUR = {"app": {**needs("db"), "scale": 2}, "db": {}, "cache": {}, "web": needs("app", "cache", required=False)}


@pytest.mark.parametrize(
    ("profile", "running"),
    [(None, ["app", "cache", "db", "web"]), ("minimal", ["app", "db"]), ("full", ["app", "cache", "db", "web"])],
)
def test_a_profile_brings_what_it_requires(profile: str | None, running: list[str]) -> None:
    found = resolved(FOUR, {"startupProfiles": PROFILES, "profile": profile}).stack
    assert found is not None
    assert [name for name, one in found.services.items() if one.leaving is None] == running
    out = [one for one in found.services.values() if one.leaving is not None]
    assert {(one.replicas, one.leaving) for one in out} <= {(0, Leaving.OUT_OF_PROFILE)}


def test_the_command_line_chooses_over_the_manifest() -> None:
    found = resolved(FOUR, {"startupProfiles": PROFILES, "profile": "full"}, profile="minimal").stack
    assert found is not None
    assert (found.profile, found.services["web"].leaving) == ("minimal", Leaving.OUT_OF_PROFILE)


def test_overrides_are_laid_over_the_policy_key_by_key() -> None:
    spec = {
        "startupProfiles": PROFILES,
        "services": {"app": {"priority": 5, "update": {"delay": "3s", "parallelism": 1}}},
    }
    found = resolved(FOUR, spec, profile="testing").stack
    assert found is not None
    app = found.services["app"]
    assert (app.replicas, app.priority, app.update.delay, app.update.parallelism) == (3, 5, 3.0, 2)


def test_optional_dependencies_outside_the_profile_are_not_waited_for() -> None:
    profiles = {"startupProfiles": {"p": {"services": ["web"]}}}
    found = resolved(FOUR, profiles, profile="p")
    assert found.stack is not None
    assert found.stack.services["web"].needs == {}
    assert found.stack.services["app"].needs.keys() == {"db"}


def test_who_leaves_keeps_its_edges_for_the_order_of_stopping() -> None:
    found = resolved(FOUR, {"startupProfiles": PROFILES}, profile="minimal")
    assert found.edges["web"] == ("app", "cache")


GONE: dict[str, Any] = {
    "without prune": ({}, {}, Leaving.ORPHANED),
    "with prune": ({"reconcile": {"prune": True}}, {}, Leaving.REMOVED),
    "in another Compose profile": (
        {"reconcile": {"prune": True}},
        {"declared": frozenset({"old"})},
        Leaving.OUT_OF_PROFILE,
    ),
}


@pytest.mark.parametrize("case", GONE)
def test_gone_from_the_model(case: str) -> None:
    spec, sources, leaving = GONE[case]
    before = resolved({"web": {}, "old": needs("web")}).stack
    assert before is not None
    found = resolved({"web": {}}, spec, before.services, **sources).stack
    assert found is not None
    old = found.services["old"]
    assert (old.leaving, old.replicas, old.needs.keys()) == (leaving, 0, {"web"})


@pytest.mark.parametrize("declared", [frozenset(), frozenset({"stranger"})])
def test_a_container_of_no_known_service_is_an_orphan(declared: frozenset[str]) -> None:
    found = resolved({"web": {}}, present=frozenset({"web", "stranger"}), declared=declared).stack
    assert found is not None
    assert found.services["stranger"].leaving is Leaving.ORPHANED
    again = resolved({"web": {}}, None, found.services, present=frozenset({"stranger"}), declared=declared).stack
    assert again is not None
    assert again.services["stranger"].leaving is Leaving.ORPHANED


def test_what_left_and_has_no_container_is_forgotten_without_a_new_generation() -> None:
    before = resolved({"web": {}, "old": {}}).stack
    assert before is not None
    leaving = resolved({"web": {}}, None, before.services, present=frozenset({"old"})).stack
    assert leaving is not None
    assert "old" in leaving.services
    after = resolved({"web": {}}, None, leaving.services).stack
    assert after is not None
    assert after.services.keys() == {"web"}
    assert after.digest == leaving.digest != before.digest


ERRORS: dict[str, Any] = {
    "unknown service": (
        {"web": {}},
        {"services": {"wbe": {}}},
        "spec.services.wbe: there is no service 'wbe'",
        "did you mean 'web'?",
    ),
    "unknown in a profile": (
        {"web": {}},
        {"startupProfiles": {"p": {"services": ["web", "redis"]}}},
        "spec.startupProfiles.p.services[1]: there is no service 'redis'",
        "known: web",
    ),
    "unknown dependency": (
        {"web": {}},
        {"services": {"web": {"dependsOn": ["db"]}}},
        "spec.services.web.dependsOn.db: there is no service 'db'",
        "known: web",
    ),
    "unknown profile": (
        {"web": {}},
        {"profile": "ful", "startupProfiles": {"full": {"services": ["*"]}}},
        "spec.profile: there is no startup profile 'ful'",
        "did you mean 'full'?",
    ),
    "cycle": (
        {"b": needs("c"), "c": needs("a"), "a": {}},
        {"services": {"a": {"dependsOn": ["b"]}}},
        "spec.services.a.dependsOn.b: dependency cycle: a → b → c → a",
        "remove one of these dependencies",
    ),
    "waits for itself": (
        {"a": {}},
        {"services": {"a": {"dependsOn": ["a"]}}},
        "spec.services.a.dependsOn.a: dependency cycle: a → a",
        "remove one of these dependencies",
    ),
    "container_name": (
        {"web": {"container_name": "w"}},
        {"services": {"web": {"replicas": 2}}},
        "spec.services.web.replicas: 2 replicas cannot share container_name 'w'",
        "remove container_name from service 'web', or set replicas: 1",
    ),
    "more replicas than host ports": (
        {"web": {"scale": 3, "ports": [{"target": 80, "published": "8000-8001"}]}},
        {},
        "spec.services.web.replicas: 3 replicas need 3 host ports for port 80, "
        "but there are only 2 host ports (8000-8001)",
        "publish a range, as '8000-8002:80', or none at all",
    ),
    "more replicas than its one host port": (
        {"web": {"scale": 2, "ports": [{"target": 80, "published": "8000"}]}},
        {},
        "spec.services.web.replicas: 2 replicas need 2 host ports for port 80, but there is only 1 host port (8000)",
        "set ingress.mode: auto, so that they share it, or publish a range, as '8000-8001:80', or none at all",
    ),
    "host network": (
        {"web": {"scale": 2, "network_mode": "host"}},
        {},
        "spec.services.web.replicas: 2 replicas cannot share the host's ports (network_mode: host)",
        None,
    ),
    "not a job, but its end is waited for": (
        {"web": {}, "app": needs("web", condition="service_completed_successfully")},
        {"services": {"web": {"job": False}}},
        "spec.services.web.job: 'web' is not a job, but another service waits until it has completed",
        None,
    ),
    "swarm": (
        {"web": {}},
        {"engine": "swarm"},
        "spec.engine: the engine 'swarm' is not available in this version",
        None,
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors(case: str) -> None:
    services, spec, words, hint = ERRORS[case]
    found = resolved(services, spec)
    assert found.stack is None
    (finding,) = found.errors
    assert str(finding) == words
    if hint is not None:
        assert finding.hint == hint


def test_a_dependency_in_an_inactive_compose_profile() -> None:
    found = resolved({"web": {}}, {"services": {"web": {"dependsOn": ["db"]}}}, declared=frozenset({"web", "db"}))
    (finding,) = found.errors
    assert finding.message == "depends on 'db', which belongs to a Compose profile that is not active"


def test_another_name_than_the_project_has() -> None:
    found = resolve(Sources(rendered({"web": {}}), manifest=stack(name="other")))
    (finding,) = found.errors
    assert str(finding) == "metadata.name: the stack is called 'other', but its Compose project is 'demo'"
    assert finding.hint == "set metadata.name: demo, or name: other at the top of the Compose file"


def test_enough_host_ports() -> None:
    found = resolved({"web": {"scale": 2, "ports": [{"target": 80, "published": "8000-8001"}, {"target": 81}]}})
    assert found.errors == ()


def test_a_long_chain_is_no_matter() -> None:
    chain = {f"s{i}": needs(f"s{i + 1}") for i in range(5000)} | {"s5000": {}}
    assert resolved(chain).errors == ()


LATER: dict[str, Any] = {
    "ingress is acted on": ({"ingress": {"mode": "auto"}}, []),
    "security": ({"security": {"networkPolicy": "dependencies"}}, ["spec.security.networkPolicy"]),
    "strict is acted on": ({"security": {"strict": True}}, []),
    "bake is acted on": ({"services": {"web": {"update": {"bake": "1m", "watch": "ready", "scope": "stack"}}}}, []),
    "liveness": ({"services": {"web": {"liveness": {"tcp": {"port": 1}}}}}, ["spec.services.web.liveness"]),
    "defaults, written out": ({"ingress": {"mode": "off"}, "resources": {"admission": "warn"}, "metrics": {}}, []),
}


@pytest.mark.parametrize("case", LATER)
def test_says_what_it_does_not_act_on_yet(case: str) -> None:
    spec, paths = LATER[case]
    found = resolved({"web": {}}, spec)
    assert found.stack is not None
    assert [finding.path for finding in found.warnings] == paths


def revision(definition: dict[str, Any], **sources: Any) -> str:
    found = resolved({"web": definition, "db": {}}, **sources).stack
    assert found is not None
    return found.services["web"].revision


REPLACES = {
    "environment": {"environment": {"A": "1"}},
    "image": {"image": "other"},
    "limits": {"deploy": {"resources": {"limits": {"memory": "1g"}}}},
}
KEEPS = {
    "depends_on": needs("db"),
    "scale": {"scale": 3},
    "deploy.replicas": {"deploy": {"replicas": 3}},
    "update_config": {"deploy": {"update_config": {"parallelism": 2}}},
    "another order": {"deploy": {"update_config": {"order": "start-first"}}},
    "rollback_config": {"deploy": {"rollback_config": {"delay": "1s"}}},
    "profiles": {"profiles": ["x"]},
    "build": {"build": {"context": "."}},
}


@pytest.mark.parametrize("case", REPLACES)
def test_a_changed_definition_is_a_new_revision(case: str) -> None:
    assert revision(REPLACES[case]) != revision({})


@pytest.mark.parametrize("case", KEEPS)
def test_what_replaces_nothing_keeps_the_revision_and_makes_a_generation(case: str) -> None:
    assert revision(KEEPS[case]) == revision({})
    if case not in ("profiles",):
        before, after = resolved({"web": {}, "db": {}}).stack, resolved({"web": KEEPS[case], "db": {}}).stack
        assert before is not None
        assert after is not None
        assert before.digest != after.digest


KEPT_BY_THE_MANIFEST: dict[str, dict[str, Any]] = {
    "replicas": {"replicas": 3},
    "dependsOn": {"dependsOn": ["db"]},
    "update": {"update": {"delay": "1s"}},
    "another order": {"update": {"order": "stop-first"}},
    "rollback": {"rollback": {"parallelism": 2}},
    "irreversible": {"irreversible": True},
}


@pytest.mark.parametrize("case", KEPT_BY_THE_MANIFEST)
def test_policy_alone_keeps_the_revision_and_makes_a_generation(case: str) -> None:
    brings = {"image_defaults": lambda image: ImageDefaults()}
    before = resolved({"web": {}, "db": {}}, {}, **brings).stack
    after = resolved({"web": {}, "db": {}}, {"services": {"web": KEPT_BY_THE_MANIFEST[case]}}, **brings).stack
    assert before is not None and after is not None
    assert after.services["web"].revision == before.services["web"].revision
    assert after.digest != before.digest


def test_contents_count_where_they_roll() -> None:
    changed = {"contents": {"web": "c1"}}
    assert revision({}, **changed) != revision({})
    assert revision({}, image_ids={"web": "sha256:1"}) != revision({})


@pytest.mark.parametrize(("says", "told"), [("roll", False), ("report", True), ("ignore", False)])
def test_new_contents_roll_are_told_or_ignored(says: str, told: bool) -> None:
    spec = {"reconcile": {"contents": says}}
    before = resolved({"web": {}}, contents={"web": "c1"}).stack
    assert before is not None
    same = resolved({"web": {}}, spec, before.services, contents={"web": "c1"}).stack
    resolution = resolved({"web": {}}, spec, before.services, contents={"web": "c2"})
    changed = resolution.stack
    assert same is not None and changed is not None
    assert any("new contents" in finding.message for finding in resolution.warnings) == told
    # Another policy alone replaces nothing, in either direction.
    assert same.services["web"].revision == before.services["web"].revision
    assert (changed.services["web"].revision != before.services["web"].revision) == (says == "roll")
    assert (same.services["web"].contents_changed, changed.services["web"].contents_changed) == (False, told)
    again = resolved({"web": {}}, None, changed.services, contents={"web": "c1"}).stack
    assert again is not None
    assert again.services["web"].revision == before.services["web"].revision


def test_a_new_definition_takes_the_present_contents_along() -> None:
    spec = {"reconcile": {"contents": "report"}}
    before = resolved({"web": {}}, spec, contents={"web": "c1"}).stack
    assert before is not None
    edited = resolved({"web": {"user": "1"}}, spec, before.services, contents={"web": "c2"}).stack
    assert edited is not None
    assert edited.services["web"].revision != before.services["web"].revision
    assert not edited.services["web"].contents_changed


def test_unreadable_contents_are_unknown_never_changed() -> None:
    before = resolved({"web": {}}, contents={"web": "c1"}).stack
    assert before is not None
    same = resolved({"web": {}}, None, before.services, contents={"web": None}).stack
    assert same is not None
    assert same.services["web"].revision == before.services["web"].revision
    edited = resolved({"web": {"user": "1"}}, None, before.services, contents={"web": None}).stack
    assert edited is not None
    assert edited.services["web"].revision != before.services["web"].revision


def test_recorded_templates_say_what_replaces() -> None:
    recording = Recording({"web": Template("web", "hash", "print", body="{}", namespace_of="db")})
    found = resolved({"web": {"environment": {"A": "1"}}, "db": {}}, recording=recording).stack
    other = resolved({"web": {}, "db": {}}, recording=recording).stack
    assert found is not None
    assert other is not None
    assert found.services["web"].template.config_hash == "hash"
    assert found.services["web"].namespace_of == "db"
    assert found.services["web"].revision == other.services["web"].revision
    changed = replace(recording, templates={"web": replace(recording.templates["web"], fingerprint="other")})
    third = resolved({"web": {}, "db": {}}, recording=changed).stack
    assert third is not None
    assert third.services["web"].revision != other.services["web"].revision


def test_the_same_sources_give_the_same_stack() -> None:
    spec = {"startupProfiles": PROFILES, "services": {"web": {"dependsOn": ["db", "cache"]}}}
    turned = dict(reversed(FOUR.items()))
    first, second = resolved(FOUR, spec), resolved(turned, spec)
    assert first == second
    assert repr(first) == repr(second)


def test_secrets_are_not_in_the_texts_of_what_is_wanted() -> None:
    found = resolved({"web": {"environment": {"TOKEN": "hunter2"}}})
    assert "hunter2" not in repr(found)
    errors: tuple[Finding, ...] = resolved({"web": {"environment": {"TOKEN": "hunter2"}}}, {"engine": "swarm"}).errors
    assert "hunter2" not in repr(errors)
