"""What an editor needs, merged into what a person has: nothing of theirs changes, only what is missing comes. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from controller.intake import jsonc
from controller.intake.jsonc import Edit, Source, Value

SETTINGS, TASKS, EXTENSIONS = ".vscode/settings.json", ".vscode/tasks.json", ".vscode/extensions.json"
SCHEMA = ".vscode/controller.schema.json"
SCHEMA_KEY = f"./{SCHEMA}"
"""How settings name the schema's file, seen from the folder."""

MAPPED = (
    "manifests/**/*.yaml",
    "manifests/**/*.yml",
    "!**/{docker-compose,compose}.{yaml,yml}",
    "!**/{docker-compose,compose}.*.{yaml,yml}",
)
"""Compose files have a schema of their own, wherever they lie."""

STATUS_BAR = "controller.statusBar.enabled"
RECOMMENDED = ("redhat.vscode-yaml",)

MARK = "(kept by controller ide init)"
"""What says so is made anew, or taken out; without it, it is a person's own."""

_FILE = r"((?:(?!: ).)*?(?:\.ya?ml|\.env[\w.-]*)):(\d+)(?::(\d+))?: (.*)$"
PROBLEM = rf"^(error|warning): {_FILE}"
"""A line of ours that names a place: severity, file, line, column, message."""

_CLOCK = r"\d\d:\d\d:\d\d"
HELD = rf"^(?:error|{_CLOCK} .+? (?:GenerationHeld|InvalidInput)): {_FILE}"
"""What a controller that watches says of files that it cannot use: file, line, column, message."""
READ_AGAIN = rf"^{_CLOCK} \S+ GenerationChanged: "
SETTLED = rf"^{_CLOCK} \S+ (?:Converged|Degraded|Failed): the stack is "

_DOCUMENT = re.compile(r"^---(?=[ \t\r\n]|\Z)[^\n]*(?:\n|\Z)", re.MULTILINE)
_HEADER = re.compile(r"\ufeff?(?:[ \t]*(?:#[^\n]*)?\r?(?:\n|\Z)|%[^\n]*(?:\n|\Z)|---[ \t]*(?:#[^\n]*)?\r?(?:\n|\Z))*")
_OURS = re.compile(r"^\ufeff?apiVersion:\s*[\"']?controller\b", re.MULTILINE)
_MODELINE = re.compile(r"^\ufeff?[ \t]*#[^\S\n]+(?:yaml-language-server[^\S\n]*:|\$schema:)[^\n]*", re.MULTILINE)
_NAMES = re.compile(r"\$schema(?:=|:[^\S\r\n]*)(\S+)")
"""The language server's own expressions."""


def with_settings(text: str, *, status_bar: bool | None = True) -> str:
    """The schema mapped to manifests; where it is mapped already that is a person's word. `status_bar` False: the
    extension is to show none; None: nobody knows."""
    return _with_status_bar(_with_mapping(text), wanted=status_bar)


def _with_mapping(text: str) -> str:
    source, root = _open(text, SETTINGS)
    if root is None:
        return _begun(source, {"yaml.schemas": {SCHEMA_KEY: list(MAPPED)}})
    schemas = _child(source, root, "yaml.schemas", dict)
    if schemas is None:
        return jsonc.apply(text, jsonc.add(source, root, [("yaml.schemas", {SCHEMA_KEY: list(MAPPED)})]))
    if any(schemas.child(key) for key in (SCHEMA_KEY, SCHEMA)):
        return text
    return jsonc.apply(text, jsonc.add(source, schemas, [(SCHEMA_KEY, list(MAPPED))]))


def _with_status_bar(text: str, *, wanted: bool | None) -> str:
    """Off by a line that says whose it is; such a line goes again."""
    source, root = _open(text, SETTINGS)
    if root is None or wanted is None:
        return text
    said = root.child(STATUS_BAR)
    if said is None and not wanted:
        text = jsonc.apply(text, jsonc.add(source, root, [(STATUS_BAR, False)]))
        _, again = _open(text, SETTINGS)
        put = again and again.child(STATUS_BAR)
        return jsonc.apply(text, [Edit(put.end, put.end, f" // {MARK}")]) if put else text
    if said is not None and wanted and said.plain is False and MARK in text[said.end :].split("\n", 1)[0]:
        return jsonc.apply(text, jsonc.remove(source, root, _index(root, said)))
    return text


