"""Words of a manifest that stand for numbers: durations, sizes, cores, shares; as Compose and Kubernetes write them."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

DURATION = r"^([0-9]+(\.[0-9]+)?(us|ms|s|m|h|d|w))+$"
SIZE = r"^[0-9]+(\.[0-9]+)?([bB]|[kKmMgGtT]([iI]?[bB]|i)?)?$"
CPU = r"^([0-9]+m|[0-9]+(\.[0-9]+)?)$"
SHARE = r"^[0-9]+(\.[0-9]+)?%$"

_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_POWERS = {"": 0, "b": 0, "k": 1, "m": 2, "g": 3, "t": 4}


class Section(BaseModel):
    """A mapping of a manifest: every key is known, nothing is changed after reading."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, validate_default=True, defer_build=True
    )

    @model_validator(mode="before")
    @classmethod
    def _empty_is_default(cls, value: Any) -> Any:
        """`startup:` with nothing below it, as one leaves it behind when commenting things out."""
        return {} if value is None else value


def written(text: str, alias: str | None = None) -> Any:
    """A default as a person would write it, so that the schema shows `10s` and not `10.0`."""
    return Field(default=text, alias=alias)


def _refuse(kind: str, value: object, hint: str) -> PydanticCustomError:
    context = {"kind": kind, "value": repr(value), "hint": hint}
    return PydanticCustomError("quantity", "{value} is not a {kind}", context)


def seconds(value: object) -> float:
    """Seconds of `250ms`, `1m30s`, `10m`, `7d` or 0. A number without unit is refused: nobody knows what it means."""
    if isinstance(value, str) and re.match(DURATION, value):
        parts = re.findall(r"([0-9.]+)(us|ms|[smhdw])", value)
        return sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if value in (0, "0") and not isinstance(value, bool):
        return 0.0
    raise _refuse("duration", value, "write a number with its unit: 250ms, 10s, 1m30s, 2h, 7d")


def octets(value: object) -> int:
    """Bytes of `512Mi`, `64m`, `1gb` or a plain number. Every unit is a power of 1024, as Docker reads them."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and re.match(SIZE, value):
        number, unit = re.findall(r"^([0-9.]+)([a-zA-Z]?)", value)[0]
        return int(float(number) * 1024.0 ** _POWERS[unit.lower()])
    raise _refuse("size", value, "write bytes or a number with its unit: 64m, 512Mi, 1gb")


def cores(value: object) -> float:
    """Cores of `500m`, `"0.5"` or 2."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return float(value)
    if isinstance(value, str) and re.match(CPU, value):
        return float(value[:-1]) / 1000 if value.endswith("m") else float(value)
    raise _refuse("number of cores", value, 'write cores or thousandths of one: 2, "0.5", 500m')


def ratio(value: object) -> float:
    """A share from 0 to 1, written `80%` or 0.8."""
    if isinstance(value, str) and re.match(SHARE, value) and float(value[:-1]) <= 100:
        return float(value[:-1]) / 100
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:
        return float(value)
    raise _refuse("share", value, "write a percentage or a number from 0 to 1: 80%, 0.8")


def _network(value: str) -> str:
    try:
        return str(ipaddress.ip_network(value))
    except ValueError:
        raise _refuse("network", value, "write an address range without host bits: 10.0.0.0/8, ::1/128") from None


def _texts(pattern: str, *others: dict[str, Any], examples: list[Any]) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [{"type": "string", "pattern": pattern}, *others], "examples": examples})


Duration = Annotated[float, BeforeValidator(seconds), _texts(DURATION, {"const": 0}, examples=["250ms", "1m30s"])]
Size = Annotated[
    int, BeforeValidator(octets), _texts(SIZE, {"type": "integer", "minimum": 0}, examples=["512Mi", "1gb"])
]
Cpu = Annotated[float, BeforeValidator(cores), _texts(CPU, {"type": "number", "minimum": 0}, examples=["500m", 0.5])]
Share = Annotated[
    float, BeforeValidator(ratio), _texts(SHARE, {"type": "number", "minimum": 0, "maximum": 1}, examples=["80%"])
]
PortNumber = Annotated[int, Field(ge=1, le=65535)]
Network = Annotated[str, AfterValidator(_network)]
Listen = Annotated[str, Field(pattern=r"^(\[[0-9a-fA-F:]+\]|[^\s:/]+):[0-9]{1,5}$", examples=["127.0.0.1:7070"])]
Ratio = Annotated[float, Field(ge=0, le=1)]
