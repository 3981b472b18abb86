"""The JSON Schema of manifests: draft-07 as editors read it, with help for each choice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft7Validator

from controller.model.manifest import hints, schema

WHOLE = schema()
DEFINITIONS = WHOLE["definitions"]


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        yield from (found for value in node.values() for found in nodes(value))
    elif isinstance(node, list):
        yield from (found for value in node for found in nodes(value))


def test_it_is_draft_07_and_uses_nothing_newer() -> None:
    Draft7Validator.check_schema(WHOLE)
    newer = {"$defs", "prefixItems", "unevaluatedProperties", "dependentSchemas", "dependentRequired", "$anchor"}
    assert not [node for node in nodes(WHOLE) if newer & set(node)]
    assert all(node["$ref"].startswith("#/definitions/") and len(node) == 1 for node in nodes(WHOLE) if "$ref" in node)


def test_every_word_of_every_choice_is_explained() -> None:
    choices = {name for name, one in DEFINITIONS.items() if "enum" in one} - {"Comparison"}
    assert set(hints.CHOICES) == choices
    for name, words in hints.CHOICES.items():
        assert set(words) == set(DEFINITIONS[name]["enum"]), name
    explained = [node for node in nodes(WHOLE) if "enumDescriptions" in node]
    assert all(len(node["enum"]) == len(node["enumDescriptions"]) for node in explained)


def test_no_text_leads_where_an_editor_cannot_go() -> None:
    texts = [node[key] for node in nodes(WHOLE) for key in ("description", "markdownDescription") if key in node]
    said = [text for text in texts if isinstance(text, str)]
    assert said and not [text for text in said if "](" in text]


def filled(body: Any) -> Any:
    """A snippet as it is when nobody changes what it proposes."""
    if isinstance(body, dict):
        return {filled(key): filled(value) for key, value in body.items()}
    if isinstance(body, list):
        return [filled(one) for one in body]
    if not isinstance(body, str):
        return body
    text = re.sub(r"\$\{\d+:([^}]*)\}", r"\1", body)
    return int(text[1:]) if text.startswith("^") else text


PLACES = {
    **{name: ({"$ref": f"#/definitions/{name}"}, one) for name, one in hints.SNIPPETS.items()},
    **{".".join(at): (DEFINITIONS[at[0]]["properties"][at[1]], one) for at, one in hints.BY_NAME.items()},
    "documents": ({key: value for key, value in WHOLE.items() if key != "definitions"}, hints.DOCUMENTS),
}


@pytest.mark.parametrize("place", PLACES)
def test_what_a_snippet_puts_in_is_valid(place: str) -> None:
    rule, snippets = PLACES[place]
    for snippet in snippets:
        Draft7Validator({**rule, "definitions": DEFINITIONS}).validate(filled(snippet["body"]))
        assert snippet["label"] and snippet["description"]
