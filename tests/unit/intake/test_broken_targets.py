"""What cannot be a target: said with its place and a mend, and without hiding the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.intake.folders import COMPOSE, find, manifest, write

pytestmark = pytest.mark.unit

BROKEN: dict[str, tuple[dict[str, str], tuple[str, ...], dict[str, str], str, str | None]] = {
    "nothing here": (
        {},
        (),
        {},
        "there is neither a manifest nor a Compose file here",
        "name one with -f, or go to a folder with a compose.yaml",
    ),
    "no such path": ({}, ("nope.yaml",), {}, "'nope.yaml' does not exist", "check the path given with -f"),
    "no such COMPOSE_FILE": ({}, (), {"COMPOSE_FILE": "x.yaml"}, "'x.yaml' of COMPOSE_FILE does not exist", None),
    "an empty folder": (
        {"d/x": ""},
        ("d",),
        {},
        "folder 'd' holds neither a manifest nor a Compose file, nor does any folder in it",
        None,
    ),
    "two stacks of one name": (
        {
            "m/a.yaml": manifest("x", "{compose: {files: [../c.yaml]}}"),
            "m/b.yaml": manifest("x", "{compose: {files: [../c.yaml]}}"),
            "c.yaml": COMPOSE,
        },
        ("m",),
        {},
        "m/b.yaml: two stacks are called 'x': m/a.yaml:1 and m/b.yaml:1",
        "rename one of them, or use only one with -f",
    ),
    "a version that does not exist": (
        {"m/a.yaml": "apiVersion: controller/v2\nkind: Stack\n"},
        ("m",),
        {},
        "m/a.yaml:1:13: apiVersion 'controller/v2' is not known",
        "did you mean 'controller/v1'?",
    ),
    "a misspelled version": (
        {"m/a.yaml": "apiVersion: controler/v1\nkind: Stack\n"},
        ("m",),
        {},
        "m/a.yaml:1:13: apiVersion 'controler/v1' is not known",
        "did you mean 'controller/v1'?",
    ),
    "a misspelled kind": (
        {"m/a.yaml": "apiVersion: controller/v1\nkind: Stak\n"},
        ("m",),
        {},
        "m/a.yaml:2:7: kind 'Stak' is not known",
        "did you mean 'Stack'?",
    ),
    "no kind": (
        {"m/a.yaml": "apiVersion: controller/v1\n"},
        ("m",),
        {},
        "m/a.yaml:1:1: 'kind' is missing",
        "kind: Stack",
    ),
    "a manifest that is no YAML": (
        {"m/a.yaml": "apiVersion: controller/v1\nkind: [\n"},
        ("m",),
        {},
        "m/a.yaml:3:1: is not YAML: did not find expected node content while parsing a flow node",
        None,
    ),
    "a Compose file that is no YAML": (
        {"c.yaml": "services:\n\tweb:\n"},
        ("c.yaml",),
        {},
        "c.yaml:2:1: is not YAML: found character that cannot start any token while scanning for the next token",
        "YAML is indented with spaces, not with tabs",
    ),
    "a service twice": (
        {"c.yaml": "services:\n  a: {}\n  a: {}\n"},
        ("c.yaml",),
        {},
        "c.yaml:3:3: key 'a' is given twice: here and in line 2",
        "remove one of the two",
    ),
    "an include that is missing": (
        {"c.yaml": "include: [x.yaml]\nservices: {}\n"},
        ("c.yaml",),
        {},
        "x.yaml: cannot be read: No such file or directory",
        None,
    ),
    "a manifest without Compose file": (
        {"m/a.yaml": manifest("a")},
        ("m",),
        {},
        "m/a.yaml:4:7: spec.compose.files: no Compose file: none is named, and none stands beside the manifest",
        "name it: compose: {files: [compose.yaml]}",
    ),
    "a second controller": (
        {"m/a.yaml": manifest("a", kind="Controller"), "m/b.yaml": manifest("b", kind="Controller")},
        ("m",),
        {},
        "m/b.yaml:1:1: a second document of kind Controller; the first one is m/a.yaml:1",
        "keep one of them",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_says_what_is_wrong(case: str, tmp_path: Path) -> None:
    files, given, environment, words, hint = BROKEN[case]
    write(tmp_path, files)
    found = find(tmp_path, *given, environment=environment)
    assert found.stacks == ()
    (finding,) = found.findings
    assert str(finding).replace(f"{tmp_path}/", "") == words
    if hint is not None:
        assert finding.hint == hint


def test_one_broken_target_does_not_hide_the_others(tmp_path: Path) -> None:
    projects = {f"all/p{i}/compose.yaml": COMPOSE for i in range(5)}
    write(tmp_path, {**projects, "all/bad/compose.yaml": "services: [\n"})
    found = find(tmp_path, "all")
    assert [stack.name for stack in found.stacks] == [f"p{i}" for i in range(5)]
    assert [broken.place for broken in found.broken] == ["all/bad/compose.yaml"]


def test_a_broken_manifest_is_known_by_its_name(tmp_path: Path) -> None:
    write(tmp_path, {"m/a.yaml": manifest("a", "{nonsense: 1}")})
    assert [broken.name for broken in find(tmp_path, "m").broken] == ["a"]
