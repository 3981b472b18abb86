"""Row 20: from a hand's change on a replica that runs to its repair, beside `docker compose up -d` every 5 s."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from tests.bench.figure import Effort, Figure, spread
from tests.bench.keepers import Project
from tests.bench.lanes import Lane, run
from tests.bench.replica import Replica, answers, meanwhile, outage
from tests.bench.rivals import POLL, polled_up
from tests.bench.stage import rest, stage
from tests.bench.updates import check, one
from tests.engine.checks import docker
from tests.engine.scenario import eventually

HOW = {
    20: "Services as in row 6, with a memory limit, under `controller run`, each changed by hand in four ways one "
    "after the other. Limits (`docker update --memory`) and name (`docker rename`): from the engine's own instant of "
    "the change to that of the change back; an inspect then shows both as they were. Network (`docker network "
    "disconnect` from the only one) and stopped (`docker stop`): from the last answer to the next one, as in row 6. "
    "Beside it a loop of `docker compose up -d` every 5 s, which starts what was stopped; of the others is told how "
    "many it has set back in the end (newer ones than Compose 2.26 make another container for a lost network). "
    "Docker's restart policies, Swarm and loops that restart do nothing about any of them: after `docker stop` no "
    "policy acts.",
}
ROUNDS = 20
_CALM = 30.0
_PAUSE = 0.5
_MEMORY = 64 * 2**20
_MORE = {"mem_limit": _MEMORY}


def measure(effort: Effort) -> Iterator[Figure]:
    yield from _ours(effort)
    yield from _polled(effort)


def _ours(effort: Effort) -> Iterator[Figure]:
    taken: Mapping[str, list[float]] = {"limits": [], "name": [], "network": [], "stopped": []}
    with stage() as scene:
        ours = Project(scene.name, scene.folder, effort.rounds(ROUNDS, 3), _CALM, _MORE)
        effort.say(f"{len(ours.places)} services come up")
        scene.done("apply", timeout=180)
        with scene.daemon("--watch"):
            eventually(lambda: "Converged" in scene.done("status").out)
            rest(2.0)
            for place in ours.places:
                replica = ours.ready(place)
                taken["limits"].append(_set_back(replica, "update", partial(_limit, replica)))
                taken["name"].append(_set_back(replica, "rename", partial(_rename, replica)))
                check(all(_are_set_back(replica, ours.container(place))), f"{place} is not as it was made")
                taken["network"].append(_outage(replica, partial(_disconnect, f"{scene.name}_default")))
                taken["stopped"].append(_outage(replica, _stop))
                effort.say(", ".join(f"{kind} {times[-1]:.3f} s" for kind, times in taken.items()))
    yield Figure(20, "limits set by hand, to set back: `controller run`", "s", spread(taken["limits"]), brief=True)
    yield Figure(20, "renamed by hand, to its name: `controller run`", "s", spread(taken["name"]))
    yield Figure(20, "taken off its network, to ready again: `controller run`", "s", spread(taken["network"]))
    yield Figure(20, "stopped by hand, to ready again: `controller run`", "s", spread(taken["stopped"]))


def _polled(effort: Effort) -> Iterator[Figure]:
    with stage() as scene:
        stopped = Project(scene.another(), scene.state / "stopped", 2, _CALM, _MORE)
        left = Project(scene.another(), scene.state / "left", 2, _CALM, _MORE)
        for project in (stopped, left):
            project.up()
        changed, off = (left.ready(place) for place in left.places)
        _limit(changed)
        _rename(changed)
        _disconnect(f"{left.name}_default", off)
        lane = Lane(
            f"stopped by hand, to ready again: `docker compose up -d` every {POLL} s", stopped, _stop, effort.rounds(10)
        )
        with polled_up(stopped.folder), polled_up(left.folder):
            run([lane], effort)
        back = (*_are_set_back(changed, left.container(left.places[0])), answers(off.port))
    yield Figure(20, lane.name, "s", spread(lane.taken))
    yield Figure(20, "limit, name, network: of the three set back by that loop", "", one(sum(back)))


def _set_back(replica: Replica, event: str, hand: Callable[[], object]) -> float:
    """Seconds between the engine's instants of the hand's change and of the next one of that kind."""
    rest(_PAUSE)
    began = time.time()
    hand()
    rest(_PAUSE)  # who asks meanwhile is in the way
    return float(eventually(lambda: _between(replica, event, began), every=0.3))


def _between(replica: Replica, event: str, since: float) -> float | None:
    """None: there is no second one yet."""
    words = ("events", "--since", f"{since:.6f}", "--until", f"{time.time():.6f}", "--format", "{{.TimeNano}}")
    told = docker(*words, "--filter", f"container={replica.id}", "--filter", f"event={event}").split()
    return (int(told[1]) - int(told[0])) / 1e9 if len(told) > 1 else None


def _outage(replica: Replica, hand: Callable[[Replica], object]) -> float:
    rest(_PAUSE)
    return outage(replica.port, partial(hand, replica))


def _limit(replica: Replica) -> None:
    docker("update", "--memory", str(2 * _MEMORY), "--memory-swap", str(4 * _MEMORY), replica.id)


def _rename(replica: Replica) -> None:
    docker("rename", replica.id, f"{replica.id[:12]}-by-hand")


def _disconnect(network: str, replica: Replica) -> None:
    meanwhile("network", "disconnect", network, replica.id)


def _stop(replica: Replica) -> None:
    meanwhile("stop", replica.id)


def _are_set_back(replica: Replica, name: str) -> tuple[bool, bool]:
    """Whether the limit, and the name, are as they were made."""
    memory, seen = docker("inspect", "-f", "{{.HostConfig.Memory}} {{.Name}}", replica.id).split()
    return int(memory) == _MEMORY, seen == f"/{name}"
