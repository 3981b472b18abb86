"""`controller scan` on the command line: exit codes, shapes and streams, with and without an engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from controller.model.scanning import FindingSeverity
from tests.contract_cli.command import Ran, controller
from tests.contract_cli.conftest import Project

pytestmark = pytest.mark.unit

FINDING = [
    "rule", "severity", "service", "path", "file", "line", "column", "title", "message", "why", "fix", "references",
    "source", "waived",
]  # fmt: skip
SUMMARY = ["critical", "high", "medium", "low", "info", "waived"]
BAD = """\
name: shop
services:
  web:
    image: web:1
    privileged: true
    environment:
      DB_PASSWORD: kW7zq2LmX9
"""


@pytest.fixture
def bad(project: Project) -> Project:
    project.write("compose.yaml", BAD)
    return project


def scan(project: Project, *arguments: str, code: int = 0) -> dict[str, Any]:
    ran = project.run("scan", *arguments, "-o", "json")
    assert ran.code == code, ran.err
    found: dict[str, Any] = json.loads(ran.out)
    return found


def test_keys(bad: Project) -> None:
    found = scan(bad)
    assert sorted(found) == ["errors", "findings", "summary"] and found["errors"] == []
    assert list(found["summary"]) == SUMMARY
    assert all(list(one) == FINDING for one in found["findings"])
    first = found["findings"][0]
    assert {key: first[key] for key in ("rule", "severity", "service", "path", "file", "line", "source", "waived")} == {
        "rule": "H03", "severity": "critical", "service": "web", "path": "services.web.privileged",
        "file": "compose.yaml", "line": 5, "source": "compose", "waived": None,
    }  # fmt: skip
    assert found["summary"]["critical"] == 1
    assert sum(found["summary"].values()) == len(found["findings"])


@pytest.mark.parametrize(
    ("arguments", "code"),
    [((), 0), (("--fail-on", "critical"), 1), (("--source", "compose"), 0),
     (("web", "--fail-on", "high"), 1), (("--fail-on", "none"), 2), (("--source", "x"), 2), (("-o", "xml"), 2)],
)  # fmt: skip
def test_codes(bad: Project, arguments: tuple[str, ...], code: int) -> None:
    assert bad.run("scan", *arguments).code == code


def test_threshold_that_nothing_reaches(bad: Project) -> None:
    bad.write("compose.yaml", BAD.replace("    privileged: true\n", ""))
    assert bad.run("scan", "--fail-on", "critical").code == 0


def test_services(bad: Project) -> None:
    bad.write("compose.yaml", f"{BAD}  db: {{image: 'db:1', privileged: true}}\n")
    assert {one["service"] for one in scan(bad, "db")["findings"]} == {"db"}
    ran = bad.run("scan", "dbb")
    assert ran.code == 1
    assert ran.err.splitlines() == ["error: there is no service 'dbb' here", "hint: there are: db, web"]


def test_text(bad: Project) -> None:
    ran = bad.run("scan", "--fail-on", "high")
    lines = ran.out.splitlines()
    assert lines[:4] == [
        "CRITICAL H03 privileged container",
        "  compose.yaml:5: web: it runs privileged",
        "  why: It has every capability and every device: nothing stands between it and the host.",
        "  fix: remove privileged; name the capabilities and devices that it needs",
    ]
    assert lines[-1].endswith("; 2 of high or above")
    assert "1 service: 1 critical, 1 high," in lines[-1]
    assert "kW7zq2LmX9" not in ran.out + ran.err
    assert "H03/web" in bad.run("scan", "-o", "name").out.splitlines()


def test_sarif(bad: Project) -> None:
    """2.1.0, as far as readers of it rely on."""
    bad.write("manifests/shop.yaml", MANIFEST.format(waivers=WAIVER))
    ran = bad.run("scan", "-o", "sarif")
    document = json.loads(ran.out)
    assert (document["version"], document["$schema"]) == ("2.1.0", "https://json.schemastore.org/sarif-2.1.0.json")
    [run] = document["runs"]
    rules, results = run["tool"]["driver"]["rules"], run["results"]
    assert run["originalUriBaseIds"]["ROOT"]["uri"] == f"file://{bad.folder}/"
    assert len({rule["id"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["shortDescription"]["text"] and rule["fullDescription"]["text"] and rule["help"]["text"]
        assert 0 <= float(rule["properties"]["security-severity"]) <= 10
    for one in results:
        assert rules[one["ruleIndex"]]["id"] == one["ruleId"]
        assert one["level"] in ("error", "warning", "note")
        assert one["message"]["text"]
        for place in one["locations"]:
            physical = place["physicalLocation"]
            assert (bad.folder / physical["artifactLocation"]["uri"]).is_file()
            assert physical["artifactLocation"]["uriBaseId"] == "ROOT"
            assert physical["region"]["startLine"] >= 1
    [socket] = [one for one in results if one["ruleId"] == "H03"]
    assert socket["locations"][0]["physicalLocation"]["region"] == {"startLine": 5, "startColumn": 5}
    assert socket["suppressions"] == [{"kind": "external", "status": "accepted", "justification": "on purpose"}]
    assert "kW7zq2LmX9" not in ran.out


MANIFEST = """\
apiVersion: controller/v1
kind: Stack
metadata: {{name: shop}}
spec:
  compose: {{files: [../compose.yaml]}}
  security:
    scan:
      waivers:
{waivers}
"""
WAIVER = "        - {id: H03, service: web, reason: on purpose, expires: 2099-01-31}"


def test_waivers(bad: Project) -> None:
    over = "        - {id: S01, service: web, reason: soon, expires: 2020-01-31}"
    idle = "        - {id: H01, service: web, reason: soon, expires: 2099-01-31}"
    bad.write("manifests/shop.yaml", MANIFEST.format(waivers=f"{WAIVER}\n{over}\n{idle}"))
    found = {one["rule"]: one for one in scan(bad, "--fail-on", "critical")["findings"]}
    assert found["H03"]["waived"] == {"reason": "on purpose", "expires": "2099-01-31"}
    assert found["S01"]["waived"] is None
    assert (found["A01"]["severity"], found["A01"]["file"], found["A01"]["line"]) == ("high", "manifests/shop.yaml", 10)
    assert (found["A02"]["severity"], found["A02"]["line"]) == ("info", 11)
    ran = bad.run("scan")
    assert "waived   H03 web: on purpose (until 2099-01-31)" in ran.out
    assert "; 1 waived" in ran.out.splitlines()[-1]


def _alone(folder: Path, state: Path, *arguments: str) -> Ran:
    """No engine answers there."""
    env = {"CONTROLLER_STATE_DIR": str(state), "DOCKER_HOST": f"unix://{folder}/nothing.sock"}
    return controller("scan", *arguments, cwd=folder, env=env)


def test_no_engine(bad: Project) -> None:
    ran = _alone(bad.folder, bad.state, "-o", "json")
    assert ran.code == 0, ran.err
    assert {"H03", "S01"} <= {one["rule"] for one in json.loads(ran.out)["findings"]}
    assert ran.err.startswith("warning: what runs was not looked at: ")
    assert _alone(bad.folder, bad.state, "--source", "compose").err == ""
    assert _alone(bad.folder, bad.state, "--source", "running").code == 1


def test_what_compose_refuses(bad: Project) -> None:
    """It is said, and all that can be seen is found all the same."""
    bad.write("compose.yaml", f"{BAD}    enviroment: [A=b]\n")
    ran = bad.run("scan", "-o", "json")
    assert ran.code == 1
    assert {"H03", "S01"} <= {one["rule"] for one in json.loads(ran.out)["findings"]}
    assert "enviroment" in ran.err


def test_what_nobody_can_read(bad: Project) -> None:
    bad.write("compose.yaml", "services: [")
    ran = bad.run("scan", "-o", "json")
    assert ran.code == 1
    found = json.loads(ran.out)
    [error] = found.pop("errors")
    assert found == {"findings": [], "summary": dict.fromkeys(SUMMARY, 0)}
    assert (error["line"], error["column"]) == (2, 1) and error["message"].startswith("is not YAML")
    assert "compose.yaml:2:1: is not YAML" in ran.err


def test_what_nobody_can_read_in_sarif(bad: Project) -> None:
    """No result of it is no sign that anything was mended."""
    good = json.loads(bad.run("scan", "-o", "sarif").out)["runs"][0]
    assert good["invocations"] == [{"executionSuccessful": True}] and good["results"]
    bad.write("compose.yaml", "services: [")
    ran = bad.run("scan", "-o", "sarif")
    [told] = json.loads(ran.out)["runs"][0]["invocations"]
    assert ran.code == 1 and not told["executionSuccessful"]
    [error] = told["toolExecutionNotifications"]
    assert error["level"] == "error" and "is not YAML" in error["message"]["text"]
    place = error["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("compose.yaml", 2)


def test_several_projects(tmp_path: Path) -> None:
    """Each is scanned, and places are told from here on."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "compose.yaml").write_text("services: {web: {image: w, pid: host}}\n")
    ran = controller("--engine", "simulated", "scan", "-f", tmp_path, "-o", "json", cwd=tmp_path,
                     env={"CONTROLLER_STATE_DIR": str(tmp_path / "state")})  # fmt: skip
    found = [one["file"] for one in json.loads(ran.out)["findings"] if one["rule"] == "N02"]
    assert sorted(found) == ["a/compose.yaml", "b/compose.yaml"]


def test_severities_are_those_of_the_option() -> None:
    from controller.cli.scan import SEVERITIES

    assert tuple(SEVERITIES) == tuple(map(str, FindingSeverity))
