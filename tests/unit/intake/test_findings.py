"""Where a fault is said to stand that others put into words."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from controller.intake.findings import locate, parts
from controller.intake.source import parse_documents
from controller.model.errors import Finding

pytestmark = pytest.mark.unit

TEXT = """\
name: project
services:
  web:
    image: nginx
    env_file: [./none.env, "a.env"]
    ports: ["99999:80", "8080:80"]
    labels: {of: compose, note: an invalid project}
  db:
    image: nginx
    command: run --with "much"
"""

PLACES: Mapping[str, tuple[str, tuple[int, int] | None]] = {
    "a quoted scalar": ('no such thing: "a.env"', (5, 28)),
    "in other quotes": ("no such thing 'a.env': invalid compose project", (5, 28)),
    "and in others": ("no such thing `a.env`", (5, 28)),
    "a quoted key": ('service "web" is odd: invalid compose project', (3, 3)),
    "a scalar that is a word": ("cannot use ./none.env.", (5, 16)),
    "a file by its whole path": ("env file /home/x/none.env not found: stat /home/x/none.env: no such file", (5, 16)),
    "a part of a port": ("invalid hostPort: 99999", (6, 13)),
    "what is quoted before what is a word": ("cannot use ./none.env of 'a.env'", (5, 28)),
    "two that are as good": ('"nginx" cannot be', None),
    "an everyday word inside of a text": ("something is invalid with: invalid run", None),
    "nothing that is there": ("invalid word: nowhere", None),
}


@pytest.mark.parametrize("case", PLACES)
def test_words_without_a_path_lead_to_the_one_text_they_name(case: str) -> None:
    message, place = PLACES[case]
    (finding,) = locate((Finding(message, "c.yaml"),), parse_documents(TEXT, "c.yaml"))
    assert finding.file == "c.yaml"
    assert (finding.line, finding.column) == (place or (None, None))
    assert finding.message == message


def test_the_file_that_is_known_stays_the_one_that_is_named() -> None:
    documents = (*parse_documents("a: x.env\n", "one.yaml"), *parse_documents("b: 1\nc: x.env\n", "two.yaml"))
    for file, line in (("one.yaml", 1), ("two.yaml", 2), (None, None)):
        (finding,) = locate((Finding("no 'x.env'", file),), documents)
        assert (finding.file, finding.line) == (file, line)


def test_a_file_that_is_none_of_the_documents_is_kept() -> None:
    (finding,) = locate((Finding("no 'x.env'", "x.env"),), parse_documents("a: x.env\n", "one.yaml"))
    assert (finding.file, finding.line) == ("x.env", None)


@pytest.mark.parametrize("name", ["[", "[]", "[x", "[x]", "[-1]"])
def test_a_name_that_only_looks_like_an_index_is_a_name(name: str) -> None:
    assert parts(f"services.redis.{name}") == ("services", "redis", name)
