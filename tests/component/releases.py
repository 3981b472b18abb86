"""A stack on its stage with one release after another: what it is made of, what is asked of it, what became of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from controller.loop import acts
from controller.model.generation import Ending
from tests.component.stage import Stage, load, service

CONVERGED, ROLLED_BACK, SUPERSEDED = Ending.CONVERGED, Ending.ROLLED_BACK, Ending.SUPERSEDED
BROKEN = {"controller.simulated.crash-after": "0.2"}


def shop(version: int, **keys: Any) -> dict[str, Any]:
    """A service `db`, and `web` after it in this version."""
    return {"db": service(), "web": service("db", image=f"web:{version}", environment={"V": str(version)}, **keys)}


def two_generations(folder: Path) -> Stage:
    """Two generations, both converged; web is another in the second one."""
    stage = Stage(folder, load(shop(1)))
    stage.settle()
    stage.change(shop(2))
    stage.settle()
    return stage


def endings(stage: Stage) -> list[Ending]:
    return [generation.ending for generation in stage.store.stack.generations()]


def images(stage: Stage) -> set[str]:
    return {replica.image for replica in stage.replicas("web")}


def phase(stage: Stage, name: str = "web") -> tuple[str, str]:
    decision = stage.reconciler.world.decisions[name]
    return str(decision.phase), decision.reason


def conditions(stage: Stage) -> dict[str, str]:
    return {condition.type: condition.message for condition in stage.statuses[-1].conditions}


def done(stage: Stage, verb: str, *services: str, seconds: float = 120, **fields: Any) -> None:
    """Wish for it, and see it come to a good end within so many seconds."""
    follower = stage.wish(verb, *services, **fields)
    result = stage.follow(follower, seconds)
    acts.end(stage.reconciler, follower.wish)
    assert result is not None and result.ok, result
