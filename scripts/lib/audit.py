"""Asks PyPI and npm for known vulnerabilities of what the lock files hold. Only the standard library.

Found and not waived: exit code 1. Who cannot be asked is told loudly and is no failure, but with AUDIT_REQUIRED=1.
"""

from __future__ import annotations

import datetime
import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
PYPI = os.environ.get("AUDIT_PYPI", "https://pypi.org").rstrip("/")
PATIENCE = 60.0
"""Seconds for each of the two services."""
ASK = 10.0
_LARGEST = 64 << 20
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)
_WAIVER = re.compile(r"(\S+)\s+(\S+)\s+(\d{4}-\d{2}-\d{2})\s+(\S.*)")


class Flaw(NamedTuple):
    """`ids`: the first is the one to print; `mend`: versions without it, "" where there is none."""

    package: str
    version: str
    ids: tuple[str, ...]
    summary: str
    mend: str

    def __str__(self) -> str:
        mend = f"mended in {self.mend}" if self.mend else "no release mends it"
        return f"{self.package} {self.version}: {', '.join(self.ids)}: {self.summary} ({mend})"


class Waiver(NamedTuple):
    flaw: str
    package: str
    until: datetime.date
    reason: str


class Unheard(Exception):
    """A service that cannot be asked of all, and why; `found`: what it said of the others."""

    def __init__(self, why: str, found: Sequence[Flaw] = ()) -> None:
        super().__init__(why)
        self.found = found


class Malformed(Exception):
    """A waiver that cannot be read."""


def read_pins(text: str) -> tuple[tuple[str, str], ...]:
    """Name and version of all that a lock file holds."""
    return tuple(dict.fromkeys(_PIN.findall(text)))


