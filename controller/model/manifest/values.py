"""Words of a manifest that stand for numbers: durations, sizes, cores, shares; as Compose and Kubernetes write them."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from controller.model.quantities import CPU, DURATION, SHARE, SIZE, BadQuantity, cores, octets, ratio, seconds


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


def _read(read: Callable[[object], Any]) -> BeforeValidator:
    def validate(value: object) -> Any:
        try:
            return read(value)
        except BadQuantity as error:
            raise PydanticCustomError("quantity", "{problem}", {"problem": str(error), "hint": error.hint}) from None

    return BeforeValidator(validate)


def _network(value: str) -> str:
    try:
        return str(ipaddress.ip_network(value))
    except ValueError:
        hint = "write an address range without host bits: 10.0.0.0/8, ::1/128"
        raise PydanticCustomError("network", "{value} is not a network", {"value": repr(value), "hint": hint}) from None


def _texts(pattern: str, *others: dict[str, Any], examples: list[Any]) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [{"type": "string", "pattern": pattern}, *others], "examples": examples})


Duration = Annotated[float, _read(seconds), _texts(DURATION, {"const": 0}, examples=["250ms", "1m30s"])]
Size = Annotated[int, _read(octets), _texts(SIZE, {"type": "integer", "minimum": 0}, examples=["512Mi", "1gb"])]
Cpu = Annotated[float, _read(cores), _texts(CPU, {"type": "number", "minimum": 0}, examples=["500m", 0.5])]
Share = Annotated[float, _read(ratio), _texts(SHARE, {"type": "number", "minimum": 0, "maximum": 1}, examples=["80%"])]
PortNumber = Annotated[int, Field(ge=1, le=65535)]
_LABEL = "[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
_LAST_LABEL = "[A-Za-z_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
"""No address ends so."""
DnsName = Annotated[
    str, Field(max_length=253, pattern=rf"^(\*\.)?({_LABEL}\.)*{_LAST_LABEL}$", examples=["www.example.org"])
]
Network = Annotated[str, AfterValidator(_network)]
Listen = Annotated[str, Field(pattern=r"^(\[[0-9a-fA-F:]+\]|[^\s:/]+):[0-9]{1,5}$", examples=["127.0.0.1:7070"])]
Ratio = Annotated[float, Field(ge=0, le=1)]
