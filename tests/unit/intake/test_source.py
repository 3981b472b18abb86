"""Hostile and odd files: each is refused in one line with its place, quickly, or read as Compose reads it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from controller.intake import tree
from controller.intake.source import MAX_BYTES, parse_documents, read_documents
from controller.intake.tree import MAX_NODES
from controller.model.errors import InvalidInput

pytestmark = pytest.mark.unit

BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 9))
MERGES = "m0: &m0 {k: 1}\n" + "".join(f"m{i}: &m{i}\n  <<: [*m{i - 1}, *m{i - 1}]\n" for i in range(1, 30))
CHAIN = "a0: &a0 x\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 40))
LONG = f"a: &a '{'$A ' * 200_000}'\nb: [*a"
DEEP = "a0: &a0 x\n" + "".join(f"a{i}: &a{i} {'[' * 10}*a{i - 1}{']' * 10}\n" for i in range(1, 20))

REFUSED = {
    "alias bomb": (BOMB, 5, "more than 50000 values"),
    "merge bomb": (MERGES, 27, "more than 50000 values"),
    "aliases too deep": (CHAIN, 22, "more than 20 deep"),
    "a long text used often": (f"{LONG}{', *a' * 100}]\n", 2, "aliases stand for more than 1048576 characters"),
    "long texts in what is used often": (f"{LONG}]\nc: &c {{k: *a}}\n", 3, "more than 1048576 characters"),
    "nested too deep by aliases": (DEEP, 8, "nested more than 64 deep"),
    "a long key": (f"a: {{? {'k' * 2000} : 1}}\n", 1, "a key has at most 1024 characters"),
    "an escaped NUL": ('a: 1\nb: {c: "x\\0y"}\n', 2, "is a text with a NUL character"),
    "a tagged one": ('a: ! "x\\0y"\n', 1, "is a text with a NUL character"),
    "an escaped NUL in a key": ('"x\\0y": 1\n', 1, "is a text with a NUL character"),
    "flow nested too deep": ("[" * 500, 1, "nested more than 64 deep"),
    "block nested too deep": ("".join(" " * i + "a:\n" for i in range(100)), 66, "nested more than 64 deep"),
    "too many values": ("- a\n" * 60_000, 50_000, "more than 50000 values"),
    "too many keys": ("".join(f"k{i}: v\n" for i in range(30_000)), 25_000, "more than 50000 values"),
    "alias of itself": ("a: &a [*a]\n", 1, "stands inside of what it stands for"),
    "alias of nothing": ("a: *b\n", 1, "no anchor &b"),
    "double key": ("services:\n  a: 1\nservices: {}\n", 3, "'services' is given twice: here and in line 1"),
    "double key below": ("s:\n  a: 1\n  b: 2\n  a: 3\n", 4, "'a' is given twice: here and in line 2"),
    "tab": ("a:\n\tb: 1\n", 2, "is not YAML"),
    "unclosed quote": ('a: "b\n', 2, "is not YAML"),
    "half a flow": ("a: {b: [1, 2\n", 2, "is not YAML"),
    "two values": ("a: b: c\n", 1, "is not YAML"),
    "key that is a list": ("? [a]\n: b\n", 1, "a key must be a plain word"),
    "merge of a list": ("a: {<<: [1]}\n", 1, "merges mappings only"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refuses_in_one_line_at_its_place(case: str) -> None:
    text, line, words = REFUSED[case]
    with pytest.raises(InvalidInput) as caught:
        parse_documents(text, "m.yaml")
    (finding,) = caught.value.findings
    assert (finding.file, finding.line) == ("m.yaml", line)
    assert words in finding.message
    assert "\n" not in str(finding)


@pytest.mark.fault("F4")
@pytest.mark.parametrize("case", REFUSED)
def test_refuses_before_it_costs_anything(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cost is what is looked at: events of the parser (3 µs each, measured), however much they would stand for."""
    seen = count_events(monkeypatch)
    with pytest.raises(InvalidInput):
        parse_documents(REFUSED[case][0], "m.yaml")
    assert 0 < seen[0] <= (MAX_NODES + 10 if "too many" in case else 1000)


def test_half_a_megabyte_of_brackets_is_given_up_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The scanner's time grows with the square of what is open."""
    seen = count_events(monkeypatch)
    with pytest.raises(InvalidInput, match="nested more than 64 deep"):
        parse_documents("[" * (1 << 19), "m.yaml")
    assert seen[0] < 100


