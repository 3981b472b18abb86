"""Senses: how long tasks of this machine wait for what they need, out of the kernel's files. Raises nothing."""

from __future__ import annotations

from typing import NamedTuple

_FOLDER = "/proc/pressure"


class Pressure(NamedTuple):
    """Shares (0 to 1) of the last 10 s in which some task waited for it; None where the kernel does not tell.

    The kernel's "pressure stall information" (Documentation/accounting/psi.rst), of the whole machine: in a container
    too it is the machine's, not the container's.
    """

    cpu: float | None = None
    memory: float | None = None
    io: float | None = None


NO_PRESSURE = Pressure()
"""Nothing is known: a kernel before 4.20, one started without `psi=1`, or no Linux."""


def read_pressure(folder: str = _FOLDER) -> Pressure:
    """As it is now: three small files."""
    return Pressure(*(_read(f"{folder}/{name}") for name in Pressure._fields))


def _read(path: str) -> float | None:
    """A kernel that was built with it but started without has the file and refuses the read (EOPNOTSUPP)."""
    try:
        with open(path, encoding="ascii") as file:
            return parse_pressure(file.read(4096))
    except (OSError, ValueError):
        return None


def parse_pressure(text: str) -> float | None:
    """The share of `some avg10=1.58 avg60=1.89 …`, which the kernel gives in hundredths."""
    for line in text.splitlines():
        kind, _, fields = line.partition(" ")
        values = dict(field.partition("=")[::2] for field in fields.split())
        if kind == "some" and "avg10" in values:
            return min(max(float(values["avg10"]) / 100.0, 0.0), 1.0)
    return None
