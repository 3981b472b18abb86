"""Figures that services tell of themselves."""

from __future__ import annotations

import pytest

from controller.model.errors import ControllerError
from controller.model.series import parse_series
from controller.resources.exposition import read_last_number, read_series

pytestmark = pytest.mark.unit

TEXT = """\
# HELP jobs Waiting.
# TYPE jobs gauge
jobs{queue="mail",host="a"} 3
jobs{queue="mail",host="b"} 4
jobs{queue="video",host="a"} 10
# TYPE seconds histogram
seconds_bucket{le="1"} 2
seconds_bucket{le="+Inf"} 5
seconds_sum 7.5
seconds_count 5
# TYPE odd gauge
odd NaN
"""


@pytest.mark.parametrize(
    ("series", "value"),
    [
        ("jobs", 17.0),
        ('jobs{queue="mail"}', 7.0),
        ('jobs{host="a", queue="mail"}', 3.0),
        ("seconds_count", 5.0),
        ('seconds_bucket{le="+Inf"}', 5.0),
    ],
)
def test_all_that_match_are_summed(series: str, value: float) -> None:
    assert read_series(TEXT, series) == value


@pytest.mark.parametrize(
    ("text", "series", "why"),
    [
        (TEXT, "job", "exposes no series job"),
        (TEXT, 'jobs{queue="fax"}', "exposes no series"),
        (TEXT, "odd", "is not a number now"),
        ("<html>", "jobs", "not Prometheus' text format"),
        ("jobs{ 3", "jobs", "not Prometheus' text format"),
        ("", "jobs", "exposes no series"),
    ],
)
def test_what_is_not_to_be_had_says_why(text: str, series: str, why: str) -> None:
    with pytest.raises(ControllerError, match=why):
        read_series(text, series)


@pytest.mark.parametrize(("output", "number"), [("12\n", 12.0), ("noise\n-1.5e3 \n\n", -1500.0)])
def test_the_last_line_counts(output: str, number: float) -> None:
    assert read_last_number(output) == number


@pytest.mark.parametrize("output", ["", "twelve", "12\nbye", "nan", "inf"])
def test_a_last_line_that_is_no_number(output: str) -> None:
    with pytest.raises(ControllerError, match="its last line is no number"):
        read_last_number(output)


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("up", {}),
        ("up{}", {}),
        (' up { a = "b" , c="d,e}" , } ', {"a": "b", "c": "d,e}"}),
        (r'up{a="q\"\\"}', {"a": 'q"\\'}),
    ],
)
def test_how_a_series_is_written(text: str, labels: dict[str, str]) -> None:
    assert parse_series(text) == ("up", labels)


@pytest.mark.parametrize("text", ["", "1up", "up{a}", "up{a=b}", 'up{a="b"', 'up{a="b"c="d"}', "sum(up)"])
def test_what_is_no_series(text: str) -> None:
    with pytest.raises(ValueError, match="write"):
        parse_series(text)
