"""Figures out of what a service tells of itself: Prometheus' text, or the last line that a command printed. Pure."""

from __future__ import annotations

import math

from controller.model.errors import ControllerError
from controller.model.series import parse_series


def read_series(text: str, series: str) -> float:
    """The sum of all series of that name that have those labels. Raises ControllerError where there is none."""
    from prometheus_client.parser import text_string_to_metric_families  # only for who scrapes

    name, labels = parse_series(series)
    try:
        values = [
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]
    except (ValueError, KeyError, IndexError) as error:
        raise ControllerError(f"what it exposes is not Prometheus' text format: {error}") from error
    known = [value for value in values if math.isfinite(value)]
    if not known:
        raise ControllerError(f"it exposes no series {series}" if not values else f"{series} is not a number now")
    return sum(known)


def read_last_number(output: str) -> float:
    """The number on the last line that is not empty. Raises ControllerError where that is none."""
    lines = output.strip().splitlines() or [""]
    try:
        number = float(lines[-1].strip())
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ControllerError(f"its last line is no number: {lines[-1].strip()[:80]!r}")
    return number
