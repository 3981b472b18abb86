"""The name of a series of Prometheus with labels, as one writes it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

_SERIES = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{(.*)\})?\s*", re.DOTALL)
_LABEL = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(?:,\s*|$)', re.DOTALL)
_ESCAPES = {"\\n": "\n", '\\"': '"', "\\\\": "\\"}


def parse_series(text: str) -> tuple[str, Mapping[str, str]]:
    """Name and labels of `name{a="b",c="d"}`. Raises ValueError, which says how it is written, for anything else."""
    found = _SERIES.fullmatch(text)
    if found is None:
        raise ValueError('write a name, and labels if you like: jobs_waiting{queue="mail"}')
    labels, rest = {}, (found[2] or "").strip()
    while rest:
        label = _LABEL.match(rest)
        if label is None:
            raise ValueError(f'{rest} is no label: write name="value", with commas between')
        labels[label[1]] = re.sub(r"\\.", lambda escape: _ESCAPES.get(escape[0], escape[0]), label[2])
        rest = rest[label.end() :]
    return found[1], labels
