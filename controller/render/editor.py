"""What an editor needs, merged into what a person has: nothing of theirs changes, only what is missing comes. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from controller.render import jsonc
from controller.render.jsonc import Edit, Source, Value

SETTINGS, TASKS, EXTENSIONS = ".vscode/settings.json", ".vscode/tasks.json", ".vscode/extensions.json"
SCHEMA = ".vscode/controller.schema.json"
MANIFESTS = ("manifests/**/*.yaml", "manifests/**/*.yml")
NEVER = ("!**/compose*.yaml", "!**/compose*.yml", "!**/docker-compose*.yaml", "!**/docker-compose*.yml")
"""Compose files have a schema of their own, wherever they lie."""

RECOMMENDED = ("redhat.vscode-yaml",)

MARK = "(kept by controller ide init)"
"""A task whose detail says so is made anew; without it, it is a person's own."""

PROBLEM = r"^(error|warning): (.*?(?:\.ya?ml|\.env[\w.-]*)):(\d+)(?::(\d+))?: (.*)$"
"""A line of ours that names a place: severity, file, line, column, message."""

_MODELINE = re.compile(r"^\ufeff?[ \t]*#[ \t]*yaml-language-server:[ \t]*\$schema=(\S*)", re.MULTILINE)


def schema_key() -> str:
    """How settings name the schema's file, seen from the folder."""
    return f"./{SCHEMA}"


def with_settings(text: str, others: Sequence[str] = ()) -> str:
    """The schema mapped to manifests: those below `manifests/`, and `others`."""
    wanted = [*MANIFESTS, *others, *NEVER]
    source, root = _open(text, SETTINGS)
    if root is None:
        return _begun(text, {"yaml.schemas": {schema_key(): wanted}})
    schemas = _child(source, root, "yaml.schemas", dict)
    if schemas is None:
        return jsonc.apply(text, jsonc.add(source, root, [("yaml.schemas", {schema_key(): wanted})]))
    ours = schemas.child(schema_key())
    if ours is None:
        return jsonc.apply(text, jsonc.add(source, schemas, [(schema_key(), wanted)]))
    if isinstance(ours.plain, str):
        return jsonc.apply(text, [jsonc.put(source, ours, _joined([ours.plain], wanted))])
    _must_be(source, ours, schema_key(), list)
    return jsonc.apply(text, _missing(source, ours, wanted))


def with_extensions(text: str) -> str:
    """Recommended extensions, but for those that a person does not want."""
    source, root = _open(text, EXTENSIONS)
    if root is None:
        return _begun(text, {"recommendations": list(RECOMMENDED)})
    unwanted = root.plain.get("unwantedRecommendations") or ()
    wanted = [one for one in RECOMMENDED if one not in unwanted]
    listed = _child(source, root, "recommendations", list)
    if listed is None:
        return jsonc.apply(text, jsonc.add(source, root, [("recommendations", wanted)])) if wanted else text
    return jsonc.apply(text, _missing(source, listed, wanted))


def with_tasks(text: str, *, auto_start: bool) -> str:
    """The tasks; those of ours that an older call made are renewed, a person's own of the same label stay."""
    wanted = list(_tasks(auto_start=auto_start))
    source, root = _open(text, TASKS)
    if root is None:
        return _begun(text, {"version": "2.0.0", "tasks": wanted})
    version: list[tuple[str | None, Any]] = [] if "version" in root.plain else [("version", "2.0.0")]
    listed = _child(source, root, "tasks", list)
    if listed is None:
        return jsonc.apply(text, jsonc.add(source, root, [*version, ("tasks", wanted)]))
    edits = jsonc.add(source, root, version) if version else []
    here = {one.plain.get("label"): one for _, one in listed.parts if isinstance(one.plain, dict)}
    for task in wanted:
        found = here.get(task["label"])
        if found is not None and found.plain != task and MARK in str(found.plain.get("detail")):
            edits.append(jsonc.put(source, found, task))
    new = [(None, task) for task in wanted if task["label"] not in here]
    return jsonc.apply(text, [*edits, *(jsonc.add(source, listed, new) if new else [])])


def with_modeline(text: str, file: str) -> str:
    """A manifest whose first line names the schema, for every other editor; `file`: its path, seen from the folder."""
    wanted = "../" * file.count("/") + SCHEMA
    found = _MODELINE.search(text)
    if found is not None:
        is_ours = found[1].endswith(SCHEMA)
        return text[: found.start(1)] + wanted + text[found.end(1) :] if is_ours else text
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    eol = "\r\n" if "\r\n" in text else "\n"
    return f"{mark}# yaml-language-server: $schema={wanted}{eol}{text[len(mark) :]}"


def _tasks(*, auto_start: bool) -> Iterable[Mapping[str, Any]]:
    yield _task("validate", "Check manifests and Compose files", group="build")
    yield _task("plan", "Show what apply would do")
    yield _task("apply", "Converge once and wait until everything is ready")
    yield _task("status", "Phase of each stack and service")
    yield _task("stop", "Stop in reverse order; removes nothing")
    background = {
        "activeOnStart": True,
        "beginsPattern": r"^.*\b(?:Pending|Waiting|Starting|Updating|RollingBack)\b.*$",
        "endsPattern": r"^.*\b(?:Ready|Completed|Stopped)\b.*$",
    }
    yield {
        **_task("run", "Keep stacks as their manifests describe them", "--watch"),
        "isBackground": True,
        "options": {"env": {"TERM": "dumb"}},
        "problemMatcher": {**_matcher(), "background": background},
        **({"runOptions": {"runOn": "folderOpen", "instanceLimit": 1}} if auto_start else {}),
    }


def _task(word: str, summary: str, *options: str, **more: Any) -> dict[str, Any]:
    return {
        "label": f"controller: {word}",
        "detail": f"{summary} {MARK}",
        "type": "process",
        "command": "controller",
        "args": [word, *options],
        "problemMatcher": _matcher(),
        **more,
    }


def _matcher() -> dict[str, Any]:
    groups = {"severity": 1, "file": 2, "line": 3, "column": 4, "message": 5}
    return {
        "owner": "controller",
        "source": "controller",
        "fileLocation": ["autoDetect", "${workspaceFolder}"],
        "pattern": {"regexp": PROBLEM, **groups},
    }


def _open(text: str, file: str) -> tuple[Source, Value | None]:
    source = jsonc.parse(text, file)
    if source.root is not None:
        _must_be(source, source.root, "the file", dict)
    return source, source.root


def _begun(text: str, value: Any) -> str:
    """A new file; comments that stand alone in one stay above."""
    gap = "" if not text or text.endswith("\n") else "\n"
    return text + gap + jsonc.whole(value)


def _child(source: Source, parent: Value, key: str, kind: type) -> Value | None:
    found = parent.child(key)
    if found is not None:
        _must_be(source, found, f"'{key}'", kind)
    return found


def _must_be(source: Source, value: Value, name: str, kind: type) -> None:
    if not isinstance(value.plain, kind):
        shape = "a mapping: { … }" if kind is dict else "a list: [ … ]"
        raise source.refuse(value.start, f"{name} is to be {shape}", "mend or remove it, then call this again")


def _missing(source: Source, into: Value, wanted: Iterable[str]) -> list[Edit]:
    new = [(None, one) for one in wanted if one not in into.plain]
    return jsonc.add(source, into, new) if new else []


def _joined(first: Sequence[str], then: Iterable[str]) -> list[str]:
    return list(dict.fromkeys([*first, *then]))
