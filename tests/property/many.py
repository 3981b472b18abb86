"""Many random worlds of every kind; a broken promise is shrunk and printed with the command that replays it.

python -m tests.property.many [--worlds 10000] [--from SEED] [--jobs 2] [--kind KIND]
python -m tests.property.many --kind KIND --seed SEED
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from multiprocessing import get_context

from tests.property.kinds import KINDS, draw
from tests.property.shrink import find_break, shrink, tell

Ticket = tuple[str, int]
"""Kind and seed: a world."""


def play_one(ticket: Ticket) -> tuple[Ticket, Counter[str]]:
    """Live one world; what is counted of it. `broken` is 1 where a promise did not hold."""
    kind, seed = ticket
    life = draw(kind, seed)
    try:
        play = KINDS[kind].live(life)
    except Exception:
        return ticket, Counter(worlds=1, broken=1)
    return ticket, Counter(
        worlds=1, services=len(life.stack.services), events=play.happened, kills=play.deaths, steps=len(play.done)
    )


def tickets(worlds: int, first: int, kinds: Sequence[str]) -> Iterable[Ticket]:
    """Kinds take turns."""
    return [(kinds[number % len(kinds)], first + number // len(kinds)) for number in range(worlds)]


def run(worlds: int, first: int = 0, jobs: int = 2, kinds: Sequence[str] = tuple(KINDS), *, chatty: bool = True) -> str:
    """Empty where every promise held; else the report on the first world that broke one."""
    began, total, by_kind = time.monotonic(), Counter[str](), Counter[str]()
    for done, (ticket, counted) in enumerate(_played(tickets(worlds, first, kinds), jobs), start=1):
        total.update(counted)
        by_kind[ticket[0]] += 1
        if counted["broken"]:
            return report(*ticket)
        if chatty and done % 1000 == 0:
            print(f"{done} worlds, {time.monotonic() - began:.0f} s", flush=True)
    if chatty:
        print(f"{total['worlds']} worlds, no promise broken; {time.monotonic() - began:.0f} s")
        print(", ".join(f"{total[what]} {what}" for what in ("services", "events", "kills", "steps")))
        print(", ".join(f"{kind} {count}" for kind, count in by_kind.items()))
    return ""


def _played(drawn: Iterable[Ticket], jobs: int) -> Iterable[tuple[Ticket, Counter[str]]]:
    if jobs <= 1:
        yield from map(play_one, drawn)
        return
    with get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap_unordered(play_one, drawn, chunksize=20)


def report(kind: str, seed: int) -> str:
    """What broke, the smallest world found that breaks it, and how to see it again. Empty where nothing breaks."""
    life, live = draw(kind, seed), KINDS[kind].live
    broken = find_break(live, life)
    if broken is None:
        return ""
    small = shrink(live, life, broken)
    still = find_break(live, small) or broken
    return "\n".join(
        (
            f"a promise is broken: {KINDS[kind].promise}",
            f"  {broken.message} ({broken.place})",
            f"shrunk from {len(life.stack.services)} services and {len(life.events)} events "
            f"to {len(small.stack.services)} and {len(small.events)}: {still.message}",
            tell(small),
            f"replay: python -m tests.property.many --kind {kind} --seed {seed}",
        )
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--worlds", type=int, default=10_000)
    parser.add_argument("--from", type=int, default=0, dest="first", metavar="SEED")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--kind", choices=tuple(KINDS))
    parser.add_argument("--seed", type=int, help="replay this world of --kind")
    given = parser.parse_args(arguments)
    kinds = (given.kind,) if given.kind else tuple(KINDS)
    if given.seed is not None:
        broken = "\n".join(filter(None, (report(kind, given.seed) for kind in kinds)))
        if not broken:
            print("no promise is broken")
    else:
        broken = run(given.worlds, given.first, given.jobs, kinds)
    if broken:
        print(broken)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
