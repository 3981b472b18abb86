"""Row 9: how soon a command answers."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.figure import Effort, Figure, spread
from tests.bench.stage import clock, stage
from tests.contract_cli.command import CONTROLLER

HOW = {
    9: "From the command to its end; `status` on six running services that no controller keeps, so that it reads the "
    "files and asks the engine itself; `ide status` reads what was last kept of them. Interleaved with Compose's "
    "nearest commands.",
}
_CALLS = {
    "`controller version`": ((CONTROLLER, "version"), 0.15),
    "`controller ide status` of six services": ((CONTROLLER, "ide", "status"), 0.05),
    "`docker compose version`": (("docker", "compose", "version"), None),
    "`controller status` of six services": ((CONTROLLER, "status"), 0.5),
    "`docker compose ps` of six services": (("docker", "compose", "ps"), None),
}


def measure(effort: Effort) -> Iterator[Figure]:
    with stage() as scene:
        scene.compose("\n".join(("services:", *(f"  s{number}: {{SLEEP}}" for number in range(6)))) + "\n")
        scene.done("apply")
        taken: dict[str, list[float]] = {name: [] for name in _CALLS}
        for _ in range(effort.rounds(15, 3)):
            for name, (words, _) in _CALLS.items():
                taken[name].append(clock(words, scene))
        effort.say(", ".join(f"{name} {times[-1]:.2f} s" for name, times in taken.items()))
    for name, (_, reach) in _CALLS.items():
        yield Figure(9, name, "s", spread(taken[name]), reach, brief=reach is not None)
