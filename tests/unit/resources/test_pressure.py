"""How much of the time the machine's tasks wait, out of the kernel's files."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.resources.pressure import NO_PRESSURE, Pressure, parse_pressure, read_pressure

pytestmark = pytest.mark.unit

BUSY = "some avg10=12.50 avg60=1.89 avg300=8.51 total=15468202673\nfull avg10=99.00 avg60=0.00 avg300=0.00 total=0\n"


@pytest.mark.parametrize(
    ("text", "share"),
    [
        (BUSY, 0.125),
        ("some avg10=0.00 avg60=0.00 avg300=0.00 total=0", 0.0),
        ("some avg10=100.00 avg60=0.00 avg300=0.00 total=1", 1.0),
        ("some avg10=100.21 avg60=0.00 avg300=0.00 total=1", 1.0),
        ("full avg10=7.00 avg60=0.00 avg300=0.00 total=1", None),
        ("some avg60=7.00", None),
        ("", None),
        ("\n\n", None),
    ],
)
def test_the_share_in_which_some_task_waits_is_read(text: str, share: float | None) -> None:
    assert parse_pressure(text) == share


def test_each_file_is_its_own(tmp_path: Path) -> None:
    (tmp_path / "cpu").write_text(BUSY)
    (tmp_path / "io").write_text("some avg10=none")
    assert read_pressure(str(tmp_path)) == Pressure(cpu=0.125, memory=None, io=None)


def test_a_kernel_that_has_none_tells_nothing(tmp_path: Path) -> None:
    assert read_pressure(str(tmp_path)) == NO_PRESSURE


def test_what_this_kernel_tells_is_a_share() -> None:
    assert all(share is None or 0.0 <= share <= 1.0 for share in read_pressure())
