"""Faults of inputs as findings: where, what is wrong, how to mend it. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from controller.intake.source import Document
from controller.intake.tree import Place, texts
from controller.model.errors import Finding

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

Path = tuple[str | int, ...]

_EXPECTED = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "text",
    "dict": "a mapping",
    "model": "a mapping",
    "mapping": "a mapping",
    "tuple": "a list",
    "list": "a list",
    "date": "a day such as 2027-01-31",
}


def suggest(word: object, known: Collection[str]) -> str | None:
    """`did you mean 'replicas'?`, or None where nothing is near."""
    from difflib import get_close_matches  # loaded for whoever mistypes

    by_folded = {name.lower().replace("_", "").replace("-", ""): name for name in sorted(known, reverse=True)}
    folded = str(word).lower().replace("_", "").replace("-", "")
    near = get_close_matches(folded, by_folded, n=1, cutoff=0.65)
    return f"did you mean '{by_folded[near[0]]}'?" if near else None


def unknown(what: str, name: str, known: Collection[str], path: Path) -> Finding:
    """A name that stands for nothing: with the nearest known one, else all of them."""
    listed = ", ".join(sorted(known)) or "none"
    return at(path, f"there is no {what} '{name}'", hint=suggest(name, known) or f"known: {listed}")


def at(path: Path, message: str, *, hint: str | None = None) -> Finding:
    """A finding at a path of a document; `locate` adds file, line and column."""
    return Finding(message, path=dotted(path), hint=hint)


def dotted(path: Path) -> str:
    """`spec.services.web.ports[0]`. Keys that hold a dot stand in quotes."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (f'"{part}"' if "." in part else part)
    return text


def parts(path: str) -> Path:
    """The inverse of `dotted`."""
    found: list[str | int] = []
    for quoted, piece in enumerate(path.split('"')):
        if quoted % 2:
            found.append(piece)
            continue
        for word in filter(None, piece.replace("[", ".[").split(".")):
            index = word[1:-1] if word.startswith("[") else ""
            found.append(int(index) if index.isdecimal() else word)
    return tuple(found)


def locate(findings: Iterable[Finding], documents: Sequence[Document]) -> tuple[Finding, ...]:
    """Findings with file, line and column: of the document that holds most of their path."""
    return tuple(_located(finding, documents) for finding in findings)


def _located(finding: Finding, documents: Sequence[Document]) -> Finding:
    if finding.line is not None or not documents:
        return finding
    if finding.path is None:
        return _quoting(finding, documents)
    path = parts(finding.path)
    # What a manifest says of a service may as well come from the Compose file, which has no `spec`.
    paths = (path, path[1:]) if path[0] == "spec" else (path,)
    found = [(document.find(way, key=True), way, document) for way in paths for document in documents]
    (place, _), way, document = min(found, key=lambda entry: len(entry[1]) - entry[0][1])
    return replace(finding, file=document.file, line=place.line, column=place.column, path=dotted(way))


_QUOTED = re.compile(r"\"([^\"]+)\"|'([^']+)'|`([^`]+)`")
_WORD = re.compile(r"[^\s\"'`,;()\[\]]{4,}")
_LOOKED_AT = 4096
_TELLING = re.compile(r"[\d./:-]")
"""What no everyday word holds: only such a word may be a part of a text, or end with it."""


def _quoting(finding: Finding, documents: Sequence[Document]) -> Finding:
    """Of words without a path: where the one text stands that they quote or name; none where several are as good."""
    message = finding.message[:_LOOKED_AT]
    quoted = {word for words in _QUOTED.findall(message) for word in words if word}
    words = {word.rstrip(".:") for word in _WORD.findall(message)}
    found: dict[int, list[tuple[Document, Path, Place]]] = {}
    for document in documents if finding.file is None else [one for one in documents if one.file == finding.file]:
        for path, text, place in texts(document.root):
            found.setdefault(_rank(text, quoted, words), []).append((document, path, place))
    best = found[max(found)] if found and max(found) else []
    if len(best) != 1:
        return finding
    ((document, path, place),) = best
    return replace(finding, file=document.file, line=place.line, column=place.column, path=dotted(path))


