"""What `ide init` puts into the files of an editor: what people have there stays byte for byte."""

from __future__ import annotations

import re

import pytest

from controller.intake import jsonc
from controller.intake.editor import (
    MAPPED,
    MARK,
    RECOMMENDED,
    SCHEMA_KEY,
    SETTINGS,
    STATUS_BAR,
    with_extensions,
    with_modeline,
    with_settings,
    with_tasks,
    without_tasks,
)
from controller.model.errors import InvalidInput
from controller.render.changes import change_lines

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
    "empty, comment": "{ // mine\n}\n",
    "empty, comments": "{\n    // mine\n    /* and\n mine */\n}\n",
    "empty, comment, windows": "{ // mine\r\n}\r\n",
    "comment, windows": "// mine\r\n",
    "empty below": '{"recommendations": [ /* none */ ], "tasks": [ // none\n], "yaml.schemas": {/* none */}}',
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


TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|//[^\r\n]*|/\*.*?\*/|\w+|[^\s\w]', re.DOTALL)


def is_kept(before: str, after: str) -> bool:
    """Every word, string and comment is there yet as a whole, in its order."""
    left = iter(TOKEN.findall(after))
    return all(token in left for token in TOKEN.findall(before))


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
    schemas = read(with_settings(TEXTS[name]))["yaml.schemas"]
    assert isinstance(schemas, dict)
    assert schemas[SCHEMA_KEY] == list(MAPPED)
    assert ("x" in schemas) is (name == "one line below")


def test_it_looks_as_a_person_would_write_it() -> None:
    ours = """        "https://example.org/ci.json": ".github/*.yml", // CI
        "./.vscode/controller.schema.json": [
            "manifests/**/*.yaml",
            "manifests/**/*.yml",
            "!**/{docker-compose,compose}.{yaml,yml}",
            "!**/{docker-compose,compose}.*.{yaml,yml}"
        ]
    }, // trailing
"""
    before = '        "https://example.org/ci.json": ".github/*.yml", // CI\n    }, // trailing\n'
    assert with_settings(COMMENTED) == COMMENTED.replace(before, ours)


@pytest.mark.parametrize("key", [SCHEMA_KEY, SCHEMA_KEY.removeprefix("./")])
@pytest.mark.parametrize("globs", ['["mine/*.yaml"]', '"mine/*.yaml"', "[]", '"\\ud800"'])
def test_files_that_a_person_chose_for_the_schema_stay_the_only_ones(key: str, globs: str) -> None:
    text = f'{{"yaml.schemas": {{"{key}": {globs}}}}}'
    assert with_settings(text) == text


@pytest.mark.parametrize("listed", ["unwantedRecommendations", "recommendations"])
def test_an_extension_that_is_not_wanted_or_there_already_is_not_recommended(listed: str) -> None:
    text = f'{{"{listed}": ["{RECOMMENDED[0].title()}", 5]}}'
    assert with_extensions(text) == text


@pytest.mark.parametrize(
    ("merge", "text"),
    [
        ("tasks", '{"tasks": [{"label": ["x"]}, 5, null]}'),
        ("extensions", '{"unwantedRecommendations": 5}'),
        ("extensions", '{"recommendations": [["x"], {}]}'),
        ("settings", '{"\\ud800": 1, "yaml.schemas": {"\\ud800": []}}'),
    ],
)
def test_what_makes_no_sense_there_disturbs_nobody(merge: str, text: str) -> None:
    after = MERGES[merge](text)
    assert is_kept(text, after) and after != text and after.encode()


def test_the_status_bar_is_off_by_a_line_of_ours_that_goes_again() -> None:
    for before in (with_settings(text) for text in TEXTS.values()):
        off = with_settings(before, status_bar=False)
        assert read(off)[STATUS_BAR] is False and is_kept(before, off) and MARK in off
        assert with_settings(off, status_bar=False) == off == with_settings(off, status_bar=None)
        assert with_settings(off, status_bar=True).split() == before.replace("\n}}", "\n}\n}").split()
    for own in ("true", "false"):
        text = with_settings(f'{{"{STATUS_BAR}": {own}}}')
        assert with_settings(text, status_bar=True) == text == with_settings(text, status_bar=False)


