"""Killed while a token is issued or revoked, or the keys are rotated: it was done, or it was not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from controller.loop.keyturn import turn_keys
from controller.loop.tokenbook import TokenBook
from controller.loop.tokenfile import FILE
from controller.loop.tokenseals import Seals
from controller.security.vault import make_key

pytestmark = [pytest.mark.unit, pytest.mark.fault("C1")]

BEGIN = """
import sys
from pathlib import Path
from controller.loop.tokenbook import TokenBook
from controller.loop.tokenpage import Issued
book, now = TokenBook(Path(sys.argv[1])), 1.8e9
new = lambda n: Issued(f"{n:016x}", "ada", now, now + 3600, "")
"""
ACTS = {
    "issue": "book.issue(new(2), now)",
    "revoke": "book.revoke(lambda one: True, now)",
    "rotate": "book.rotate(now)",
}


def run(folder: Path, code: str, **environment: str) -> int:
    words = [sys.executable, "-c", BEGIN + code, str(folder)]
    return subprocess.run(words, env=environment, check=False).returncode


def told(folder: Path) -> object:
    page = TokenBook(folder).page()
    assert page is not None
    keys = [one.retired for one in page.keys]
    return [(one.id, one.revoked) for one in page.tokens], keys, page.signer, page.id if page.tokens else ""


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_it_was_done_or_it_was_not(tmp_path: Path, act: str) -> None:
    assert run(tmp_path / "a", "book.issue(new(1), now)") == 0
    before = told(tmp_path / "a")
    assert run(tmp_path / "a", act, CONTROLLER_CRASH_AT="disk.access.before") == -9
    assert told(tmp_path / "a") == before
    assert run(tmp_path / "a", act, CONTROLLER_CRASH_AT="disk.access.after") == -9
    assert told(tmp_path / "a") != before
    assert [path.name for path in (tmp_path / "a").iterdir()] == [FILE]


TURN = """
import os, sys
from pathlib import Path
from controller.loop.keyturn import turn_keys
turn_keys(Path(sys.argv[1]), {})
"""


@pytest.mark.parametrize("point", ["disk.access.before", "disk.access.after", "disk.canary.before", "disk.key.after:3"])
def test_killed_while_the_encryption_key_turns_every_seed_opens_and_it_goes_on(tmp_path: Path, point: str) -> None:
    (tmp_path / "encryption.key").write_text(make_key())
    (tmp_path / "encryption.key").chmod(0o600)
    folder = tmp_path / "engine" / "_controller"
    book = TokenBook(folder, None, Seals(tmp_path, {}))
    before = book.rotate(1.8e9)
    words = [sys.executable, "-c", TURN, str(tmp_path)]
    assert subprocess.run(words, env={"CONTROLLER_CRASH_AT": point}, check=False).returncode == -9
    for _ in range(2):
        ring = TokenBook(folder, None, Seals(tmp_path, {})).ring()
        assert ring is not None and ring.active == before
        assert turn_keys(tmp_path, {}).left == 0
    assert [path.name for path in folder.iterdir()] == [FILE]
