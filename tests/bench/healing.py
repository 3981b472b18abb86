"""Row 6: from the death of a replica to its next answer, beside those who heal in other ways."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial

from tests.bench.figure import Effort, Figure, Spread, spread
from tests.bench.keepers import Project
from tests.bench.lanes import Lane, run
from tests.bench.replica import Replica, kill, meanwhile, outage
from tests.bench.rivals import POLL, Swarm, autoheal, has_swarm
from tests.bench.stage import rest, stage
from tests.engine.checks import docker
from tests.engine.scenario import eventually

HOW = {
    6: "Replicas on user networks that listen 0.4 s after their start, on a port published on 127.0.0.1. The first "
    "process gets SIGKILL from the host (after `docker kill` no restart policy acts); from then, or from the last "
    "answer after it, to the first answer of the next life. For all alike this is seen from outside, by an HTTP "
    "request 20 ms after the answer to the one before. In turn, 20 times: one of 20 services under `controller run`, "
    "another one each time; `docker start` by hand once all is quiet; the same by hand as soon as `docker wait` has "
    "ended, since the engine clears up first and lets nobody start it until then; `restart: always`, another replica "
    "each time. After these, ten times at any point of their cycles: a loop for each container (every 5 s `docker "
    "restart` of what has exited or is unhealthy, as autoheal does), and a Swarm of this one engine with nothing set, "
    "which waits 5 s before it starts another task.",
}
ROUNDS = 20
_CALM = 30.0
"""Seconds between health checks where they are to disturb nobody: each is a process in a container."""
_PAUSE = 0.5


def measure(effort: Effort) -> Iterator[Figure]:
    yield from _killed(effort)
    yield from _polled(effort)


def _killed(effort: Effort) -> Iterator[Figure]:
    rounds = effort.rounds(ROUNDS, 3)
    healed: list[float] = []
    started: list[float] = []
    at_once: list[float] = []
    restarted: list[float] = []
    with stage() as scene:
        ours = Project(scene.name, scene.folder, rounds, _CALM)
        policy = Project(scene.another(), scene.state / "policy", rounds, _CALM, {"restart": "always"})
        by_hand = Project(scene.another(), scene.state / "hand", 1, _CALM)
        effort.say(f"{2 * rounds} services come up")
        scene.done("apply", timeout=180)
        policy.up()
        by_hand.up()
        with scene.daemon("--watch"):
            eventually(lambda: "Converged" in scene.done("status").out)
            rest(2.0)
            for place in ours.places:
                healed.append(_kill(ours.fresh(place)))
                started.append(_start(by_hand))
                at_once.append(_start_at_once(by_hand))
                restarted.append(_kill(policy.fresh(place)))
                seconds = ", ".join(f"{times[-1]:.3f} s" for times in (healed, started, at_once, restarted))
                effort.say(f"ours, `docker start`, the same at once, policy: {seconds}")
    each = [our - their for our, their in zip(healed, started, strict=True)]
    beyond = Spread(spread(healed).median - spread(started).median, min(each), max(each), len(each))
    yield Figure(6, "killed, to ready again: `controller run`", "s", spread(healed), brief=True)
    yield Figure(6, "`docker start` by hand, to ready", "s", spread(started))
    yield Figure(6, "killed, to ready again: less `docker start` by hand, to ready", "s", beyond, 0.3, brief=True)
    yield Figure(6, "killed, to ready again: `docker wait`, then `docker start`", "s", spread(at_once))
    yield Figure(6, "killed, to ready again: Docker's `restart: always`", "s", spread(restarted), brief=True)


def _kill(replica: Replica) -> float:
    rest(_PAUSE)
    return outage(replica.port, partial(kill, replica))


def _start(by_hand: Project) -> float:
    """The container is down already: of the outage only what `docker start` and the service need."""
    replica = by_hand.ready(by_hand.places[0])
    rest(_PAUSE)
    kill(replica)
    eventually(lambda: docker("inspect", "-f", "{{.State.Status}}", replica.id).strip() == "exited")
    rest(_PAUSE)
    return outage(replica.port, partial(meanwhile, "start", replica.id))


def _start_at_once(by_hand: Project) -> float:
    """As soon as the engine says that it is down; until then it lets nobody start it."""
    replica = by_hand.ready(by_hand.places[0])
    rest(_PAUSE)

    def harm() -> None:
        kill(replica)
        meanwhile("wait", replica.id, then=("start", replica.id))

    return outage(replica.port, harm)


def _polled(effort: Effort) -> Iterator[Figure]:
    """What takes others seconds, of which most is waiting."""
    rounds = effort.rounds(10)
    with stage() as scene, ExitStack() as ends:
        kept = Project(scene.another(), scene.state / "kept", 2, _CALM)
        kept.up()
        for place in kept.places:
            ends.enter_context(autoheal(kept.container(place)))
        lanes = [Lane(f"killed, to ready again: a loop that looks every {POLL} s", kept, kill, rounds)]
        if has_swarm(ends, effort):
            tasks = ends.enter_context(Swarm(scene.name, 2, None))
            lanes.append(Lane("killed, to ready again: Swarm", tasks, kill, rounds))
        run(lanes, effort)
    yield from (Figure(6, lane.name, "s", spread(lane.taken), brief=True) for lane in lanes)