def read_waivers(text: str) -> tuple[Waiver, ...]:
    """`ID PACKAGE YYYY-MM-DD REASON` a line; the day is the last on which it holds. Raises Malformed."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _WAIVER.fullmatch(line.strip())
        try:
            found.append(Waiver(match[1], match[2], datetime.date.fromisoformat(match[3]), match[4]))  # type: ignore[index]
        except (TypeError, ValueError):
            raise Malformed(f"line {number}: needs ID PACKAGE YYYY-MM-DD REASON") from None
    return tuple(found)


def judge(flaws: Sequence[Flaw], waivers: Sequence[Waiver], today: datetime.date) -> tuple[list[str], list[str]]:
    """What fails, and what is only told."""
    failing, told = [], []
    for flaw in flaws:
        held = [one for one in waivers if one.flaw in flaw.ids and one.package == flaw.package]
        if not held:
            failing.append(str(flaw))
        elif (until := max(one.until for one in held)) < today:
            failing.append(f"{flaw}; its waiver ended on {until}")
        else:
            told.append(f"waived until {until}: {flaw}: {held[0].reason}")
    known = {(name, flaw.package) for flaw in flaws for name in flaw.ids}
    told += [f"waiver of {one.flaw} for {one.package}: of no use" for one in waivers if one[:2] not in known]
    return failing, told


# --- PyPI


def ask_pypi(pins: Sequence[tuple[str, str]]) -> list[Flaw]:
    """Raises Unheard. The first is asked alone: where it is not answered the others are not asked."""
    ends_at = time.monotonic() + PATIENCE
    flaws, missed = _ask_pypi(*pins[0], ends_at), list[str]()
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(_ask_pypi, *pin, ends_at) for pin in pins[1:]]
    for one in waiting:
        try:
            flaws += one.result()
        except Unheard as why:
            missed.append(str(why))
    if missed:
        raise Unheard(f"{len(missed)} of {len(pins)}: {missed[0]}", flaws)
    return flaws


def _ask_pypi(name: str, version: str, ends_at: float) -> list[Flaw]:
    url = f"{PYPI}/pypi/{name}/{version}/json"
    if (left := ends_at - time.monotonic()) <= 0:
        raise Unheard(f"it did not answer for all packages within {PATIENCE:g} s")
    try:
        with urllib.request.urlopen(url, timeout=min(ASK, left)) as answer:  # noqa: S310 - AUDIT_PYPI is its user's
            said = json.loads(answer.read(_LARGEST))["vulnerabilities"]
    except urllib.error.HTTPError as error:
        raise Unheard(f"GET {url}: it answered {error.code}") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Unheard(f"GET {url}: {getattr(error, 'reason', None) or error}") from None
    return [_flaw(name, version, one) for one in said if not one.get("withdrawn")]


def _flaw(name: str, version: str, said: Mapping[str, Any]) -> Flaw:
    summary = said.get("summary") or (said.get("details") or "").strip().partition("\n")[0][:120]
    ids = tuple(dict.fromkeys((said["id"], *(said.get("aliases") or ()))))
    return Flaw(name, version, ids, summary, ", ".join(said.get("fixed_in") or ()))


# --- npm


def ask_npm(folder: Path) -> list[Flaw]:
    """`npm audit`, of the lock file alone. Raises Unheard."""
    npm = shutil.which("npm")
    if npm is None:
        raise Unheard("there is no npm on this machine")
    command = [npm, "audit", "--json", "--package-lock-only"]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, timeout=PATIENCE, stdin=subprocess.DEVNULL, check=False
        )
        said = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        raise Unheard(f"npm audit: no answer within {PATIENCE:g} s") from None
    except ValueError:
        raise Unheard("npm audit: its output is no JSON") from None
    if "vulnerabilities" not in said:
        raise Unheard(f"npm audit: {said.get('message') or said.get('error') or 'it names no vulnerabilities'}")
    return sorted(set(_npm_flaws(said["vulnerabilities"])))


def _npm_flaws(found: Mapping[str, Any]) -> Iterator[Flaw]:
    """Of a package that is only affected by another one, the other one is told."""
    for name, one in found.items():
        for via in one["via"]:
            if isinstance(via, dict):
                advisory = str(via.get("url") or via["source"]).rpartition("/")[2]
                mend = "a later version" if one.get("fixAvailable") else ""
                yield Flaw(name, via.get("range") or one["range"], (advisory,), via["title"], mend)


# --- both


def main() -> int:
    file = Path(os.environ.get("AUDIT_WAIVERS") or ROOT / "scripts" / "audit.waivers")
    try:
        waivers = read_waivers(file.read_text("utf-8"))
    except Malformed as error:
        print(f"error: {file}: {error}", file=sys.stderr)
        return 2
    pins = read_pins((ROOT / "requirements-dev.lock").read_text("utf-8"))
    services = {
        f"PyPI, for {len(pins)} Python packages": lambda: ask_pypi(pins),
        "npm, for the packages of the dashboard": lambda: ask_npm(ROOT / "controller" / "web" / "dashboard"),
        "npm, for the packages of tests/editor": lambda: ask_npm(ROOT / "tests" / "editor"),
        "npm, for the packages of vscode": lambda: ask_npm(ROOT / "vscode"),
    }
    flaws: list[Flaw] = []
    unheard = False
    for name, ask in services.items():
        try:
            flaws += ask()
            print(f"==> asked {name}", file=sys.stderr)
        except Unheard as why:
            unheard = True
            flaws += why.found
            print(f"\n!!! NOT AUDITED: {name}: {why}", file=sys.stderr)
    failing, told = judge(
        flaws, waivers if not unheard else _used(waivers, flaws), datetime.datetime.now(datetime.UTC).date()
    )
    for line in told:
        print(line)
    for line in failing:
        print(f"error: {line}", file=sys.stderr)
    if unheard:
        hint = "run scripts/audit where they can be reached; AUDIT_REQUIRED=1 makes this a failure"
        print(f"hint: {hint}", file=sys.stderr)
    return 1 if failing or (unheard and os.environ.get("AUDIT_REQUIRED") == "1") else 0


def _used(waivers: Sequence[Waiver], flaws: Sequence[Flaw]) -> list[Waiver]:
    """Those of whose use something is known."""
    return [one for one in waivers if any(one.flaw in flaw.ids for flaw in flaws)]


if __name__ == "__main__":
    sys.exit(main())
