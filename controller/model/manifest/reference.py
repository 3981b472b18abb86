"""Every key of a manifest as tables, made from the models, so that the manual cannot lag behind them."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from controller.model.manifest import values
from controller.model.manifest.daemon import ControllerSpec
from controller.model.manifest.json_schema import field_docs
from controller.model.manifest.stack import Metadata, StackSpec
from controller.model.manifest.values import Section

_QUANTITIES = {
    values.Duration: "duration",
    values.Size: "size",
    values.Cpu: "cores",
    values.Share: "share",
    values.PortNumber: "port",
    values.Network: "address range",
    values.Listen: "host:port",
}
_WORDS = {str: "text", int: "number", float: "number", bool: "true, false", SecretStr: "secret text"}


def reference() -> str:
    """Markdown: one table for each section of `Stack` and `Controller`."""
    stack = "\n".join(_tables("spec", StackSpec, {}))
    controller = "\n".join(_tables("spec", ControllerSpec, {}))
    both = "\n".join(_table("metadata", Metadata))
    return f"## Both kinds\n\n{both}\n## Stack\n\n{stack}\n## Controller\n\n{controller}"


def _tables(place: str, section: type[Section], seen: dict[type[Section], str]) -> Iterator[str]:
    if section in seen:
        yield f"### `{place}`\n\nThe keys of `{seen[section]}`.\n"
        return
    seen[section] = place
    yield from _table(place, section)
    for name, field in section.model_fields.items():
        # What a profile overrides is what `services` says, listed there.
        for suffix, below in _sections(field.annotation) if name != "overrides" else ():
            yield from _tables(f"{place}.{field.alias or name}{suffix}", below, seen)


def _table(place: str, section: type[Section]) -> Iterator[str]:
    docs = field_docs(section)
    yield f"### `{place}`\n"
    yield "| key | values | default | meaning |\n| --- | --- | --- | --- |"
    for name, field in section.model_fields.items():
        cells = (f"`{field.alias or name}`", _shown(_annotation(field)), _default(field), docs[name])
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
    yield ""


def _annotation(field: FieldInfo) -> Any:
    """The type as it was written: pydantic takes its annotations apart."""
    for quantity in _QUANTITIES:
        if tuple(field.metadata[: len(quantity.__metadata__)]) == quantity.__metadata__:  # type: ignore[attr-defined]
            return quantity
    return field.annotation


def _shown(annotation: Any) -> str:
    if annotation in _QUANTITIES:
        return _QUANTITIES[annotation]
    if isinstance(annotation, type) and get_origin(annotation) is None:
        return _shown_type(annotation)
    inner = get_args(annotation)
    match get_origin(annotation):
        case origin if origin is Annotated:
            return _shown(inner[0])
        case origin if origin is Literal:
            return ", ".join(f"`{word}`" for word in inner)
        case origin if origin is tuple:
            return f"list of {_shown(inner[0])}"
        case origin if origin in (Union, types.UnionType):
            return ", ".join(_shown(part) for part in inner if part is not types.NoneType)
    return f"by name: {_shown(inner[1])}"


def _shown_type(annotation: type) -> str:
    if issubclass(annotation, StrEnum):
        return ", ".join(f"`{word}`" for word in annotation)
    return "section" if issubclass(annotation, Section) else _WORDS.get(annotation, annotation.__name__)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if field.default is PydanticUndefined or field.default in (None, ()):
        return ""
    return f"`{str(field.default).lower() if isinstance(field.default, bool) else field.default}`"


def _sections(annotation: Any) -> Iterator[tuple[str, type[Section]]]:
    """Sections that a field leads to, and what stands between: `.NAME` in mappings, `[]` in lists."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield "", annotation
        return
    inner = get_args(annotation)
    if get_origin(annotation) is tuple:
        yield from (("[]" + suffix, below) for suffix, below in _sections(inner[0]))
    elif isinstance(get_origin(annotation), type) and issubclass(get_origin(annotation), Mapping):
        yield from ((".NAME" + suffix, below) for suffix, below in _sections(inner[1]))
    else:
        for part in inner:
            yield from _sections(part)


if __name__ == "__main__":
    print(reference())
