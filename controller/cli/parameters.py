"""Values on the command line that are more than words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    DurationBase: TypeAlias = click.ParamType[float]
    KindBase: TypeAlias = click.ParamType[tuple[str, str | None]]
    AddressBase: TypeAlias = click.ParamType[tuple[str, int]]
else:
    DurationBase = KindBase = AddressBase = click.ParamType  # generic only since click 8.5

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+|\d+(?:\.\d+)?")


class DurationType(DurationBase):
    """`250ms`, `90s`, `10m`, `1h30m`, or a plain number of seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, int | float):
            return float(value)
        text = str(value).strip()
        if not _DURATION.fullmatch(text):
            self.fail(f"'{text}' is not a duration: 90s, 10m, 1h30m", param, ctx)
        parts = re.findall(r"([0-9.]+)(ms|s|m|h|d)", text)
        return sum(float(number) * _UNITS[unit] for number, unit in parts) if parts else float(text)


KINDS = {
    "stacks": ("stack", "st", "project", "projects"),
    "services": ("service", "svc"),
    "replicas": ("replica", "rep", "po", "pod", "pods", "container", "containers"),
    "revisions": ("revision", "rev", "generation", "generations"),
    "endpoints": ("endpoint", "ep"),
    "events": ("event", "ev"),
    "alerts": ("alert", "al"),
    "usage": ("us", "top"),
    "security": ("sec",),
}
"""What can be listed, with its other spellings."""


class KindType(KindBase):
    """A kind in any of its spellings, or `KIND/NAME`."""

    name = "kind"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str | None]:
        if isinstance(value, tuple):
            return value
        word, _, name = str(value).partition("/")
        for kind, others in KINDS.items():
            if word.lower() in (kind, *others):
                return kind, name or None
        self.fail(f"'{word}' cannot be listed; there are: {', '.join(KINDS)}", param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        return [CompletionItem(kind) for kind in KINDS if kind.startswith(incomplete)]


class AddressType(AddressBase):
    """`127.0.0.1:7070`, `[::1]:7070` or a port of this machine."""

    name = "address"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        if isinstance(value, tuple):
            return value
        from controller.model.serving import split_address

        try:
            return split_address(str(value))
        except ValueError:
            self.fail(f"'{value}' is not an address: 127.0.0.1:7070, or a port", param, ctx)


ADDRESS = AddressType()
DURATION = DurationType()
KIND = KindType()