def with_extensions(text: str) -> str:
    """Recommended extensions, but for those that a person does not want."""
    source, root = _open(text, EXTENSIONS)
    if root is None:
        return _begun(source, {"recommendations": list(RECOMMENDED)})
    listed = _child(source, root, "recommendations", list)
    known = {*_ids(root.plain.get("unwantedRecommendations")), *_ids(listed and listed.plain)}
    wanted: list[tuple[str | None, Any]] = [(None, one) for one in RECOMMENDED if one.lower() not in known]
    if not wanted:
        return text
    if listed is None:
        return jsonc.apply(text, jsonc.add(source, root, [("recommendations", [one for _, one in wanted])]))
    return jsonc.apply(text, jsonc.add(source, listed, wanted))


def _ids(listed: Any) -> Iterator[str]:
    return (one.lower() for one in (listed if isinstance(listed, list) else ()) if isinstance(one, str))


def with_tasks(text: str, *, auto_start: bool, command: str = "controller", files: Sequence[str] = ()) -> str:
    """The tasks; of those of ours that an older call made our own keys are renewed, a person's own task stays."""
    wanted = list(_tasks(command, [part for file in files for part in ("-f", file)], auto_start=auto_start))
    source, root = _open(text, TASKS)
    if root is None:
        return _begun(source, {"version": "2.0.0", "tasks": wanted})
    version: list[tuple[str | None, Any]] = [] if "version" in root.plain else [("version", "2.0.0")]
    listed = _child(source, root, "tasks", list)
    if listed is None:
        return jsonc.apply(text, jsonc.add(source, root, [*version, ("tasks", wanted)]))
    new = [(None, task) for task in wanted if _task_of(listed, task["label"]) is None]
    edits = jsonc.add(source, root, version) if version else []
    text = jsonc.apply(text, [*edits, *(jsonc.add(source, listed, new) if new else [])])
    for task in wanted:
        text = _renewed(text, task)
    return text


def without_tasks(text: str) -> str:
    """Those of ours gone."""
    for task in _tasks("", [], auto_start=False):
        source, root = _open(text, TASKS)
        listed = _child(source, root, "tasks", list) if root is not None else None
        found = listed and _task_of(listed, task["label"])
        if listed and found and _is_kept(found):
            text = jsonc.apply(text, jsonc.remove(source, listed, _index(listed, found)))
    return text


def _renewed(text: str, task: Mapping[str, Any]) -> str:
    """With our own keys as they are to be; keys that a person added stay."""
    for key in dict.fromkeys([*task, *(["runOptions"] if task.get("isBackground") else [])]):
        source, root = _open(text, TASKS)
        listed = root and root.child("tasks")
        found = listed and _task_of(listed, task["label"])
        if found is None or not _is_kept(found):
            return text
        said = found.child(key)
        if said is None:
            edits = jsonc.add(source, found, [(key, task[key])]) if key in task else []
        elif key not in task:
            edits = jsonc.remove(source, found, _index(found, said))
        else:
            edits = [jsonc.put(source, said, task[key])] if said.plain != task[key] else []
        text = jsonc.apply(text, edits)
    return text


def _task_of(listed: Value, label: str) -> Value | None:
    return next(
        (one for _, one in listed.parts if isinstance(one.plain, dict) and one.plain.get("label") == label), None
    )


def _is_kept(task: Value) -> bool:
    return MARK in str(task.plain.get("detail"))


def with_modeline(text: str, file: str) -> str:
    """Each document of ours names the schema in its header, for every other editor; the first one in the first line.

    `file`: its path, seen from the folder. A person's own schema stays.
    """
    wanted = "../" * file.count("/") + SCHEMA
    eol = "\r\n" if "\r\n" in text else "\n"
    edits = [edit for start, end in _documents(text) for edit in _named(text, start, end, wanted, eol)]
    return jsonc.apply(text, edits)


