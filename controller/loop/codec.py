"""Frozen values to JSON text and back, by their type hints. Canonical: equal values give equal text."""

from __future__ import annotations

import dataclasses
import json
import types
from collections.abc import Hashable, Mapping, Sequence, Set
from enum import Enum
from functools import cache
from typing import Any, NewType, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")


def encode(value: object) -> str:
    """The value as one line of JSON. Fields that hold their default are left out."""
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


class Texts:
    """Remembers the text of the last value of each key: most of what is stored again and again has not changed."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[object, str]] = {}

    def encode(self, key: str, value: object) -> str:
        """What `encode` makes of the value."""
        last = self._last.get(key)
        if last is None or (last[0] is not value and last[0] != value):
            last = self._last[key] = (value, encode(value))
        return last[1]


def decode(kind: type[T], text: str) -> T:
    """The value that `encode` was given. Fields unknown to this version are ignored, missing ones get their default.

    Raises ValueError where the text is not a `kind`.
    """
    try:
        return cast(T, _build(kind, json.loads(text)))
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"not a stored {getattr(kind, '__name__', kind)}: {error}") from error


_SCALARS = frozenset({str, int, float, bool, type(None)})
_MISSING = object()


def _plain(value: object) -> object:
    kind: Any = type(value)
    if kind in _SCALARS:
        return value
    if fields := _fields(kind):
        pairs = ((name, getattr(value, name), default) for name, default in fields)
        return {name: _plain(item) for name, item, default in pairs if item is not default and item != default}
    return _plain_other(value)


def _plain_other(value: object) -> object:
    match value:
        case Enum():
            return value.value
        case str() | int() | float():
            return value
        case Mapping():
            return {str(_plain(key)): _plain(item) for key, item in value.items()}
        case Set():
            return sorted((_plain(item) for item in value), key=_order)
        case Sequence():
            return [_plain(item) for item in value]
        case _:
            raise TypeError(f"{type(value).__name__} cannot be stored")


def _order(item: object) -> str:
    return json.dumps(item, sort_keys=True)


@cache
def _fields(kind: Hashable) -> tuple[tuple[str, object], ...]:
    """Names and defaults of a record's fields; nothing for what is not a record."""
    if not dataclasses.is_dataclass(kind):
        defaults = getattr(kind, "_field_defaults", {})
        return tuple((name, defaults.get(name, _MISSING)) for name in getattr(kind, "_fields", ()))
    return tuple((item.name, _default(item)) for item in dataclasses.fields(kind))


def _default(item: dataclasses.Field[Any]) -> object:
    if item.default is not dataclasses.MISSING:
        return item.default
    return _MISSING if item.default_factory is dataclasses.MISSING else item.default_factory()


@cache
def _hints(kind: Any) -> Mapping[str, Any]:
    return get_type_hints(kind)


def _build(kind: Any, data: Any) -> Any:
    while isinstance(kind, NewType):
        kind = kind.__supertype__
    origin = get_origin(kind)
    if origin is not None:
        return _build_generic(origin, get_args(kind), data)
    if kind is Any or not isinstance(kind, type):
        return data
    if issubclass(kind, Enum):
        return kind(data)
    return _build_record(kind, data)


def _build_record(kind: Any, data: Any) -> Any:
    if fields := _fields(kind):
        if not isinstance(data, dict):
            raise TypeError(f"expected {kind.__name__}, found {type(data).__name__}")
        return kind(**{name: _build(_hints(kind)[name], data[name]) for name, _ in fields if name in data})
    return _build_scalar(kind, data)


def _build_scalar(kind: type[Any], data: Any) -> Any:
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if not isinstance(data, kind):
        raise TypeError(f"expected {kind.__name__}, found {type(data).__name__}")
    return data


def _build_generic(origin: Any, args: tuple[Any, ...], data: Any) -> Any:
    if origin in (Union, types.UnionType):
        return _build_union(args, data)
    if issubclass(origin, Mapping):
        return {_build(args[0], key): _build(args[1], item) for key, item in data.items()}
    if isinstance(data, str):
        raise TypeError("expected a list, found text")
    if origin is tuple and args[-1:] != (Ellipsis,):
        return tuple(_build(arg, item) for arg, item in zip(args, data, strict=True))
    return origin(_build(args[0], item) for item in data)


def _build_union(args: tuple[Any, ...], data: Any) -> Any:
    if data is None and type(None) in args:
        return None
    failure: Exception | None = None
    for arg in args:
        if arg is type(None):
            continue
        try:
            return _build(arg, data)
        except (TypeError, ValueError, KeyError) as error:
            failure = error
    raise TypeError(str(failure))
