"""What differs between two generations, field by field, fit to be shown: secrets masked, long values cut. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from controller.decide.aim import is_release
from controller.model.generation import Generation
from controller.model.names import Release, Revision, make_release, split_release

MASK = "***"
LONGEST = 120
"""Characters of a value that are shown."""

_SECRET = re.compile(
    r"pass|secret|token|credential|private|auth|api.?key|access.?key|encryption"
    r"|(^|[^a-z])(key|pwd|pw|salt|dsn|cookie)s?($|[^a-z])",
    re.IGNORECASE,
)
_VALUE = r"""(?P<value>\*{3}(?![^\s"'])|"(?:\\.|[^"\\])*"?|'[^']*'?|\S+)"""
_IN_URL = re.compile(r"(?P<before>(?<![a-z0-9+.-])[a-z0-9+.-]+://[^\s:/@]*:)\S*(?=@)", re.IGNORECASE)
_HEADER = re.compile(r"""(?P<before>\bauthorization["']?\s*[=:]\s*["']?)[^"'\n]+""", re.IGNORECASE)
_SCHEME = re.compile(r"""(?P<before>\b(?:bearer|basic)\s+)[^\s"']+""", re.IGNORECASE)
_ASSIGNED = re.compile(rf"""(?<![\w.-])(?P<name>[\w.-]+)["']?\s*[=:]\s*{_VALUE}""")
_OPTION = re.compile(rf"(?<!\S)(?P<name>-{{1,2}}[\w.-]+)\s+(?={_VALUE})")
_OF_PROGRAMS = (
    (re.compile(r"mysql|mariadb"), re.compile(r"""(?P<before>(?<![^\s"'])-p)[^\s"']+""")),
    (re.compile(r"redis-cli"), re.compile(r"""(?P<before>(?<![^\s"'])-a["',\s]+)[^\s"']+""")),
    (re.compile(r"\bcurl\b"), re.compile(r"""(?P<before>(?<![^\s"'])(?:-u|--user)["',\s]+[^\s"':]*:)[^\s"']+""")),
)
"""Programs that take a secret by an option whose name does not tell."""
_NAMED = ("target", "source", "name", "path", "container_path")
"""Keys by which the entries of a list are told apart, the first that they have."""


class Change(NamedTuple):
    """One field that differs. None: it is not there. Of a secret both are the mask."""

    service: str
    path: str
    old: str | None
    new: str | None


class Side(NamedTuple):
    """A generation, and each service as Compose rendered it."""

    generation: Generation
    definitions: Mapping[str, Mapping[str, Any]]

    @classmethod
    def empty(cls) -> Side:
        """What there was before the first one."""
        return cls(Generation(0, "", 0.0), {})


def compare(old: Side, new: Side) -> tuple[Change, ...]:
    """All that differs between two generations, by service and path."""
    names = sorted(old.definitions.keys() | new.definitions.keys())
    return tuple(change for name in names for change in _compare_service(name, old, new))


def touches(old: Generation, new: Generation, services: Collection[str]) -> bool:
    """Whether one of these services is another in the new one."""
    return any(_differs(old, new, name) for name in services)


def _differs(old: Generation, new: Generation, name: str) -> bool:
    if (name in old.services) != (name in new.services):
        return True
    return name in new.services and not is_release(_made(old, name), _made(new, name))


def _made(generation: Generation, name: str) -> Release:
    """What settled in it, else what was asked for."""
    return generation.releases.get(name) or make_release(generation.revisions.get(name, Revision("")))


def _compare_service(name: str, old: Side, new: Side) -> Iterator[Change]:
    before, after = old.definitions.get(name), new.definitions.get(name)
    if before is None or after is None:
        image = str((before or after or {}).get("image", ""))
        yield Change(name, "", None if before is None else image, None if after is None else image)
        return
    old_leaves, new_leaves = dict(_leaves(before)), dict(_leaves(after))
    for path in sorted(old_leaves.keys() | new_leaves.keys()):
        was, now = old_leaves.get(path), new_leaves.get(path)
        if was != now:
            yield Change(name, path, show(path, was), show(path, now))
    yield from _compare_made(name, old.generation, new.generation)


def _compare_made(name: str, old: Generation, new: Generation) -> Iterator[Change]:
    """What no definition shows: another image behind the same tag, other contents of its files."""
    was, now = _image(old, name), _image(new, name)
    if was is not None and now is not None and was != now:
        yield Change(name, "image id", _short(was), _short(now))
    if old.contents.get(name, "") != new.contents.get(name, ""):
        there = (MASK if side.contents.get(name) else None for side in (old, new))
        yield Change(name, "contents of its files", next(there), next(there))


def _image(generation: Generation, name: str) -> str | None:
    release = generation.releases.get(name)
    return split_release(release)[1] if release is not None else None


def _short(image: str) -> str:
    return image.removeprefix("sha256:")[:12]


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every field by its path; a list of plain values is one field, a list of records is told apart by their names."""
    if isinstance(value, Mapping) and (value or not path):
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
        for key, item in zip(_keys(value), value, strict=True):
            yield from _leaves(item, f"{path}[{key}]")
    else:
        yield path, "null" if value is None else value


def _keys(items: Sequence[Mapping[str, Any]]) -> list[str]:
    for name in _NAMED:
        keys = [str(item.get(name, "")) for item in items]
        if all(keys) and len(set(keys)) == len(keys):
            return keys
    return [str(index) for index in range(len(items))]


def show(path: str, value: Any) -> str | None:
    """A value as it may be shown. What its name calls secret is masked, and so is a secret within a text."""
    if value is None:
        return None
    if is_secret(path):
        return MASK
    if isinstance(value, list):
        text = _mask_options(json.dumps(_masked_words(value), ensure_ascii=False))
    elif isinstance(value, str):
        text = value if path == "image" else mask(value)
    else:
        text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def is_secret(path: str) -> bool:
    """Whether the last name of a path sounds like a secret's. Where secrets are mounted is none."""
    if re.split(r"[.\[]", path, maxsplit=1)[0] in ("secrets", "configs", "healthcheck", "image"):
        return False
    prefix, _, name = path.partition(".")
    last = name if prefix in ("environment", "labels", "annotations") else path.rsplit(".", 1)[-1]
    return bool(_SECRET.search(last))


def _masked_words(words: Sequence[Any]) -> list[Any]:
    """An argument list: `--token=x`, and the word after `--requirepass`."""
    shown: list[Any] = []
    for position, word in enumerate(words):
        before = words[position - 1] if position else None
        follows = isinstance(before, str) and _names_secret(before)
        shown.append(MASK if follows else mask(word) if isinstance(word, str) else word)
    return shown


def _names_secret(word: str) -> bool:
    return word.startswith("-") and "=" not in word and " " not in word and bool(_SECRET.search(word))


def mask(text: str) -> str:
    """The same without what looks like a secret: `token=a`, `"token": "a"`, `--token a`, `Bearer a`, `://me:a@host`.

    What is masked reaches up to the next blank: better too much of it than the end of a password.
    """
    for pattern in (_IN_URL, _HEADER, _SCHEME):
        text = pattern.sub(rf"\g<before>{MASK}", text)
    return _mask_options(_mask_named(_mask_named(text, _ASSIGNED), _OPTION))


def _mask_named(text: str, pattern: re.Pattern[str]) -> str:
    """Values of which the name sounds like a secret's; within those of other names is looked again."""
    shown, at = "", 0
    while (match := pattern.search(text, at)) is not None:
        secret, begin = bool(_SECRET.search(match["name"])), match.start("value")
        shown += text[at:begin] + (MASK if secret else "")
        at = match.end("value") if secret else begin
    return shown + text[at:]


def _mask_options(text: str) -> str:
    for program, option in _OF_PROGRAMS:
        if program.search(text):
            text = option.sub(rf"\g<before>{MASK}", text)
    return text
