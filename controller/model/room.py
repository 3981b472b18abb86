"""What the machine that containers run on has, and what of it is left."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from controller.model.names import Instant
from controller.model.resources import Admission, Amount, Room


class Source(StrEnum):
    """Who said what there is."""

    HOST = "host"
    """The kernel, which the engine's containers share with us."""
    ENGINE = "engine"
    """The engine, which runs elsewhere: another machine, or a virtual one on this."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Of the machine where replicas run, in cores, bytes and inodes. None: not known, which is never "none left".

    `memory_available`: what programs could still have without swapping. By an engine elsewhere that is an upper bound:
    its total without what its containers are known to use.
    """

    at: Instant
    source: Source
    cores: int | None = None
    cpu: float | None = None
    """Cores in use."""
    memory_total: int | None = None
    memory_available: int | None = None
    disk_total: int | None = None
    """Of the disk with the engine's data, as the three below it."""
    disk_free: int | None = None
    inodes_total: int | None = None
    """None where the file system has no fixed number of them (btrfs)."""
    inodes_free: int | None = None


@dataclass(frozen=True, slots=True)
class ServiceRoom:
    """What one service has of the machine, and asks of it."""

    name: str
    priority: int
    asked: Amount
    """What one replica of it is counted with."""
    learned: int | None
    """Bytes that one replica of it was measured to use at most; None: not known yet."""
    places: int
    """Replicas that run, or were let start and are wanted still."""
    wanted: int
    held: Amount
    """What all of these are counted with."""
    used: int | None
    """Bytes that its replicas use; None: not known."""
    waits: str = ""
    """Why more of it has no room, with the numbers; "": nothing of it waits."""


@dataclass(frozen=True, slots=True)
class RoomReport:
    """What there is for a stack, who has it, and who waits for it. `facts` None: nobody looked at the machine yet."""

    stack: str
    admission: Admission
    room: Room
    total: Amount
    """What all of its services are counted with."""
    services: tuple[ServiceRoom, ...]
    """In the order in which they are let start."""
    facts: Facts | None = None
