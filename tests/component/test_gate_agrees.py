"""`scan --gate` says of any stack what its controller would do, whatever the engine and what runs are like."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from controller.cli.gated import find_gated
from controller.cli.scanned import ScannedStack
from controller.decide.barred import INSECURE
from controller.decide.stack import decide_stack
from controller.decide.world import make_world
from controller.loop.generation import load_target, render_target
from controller.loop.ground import Ground
from controller.loop.scanning import know, scan, today, write_down
from controller.model.observed import ServiceView
from controller.model.running import ImageFacts, Posture, Running, Stranger
from tests.component.house import House, Reading, open_house
from tests.component.stage import NOW

pytestmark = pytest.mark.unit

SAFE = """
    image: web@sha256:0123456789012345678901234567890123456789012345678901234567890123
    user: "1000:1000"
    read_only: true
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    pids_limit: 50
    mem_limit: 64m
    cpus: 0.5
    restart: "on-failure:3"
    healthcheck: {test: ["CMD", "true"]}
    logging: {driver: json-file, options: {max-size: 1m}}
    networks: {back: {}}
"""
DEFINITIONS = {
    "hardened": f"services:\n  web:{SAFE}",
    "privileged": f"services:\n  web:{SAFE}    privileged: true\n  db:{SAFE}",
    "as the image has it": f"services:\n  web:{SAFE}".replace('    user: "1000:1000"\n', ""),
    "the project's": f"services:\n  web:{SAFE}x-key: AKIAIOSFODNN7EXAMPLF\n",
    "none of it": f"services:\n  web:{SAFE}    privileged: true\n    scale: 0\n  db:{SAFE}",
    "of another one": f"services:\n  web:{SAFE}  db:{SAFE}    pid: host\n",
}
WAIVERS = {
    "none": "",
    "one that counts": "{id: H03, service: web, reason: r, expires: 2999-01-01}",
    "one that is over": "{id: H03, service: web, reason: r, expires: 2001-01-01}",
    "one for nothing": "{id: N09, service: '*', reason: r, expires: 2999-01-01}",
    "one for nothing that is over": "{id: N09, service: web, reason: r, expires: 2001-01-01}",
    "one of another place": "{id: H03, service: web, path: 'volumes[0]', reason: r, expires: 2999-01-01}",
}
OPEN = Posture(experimental=True, icc=True, userland_proxy=True, insecure_registries=("10.0.0.0/8",))
RUNS = {
    "nothing": Running(),
    "an open engine": Running(posture=OPEN),
    "other than it is defined": Running(services={"web": ({"privileged": True, "pid": "host"},)}),
    "strangers": Running(strangers=(Stranger("else-1", "network", "shop_back", "back"),)),
}
IMAGES: Mapping[str, ImageFacts | None] = {"not here": None, "root's": ImageFacts(user=""), "a user's": ImageFacts("9")}


STATES = [
    *((waiver, "nothing", "root's") for waiver in WAIVERS),
    *(("none", runs, "a user's") for runs in RUNS),
    *(("one that counts", "other than it is defined", image) for image in IMAGES),
]
"""Each of them with all that may make a difference."""


class Looked(Reading):
    """An engine that has something to tell of itself, of what runs and of images."""

    runs: Running = Running()
    facts: ImageFacts | None = None

    def look_around(self, stack: str, *, deadline: float = 10.0) -> Running:
        return self.runs

    def image_facts(self, image: str, *, deadline: float = 5.0) -> ImageFacts | None:
        return self.facts


def by_scan(house: House) -> set[str]:
    """Whom `scan --gate` names, and does not exit with 0 for."""
    [target] = Ground(house.engine, house.asked("shop")).targets().stacks
    rendered = render_target(house.engine, target)
    written, known = write_down(target, rendered), know(house.engine, house.folder, rendered)
    found = scan(written, known, today(), house.engine.look_around("shop"))
    told, errors = find_gated(house.engine, [ScannedStack(target, target.project, written, known, today(), found)])
    assert not errors
    return {one.partition(":")[0].removeprefix("shop/") for one in told}


def by_apply(house: House) -> set[str]:
    """Whom the loop would not start."""
    ground = Ground(house.engine, house.asked("shop"))
    [target] = ground.targets().stacks
    store = ground.store("shop")
    try:
        loaded = load_target(house.engine, target, store, {})
    finally:
        store.close()
    world = make_world(loaded.desired)
    world.views.update({name: ServiceView() for name in loaded.desired.services})
    decisions = decide_stack(loaded.desired.services, world, NOW)
    return {name for name, decision in decisions.items() if decision.reason == INSECURE}


@pytest.fixture
def looked(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path, Looked()) as house:
        yield house


@pytest.mark.parametrize("threshold", ["low", "high"])
@pytest.mark.parametrize("definition", DEFINITIONS)
def test_a_scan_for_the_gate_says_whom_the_controller_would_not_start(
    looked: House, definition: str, threshold: str
) -> None:
    assert isinstance(looked.engine, Looked)
    told = set()
    for waiver, runs, image in STATES:
        spec = f", security: {{scan: {{failOn: {threshold}, waivers: [{WAIVERS[waiver]}]}}}}"
        looked.write("shop", f"name: shop\n{DEFINITIONS[definition]}networks: {{back: {{}}}}\n", spec)
        looked.engine.runs, looked.engine.facts = RUNS[runs], IMAGES[image]
        found = by_scan(looked)
        assert found == by_apply(looked), (waiver, runs, image)
        told.add(bool(found))
    assert told == {True, False} or (definition, threshold) != ("privileged", "high")


@pytest.mark.parametrize("runs", RUNS)
def test_what_an_engine_is_like_and_what_runs_bar_nobody(looked: House, runs: str) -> None:
    """What is defined decides whether it may be started: all else is found, and told."""
    assert isinstance(looked.engine, Looked)
    looked.engine.runs = RUNS[runs]
    waived = ", ".join(f"{{id: {one}, service: web, reason: r, expires: 2999-01-01}}" for one in ("I02", "I04", "R09"))
    spec = f", security: {{scan: {{failOn: low, waivers: [{waived}]}}}}"
    looked.write("shop", f"name: shop\n{DEFINITIONS['hardened']}networks: {{back: {{}}}}\n", spec)
    assert by_scan(looked) == by_apply(looked) == set()


@pytest.mark.parametrize(("expires", "barred"), [("2999-01-01", set()), ("2001-01-01", {"web"})])
def test_a_waiver_that_is_over_counts_as_what_it_hid(looked: House, expires: str, barred: set[str]) -> None:
    spec = (
        f", security: {{scan: {{failOn: high, waivers: [{{id: H03, service: web, reason: r, expires: {expires}}}]}}}}"
    )
    looked.write("shop", f"name: shop\n{DEFINITIONS['privileged']}networks: {{back: {{}}}}\n", spec)
    assert by_scan(looked) == by_apply(looked) == barred
