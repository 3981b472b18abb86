"""A snapshot in Prometheus' text format or in OpenMetrics, whichever a scraper asks for.

Written here, because the names are ours and need no care: prometheus_client takes four to six times as long.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from controller.web.families import FAMILIES, Family
from controller.web.rows import Row, rows
from controller.web.snapshot import Snapshot

_TEXT = "text/plain; version=0.0.4; charset=utf-8"
_OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def expose(snapshot: Snapshot, accept: str) -> tuple[bytes, str]:
    """The text and its media type, by what `Accept` says."""
    lines = _lines(rows(snapshot))
    if _accepts_openmetrics(accept):
        return _join(_OPENED, lines) + b"# EOF\n", _OPENMETRICS
    return _join(_PLAIN, lines), _TEXT


def _accepts_openmetrics(accept: str) -> bool:
    return any(one.partition(";")[0].strip() == "application/openmetrics-text" for one in accept.split(","))


def _join(heads: Mapping[str, str], lines: Mapping[str, Sequence[str]]) -> bytes:
    """In the order of the table; what has no sample is left out."""
    parts = (part for name, head in heads.items() if name in lines for part in (head, *lines[name]))
    return "".join(parts).encode("utf-8", "replace")


def _lines(known: Iterable[Row]) -> Mapping[str, Sequence[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for name, values, figure in known:
        if figure is not None:
            found[name].append(_SAMPLES[name] % (*map(_escape, values), _number(figure)))
    return found


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _number(figure: float) -> str:
    text = repr(float(figure))
    return _NO_NUMBERS.get(text, text)


_NO_NUMBERS = {"inf": "+Inf", "-inf": "-Inf", "nan": "NaN"}


def _sample(family: Family) -> str:
    labels = ",".join(f'{label}="%s"' for label in family.labels)
    return f"{family.name}{{{labels}}} %s\n" if labels else f"{family.name} %s\n"


def _plain_head(family: Family) -> str:
    kind = "gauge" if family.kind == "info" else family.kind
    return f"# HELP {family.name} {family.help}\n# TYPE {family.name} {kind}\n"


def _opened_head(family: Family) -> str:
    """OpenMetrics calls a family by what comes before `_total` and `_info`."""
    name = family.name.removesuffix("_total").removesuffix("_info")
    return f"# HELP {name} {family.help}\n# TYPE {name} {family.kind}\n"


_SAMPLES = {family.name: _sample(family) for family in FAMILIES}
_PLAIN = {family.name: _plain_head(family) for family in FAMILIES}
_OPENED = {family.name: _opened_head(family) for family in FAMILIES}
