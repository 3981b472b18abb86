"""Durations, sizes, cores and shares as Compose and Kubernetes write them, as plain numbers. Pure."""

from __future__ import annotations

import re

DURATION = r"^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h|d|w))+$"
SIZE = r"^[0-9]+(\.[0-9]+)?([bB]|[kKmMgGtT]([iI]?[bB]|i)?)?$"
CPU = r"^([0-9]+m|[0-9]+(\.[0-9]+)?)$"
SHARE = r"^[0-9]+(\.[0-9]+)?%$"

_SECONDS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86400.0,
    "w": 604800.0,
}
_POWERS = {"": 0, "b": 0, "k": 1, "m": 2, "g": 3, "t": 4}


class BadQuantity(ValueError):
    """A word that stands for no such number; `hint` shows how one is written."""

    def __init__(self, kind: str, value: object, hint: str) -> None:
        super().__init__(f"{value!r} is not a {kind}")
        self.hint = hint


def seconds(value: object) -> float:
    """Seconds of `250ms`, `1m30s`, `10m`, `7d` or 0. A number without unit is refused: nobody knows what it means."""
    if isinstance(value, str) and re.match(DURATION, value):
        parts = re.findall(r"([0-9.]+)(ns|us|µs|ms|[smhdw])", value)
        return sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if value in (0, "0") and not isinstance(value, bool):
        return 0.0
    raise BadQuantity("duration", value, "write a number with its unit: 250ms, 10s, 1m30s, 2h, 7d")


def octets(value: object) -> int:
    """Bytes of `512Mi`, `64m`, `1gb` or a plain number. Every unit is a power of 1024, as Docker reads them."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and re.match(SIZE, value):
        number, unit = re.findall(r"^([0-9.]+)([a-zA-Z]?)", value)[0]
        return int(float(number) * 1024.0 ** _POWERS[unit.lower()])
    raise BadQuantity("size", value, "write bytes or a number with its unit: 64m, 512Mi, 1gb")


def tell_octets(value: float) -> str:
    """`812B`, `12.3Ki`, `512Mi`: three digits, in a unit that `octets` reads."""
    size, unit = float(value), "B"
    for larger in ("Ki", "Mi", "Gi", "Ti"):
        if size < 999.5:
            break
        size, unit = size / 1024.0, larger
    return f"{size:.3g}{unit}"


def tell_seconds(value: float) -> str:
    """`45s`, `10m`, `1h30m`: two units at most, in a form that `seconds` reads."""
    whole = max(0, round(value))
    minutes, left = divmod(whole, 60)
    if minutes == 0:
        return f"{left}s"
    hours, minutes = divmod(minutes, 60)
    if hours == 0:
        return f"{minutes}m{left}s" if left and minutes < 10 else f"{minutes}m"
    return f"{hours}h{minutes}m" if minutes else f"{hours}h"


def cores(value: object) -> float:
    """Cores of `500m`, `"0.5"` or 2."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return float(value)
    if isinstance(value, str) and re.match(CPU, value):
        return float(value[:-1]) / 1000 if value.endswith("m") else float(value)
    raise BadQuantity("number of cores", value, 'write cores or thousandths of one: 2, "0.5", 500m')


def tell_cores(value: float) -> str:
    """`500m`: thousandths of a core, as kubectl has them."""
    return f"{round(value * 1000)}m"


def ratio(value: object) -> float:
    """A share from 0 to 1, written `80%` or 0.8."""
    if isinstance(value, str) and re.match(SHARE, value) and float(value[:-1]) <= 100:
        return float(value[:-1]) / 100
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:
        return float(value)
    raise BadQuantity("share", value, "write a percentage or a number from 0 to 1: 80%, 0.8")
