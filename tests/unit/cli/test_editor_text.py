"""What `ide init` puts into the files of an editor: what people have there stays byte for byte."""

from __future__ import annotations

import pytest

from controller.model.errors import InvalidInput
from controller.render import jsonc
from controller.render.changes import change_lines
from controller.render.editor import (
    MARK,
    NEVER,
    RECOMMENDED,
    SETTINGS,
    schema_key,
    with_extensions,
    with_modeline,
    with_settings,
    with_tasks,
)

COMMENTED = """{
    // my own
    "editor.fontSize": 12, /* small */
    "yaml.schemas": {
        "https://example.org/ci.json": ".github/*.yml", // CI
    }, // trailing
    "files.eol": "\\n" // last
    /* the end */
}
"""
TEXTS = {
    "nothing": "",
    "blank": "  \n",
    "comment": "// mine\n",
    "comment without end": "// mine",
    "empty": "{}",
    "empty, spread": "{\n}\n",
    "one line": '{"a": 1}',
    "one line, trailing comma": '{"a": [1, 2,],}\n',
    "commented": COMMENTED,
    "windows": COMMENTED.replace("\n", "\r\n"),
    "mark": "\ufeff" + COMMENTED,
    "tabs": '{\n\t"a": {\n\t\t"b": 1\n\t}\n}\n',
    "one line below": '{\n  "yaml.schemas": {"x": "y"}, "tasks": [{"label": "a"}], "recommendations": ["z"]\n}',
    "comment looks like the end": '{\n  "a": "// } no comment", // }\n  "b": 1\n}',
}
MERGES = {
    "settings": with_settings,
    "extensions": with_extensions,
    "tasks": lambda text: with_tasks(text, auto_start=False),
}

TOUCHED = {"settings": {"yaml.schemas"}, "extensions": {"recommendations"}, "tasks": {"tasks", "version"}}


def read(text: str) -> dict[str, object]:
    root = jsonc.parse(text, "file").root
    assert root is not None
    return dict(root.plain)


def is_kept(before: str, after: str) -> bool:
    """Every character is there yet, in its order."""
    left = iter(after)
    return all(char in left for char in before.strip())


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("merge", MERGES)
def test_nothing_of_what_is_there_changes_and_a_second_time_nothing_comes(name: str, merge: str) -> None:
    before = TEXTS[name]
    after = MERGES[merge](before)
    assert is_kept(before, after) and after != before
    old = read(before) if jsonc.parse(before, "file").root else {}
    assert all(read(after)[key] == value for key, value in old.items() if key not in TOUCHED[merge])
    assert MERGES[merge](after) == after
    assert "\r\n" not in before or "\n" not in after.replace("\r\n", "")


@pytest.mark.parametrize("name", TEXTS)
def test_the_schema_is_mapped_beside_what_is_mapped_already(name: str) -> None:
    schemas = read(with_settings(TEXTS[name], ["deploy/shop.yaml"]))["yaml.schemas"]
    assert isinstance(schemas, dict)
    assert schemas[schema_key()] == ["manifests/**/*.yaml", "manifests/**/*.yml", "deploy/shop.yaml", *NEVER]
    assert ("x" in schemas) is (name == "one line below")


def test_it_looks_as_a_person_would_write_it() -> None:
    ours = """        "https://example.org/ci.json": ".github/*.yml", // CI
        "./.vscode/controller.schema.json": [
            "manifests/**/*.yaml",
            "manifests/**/*.yml",
            "!**/compose*.yaml",
            "!**/compose*.yml",
            "!**/docker-compose*.yaml",
            "!**/docker-compose*.yml"
        ]
    }, // trailing
"""
    before = '        "https://example.org/ci.json": ".github/*.yml", // CI\n    }, // trailing\n'
    assert with_settings(COMMENTED) == COMMENTED.replace(before, ours)


def test_globs_of_a_person_stay_and_missing_ones_come() -> None:
    listed = read(with_settings(f'{{"yaml.schemas": {{"{schema_key()}": ["mine/*.yaml"]}}}}'))["yaml.schemas"]
    assert isinstance(listed, dict) and listed[schema_key()][:2] == ["mine/*.yaml", "manifests/**/*.yaml"]
    listed = read(with_settings(f'{{"yaml.schemas": {{"{schema_key()}": "mine/*.yaml"}}}}'))["yaml.schemas"]
    assert isinstance(listed, dict) and listed[schema_key()][:2] == ["mine/*.yaml", "manifests/**/*.yaml"]


