"""The same fault again and again, at several places at once: where most of the time is waiting."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from tests.bench.figure import Effort
from tests.bench.keepers import Keeper
from tests.bench.replica import Replica, outage
from tests.bench.rivals import POLL
from tests.bench.stage import rest


@dataclass
class Lane:
    """One keeper and one fault: seconds from each to the next answer. `harm` does not wait for its effect."""

    name: str
    keeper: Keeper
    harm: Callable[[Replica], object]
    rounds: int
    taken: list[float] = field(default_factory=list)
    _begun: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def go_on(self, place: str, effort: Effort) -> None:
        """At this place, until all rounds are begun. The fault comes at any point of the cycle of whoever polls."""
        while self._begin():
            replica = self.keeper.fresh(place)
            rest(random.uniform(1.0, 1.0 + POLL))
            self.taken.append(outage(replica.port, partial(self.harm, replica)))
            effort.say(f"{self.name}: {self.taken[-1]:.2f} s")

    def _begin(self) -> bool:
        with self._lock:
            self._begun += 1
            return self._begun <= self.rounds


def run(lanes: Sequence[Lane], effort: Effort) -> None:
    """All lanes, beside each other. Once one has failed, or Ctrl-C was pressed, nobody begins another round."""
    places = [(lane, place) for lane in lanes for place in lane.keeper.places]
    with ThreadPoolExecutor(len(places)) as hands:
        going = [hands.submit(lane.go_on, place, effort) for lane, place in places]
        try:
            for done in going:
                done.result()
        except BaseException:
            for lane in lanes:
                lane.rounds = 0
            raise