def count_events(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    seen = [0]

    class Counting(tree._LOADER):  # type: ignore[misc]
        def get_event(self) -> object:
            seen[0] += 1
            return super().get_event()

    monkeypatch.setattr(tree, "_LOADER", Counting)
    return seen


def test_tab_has_a_hint() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_documents("a:\n\tb: 1\n", "m.yaml")
    assert caught.value.hint == "YAML is indented with spaces, not with tabs"


READ = {
    "words that are no booleans": ("[no, off, on, yes, n]", ["no", "off", "on", "yes", "n"]),
    "booleans": ("[true, False, TRUE]", [True, False, True]),
    "no sexagesimals, no dates": ("[22:22, 2027-01-31]", ["22:22", "2027-01-31"]),
    "numbers": ("[1, -2, 0x10, 0o17, 1.5, .5, 1e3]", [1, -2, 16, 15, 1.5, 0.5, 1000.0]),
    "numbers as few write them": ("[012, 1_000, 0b11, 09, -0x1F, 1_0.5]", [10, 1000, 3, 9, -31, 10.5]),
    "text that looks like numbers": ("['1', \"2\", ., -, 0x, 1e, 1e400]", ["1", "2", ".", "-", "0x", "1e", "1e400"]),
    "the largest whole numbers": (f"[{2**64 - 1}, {-(2**63)}]", [2**64 - 1, -(2**63)]),
    "a number without end": (f"[{'9' * 5000}]", ["9" * 5000]),
    "null": ("{a: null, b: ~, c: , d: ''}", {"a": None, "b": None, "c": None, "d": ""}),
    "explicit tags": ("[!!str 5, !reset null, !!null x]", ["5", "null", None]),
    "aliases": ("{a: &x {k: 1}, b: *x}", {"a": {"k": 1}, "b": {"k": 1}}),
    "merge: own keys win": ("{a: &x {k: 1, l: 2}, b: {<<: *x, k: 3}}", {"a": {"k": 1, "l": 2}, "b": {"k": 3, "l": 2}}),
    "merge: the first wins": ("{a: {<<: [{k: 1}, {k: 2}]}}", {"a": {"k": 1}}),
    "CRLF": ("a: 1\r\nb: 2\r\n", {"a": 1, "b": 2}),
    "no newline at the end": ("a: 1", {"a": 1}),
}


@pytest.mark.parametrize("case", READ)
def test_reads_as_compose_does(case: str) -> None:
    text, data = READ[case]
    (document,) = parse_documents(text, "m.yaml")
    assert document.data() == data


def test_empty_text_has_no_document() -> None:
    assert parse_documents("", "m") == parse_documents("# nothing\n", "m") == parse_documents("---\n---\n", "m") == ()


def test_several_documents_keep_their_lines() -> None:
    first, second = parse_documents("a: 1\n---\nb: {c: 2}\n", "m")
    assert first.data() == {"a": 1}
    assert second.find(("b", "c")) == ((3, 8), 2)
    assert second.find(("b", "c"), key=True) == ((3, 5), 2)
    assert second.find(("b", "d")) == ((3, 4), 1)


def test_size_just_below_the_limit_is_read() -> None:
    text = "[" + ",".join(["a"] * (MAX_NODES - 1)) + "]"
    (document,) = parse_documents(text, "m")
    assert len(document.data()) == MAX_NODES - 1


FILES = {
    "not UTF-8": (b"a: 1\nb: \xff\n", 2, "is not UTF-8 text"),
    "NUL": (b"a: 1\nb: \x00\n", 2, "is binary"),
    "control character": (b"a: \x07\n", None, "is not YAML"),
    "too large": (b"#" * (MAX_BYTES + 1), None, "at most 1048576 are read"),
}


@pytest.mark.parametrize("case", FILES)
def test_refuses_files(case: str, tmp_path: Path) -> None:
    raw, line, words = FILES[case]
    path = tmp_path / "m.yaml"
    path.write_bytes(raw)
    with pytest.raises(InvalidInput) as caught:
        read_documents(path, "m.yaml")
    assert caught.value.findings[0].line == line
    assert words in caught.value.findings[0].message


def test_byte_order_mark_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert read_documents(path)[0].data() == {"a": 1}


def test_a_fifo_does_not_hold_us(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    os.mkfifo(path)
    with pytest.raises(InvalidInput, match="not a regular file"):
        read_documents(path)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(InvalidInput):
            read_documents(path)


def test_every_prefix_of_a_file_is_read_or_refused() -> None:
    text = "apiVersion: controller/v1\nkind: Stack\nspec: {services: {\"a b\": [1, 'x', *x]}}\nd: &x |\n  text\n"
    for end in range(len(text)):
        try:
            parse_documents(text[:end], "m")
        except InvalidInput as error:
            assert len(error.findings) == 1
