"""Plant every known bug, one at a time, and print what catches it.

    python -m tests.mutants [--only WORDS] [--jobs 2]

Exits with 1 where a bug survives a test that is to catch it.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor

from tests.mutants.plant import survivors
from tests.mutants.table import MUTANTS


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", default="", help="bugs whose name holds these words")
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    chosen = [mutant for mutant in MUTANTS if given.only in mutant.bug]
    survived = 0
    print("bug | file | caught by")
    print("---|---|---")
    with ThreadPoolExecutor(given.jobs) as pool:
        for mutant, missed in zip(chosen, pool.map(survivors, chosen), strict=True):
            survived += bool(missed)
            caught = ", ".join(f"{test}{' (SURVIVED)' if test in missed else ''}" for test in mutant.caught_by)
            print(f"{mutant.bug} | {mutant.file} | {caught}", flush=True)
    print(f"{len(chosen) - survived} of {len(chosen)} caught")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
