"""Which steps share workers, how many workers they have, and how long a step may take."""

from __future__ import annotations

from enum import Enum

from controller.model.steps import (
    Build,
    Connect,
    Create,
    Disconnect,
    Limit,
    Pull,
    Remove,
    Rename,
    Restart,
    Route,
    Start,
    Step,
    Stop,
    Withdraw,
)


class Lane(Enum):
    """Steps that wait for different things do not wait for each other."""

    STARTING = "starting"
    """Costs the engine's processor time: more at once than cores + 1 buys nothing (`resources.parallelism`)."""
    HEALING = "healing"
    """Starts too, of what fell over: who is slow to start for the first time, in any stack, holds up none of them."""
    SERVING = "serving"
    """Short calls by which what runs is reached, named and bounded: they wait for no start."""
    LEAVING = "leaving"
    """Mostly waits for a container to end by itself."""
    IMAGES = "images"
    """Waits for a network or a compiler, for minutes."""


def workers_of(lane: Lane, cores: int) -> int:
    """How many steps of it are done at once. `cores`: the engine's."""
    match lane:
        case Lane.STARTING | Lane.HEALING:
            return cores + 1
        case Lane.SERVING:
            return 8
        case Lane.LEAVING:
            return 16
        case Lane.IMAGES:
            return 3


def lane_of(step: Step) -> Lane:
    match step:
        case Pull() | Build():
            return Lane.IMAGES
        case Stop() | Restart() | Remove():
            return Lane.LEAVING
        case Start(heals=True):
            return Lane.HEALING
        case Create() | Start():
            return Lane.STARTING
        case Rename() | Connect() | Disconnect() | Limit() | Withdraw() | Route():
            return Lane.SERVING


def deadline_of(step: Step) -> float:
    """Seconds after which the engine must have answered. A pull that stands still is ended earlier by the engine."""
    match step:
        case Pull():
            return 3600.0
        case Build():
            return 7200.0
        case Stop(grace=grace):
            return grace + 10.0
        case Restart(grace=grace):
            return grace + 40.0
        case Start(by_compose=True):
            return 120.0
        case Start():
            return 60.0
        case Create() | Remove() | Rename() | Connect() | Disconnect() | Limit() | Withdraw() | Route():
            return 30.0
