"""JSON with comments and trailing commas: read with all places, changed without touching the rest. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from controller.model.errors import Finding, InvalidInput

_BLANK = re.compile(r"(?:[\s\ufeff]|//[^\n\r]*|/\*.*?\*/)*", re.DOTALL)
_SAME_LINE = re.compile(r"(?:[ \t]|/\*[^\n\r]*?\*/)*(?://[^\n\r]*)?")
_GAP = re.compile(r"[ \t]*")
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_WORD = re.compile(r"-?[0-9][0-9.eE+-]*|[a-z]+")
_DEEPEST = 100
_WIDTH = 110


class Value(NamedTuple):
    """A value and where it stands. `plain`: as `json.loads` has it; `parts`: of a mapping by key, or of a list."""

    start: int
    end: int
    plain: Any
    parts: tuple[tuple[str, Value], ...] = ()
    comma: int | None = None
    """Behind the comma after the last part, where there is one."""
    key: int | None = None
    """Where its key begins, of a member of a mapping."""

    def child(self, key: str) -> Value | None:
        """The last one of that key counts, as editors have it."""
        return next((value for name, value in reversed(self.parts) if name == key), None)


class Edit(NamedTuple):
    """What stands from `start` to `end` becomes `text`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Source:
    """A text as it is; `root` is None where it holds nothing but blanks and comments."""

    file: str
    text: str
    root: Value | None

    def refuse(self, at: int, message: str, hint: str) -> InvalidInput:
        """What is wrong at a place of it."""
        line = self.text.count("\n", 0, at) + 1
        column = at - self.text.rfind("\n", 0, at)
        return InvalidInput((Finding(message, self.file, line, column, hint=hint),))

    @property
    def eol(self) -> str:
        return "\r\n" if "\r\n" in self.text else "\n"

    @property
    def unit(self) -> str:
        """How much further each level is indented."""
        found = re.search(r"^([ \t]+)\S", self.text[self.root.start :] if self.root else "", re.MULTILINE)
        return found[1] if found else "  "


def parse(text: str, file: str) -> Source:
    """Raises InvalidInput with line and column for what is none."""
    source = Source(file, text, None)
    at = _skip(text, 0)
    if at == len(text):
        return source
    root = _value(source, at, 0)
    rest = _skip(text, root.end)
    if rest != len(text):
        raise source.refuse(rest, "is not JSON: there is more after its end", "remove what is too much")
    return Source(file, text, root)


def apply(text: str, edits: Sequence[Edit]) -> str:
    """The text with these changes, which do not overlap."""
    for edit in reversed(sorted(edits, key=lambda one: (one.start, one.end))):  # of equal places in their order
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def add(source: Source, into: Value, new: Sequence[tuple[str | None, Any]]) -> list[Edit]:
    """Further members (or, without key, items) at the end of a mapping or list; what is there stays byte for byte."""
    outer = _indent_of(source.text, into.start)
    inner = _indent_of(source.text, into.parts[-1][1].start) if _is_spread(source.text, into) else outer + source.unit
    lines = [inner + _shown(key, value, inner, source) for key, value in new]
    body = f",{source.eol}".join(lines)
    if into.parts:
        last = into.parts[-1][1].end
        edits = [] if into.comma is not None else [Edit(last, last, ",")]
        at = _end(_SAME_LINE, source.text, into.comma or last)
    else:  # behind comments, if there are any
        edits, at = [], into.start + 1 + len(source.text[into.start + 1 : into.end - 1].rstrip())
    blank = source.text[at : into.end - 1]
    if blank.strip() or "\n" in blank:
        return [*edits, Edit(at, at, source.eol + body + ("" if "\n" in blank else source.eol + outer))]
    return [*edits, Edit(at, into.end - 1, f"{source.eol}{body}{source.eol}{outer}")]


def remove(source: Source, from_: Value, index: int) -> list[Edit]:
    """A member or item gone, with its comma, its line, and what is said of it in that line."""
    text, (_, value) = source.text, from_.parts[index]
    is_last = index == len(from_.parts) - 1
    comma = from_.comma if is_last else _skip(text, value.end) + 1
    start, end = value.start if value.key is None else value.key, comma or value.end
    line, past = text.rfind("\n", 0, start) + 1, _end(_SAME_LINE, text, end)
    edits = []
    if is_last and comma is None and index:
        before = _skip(text, from_.parts[index - 1][1].end)
        edits.append(Edit(before, before + 1, ""))
    if not text[line:start].strip() and text[past : past + 1] in ("\r", "\n"):
        return [*edits, Edit(line, past + len(source.eol), "")]
    return [*edits, Edit(start, _end(_GAP, text, end), "")]


