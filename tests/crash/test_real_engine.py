"""Killed at each write on the real engine, and called again: the same end, with as many creates and removes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from controller.failpoints import AFTER, BEFORE, SENT
from tests.crash.mortal import KILLED
from tests.crash.real import MANIFEST, Mortal, watched, wipe
from tests.engine.checks import docker
from tests.engine.scenario import Scene

pytestmark = [pytest.mark.engine, pytest.mark.fault("C1"), pytest.mark.timeout(1800)]

FILE = """
services:
  db: {SLEEP, networks: [back], volumes: ["data:/data"]}
  web: {SLEEP, networks: [front, back], depends_on: [db]CHANGE}
  cache: {SLEEP, networks: [back]}
MORE
networks: {front: {}, back: {}}
volumes: {data: {}}
"""


def text(change: str = "", more: str = "") -> str:
    return FILE.replace("CHANGE", change).replace("MORE", more)


PLAIN = text()
POLICY = "security: {networkPolicy: dependencies, addressPool: 10.196.0.0/20}\n"
CHANGED = text(", environment: {V: '2'}")


@dataclass(frozen=True)
class Change:
    """From one file to the other and, where it can be, back. `before` "": there is nothing yet."""

    before: str
    after: str
    some: tuple[str, ...]
    """Points for which there is always time."""
    spec_before: str = ""
    spec: str = ""
    """What the manifest says more, before and after."""

    def arrange(self, mortal: Mortal) -> None:
        if not self.before:
            wipe(mortal.scene)
        mortal.scene.compose(self.before or self.after)
        mortal.scene.manifest(MANIFEST + self.spec_before)
        if self.before:
            mortal.finish()

    def ask(self, mortal: Mortal) -> None:
        mortal.scene.compose(self.after)
        mortal.scene.manifest(MANIFEST + self.spec)


CHANGES = {
    "put up": Change("", PLAIN, ("engine.network.create.after", "engine.container.create.sent:2")),
    "changed": Change(PLAIN, CHANGED, ("engine.container.stop.sent", "engine.container.remove.after")),
    "scaled up": Change(PLAIN, text(", scale: 3"), ("engine.container.create.after", "store.replicas.update.before:2")),
    "scaled down": Change(text(", scale: 3"), PLAIN, ("engine.container.remove.sent",)),
    "pruned": Change(text(more="  old: {SLEEP, networks: [back]}"), PLAIN, ("engine.container.stop.after",)),
    "networks by edges": Change(
        PLAIN, PLAIN, ("engine.network.connect.sent:2", "engine.network.disconnect.after"), spec=POLICY
    ),
    "and no longer": Change(PLAIN, PLAIN, ("engine.network.disconnect.after:2",), spec_before=POLICY),
}


def undisturbed(mortal: Mortal, change: Change, record: Path) -> tuple[dict[str, Any], Counter[str], list[str]]:
    """The end, creates and removes, and every point that was passed."""
    change.arrange(mortal)
    before = mortal.counted()
    change.ask(mortal)
    assert mortal.apply(record=record) == 0
    return mortal.end(), mortal.counted() - before, record.read_text().split()


def kill_at(mortal: Mortal, change: Change, point: str) -> tuple[bool, dict[str, Any], Counter[str]]:
    """Whether it was killed there, and what came of it after the next call."""
    change.arrange(mortal)
    before = mortal.counted()
    change.ask(mortal)
    killed = mortal.apply(point) == KILLED
    mortal.finish()
    return killed, mortal.end(), mortal.counted() - before


def _slack(counts: Counter[str]) -> Counter[str]:
    """An older engine connects a second network after the create: what lacks it is removed and made anew.

    Services are put up side by side: whichever was at a point, another one may have been in between.
    """
    api = docker("version", "--format", "{{.Server.APIVersion}}").strip()
    connects_later = tuple(map(int, api.split("."))) < (1, 44)
    return Counter(create=1, destroy=1) if connects_later and counts["create"] else Counter()


def check(scene: Scene, change: Change, choose: Callable[[Counter[str]], Sequence[str]]) -> None:
    with watched(scene) as mortal:
        end, counts, points = undisturbed(mortal, change, scene.folder.parent / "points")
        assert not end["open intents"] and not end["not ours"] and not end["gone"]
        chosen = choose(Counter(points))
        killed, different, slack = 0, {}, _slack(counts)
        for point in chosen:
            with scene.step(f"killed at {point}"):
                dead, found, counted = kill_at(mortal, change, point)
            killed += dead
            if found != end or counted not in (counts, counts + slack):
                odd = {key: (found[key], end[key]) for key in end if found[key] != end[key]}
                different[point] = (odd, counted, counts)
        print(f"{killed} of {len(chosen)} killed, finished within {max(mortal.seconds):.1f} s")
        assert not different, different
        assert killed > 0.7 * len(chosen)  # what other threads do in between is not always the same


def choose_all(counts: Counter[str]) -> Sequence[str]:
    """Each call of the engine, before it, on its way and after it; of writes to the disk the first and the last."""
    calls = [f"{p}:{n}" for p, most in sorted(counts.items()) if _is_call(p) for n in range(1, most + 1)]
    return calls + [f"{p}:{n}" for p, most in sorted(counts.items()) if not _is_call(p) for n in sorted({1, most})]


def _is_call(point: str) -> bool:
    return point.startswith("engine.") and point.endswith((BEFORE, SENT, AFTER))


@pytest.mark.slow
@pytest.mark.parametrize(
    "change", ["changed", *(pytest.param(c, marks=pytest.mark.slow) for c in CHANGES if c != "changed")]
)
def test_some_deaths_on_the_way_make_no_difference_in_the_end(scene: Scene, change: str) -> None:
    check(scene, CHANGES[change], lambda counts: CHANGES[change].some)


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES)
def test_a_death_at_any_write_makes_no_difference_in_the_end(scene: Scene, change: str) -> None:
    check(scene, CHANGES[change], choose_all)
