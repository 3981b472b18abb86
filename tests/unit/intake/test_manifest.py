"""Manifests: what is accepted, what is refused and in which words."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from controller.intake.discovery import read_manifests
from controller.intake.findings import dotted, parts
from controller.intake.source import parse_documents
from controller.intake.stacks import read_controller, read_stack
from controller.model.errors import Finding, InvalidInput
from controller.model.manifest import Stack, schema
from controller.model.manifest.json_schema import _sections, field_docs
from controller.model.manifest.reference import reference
from controller.model.manifest.values import Section
from controller.model.quantities import BadQuantity, cores, octets, ratio, seconds

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[3]


def faults(spec: str, kind: str = "Stack") -> tuple[Finding, ...]:
    """What is wrong with a spec, which begins in line 4."""
    text = f"apiVersion: controller/v1\nkind: {kind}\nmetadata: {{name: demo}}\n{spec}\n"
    (document,) = parse_documents(text, "m.yaml")
    try:
        if kind == "Controller":
            read_controller(document)
        else:
            read_stack(document, Path(__file__), {})
    except InvalidInput as error:
        return tuple(finding for finding in error.findings if "no Compose file" not in finding.message)
    return ()


WRONG = {
    "unknown key": ("spec: {profle: x}", "4:8: spec.profle: unknown key 'profle'", "did you mean 'profile'?"),
    "snake case": (
        "spec: {auto_start: true}",
        "4:8: spec.auto_start: unknown key 'auto_start'",
        "did you mean 'autoStart'?",
    ),
    "unknown key below": (
        "spec: {services: {web: {replica: 1}}}",
        "4:25: spec.services.web.replica: unknown key 'replica'",
        "did you mean 'replicas'?",
    ),
    "enum": (
        "spec: {startup: {mode: paralel}}",
        "4:24: spec.startup.mode: 'paralel' is not one of 'parallel' or 'sequential'",
        "did you mean 'parallel'?",
    ),
    "enum that looks like a boolean": (
        "spec: {resources: {admission: on}}",
        "4:31: spec.resources.admission: 'on' is not one of 'enforce', 'warn' or 'off'",
        None,
    ),
    "duration without unit": (
        "spec: {startup: {timeout: 10}}",
        "4:27: spec.startup.timeout: 10 is not a duration",
        "write a number with its unit: 250ms, 10s, 1m30s, 2h, 7d",
    ),
    "size": (
        "spec: {resources: {reserve: {memory: much}}}",
        "4:38: spec.resources.reserve.memory: 'much' is not a size",
        "write bytes or a number with its unit: 64m, 512Mi, 1gb",
    ),
    "number": (
        "spec: {services: {a: {replicas: x}}}",
        "4:33: spec.services.a.replicas: must be a whole number, not 'x'",
        None,
    ),
    "fraction": (
        "spec: {services: {a: {replicas: 1.5}}}",
        "4:33: spec.services.a.replicas: must be a whole number, not 1.5",
        None,
    ),
    "below zero": (
        "spec: {services: {a: {replicas: -1}}}",
        "4:33: spec.services.a.replicas: -1 must be greater than or equal to 0",
        None,
    ),
    "list for a mapping": ("spec: {services: [a]}", "4:18: spec.services: must be a mapping, not a list", None),
    "text for a list": (
        "spec: {compose: {files: a.yaml}}",
        "4:25: spec.compose.files: must be a list, not 'a.yaml'",
        None,
    ),
    "missing": (
        "spec: {services: {a: {readiness: {http: {path: /}}}}}",
        "4:41: spec.services.a.readiness.http.port: 'port' is missing",
        None,
    ),
    "no probe": (
        "spec: {services: {a: {readiness: {interval: 1s}}}}",
        "4:34: spec.services.a.readiness: needs exactly one of http, tcp, exec",
        "for example readiness: {http: {port: 8000, path: /ready}}",
    ),
    "condition": (
        "spec: {services: {a: {dependsOn: {b: service_helthy}}}}",
        "4:38: spec.services.a.dependsOn.b.condition: 'service_helthy' is not one of 'service_started', "
        "'service_healthy' or 'service_completed_successfully'",
        "did you mean 'service_healthy'?",
    ),
    "dotted name": ("spec: {services: {a.b: {x: 1}}}", "4:25: spec.services.\"a.b\".x: unknown key 'x'", None),
    "day": (
        "spec: {security: {scan: {waivers: [{id: a, service: b, reason: c, expires: soon}]}}}",
        "4:76: spec.security.scan.waivers[0].expires: must be a day such as 2027-01-31, not 'soon'",
        None,
    ),
    "compose file": (
        "spec: {compose: {files: [none.yaml]}}",
        "4:26: spec.compose.files[0]: 'none.yaml' does not exist",
        "paths are relative to the manifest",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_says_what_is_wrong_where_and_how_to_mend_it(case: str) -> None:
    spec, words, hint = WRONG[case]
    (finding,) = faults(spec)
    assert str(finding) == f"m.yaml:{words}"
    if hint is not None:
        assert finding.hint == hint


def test_all_faults_are_told_at_once_in_their_order() -> None:
    found = faults("spec:\n  profle: x\n  autoStart: maybe\n  startup: {timeout: 10}")
    assert [finding.line for finding in found] == [5, 6, 7]


def test_empty_sections_are_defaults() -> None:
    assert faults("spec:\n  startup:\n  services:\n    web:\n") == ()


def test_a_secret_address_is_not_told() -> None:
    text = "spec: {alertChannels: {ops: {url: 'https://hooks.example/token', urlFile: x}}}"
    (finding,) = faults(text, "Controller")
    assert "token" not in str(finding)
    assert finding.message == "needs exactly one of url, urlFile, urlEnv"


@pytest.mark.parametrize("url", ["syslog://", "http://169.254.169.254/latest/token"])
def test_an_address_to_which_nothing_is_sent_is_told_at_once_and_where(url: str) -> None:
    (finding,) = faults(f"spec:\n  alertChannels:\n    ops: {{url: '{url}'}}", "Controller")
    assert str(finding).startswith("m.yaml:6:16: spec.alertChannels.ops.url: nothing is sent there: ")
    assert finding.hint == "docs/alerts.md says where messages may go" and "token" not in str(finding)


@pytest.mark.parametrize("name", ["rag.yaml", "controller.yaml"])
def test_the_samples_are_valid(name: str) -> None:
    file = read_manifests(ROOT / "manifests" / name, name)
    assert file.findings == ()
    for document in file.documents:
        jsonschema.Draft7Validator(schema()).validate(document.data())
        if name == "rag.yaml":
            manifest, project = read_stack(document, file.path, {})
            assert manifest.spec.startup_profiles.keys() == {"minimal", "development", "full", "testing"}
            assert project.files == (ROOT / "compose" / "rag.yaml",)
        else:
            assert read_controller(document).kind == "Controller"


SCHEMA_ACCEPTS: dict[str, Any] = {
    "short forms": {"services": {"a": {"dependsOn": ["b"], "readiness": {"exec": "true", "interval": "1s"}}}},
    "long forms": {"services": {"a": {"dependsOn": {"b": {"restart": True}}, "readiness": {"exec": ["a"]}}}},
    "zero is a duration": {"startup": {"timeout": 0}, "resources": {"reserve": {"cpu": 0.5, "memory": 1024}}},
}


@pytest.mark.parametrize("case", SCHEMA_ACCEPTS)
def test_schema_and_models_accept_the_same(case: str) -> None:
    document = {"apiVersion": "controller/v1", "kind": "Stack", "metadata": {"name": "a"}, "spec": SCHEMA_ACCEPTS[case]}
    jsonschema.Draft7Validator(schema()).validate(document)
    Stack.model_validate(document)


@pytest.mark.parametrize("case", sorted(WRONG.keys() - {"compose file", "no probe", "day"}))
def test_schema_and_models_refuse_the_same(case: str) -> None:
    text = f"apiVersion: controller/v1\nkind: Stack\nmetadata: {{name: demo}}\n{WRONG[case][0]}\n"
    (document,) = parse_documents(text, "m.yaml")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft7Validator(schema()).validate(document.data())


def test_schema_is_draft_07_and_says_what_each_key_means() -> None:
    made = schema()
    jsonschema.Draft7Validator.check_schema(made)
    assert made["definitions"]["Startup"]["properties"]["timeout"]["default"] == "120s"
    assert made["definitions"]["Stack"]["properties"]["spec"]["description"] == "What is wanted."
    assert "$defs" not in str(made)


def test_every_key_is_documented() -> None:
    missing = [
        f"{section.__name__}.{name}"
        for section in _sections(Section)
        for name in section.model_fields
        if name not in field_docs(section)
    ]
    assert missing == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("250ms", 0.25),
        ("1m30s", 90),
        ("1.5h", 5400),
        ("7d", 604800),
        ("500us", 0.0005),
        (0, 0),
        ("0", 0),
        ("1h0m0s", 3600),
    ],
)
def test_durations(text: object, value: float) -> None:
    assert seconds(text) == pytest.approx(value)


@pytest.mark.parametrize("text", [10, "10", "s", "1 s", "-1s", "1s ", True, None, "", "1y"])
def test_no_durations(text: object) -> None:
    with pytest.raises(BadQuantity):
        seconds(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [("64m", 64 << 20), ("512Mi", 512 << 20), ("1gb", 1 << 30), ("1.5G", 3 << 29), (5, 5), ("7", 7), ("2B", 2)],
)
def test_sizes(text: object, value: int) -> None:
    assert octets(text) == value


@pytest.mark.parametrize("text", ["64x", -1, "m", True, "1 Gi", None])
def test_no_sizes(text: object) -> None:
    with pytest.raises(BadQuantity):
        octets(text)


def test_cores_and_shares() -> None:
    assert [cores("500m"), cores("0.5"), cores(2)] == [0.5, 0.5, 2.0]
    assert [ratio("80%"), ratio(0.8), ratio(0)] == [0.8, 0.8, 0.0]
    for wrong in ("101%", 1.5, -0.1, "x"):
        with pytest.raises(BadQuantity):
            ratio(wrong)


@pytest.mark.parametrize("path", [("a", "b", 0, "c"), ("spec", "services", "a.b", "x"), ("a.b.c",), ("x", 12)])
def test_paths_there_and_back(path: tuple[str | int, ...]) -> None:
    assert parts(dotted(path)) == path


def test_the_manual_has_every_key() -> None:
    manual = (ROOT / "docs" / "manifest.md").read_text()
    assert reference() in manual, "python -m controller.model.manifest.reference prints the tables anew"


def test_examples_of_the_manual_are_valid() -> None:
    manual = (ROOT / "docs" / "manifest.md").read_text()
    examples = re.findall(r"```yaml\n(.*?)```", manual, re.DOTALL)
    assert examples
    for example in examples:
        for document in parse_documents(example, "docs/manifest.md"):
            Stack.model_validate(document.data())
            jsonschema.Draft7Validator(schema()).validate(document.data())