def test_an_extension_that_is_not_wanted_is_not_recommended() -> None:
    text = f'{{"unwantedRecommendations": ["{RECOMMENDED[0]}"]}}'
    assert with_extensions(text) == text


def test_tasks_of_ours_are_renewed_and_a_persons_own_stays() -> None:
    older = f'{{"version": "2.0.0", "tasks": [{{"label": "controller: plan", "detail": "{MARK}"}}, {{"label": "x"}}]}}'
    tasks = read(with_tasks(older, auto_start=False))["tasks"]
    assert isinstance(tasks, list) and tasks[1] == {"label": "x"}
    assert tasks[0]["args"] == ["plan"] and [one["label"] for one in tasks].count("controller: plan") == 1
    own = older.replace(MARK, "mine")
    tasks = read(with_tasks(own, auto_start=False))["tasks"]
    assert isinstance(tasks, list) and tasks[0] == {"label": "controller: plan", "detail": "mine"}


def test_the_stack_starts_with_the_folder_only_where_that_is_wanted() -> None:
    off, on = with_tasks("", auto_start=False), with_tasks("", auto_start=True)
    assert "folderOpen" not in off and '"runOn": "folderOpen"' in on
    assert with_tasks(off, auto_start=True) == on and with_tasks(on, auto_start=False) == off


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ('{\n  "a": [1 2]\n}', "2:11", "a comma or ] is missing before this"),
        ('{"a" 1}', "1:6", "a colon is missing before this"),
        ("{a: 1}", "1:2", "a key in double quotes stands here"),
        ('{"a": nope}', "1:7", "a value stands here, not n"),
        ('{"a": 1', "1:8", "a comma or } is missing before this"),
        ('{"a": "x\n"}', "1:7", "a value stands here"),
        ("{} {}", "1:4", "there is more after its end"),
        ("[1]", "1:1", "the file is to be a mapping"),
        ('{"yaml.schemas": null}', "1:18", "'yaml.schemas' is to be a mapping"),
        ("[" * 200, "1:101", "a value stands here"),
        ('{"a": 01}', "1:7", "a value stands here"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(text: str, place: str, message: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        with_settings(text)
    assert str(raised.value).startswith(f"{SETTINGS}:{place}: ") and message in str(raised.value)
    assert raised.value.hint


MANIFEST = "apiVersion: controller/v1\nkind: Stack\n"


@pytest.mark.parametrize("start", ["", "\ufeff", "---\n", "%YAML 1.2\n---\n", "# about this\n"])
@pytest.mark.parametrize("eol", ["\n", "\r\n"])
def test_a_manifest_gets_its_line_and_keeps_all_else(start: str, eol: str) -> None:
    before = (start + MANIFEST).replace("\n", eol)
    after = with_modeline(before, "manifests/prod/shop.yaml")
    line = f"# yaml-language-server: $schema=../../.vscode/controller.schema.json{eol}"
    mark = "\ufeff" if start == "\ufeff" else ""
    assert after == mark + line + before.removeprefix(mark)
    assert with_modeline(after, "manifests/prod/shop.yaml") == after


def test_another_schema_of_a_person_stays_and_ours_follows_a_file_that_moved() -> None:
    theirs = "# yaml-language-server: $schema=https://example.org/x.json\n" + MANIFEST
    assert with_modeline(theirs, "shop.yaml") == theirs
    assert with_modeline(with_modeline(MANIFEST, "a/b/shop.yaml"), "shop.yaml") == with_modeline(MANIFEST, "shop.yaml")


def test_a_diff_shows_what_changes_and_no_control_characters() -> None:
    lines = list(change_lines("a.json", "{\x1b[2J\n}", "{\x1b[2J\n1\n}"))
    assert lines[0] == "a.json  changed" and "  +1" in lines and not any("\x1b" in line for line in lines)
    assert list(change_lines("long", None, "x\n" * 500)) == ["long  new, 500 lines", ""]
