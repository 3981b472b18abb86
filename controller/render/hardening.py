"""An override that mends findings, as the text of a file and as a diff. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from controller.model.running import Model
from controller.render.paint import Paint, clean, plain
from controller.security.mending import Instead, Mended


class _Dumper(yaml.SafeDumper):
    """With `!override` before what takes the place of another list, and lists set in as people write them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:
        return super().increase_indent(flow, False)


def _instead(dumper: yaml.SafeDumper, value: Instead) -> yaml.Node:
    return dumper.represent_sequence("!override", value.value)


_Dumper.add_representer(Instead, _instead)


def override_text(mends: Sequence[Mended], use: str) -> str:
    """The whole file. `use`: how it is used, one line."""
    lines = ["# Made by `controller scan --fix` from what it found; nothing of it is in your own files.", f"# {use}"]
    lines.append("services:")
    for one in mends:
        lines.append(f"  {_key(one.service)}: # {', '.join(one.rules)}")
        lines += [f"    {line}" for line in _dump(dict(one.keys)).splitlines()]
    return "\n".join(lines) + "\n"


def _key(name: str) -> str:
    return _dump({name: None}).rpartition(":")[0]


def _dump(value: Any) -> str:
    # Instead is a tuple, and the safe dumper takes it for what was registered: a list with a tag.
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def diff_lines(mends: Sequence[Mended], services: Mapping[str, Model], *, paint: Paint = plain) -> list[str]:
    """What changes of each service, as `diff -u` shows it: only keys that change, so that no secret is shown."""
    return [line for one in mends for line in _diff(one, services.get(one.service, {}), paint)]


def _diff(one: Mended, model: Model, paint: Paint) -> Iterator[str]:
    before = {key: model[key] for key in one.keys if model.get(key)}
    after = {key: _merged(before.get(key), value) for key, value in one.keys.items()}
    yield paint(f"{clean(one.service)}  ({', '.join(one.rules)})", "bold")
    old, new = (_dump(_plain(value)).splitlines() if value else [] for value in (before, after))
    for line in [*difflib.unified_diff(old, new, n=3, lineterm="")][3:]:
        yield paint(f"  {clean(line)}", {"+": "good", "-": "bad"}.get(line[0], ""))
    yield ""


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def _merged(before: Any, value: Any) -> Any:
    if isinstance(value, Instead):
        return value.value
    if isinstance(before, Mapping) and isinstance(value, Mapping):
        return {**before, **{key: _merged(before.get(key), one) for key, one in value.items()}}
    if isinstance(before, list) and isinstance(value, list):
        return [*before, *value]
    return value
