"""What init writes is a valid manifest, with and without its comment signs."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from controller.model.manifest import Stack
from controller.render.scaffold import stack_text, unit_text

pytestmark = pytest.mark.unit

MODEL: dict[str, Any] = {
    "services": {
        "web": {"ports": [{"target": 80, "published": "8080", "protocol": "tcp"}]},
        "api": {"ports": [{"target": 8000, "published": "8000-8009"}], "deploy": {"replicas": 2}},
        "db": {"healthcheck": {"test": ["CMD", "true"]}, "container_name": "db"},
        "yes": {"scale": 3},
        "worker.1": None,
    }
}


def test_it_changes_nothing_until_edited() -> None:
    text = stack_text("shop", ["../compose.yaml", "../a file: odd.yaml"], MODEL)
    stack = Stack.model_validate(yaml.safe_load(text))
    assert stack.metadata.name == "shop"
    assert stack.spec.compose.files == ("../compose.yaml", "../a file: odd.yaml")
    assert {name: service.replicas for name, service in stack.spec.services.items()} == {
        "web": 1,
        "api": 2,
        "db": 1,
        "yes": 3,
        "worker.1": 1,
    }


def test_every_line_that_is_commented_out_is_valid_too() -> None:
    lines = stack_text("shop", ["../compose.yaml"], MODEL).splitlines()[2:]
    uncommented = [re.sub(r"^( *)# ( *[a-zA-Z]+:( |$))", r"\1\2", line) for line in lines]
    spec = Stack.model_validate(yaml.safe_load("\n".join(uncommented))).spec
    assert (spec.profile, spec.startup.max_parallel, spec.ingress.mode) == ("full", 4, "auto")
    readiness = spec.services["web"].readiness
    assert readiness is not None and readiness.tcp is not None and readiness.tcp.port == 80


def test_remarks_warn_of_what_cannot_scale() -> None:
    text = stack_text("shop", ["../compose.yaml"], MODEL)
    remarks = dict(re.findall(r"    ([a-z]+):\n      replicas: \d+  # (.+)", text))
    assert remarks == {"web": "more need the ingress, or a range of host ports", "db": "container_name allows no more"}


def test_who_is_behind_the_ingress_already_stays_there() -> None:
    shared = {"ports": [{"target": 80, "published": "8080"}], "scale": 2}
    for services, mode in (({"web": shared}, "auto"), (MODEL["services"], "off")):
        stack = Stack.model_validate(yaml.safe_load(stack_text("shop", ["../compose.yaml"], {"services": services})))
        assert stack.spec.ingress.mode == mode


def test_no_services_is_still_a_manifest() -> None:
    Stack.model_validate(yaml.safe_load(stack_text("empty", ["../compose.yaml"], {})))


def test_the_unit_quotes_as_systemd_reads() -> None:
    unit = unit_text("/opt/my tools/controller", "/srv", ["/srv/100%/a.yaml"], "deploy")
    assert 'ExecStart="/opt/my tools/controller" run --watch -f /srv/100%%/a.yaml\n' in unit
    assert "Type=notify" in unit and "KillMode=mixed" in unit and "User=deploy" in unit