def test_tasks_of_ours_are_renewed_and_a_persons_own_stays() -> None:
    older = f'{{"version": "2.0.0", "tasks": [{{"label": "controller: plan", "detail": "{MARK}"}}, {{"label": "x"}}]}}'
    tasks = read(with_tasks(older, auto_start=False))["tasks"]
    assert isinstance(tasks, list) and tasks[1] == {"label": "x"}
    assert tasks[0]["args"] == ["plan"] and [one["label"] for one in tasks].count("controller: plan") == 1
    own = older.replace(MARK, "mine")
    tasks = read(with_tasks(own, auto_start=False))["tasks"]
    assert isinstance(tasks, list) and tasks[0] == {"label": "controller: plan", "detail": "mine"}


def test_what_a_person_added_to_a_task_of_ours_stays() -> None:
    first = with_tasks("", auto_start=True)
    mine = first.replace('"args": ["plan"],', '"args": ["plan"], // fast\n      "presentation": {"panel": "new"},')
    assert mine != first and with_tasks(mine, auto_start=True) == mine
    renewed = with_tasks(mine.replace('["plan"]', '["plan", "-v"]'), auto_start=True)
    assert renewed == mine
    assert with_tasks(mine, auto_start=False).count("// fast") == 1


def test_where_no_tasks_are_wanted_ours_go_and_a_persons_own_stay() -> None:
    assert without_tasks("") == "" and without_tasks("{}") == "{}"
    for before in TEXTS.values():
        made = with_tasks(before, auto_start=True)
        left = without_tasks(made)
        assert is_kept(before, left) and MARK not in left and "folderOpen" not in left
        tasks = read(left)["tasks"]
        assert isinstance(tasks, list) and all("controller" not in str(task) for task in tasks)
    own = with_tasks("", auto_start=False).replace(MARK, "mine")
    assert without_tasks(own) == own


def test_tasks_read_the_files_that_were_named_by_the_command_that_is_there() -> None:
    tasks = read(with_tasks("", auto_start=False, command="./c", files=["deploy", "a.yaml"]))["tasks"]
    assert isinstance(tasks, list)
    assert all(one["command"] == "./c" and one["args"][-4:] == ["-f", "deploy", "-f", "a.yaml"] for one in tasks)


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


def test_every_document_of_ours_gets_its_line_and_no_foreign_one() -> None:
    foreign = "apiVersion: v1\nkind: ConfigMap\n"
    line = "# yaml-language-server: $schema=.vscode/controller.schema.json\n"
    text = f"{MANIFEST}---\n{foreign}--- # next\n# said\n{MANIFEST}"
    after = with_modeline(text, "a.yaml")
    assert after == f"{line}{MANIFEST}---\n{foreign}--- # next\n{line}# said\n{MANIFEST}"
    assert with_modeline(after, "a.yaml") == after
    assert with_modeline(f"{foreign}---\n{MANIFEST}", "a.yaml") == f"{foreign}---\n{line}{MANIFEST}"


@pytest.mark.parametrize(
    ("header", "is_theirs"),
    [
        ("# yaml-language-server : $schema=https://example.org/.vscode/controller.schema.json\n", True),
        ("# $schema: other.json\n", True),
        ("# about\n\n  # yaml-language-server: $schema=/abs/.vscode/controller.schema.json\n", True),
        ("---\n# yaml-language-server: $schema=x.json\n", True),
        ("#yaml-language-server: $schema=x.json\n", False),  # no space: the server does not see it, either
    ],
)
def test_a_modeline_is_what_the_language_server_takes_for_one(header: str, is_theirs: bool) -> None:
    text = header + MANIFEST
    assert (with_modeline(text, "a.yaml") == text) is is_theirs


def test_a_modeline_below_the_header_is_none() -> None:
    text = f"{MANIFEST}spec:\n  # yaml-language-server: $schema=x.json\n  note: |\n    # $schema: y.json\n"
    assert with_modeline(text, "a.yaml").endswith("controller.schema.json\n" + text)


def test_a_long_file_of_a_person_is_shown_where_it_changes() -> None:
    before = "x\n" * 450
    lines = list(change_lines("a.json", before, before + "mine\n"))
    assert lines[0] == "a.json  changed" and "  +mine" in lines


def test_a_diff_shows_what_changes_and_no_control_characters() -> None:
    lines = list(change_lines("a.json", "{\x1b[2J\n}", "{\x1b[2J\n1\n}"))
    assert lines[0] == "a.json  changed" and "  +1" in lines and not any("\x1b" in line for line in lines)
    assert list(change_lines("long", None, "x\n" * 500)) == ["long  new, 500 lines", ""]
