"""The JSON Schema of manifests, as editors read it: draft-07, with what each key means."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter

from controller.model.manifest import hints
from controller.model.manifest.daemon import Controller
from controller.model.manifest.stack import Stack
from controller.model.manifest.values import Section

_LINK = re.compile(r"\[([^\]]+)\]\([^)]+\)")

DRAFT = "http://json-schema.org/draft-07/schema#"

_FOREIGN = {
    "required": ["apiVersion"],
    "properties": {"apiVersion": {"type": "string", "not": {"pattern": "^controller(/|$)"}}},
}
"""Of another program, in a file of the same folder: none of ours to judge, as the controller itself leaves it alone."""


def make_schema() -> dict[str, Any]:
    """One schema for both kinds, chosen by `kind`; keys carry the docstrings of their fields."""
    kinds = {model.__name__: model for model in (Stack, Controller)}
    definitions: dict[str, Any] = {}
    for model in kinds.values():
        document = TypeAdapter(model).json_schema(ref_template="#/definitions/{model}")
        definitions |= document.pop("$defs", {})
        definitions[model.__name__] = document
    for section in _sections(Section):
        if section.__name__ in definitions:
            _describe(definitions[section.__name__], section)
    _help(definitions)
    ours = {
        "type": "object",
        "required": ["apiVersion", "kind"],
        "properties": {
            "apiVersion": {"const": "controller/v1", "description": "Version of the manifest's format."},
            "kind": {"description": "What the document describes."} | _choice_of(hints.KINDS),
        },
        "allOf": [_choice(name) for name in kinds],
    }
    return {
        "$schema": DRAFT,
        "title": "Manifest of controller",
        "defaultSnippets": hints.DOCUMENTS,
        "if": _FOREIGN,
        "else": ours,
        "definitions": {name: _plain(definitions[name]) for name in sorted(definitions)},
    }


def _choice(kind: str) -> dict[str, Any]:
    return {
        "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
        "then": {"$ref": f"#/definitions/{kind}"},
    }


def _help(definitions: dict[str, Any]) -> None:
    """What editors show beside it: what each word of a choice means, and what one may begin with."""
    for name, words in hints.CHOICES.items():
        definitions[name] |= _choice_of({word: words[word] for word in definitions[name]["enum"]})
    for name, snippets in hints.SNIPPETS.items():
        definitions[name]["defaultSnippets"] = snippets
    for (name, key), snippets in hints.BY_NAME.items():
        definitions[name]["properties"][key]["defaultSnippets"] = snippets


def _choice_of(words: Mapping[str, str]) -> dict[str, Any]:
    plain = [text.replace("`", "") for text in words.values()]
    return {"enum": list(words), "enumDescriptions": plain, "markdownEnumDescriptions": list(words.values())}


def _sections(base: type[Section]) -> Iterator[type[Section]]:
    for section in base.__subclasses__():
        yield section
        yield from _sections(section)


def _describe(definition: dict[str, Any], section: type[Section]) -> None:
    # Read from the source here rather than by `use_attribute_docstrings`, which parses every class at each start.
    for name, text in field_docs(section).items():
        key = section.model_fields[name].alias or name
        definition["properties"][key] |= _described(text)


def _described(text: str) -> dict[str, str]:
    """Links of the manual lead nowhere in an editor; what is marked is shown marked where that can be shown."""
    said = _LINK.sub(r"\1", text)
    return {"description": said.replace("`", ""), "markdownDescription": said} if "`" in said else {"description": said}


def field_docs(section: type[Section]) -> Mapping[str, str]:
    """The docstring below each field of a section, by the field's name."""
    body = ast.parse(inspect.getsource(section)).body[0]
    assert isinstance(body, ast.ClassDef)
    docs = {}
    for field, text in zip(body.body, body.body[1:], strict=False):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(doc))):
                docs[name] = " ".join(doc.split())
    return docs


def _plain(node: Any) -> Any:
    """What says nothing goes; draft-07 ignores what stands beside `$ref`, so that is wrapped."""
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    plain = {key: _plain(value) for key, value in node.items() if not _says_nothing(key, value)}
    if "$ref" in plain and len(plain) > 1:
        plain["allOf"] = [{"$ref": plain.pop("$ref")}]
    return plain


def _says_nothing(key: str, value: Any) -> bool:
    return (key == "title" and isinstance(value, str)) or (key == "default" and value is None)
