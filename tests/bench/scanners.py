"""The hostile set and the benign controls (tests/security) through `controller scan` and compose-lint, side by side.

    python -m tests.bench.scanners [--compose-lint PATH] [-v]

compose-lint (`pip install compose-lint`) is optional: where there is none, that is said. What it finds counts
for a case whatever it calls it, if it finds less of it in the hardened service.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from controller.engines.compose_engine import ComposeEngine
from controller.engines.transport import Endpoint
from tests.security.controls import CONTROLS
from tests.security.hostile import CASES
from tests.security.leaks import LEAKS, LOOKALIKES
from tests.security.stand import compose, scan_folder, service, write

HOSTILE = (*CASES, *LEAKS)
BENIGN = (*CONTROLS, *LOOKALIKES)

Scanner = Callable[[Path], Counter[str]]
"""How often each rule finds something in a folder's project."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.scanners")
    parser.add_argument("--compose-lint", default=shutil.which("compose-lint"), metavar="PATH")
    parser.add_argument("-v", "--verbose", action="store_true", help="what each missed, and found in the controls")
    given = parser.parse_args()
    engine = ComposeEngine(Endpoint("unix:///nonexistent/docker.sock"))
    scanners: dict[str, Scanner] = {"controller scan": lambda folder: _ours(folder, engine)}
    if given.compose_lint:
        scanners["compose-lint"] = lambda folder: _compose_lint(folder, given.compose_lint)
    else:
        print("compose-lint is not installed: pip install compose-lint", file=sys.stderr)
    print(f"{'':16} {'found':>12} {'false on controls':>18} {'on the hardened service':>24}")
    for name, scanner in scanners.items():
        base = _scan({"compose.yaml": compose(service())}, scanner)
        unseen = (one for one in HOSTILE if not _scan(one.files, scanner) - _times(one.files, base))
        missed = [f"{one.rule}: {one.what}" for one in unseen]
        wrong = [one.what for one in BENIGN if _scan(one.files, scanner) - _times(one.files, base)]
        found = f"{len(HOSTILE) - len(missed)} of {len(HOSTILE)}"
        print(f"{name:16} {found:>12} {f'{len(wrong)} of {len(BENIGN)}':>18} {sum(base.values()):>24}")
        if given.verbose:
            _tell(name, "missed", missed)
            _tell(name, "false", wrong)
    return 0


def _tell(name: str, what: str, cases: Iterable[str]) -> None:
    for one in cases:
        print(f"  {name}: {what}: {one}")


def _scan(files: Mapping[str, str], scanner: Scanner) -> Counter[str]:
    with TemporaryDirectory() as place:
        folder = Path(place) / "shop"
        write(folder, files)
        return scanner(folder)


def _times(files: Mapping[str, str], base: Counter[str]) -> Counter[str]:
    """What the hardened services of these files give by themselves."""
    count = sum(text.count("image: registry.example.com/") for text in files.values())
    return Counter({rule: number * max(count, 1) for rule, number in base.items()})


def _ours(folder: Path, engine: ComposeEngine) -> Counter[str]:
    return Counter(one.rule.id for one in scan_folder(folder, engine))


def _compose_lint(folder: Path, command: str) -> Counter[str]:
    argv = [command, "check", "--format", "json", "compose.yaml"]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)
    try:
        return Counter(one["rule_id"] for one in json.loads(done.stdout)["findings"])
    except (ValueError, KeyError, TypeError):
        return Counter()


if __name__ == "__main__":
    sys.exit(main())
