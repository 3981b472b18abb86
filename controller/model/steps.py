"""What can be done: one step is one engine operation, with the reason for it. Ids in, never names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from controller.model.desired import Template
from controller.model.names import ImageId, ReplicaId, Revision
from controller.model.observed import Mount
from controller.model.routes import RouteState


@dataclass(frozen=True, slots=True)
class Pull:
    service: str
    image: str
    because: str


@dataclass(frozen=True, slots=True)
class Build:
    service: str
    image: str
    because: str


@dataclass(frozen=True, slots=True)
class Create:
    """Make replica `number` without starting it. The engine refuses a number that exists (`Conflict`: look again).

    `carry`: anonymous volumes of the replica that it takes the place of. `holder`: whose namespace it joins.
    `image_id`: the image of an earlier release, whatever its name stands for now.
    """

    service: str
    number: int
    revision: Revision
    template: Template
    because: str
    carry: tuple[Mount, ...] = ()
    holder: ReplicaId | None = None
    image_id: ImageId | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """Make it run: starts what is created or exited, unpauses what is paused. `heals`: it ran well, and fell over.

    `template`: of one whose networks are ours, which nothing else tells if they have gone.
    """

    service: str
    replica: ReplicaId
    number: int
    because: str
    by_compose: bool = False
    heals: bool = False
    template: Template | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Stop:
    """End it with its stop signal, after `grace` seconds by force."""

    service: str
    replica: ReplicaId
    number: int
    grace: float
    because: str
    by_compose: bool = False


@dataclass(frozen=True, slots=True)
class Restart:
    service: str
    replica: ReplicaId
    number: int
    grace: float
    because: str


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove the container, never a named volume."""

    service: str
    replica: ReplicaId
    number: int
    because: str


@dataclass(frozen=True, slots=True)
class Rename:
    """Give it `name`; without one, finish an interrupted recreate: drop the temporary prefix from its name."""

    service: str
    replica: ReplicaId
    number: int
    because: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Connect:
    """Join it to those of its template's networks that it is not connected to; `networks` (): to all of them.

    `follows`: its networks are others now, and no hand's work is set back by it.
    """

    service: str
    replica: ReplicaId
    number: int
    template: Template
    because: str
    networks: tuple[str, ...] = ()
    follows: bool = False


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Take it off these networks; of those that are ours, whoever leaves last removes them."""

    service: str
    replica: ReplicaId
    number: int
    because: str
    networks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Limit:
    """Set these of its limits to what its template names, while it runs. `paths` as `inspect` has them.

    `follows`: the limit is another one now, and no hand's work is set back by it.
    """

    service: str
    replica: ReplicaId
    number: int
    template: Template
    because: str
    paths: tuple[str, ...]
    follows: bool = False


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Take its service's names from it, on every network that it is on: whoever looks one up finds the others."""

    service: str
    replica: ReplicaId
    number: int
    because: str


@dataclass(frozen=True, slots=True)
class Route:
    """Lead traffic to it through the ingress, or no new one, or none."""

    service: str
    replica: ReplicaId
    number: int
    to: RouteState
    because: str


Fetch = Pull | Build
"""What gets an image here: it takes up to hours, and touches no container."""

Step = Fetch | Create | Start | Stop | Restart | Remove | Rename | Connect | Disconnect | Limit | Withdraw | Route


Row = tuple[str, str]
"""What is done one after another: for a service, and the image that is fetched for it ("": calls for containers)."""


class Result(StrEnum):
    """How a step ended."""

    DONE = "Done"
    TRANSIENT = "Transient"
    """Back off and try again: the engine was away, slow or busy. The effect may be unknown: observe first."""
    CONFLICT = "Conflict"
    """The world is not what the step took for granted: observe again, no failure."""
    REJECTED = "Rejected"
    """The engine refuses and will refuse again: stop and say so."""
    SKIPPED = "Skipped"
    """An earlier step of the same decision did not succeed."""


class Made(NamedTuple):
    """What a step had to make before it: a "network" or a "volume", by Docker's name."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one step. `replica` is the id that a create made; `message` is one line for people."""

    step: Step
    result: Result
    message: str = ""
    replica: ReplicaId | None = None
    seconds: float = field(default=0.0, compare=False)
    made: tuple[Made, ...] = ()

    @property
    def may_pass(self) -> bool:
        """It failed, perhaps for want of an engine: the next look tells."""
        return self.result is Result.TRANSIENT

    @property
    def collided(self) -> bool:
        """A create met what was there already, perhaps what a controller that died had asked for."""
        return isinstance(self.step, Create) and self.result is Result.CONFLICT


def step_action(step: Step) -> str:
    """The step's word in plans: `pull build create start stop restart remove connect disconnect limit route update`."""
    match step:
        case Rename():
            return "update"
        case Withdraw():
            return "disconnect"
        case _:
            return type(step).__name__.lower()


def step_number(step: Step) -> int | None:
    """The replica's number that a step is about; None for images."""
    match step:
        case Pull() | Build():
            return None
        case _:
            return step.number


def fetched_image(step: Step) -> str:
    """The image that it gets here; "": it touches containers."""
    return step.image if isinstance(step, Fetch) else ""


def split_fetches(steps: Sequence[Step]) -> tuple[tuple[Fetch, ...], tuple[Step, ...]]:
    """Those that get an image, and those that touch containers: neither waits for the other."""
    fetches = tuple(step for step in steps if isinstance(step, Fetch))
    if not fetches:
        return (), tuple(steps)  # nearly always
    return fetches, tuple(step for step in steps if not isinstance(step, Fetch))
