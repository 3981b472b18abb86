"""Overrides that mend findings: what they say, and that Compose makes of them what was meant."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import yaml

from controller.model.scanning import Acceptance, FindingSource, ScanFinding
from controller.render.hardening import diff_lines, override_text
from controller.security.mending import Instead, Mended, find_mends
from controller.security.scan import all_rules

pytestmark = pytest.mark.unit


def finding(rule: str, service: str = "web", **more: Any) -> ScanFinding:
    known = all_rules()[rule]
    return ScanFinding(known, known.severity, "…", known.fix, service, **more)


def mended(model: dict[str, Any], *rules: str) -> dict[str, Any]:
    found = find_mends({"web": model}, [finding(rule) for rule in rules])
    return dict(found[0].keys) if found else {}


@pytest.mark.parametrize(
    ("model", "rule", "keys"),
    [
        pytest.param({}, "N12", {"security_opt": ["no-new-privileges:true"]}, id="added"),
        pytest.param(
            {"security_opt": ["apparmor:x", "no-new-privileges:false"]},
            "N12",
            {"security_opt": Instead(["apparmor:x", "no-new-privileges:true"])},
            id="in the place of its opposite, beside others",
        ),
        pytest.param({}, "R03", {"pids_limit": 200}, id="processes"),
        pytest.param(
            {"deploy": {"resources": {"limits": {"memory": "64m"}}}},
            "R03",
            {"deploy": {"resources": {"limits": {"pids": 200}}}},
            id="processes where the other limits are, for Compose refuses two words for one limit",
        ),
        pytest.param(
            {"logging": {"options": {"max-file": "7"}}},
            "R08",
            {"logging": {"driver": "json-file", "options": {"max-size": "10m", "max-file": "7"}}},
            id="what is said already is kept",
        ),
        pytest.param({"logging": {"driver": "none"}}, "R08", {}, id="who wants no logs gets none"),
        pytest.param({"restart": "always"}, "R06", {"restart": "on-failure:5"}, id="restarts"),
        pytest.param({"deploy": {"restart_policy": {"condition": "any"}}}, "R06", {}, id="what deploy says"),
        pytest.param({"tmpfs": "/run:exec,size=1m"}, "F05", {"tmpfs": Instead(["/run:size=1m"])}, id="tmpfs"),
        pytest.param(
            {"ports": ["8080:80", "[::1]:90:90/udp", "7000-7001:7000-7001", "80"]},
            "W01",
            {
                "ports": Instead(
                    ["127.0.0.1:8080:80", "[::1]:90:90/udp", "127.0.0.1:7000-7001:7000-7001", "127.0.0.1::80"]
                )
            },
            id="ports, those that are closed already as they are",
        ),
        pytest.param(
            {
                "ports": [f"{port}:{port}" for port in range(8000, 8012)]
                + ["90:90/udp", "0.0.0.0:90:90/udp", "[::]:90:90"]
            },
            "W01",
            {"ports": Instead(["127.0.0.1:8000-8011:8000-8011", "127.0.0.1:90:90/udp", "[::1]:90:90"])},
            id="a long range in one line, and what becomes the same once",
        ),
        pytest.param(
            {
                "ports": [
                    {"name": "web", "target": 80, "published": "8080", "mode": "host", "app_protocol": "http"},
                    {"target": 90, "published": "90", "mode": "ingress", "protocol": "tcp"},
                ]
            },
            "W01",
            {
                "ports": Instead(
                    [
                        "127.0.0.1:90:90",
                        {
                            "name": "web",
                            "target": 80,
                            "published": "8080",
                            "mode": "host",
                            "app_protocol": "http",
                            "host_ip": "127.0.0.1",
                        },
                    ]
                )
            },
            id="what only the long form says is kept",
        ),
        pytest.param({"ports": ["192.168.1.5:6379:6379"]}, "W02", {}, id="an address that somebody chose stays"),
        pytest.param({"ports": ["${WEB}:80", "1:1"]}, "W02", {}, id="not where one of them cannot be read"),
        pytest.param({"privileged": True}, "H03", {}, id="what it may need stays"),
    ],
)
def test_each_mend(model: dict[str, Any], rule: str, keys: dict[str, Any]) -> None:
    assert mended(model, rule) == keys


def test_what_holds_variables_is_not_written_down_as_it_is_today() -> None:
    model = {"ports": ["127.0.0.1:80:80", "90:90"], "security_opt": []}
    found = find_mends({"web": model}, [finding("W01"), finding("N12")], lambda service, key: key == "ports")
    assert [one.rules for one in found] == [("N12",)]


def test_what_is_accepted_or_only_runs_is_left() -> None:
    accepted = finding("R03", accepted=Acceptance("needs them", date(2999, 1, 1)))
    running = finding("N12", source=FindingSource.RUNNING)
    assert find_mends({"web": {}}, [accepted, running]) == ()


def test_the_file_is_yaml_that_tells_where_it_came_from() -> None:
    mends = find_mends({"web": {"ports": ["80:80"]}, "a.b": {}}, [finding("W01"), finding("R03", "a.b")])
    text = override_text(mends, "Use it: so.")
    assert text.splitlines()[1] == "# Use it: so." and "  web: # W01" in text.splitlines()
    yaml.SafeLoader.add_constructor("!override", lambda loader, node: loader.construct_sequence(node))
    assert yaml.safe_load(text) == {"services": {"web": {"ports": ["127.0.0.1:80:80"]}, "a.b": {"pids_limit": 200}}}


def test_the_diff_shows_what_changes_and_nothing_else() -> None:
    model = {"environment": {"PASSWORD": "hunter2"}, "security_opt": ["label:x"]}
    mends = (Mended("web", {"security_opt": Instead(["label:x", "no-new-privileges:true"])}, ("N12",)),)
    lines = diff_lines(mends, {"web": model})
    assert "  +  - no-new-privileges:true" in lines and "    - label:x" in "\n".join(lines)
    assert "hunter2" not in "\n".join(lines)
