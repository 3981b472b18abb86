"""How many services of one stack may be starting for the machine's sake, and what is told of it."""

from __future__ import annotations

from controller.decide.world import World
from controller.resources.starts import Starts

LOOK_AGAIN = 2.0
"""Seconds after which it is looked again, while some wait for the machine: nothing tells when it has room again."""


class Pace:
    """`starts`: what the machine bears; None: nothing is known of it."""

    def __init__(self, starts: Starts | None) -> None:
        self._starts = starts
        self._told = ""

    def look(self, world: World) -> str:
        """Set the world's slots by the machine as it is, if it is to be heeded; a sentence where that is news."""
        world.slots, why = None, ""
        if self._starts is not None and world.desired.policy.optimization.adaptive_parallelism:
            world.slots, why = self._starts.slots(), self._starts.tell()
        news = why and not self._told and (world.starting or world.waiting)
        self._told = why if news or not why else self._told
        return _tell(self._starts.at_once(), world.slots, why) if news and self._starts is not None else ""


def _tell(at_once: int, slots: int | None, why: str) -> str:
    services = "" if slots is None else f", of at most {slots} services until they are ready"
    return f"starts {at_once} at a time{services}: {why}"