def _rank(text: str, quoted: Collection[str], words: Collection[str]) -> int:
    """How surely a message that quotes these and holds these words means a text; 0: not at all."""
    if text in quoted:
        return 3
    if text in words:
        return 2
    parts = {part for part in text.split(":") if len(part) >= 4 and _TELLING.search(part)}
    file = text.removeprefix("./")
    is_end = _TELLING.search(file) is not None and any(word.endswith(f"/{file}") for word in words)
    return 1 if is_end or not parts.isdisjoint(words) else 0


def explain(error: ValidationError, model: type[BaseModel], document: Document) -> tuple[Finding, ...]:
    """What pydantic found, in our words, at the places in the document."""
    found = [_explained(detail, model, document) for detail in error.errors(include_url=False)]
    return tuple(sorted(found, key=lambda finding: (finding.line or 0, finding.column or 0)))


def _explained(detail: ErrorDetails, model: type[BaseModel], document: Document) -> Finding:
    path = _in_document(detail["loc"], document)
    message, hint = _words(detail, model)
    place, _ = document.find(path, key=detail["type"] == "extra_forbidden")
    return Finding(message, document.file, place.line, place.column, dotted(path) or None, hint)


def _in_document(loc: Path, document: Document) -> Path:
    """pydantic's location without its own marks (`[key]`, names of union members), which no document holds."""
    marks = [part for part in loc if part != "[key]"]
    _, found = document.find(tuple(marks))
    return tuple(marks[: found + 1])


def _words(detail: ErrorDetails, model: type[BaseModel]) -> tuple[str, str | None]:
    kind, given = detail["type"], detail["input"]
    context: dict[str, Any] = detail.get("ctx", {})
    key = str(detail["loc"][-1]) if detail["loc"] else ""
    match kind:
        case "extra_forbidden":
            known = _keys(model, detail["loc"][:-1])
            return f"unknown key '{key}'", suggest(key, known) or f"known: {', '.join(sorted(known))}"
        case "missing":
            return f"'{key}' is missing", None
        case "enum" | "literal_error":
            return f"{given!r} is not one of {context['expected']}", suggest(given, _alternatives(context["expected"]))
        case "string_pattern_mismatch":
            return f"{given!r} is not allowed here", f"it must match {context['pattern']}"
        case "int_from_float":
            return f"must be a whole number, not {given!r}", None
    expected = _EXPECTED.get(kind.split("_")[0])
    if expected and kind.split("_")[-1] in ("type", "parsing"):
        hint = "quote it" if kind == "string_type" and isinstance(given, int | float) else None
        return f"must be {expected}, not {_brief(given)}", hint
    return _sentence(detail["msg"], given), context.get("hint")


def _sentence(message: str, given: object) -> str:
    for opening in ("Input should", "String should", "Tuple should"):
        if message.startswith(opening):
            return f"{_brief(given)} must{message.removeprefix(opening)}"
    return message


def _brief(given: object) -> str:
    match given:
        case None:
            return "empty"
        case dict():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case bool():
            return str(given).lower()
    return repr(given) if len(repr(given)) <= 60 else f"{repr(given)[:57]}…"


def _alternatives(expected: str) -> tuple[str, ...]:
    return tuple(expected.replace(" or ", ", ").replace("'", "").split(", "))


def _keys(model: type[BaseModel], path: Path) -> frozenset[str]:
    """The keys that the section at a path knows. Walks the types: making the schema would take ten times as long."""
    types: list[Any] = [model]
    for part in path:
        types = [below for one in types for below in _below(one, part)]
    fields = [field for one in types for field in getattr(one, "model_fields", {}).items()]
    return frozenset(field.alias or name for name, field in fields)


def _below(kind: Any, part: str | int) -> Iterator[Any]:
    """The types that may stand at a key or an index of a type."""
    inner = get_args(kind)
    if isinstance(part, int) and get_origin(kind) is tuple:
        yield from _options(inner[0])
    elif get_origin(kind) is Mapping:
        yield from _options(inner[1])
    for name, field in getattr(kind, "model_fields", {}).items():
        if part == (field.alias or name):
            yield from _options(field.annotation)


def _options(kind: Any) -> Iterator[Any]:
    """The members of a union, annotations taken off."""
    if get_origin(kind) is Annotated:
        yield from _options(get_args(kind)[0])
    elif get_origin(kind) in (Union, UnionType):
        for member in get_args(kind):
            yield from _options(member)
    else:
        yield kind