def _documents(text: str) -> Iterator[tuple[int, int]]:
    """From where to where each one goes that is ours: from the line behind its `---` on, the first from the top."""
    cuts = [found.end() for found in _DOCUMENT.finditer(text)]
    if cuts and not text[_end_of_header(text, 0) : cuts[0]].strip():
        cuts = cuts[1:]  # nothing but comments and directives stands above the first `---`
    spans = list(zip([0, *cuts], [*cuts, len(text)], strict=True))
    return iter([span for span in spans if _OURS.search(text[span[0] : span[1]])] or spans[:1])


def _named(text: str, start: int, end: int, wanted: str, eol: str) -> Iterator[Edit]:
    said = _MODELINE.search(text[start : min(end, _end_of_header(text, start))])
    if said is None:
        at = start + (text.startswith("\ufeff") and start == 0)
        yield Edit(at, at, f"# yaml-language-server: $schema={wanted}{eol}")
        return
    named = _NAMES.search(said[0])
    if named is not None and re.fullmatch(rf"(?:\.\.?/)*{re.escape(SCHEMA)}", named[1]):
        offset = start + said.start()
        yield Edit(offset + named.start(1), offset + named.end(1), wanted)


def _end_of_header(text: str, start: int) -> int:
    found = _HEADER.match(text, start)
    return found.end() if found else start


def _tasks(command: str, files: Sequence[str], *, auto_start: bool) -> Iterable[dict[str, Any]]:
    plain = {"owner": "controller", "pattern": _pattern(PROBLEM, "severity", "file", "line", "column", "message")}
    for word, summary in _SUMMARIES.items():
        yield _task(word, summary, command, [word, *files], plain)
    watching = {
        "owner": "controller-run",
        "severity": "error",
        "pattern": _pattern(HELD, "file", "line", "column", "message"),
        "background": {"activeOnStart": True, "beginsPattern": READ_AGAIN, "endsPattern": SETTLED},
    }
    yield {  # -v: a line for each thing that happens, where a terminal would be drawn over and over
        **_task("run", "Keep stacks as manifests describe them", command, ["run", "--watch", "-v", *files], watching),
        "isBackground": True,
        **({"runOptions": {"runOn": "folderOpen", "instanceLimit": 1}} if auto_start else {}),
    }


_SUMMARIES = {
    "validate": "Check manifests and Compose files",
    "plan": "Show what apply would do",
    "apply": "Converge once and wait until everything is ready",
    "status": "Phase of each stack and service",
    "stop": "Stop in reverse order; removes nothing",
}


def _task(
    word: str, summary: str, command: str, arguments: Sequence[str], matcher: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "label": f"controller: {word}",
        "detail": f"{summary} {MARK}",
        "type": "process",
        "command": command,
        "args": list(arguments),
        "problemMatcher": {"source": "controller", "fileLocation": ["autoDetect", "${workspaceFolder}"], **matcher},
    }


def _pattern(regexp: str, *groups: str) -> dict[str, Any]:
    return {"regexp": regexp, **{name: number for number, name in enumerate(groups, 1)}}


def _open(text: str, file: str) -> tuple[Source, Value | None]:
    source = jsonc.parse(text, file)
    if source.root is not None:
        _must_be(source, source.root, "the file", dict)
    return source, source.root


def _begun(source: Source, value: Any) -> str:
    """A new file; comments that stand alone in one stay above."""
    gap = "" if not source.text or source.text.endswith("\n") else source.eol
    return source.text + gap + jsonc.whole(value, source.eol)


def _child(source: Source, parent: Value, key: str, kind: type) -> Value | None:
    found = parent.child(key)
    if found is not None:
        _must_be(source, found, f"'{key}'", kind)
    return found


def _index(parent: Value, part: Value) -> int:
    return next(number for number, (_, one) in enumerate(parent.parts) if one is part)


def _must_be(source: Source, value: Value, name: str, kind: type) -> None:
    if not isinstance(value.plain, kind):
        shape = "a mapping: { … }" if kind is dict else "a list: [ … ]"
        raise source.refuse(value.start, f"{name} is to be {shape}", "mend or remove it, then call this again")
