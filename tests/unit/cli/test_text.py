"""Ages, tables, widths and harmless text: what every screen is made of."""

from __future__ import annotations

import pytest

from controller.render.paint import age, ansi, clean
from controller.render.text import Cell, count, cut, joined, span, table, width_of

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "<none>"),
        (-3, "0s"),
        (0.9, "0s"),
        (119, "119s"),
        (120, "2m"),
        (330, "5m30s"),
        (600, "10m"),
        (3 * 3600, "3h"),
        (3 * 3600 + 300, "3h5m"),
        (8 * 3600 + 300, "8h"),
        (2 * 86400 + 3 * 3600, "2d3h"),
        (9 * 86400 + 3600, "9d"),
        (800 * 86400, "2y70d"),
        (3000 * 86400, "8y"),
    ],
)
def test_ages_are_kubectls(seconds: float | None, text: str) -> None:
    assert age(seconds) == text


@pytest.mark.parametrize(
    "hostile",
    ["\x1b[2Jgone", "\x9b31m", "a\rb", "\x07", "\u202eevil", "\u2066x", "\x7f", "one\nline", "tab\there"],
)
def test_nothing_from_elsewhere_reaches_the_terminal_as_control(hostile: str) -> None:
    shown = clean(hostile)
    assert all(character.isprintable() for character in shown)


def test_control_characters_stay_visible() -> None:
    assert clean("\x1b[31mred\u202e") == "\\x1b[31mred\\u202e"


def test_blocks_keep_lines_and_tabs_only() -> None:
    assert clean("a\n\tb\x1b\r", keep_lines=True) == "a\n\tb\\x1b\\x0d"


def test_tables_have_three_spaces_no_borders_and_no_trailing_space() -> None:
    lines = table(("NAME", "READY"), [("redis", "1/1"), ("rag-server", "")])
    assert lines == ["NAME         READY", "redis        1/1", "rag-server"]


def test_columns_line_up_under_colour_and_wide_characters() -> None:
    painted = table(("NAME", "STATUS", "AGE"), [("日本", Cell("Ready", "good"), "1s")], paint=ansi)
    bare = table(("NAME", "STATUS", "AGE"), [("日本", Cell("Ready", "good"), "1s")])
    assert bare == ["NAME   STATUS   AGE", "日本   Ready    1s"]
    assert painted[1] == "日本   \x1b[32mReady\x1b[0m    1s"


def test_only_the_last_column_gives_way_to_a_narrow_terminal() -> None:
    rows = [("redis", "waits for a very long reason that nobody can read")]
    assert table(("NAME", "MESSAGE"), rows, width=30)[1] == "redis   waits for a very long…"
    assert table(("NAME", "MESSAGE"), rows)[1].endswith("nobody can read")


def test_a_stump_of_a_column_is_left_out() -> None:
    rows = [("rag-server", "waits for redis")]
    assert table(("NAME", "MESSAGE"), rows, width=20) == ["NAME", "rag-server"]
    assert table(("NAME", "X"), [("rag-server", "y")], width=14)[1] == "rag-server   y"


def test_cells_cannot_break_the_table() -> None:
    assert table(("A", "B"), [("x\ny", "z\x1b[0m")])[1] == "x y   z\\x1b[0m"


def test_cut_counts_columns() -> None:
    assert [cut("日本語", width) for width in (6, 5, 3, 1)] == ["日本語", "日本…", "日…", "…"]
    assert width_of("e\u0301") == 1


def test_small_words() -> None:
    assert [count(1, "change"), count(0, "change")] == ["1 change", "0 changes"]
    assert [joined([]), joined(["a"]), joined(["a", "b", "c"])] == ["", "a", "a, b and c"]
    assert [span(None), span(0.44), span(125)] == ["unknown", "0.4 s", "2m5s"]
