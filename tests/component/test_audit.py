"""`scripts/audit` against an index of the test's own: real HTTP, and the real npm."""

from __future__ import annotations

import datetime
import gzip
import json
import os
import re
import runpy
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements-dev.lock").read_text()
PINNED = dict(re.findall(r"^([\w.-]+)==([^\s;\\]+)", LOCK, re.MULTILINE))

FLAW = {
    "id": "PYSEC-2099-1",
    "aliases": ["CVE-2099-0001"],
    "summary": "reads what it should not",
    "fixed_in": ["99.0"],
    "withdrawn": None,
}
ADVISORY = {
    "id": 1,
    "url": "https://github.com/advisories/GHSA-xxxx-yyyy-zzzz",
    "title": "Serves files to anybody",
    "severity": "high",
    "vulnerable_versions": "<99.0.0",
    "cwe": [],
    "cvss": {"score": 7.5, "vectorString": None},
}


class Index(ThreadingHTTPServer):
    """`flaws`, `advisories`: by package. `missing`: packages that it does not know."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.flaws: dict[str, list[dict[str, Any]]] = {}
        self.advisories: dict[str, list[dict[str, Any]]] = {}
        self.missing: set[str] = set()
        self.asked: list[str] = []
        self.deaf = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Index

    def do_GET(self) -> None:
        found = re.fullmatch(r"/pypi/([\w.-]+)/([^/]+)/json", self.path)
        self.server.asked.append(self.path)
        if found is None or self.server.deaf or found[1] in self.server.missing:
            self._answer(404, {})
        else:
            assert PINNED[found[1]] == found[2]
            self._answer(200, {"vulnerabilities": self.server.flaws.get(found[1], [])})

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        body = json.loads(gzip.decompress(raw) if self.headers.get("Content-Encoding") == "gzip" else raw)
        self.server.asked.append(self.path)
        known = {name: said for name, said in self.server.advisories.items() if name in body}
        self._answer(405 if self.server.deaf else 200, known)

    def _answer(self, status: int, said: Any) -> None:
        payload = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def index() -> Iterator[Index]:
    made = Index()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def audit(index: Index, folder: Path, *waivers: str, **more: str) -> subprocess.CompletedProcess[str]:
    (folder / "waivers").write_text("# a comment\n\n" + "".join(f"{line}\n" for line in waivers))
    env = {"AUDIT_PYPI": index.url, "AUDIT_WAIVERS": str(folder / "waivers"), "npm_config_registry": index.url, **more}
    env |= {"npm_config_cache": str(folder / "npm"), "NO_PROXY": "127.0.0.1"}
    command = [str(ROOT / "scripts" / "audit")]
    return subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True, timeout=200, check=False)


def day(days: int) -> str:
    return str(datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days))


needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="there is no npm")


def test_nothing_known_is_no_failure(index: Index, tmp_path: Path) -> None:
    done = audit(index, tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    assert {path for path in index.asked if path.startswith("/pypi/")} == {
        f"/pypi/{name}/{version}/json" for name, version in PINNED.items()
    }


def test_a_known_one_fails_and_is_told_with_its_mend(index: Index, tmp_path: Path) -> None:
    index.flaws["pyyaml"] = [FLAW]
    done = audit(index, tmp_path)
    assert done.returncode == 1
    said = "PYSEC-2099-1, CVE-2099-0001: reads what it should not (mended in 99.0)"
    assert f"error: pyyaml {PINNED['pyyaml']}: {said}" in done.stderr


def test_one_that_was_withdrawn_is_none(index: Index, tmp_path: Path) -> None:
    index.flaws["pyyaml"] = [{**FLAW, "withdrawn": "2099-01-01T00:00:00Z"}]
    assert audit(index, tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("waiver", "code", "said"),
    [
        ("PYSEC-2099-1 pyyaml IN_TWO_DAYS never given such input", 0, "waived until"),
        ("CVE-2099-0001 pyyaml IN_TWO_DAYS by another of its names", 0, "waived until"),
        ("PYSEC-2099-1 pyyaml TWO_DAYS_AGO it was enough once", 1, "its waiver ended on"),
        ("PYSEC-2099-1 click IN_TWO_DAYS of another package", 1, "waiver of PYSEC-2099-1 for click: of no use"),
        ("PYSEC-2099-1 pyyaml soon it has no day", 2, "line 3: needs ID PACKAGE YYYY-MM-DD REASON"),
        ("PYSEC-2099-1 pyyaml IN_TWO_DAYS", 2, "line 3: needs ID PACKAGE YYYY-MM-DD REASON"),
    ],
)
def test_a_waiver_holds_for_its_package_and_for_a_time(
    index: Index, tmp_path: Path, waiver: str, code: int, said: str
) -> None:
    index.flaws["pyyaml"] = [FLAW]
    # Two days, because the day may change while this runs.
    done = audit(index, tmp_path, waiver.replace("IN_TWO_DAYS", day(2)).replace("TWO_DAYS_AGO", day(-2)))
    assert done.returncode == code
    assert said in done.stdout + done.stderr


@pytest.mark.parametrize(("today", "failing"), [("2099-05-06", 0), ("2099-05-07", 1)])
def test_the_day_of_a_waiver_is_the_last_on_which_it_holds(today: str, failing: int) -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "lib" / "audit.py"))
    waivers = script["read_waivers"]("PYSEC-2099-1 pyyaml 2099-05-06 never given such input")
    flaw = script["Flaw"]("pyyaml", "6.0", ("PYSEC-2099-1",), "reads what it should not", "99.0")
    assert len(script["judge"]([flaw], waivers, datetime.date.fromisoformat(today))[0]) == failing


@needs_npm
def test_npm_is_asked_for_the_dashboards_packages(index: Index, tmp_path: Path) -> None:
    index.advisories["vite"] = [ADVISORY]
    done = audit(index, tmp_path)
    assert done.returncode == 1
    assert "error: vite <99.0.0: GHSA-xxxx-yyyy-zzzz: Serves files to anybody" in done.stderr
    assert audit(index, tmp_path, f"GHSA-xxxx-yyyy-zzzz vite {day(9)} only on this machine").returncode == 0


def test_who_cannot_be_asked_is_told_and_fails_only_where_that_is_wanted(index: Index, tmp_path: Path) -> None:
    index.deaf = True
    done = audit(index, tmp_path)
    assert done.returncode == 0
    assert done.stderr.count("!!! NOT AUDITED: ") == 4 and "hint: run scripts/audit where" in done.stderr
    assert len([path for path in index.asked if path.startswith("/pypi/")]) == 1, "the others are not asked"
    assert audit(index, tmp_path, AUDIT_REQUIRED="1").returncode == 1


def test_an_index_that_does_not_know_one_package_still_counts_for_the_others(index: Index, tmp_path: Path) -> None:
    index.missing, index.flaws["pyyaml"] = {"click"}, [FLAW]
    done = audit(index, tmp_path)
    assert done.returncode == 1
    assert f"!!! NOT AUDITED: PyPI, for {len(PINNED)} Python packages: 1 of {len(PINNED)}: GET" in done.stderr
    assert "error: pyyaml" in done.stderr
