"""What cannot be resolved, told with its path and a mend; and what is accepted and not acted on yet."""

from __future__ import annotations

from typing import Any

import pytest

from controller.intake.resolve import Sources, resolve
from tests.unit.intake.builders import needs, rendered, resolved, stack

pytestmark = pytest.mark.unit

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
    "TLS between services is acted on": ({"security": {"tls": {"mode": "internal"}}}, []),
    "a certificate of an ingress that has no port": (
        {"security": {"tls": {"certificate": "a.pem", "key": "k.pem"}}},
        ["spec.security.tls.certificate"],
    ),
    "TLS at a port that the ingress has not": (
        {"ingress": {"mode": "auto", "tls": {"ports": [443]}}},
        ["spec.ingress.tls.ports[0]"],
    ),
    "the log of the ingress is acted on": ({"ingress": {"mode": "auto", "log": True}}, []),
    "network policy is acted on": ({"security": {"networkPolicy": "dependencies", "addressPool": "10.9.0.0/20"}}, []),
    "strict is acted on": ({"security": {"strict": True}}, []),
    "bake is acted on": ({"services": {"web": {"update": {"bake": "1m", "watch": "ready", "scope": "stack"}}}}, []),
    "liveness is acted on": ({"services": {"web": {"liveness": {"tcp": {"port": 1}}}}}, []),
    "who is connected to, is acted on": ({"services": {"web": {"connectsTo": ["web"]}}}, []),
    "resources are acted on": (
        {"resources": {"admission": "off"}, "services": {"web": {"limits": {"maxMemory": "1g"}}}},
        [],
    ),
    "defaults, written out": ({"ingress": {"mode": "off"}, "resources": {"admission": "warn"}, "metrics": {}}, []),
}


@pytest.mark.parametrize("case", LATER)
def test_says_what_it_does_not_act_on_yet(case: str) -> None:
    spec, paths = LATER[case]
    found = resolved({"web": {}}, spec)
    assert found.stack is not None
    assert [finding.path for finding in found.warnings] == paths


REPLICAS = {"fewer than none": -1, "more than a network has ports": 1001}


@pytest.mark.fault("F5")
@pytest.mark.parametrize("case", REPLICAS)
def test_replicas_that_cannot_be(case: str) -> None:
    found = resolved({"web": {"scale": REPLICAS[case]}})
    assert found.stack is None
    assert found.errors[0].path == "spec.services.web.replicas"


def test_two_services_cannot_share_a_container_name_unless_one_has_no_replica() -> None:
    both = {"a": {"container_name": "n"}, "b": {"container_name": "n"}}
    assert [finding.path for finding in resolved(both).errors] == ["services.b.container_name"]
    assert resolved({**both, "b": {"container_name": "n", "scale": 0}}).errors == ()