def put(source: Source, instead: Value, value: Any) -> Edit:
    """Another value in that place."""
    return Edit(instead.start, instead.end, _json(value, _indent_of(source.text, instead.start), source))


def whole(value: Any, eol: str = "\n") -> str:
    """A file of its own."""
    return _dump(value, "", "  ", eol) + eol


def _shown(key: str | None, value: Any, indent: str, source: Source) -> str:
    name = "" if key is None else f"{json.dumps(key, ensure_ascii=False)}: "
    return name + _json(value, indent, source)


def _json(value: Any, indent: str, source: Source) -> str:
    return _dump(value, indent, source.unit, source.eol)


def _dump(value: Any, indent: str, unit: str, eol: str) -> str:
    """As `json.dumps`, but short lists and mappings of plain values take one line."""
    flat = json.dumps(value, ensure_ascii=False)
    inside = list(value.values() if isinstance(value, dict) else value) if isinstance(value, dict | list) else []
    if not inside or (not any(isinstance(one, dict | list) for one in inside) and len(indent + flat) <= _WIDTH):
        return flat
    keys = (
        [f"{json.dumps(key, ensure_ascii=False)}: " for key in value] if isinstance(value, dict) else [""] * len(value)
    )
    inner = indent + unit
    lines = [f"{inner}{key}{_dump(one, inner, unit, eol)}" for key, one in zip(keys, inside, strict=True)]
    first, last = "{}" if isinstance(value, dict) else "[]"
    return f"{first}{eol}{f',{eol}'.join(lines)}{eol}{indent}{last}"


def _indent_of(text: str, at: int) -> str:
    """Of the line that a place is in."""
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _is_spread(text: str, value: Value) -> bool:
    return bool(value.parts) and "\n" in text[value.start : value.parts[-1][1].start]


def _skip(text: str, at: int) -> int:
    return _end(_BLANK, text, at)


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


def _value(source: Source, at: int, depth: int) -> Value:
    char = source.text[at : at + 1]
    if char in ("{", "[") and depth < _DEEPEST:
        return _container(source, at, depth, is_mapping=char == "{")
    found = (_STRING if char == '"' else _WORD).match(source.text, at)
    try:
        return Value(at, found.end() if found else at, json.loads(found[0] if found else ""))
    except ValueError:
        said = f"not {char}" if char.isprintable() and char else "not its end"
        raise source.refuse(at, f"is not JSON: a value stands here, {said}", "mend it, then call this again") from None


def _container(source: Source, start: int, depth: int, *, is_mapping: bool) -> Value:
    close, parts, comma = "}" if is_mapping else "]", list[tuple[str, Value]](), None
    at = _skip(source.text, start + 1)
    while source.text[at : at + 1] != close:
        if parts and comma is None:
            raise source.refuse(at, f"is not JSON: a comma or {close} is missing before this", "put it there")
        key, begin = "", at
        if is_mapping:
            key, at = _key(source, at)
        value = _value(source, at, depth + 1)
        parts.append((key, value._replace(key=begin) if is_mapping else value))
        at, comma = _skip(source.text, value.end), None
        if source.text[at : at + 1] == ",":
            comma = at + 1
            at = _skip(source.text, comma)
    plain: Any = {name: one.plain for name, one in parts} if is_mapping else [one.plain for _, one in parts]
    return Value(start, at + 1, plain, tuple(parts), comma)


def _key(source: Source, at: int) -> tuple[str, int]:
    found = _STRING.match(source.text, at)
    if found is None:
        raise source.refuse(at, "is not JSON: a key in double quotes stands here", "mend it, then call this again")
    colon = _skip(source.text, found.end())
    if source.text[colon : colon + 1] != ":":
        raise source.refuse(colon, "is not JSON: a colon is missing before this", "put it there")
    return json.loads(found[0]), _skip(source.text, colon + 1)
