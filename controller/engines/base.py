"""The port to whatever runs containers: what the loop may ask of an engine, and nothing of how it is done."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol

from controller.model.cleanup import Inventory, Item
from controller.model.desired import Template
from controller.model.errors import Conflict, Rejected
from controller.model.names import ImageId, ReplicaId
from controller.model.observed import Observed, Replica
from controller.model.own import OwnSeen, OwnSpec, Placed, Role
from controller.model.project import ComposeProject, ImageDefaults, Recording, RenderedProject
from controller.model.reach import Knock, Knocked, Spot
from controller.model.resources import CleanupPolicy
from controller.model.running import ImageFacts, Running
from controller.model.steps import Outcome, Result, Step
from controller.model.usage import Counters


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an engine does by itself, so that nobody has to ask which engine it is."""

    places_replicas: bool = False
    """It keeps the number of replicas itself (Swarm); else we do."""
    senses_health: bool = False
    """Its observations carry verdicts already; else probes are ours to run."""
    leads_traffic: bool = True
    """A stack can have an ingress on it; else its services keep their own host ports."""
    runs_processes: bool = True
    """Something real runs in its replicas; else nobody in them can be asked for a figure of its own."""


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """Who answers: `id` names the state folder."""

    id: str
    name: str
    version: str
    api_version: str
    endpoint: str
    rootless: bool = False
    data_root: str = ""
    """The folder on this machine where it keeps images and volumes; "": it is elsewhere, or keeps none."""
    cores: int | None = None
    memory_total: int | None = None
    """Bytes. What its containers can have at most together; None: it does not tell, as for `cores`."""
    shares_host: bool = False
    """Its containers run on this machine's kernel, so that cores and memory of both are the same ones."""


class Nudge(StrEnum):
    """What the event stream says; always *look there*, never *this happened*."""

    SERVICE = "service"
    STACK = "stack"
    IMAGES = "images"
    CONNECTED = "connected"
    """The stream is up (again): everything may have changed."""
    LOST = "lost"
    NETWORK = "network"
    """Somebody's container, of no stack that was seen, came to a network or left it."""


@dataclass(frozen=True, slots=True)
class NudgeAt:
    """A nudge: which stack and service to look at, or which network, by its name."""

    kind: Nudge
    stack: str | None = None
    service: str | None = None
    network: str | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """What to look at: a stack, the image and the template of each of its services, and which services (None: all).

    With a template at hand, each replica's `drift` names the fields that differ from what that template would make.
    """

    stack: str
    images: Mapping[str, str] = field(default_factory=dict)
    templates: Mapping[str, Template] = field(default_factory=dict)
    only: frozenset[str] | None = None
    exclusive: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Volumes of services, by Docker's names, that nobody else may have at once; only of those that have any."""


@dataclass(frozen=True, slots=True)
class Execution:
    """What a command in a container came to. `exit_code` None: it could not be run now (not an error, "not ready")."""

    exit_code: int | None
    output: str


Opened = Callable[[Callable[[], None]], None]


class Emptied(NamedTuple):
    """Names of networks that were to go: those that went, and those that somebody is on yet, running or not."""

    gone: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


class Engine(Protocol):
    """One engine. Calls have deadlines in seconds, raise only `EngineError`s and may come from any thread."""

    @property
    def capabilities(self) -> Capabilities: ...

    @property
    def own(self) -> Own | None:
        """Containers of our own; None: it can have none."""
        ...

    @property
    def netprobe(self) -> NetProbe:
        """Who tries which replica reaches which."""
        ...

    def info(self, *, deadline: float = 5.0) -> EngineInfo:
        """Who answers. Raises Transient when nobody does."""
        ...

    def render(self, project: ComposeProject, *, deadline: float = 60.0) -> RenderedProject:
        """What Compose makes of the files; raises InvalidInput with Compose's own words. Needs no running engine."""
        ...

    def record(self, project: ComposeProject, rendered: RenderedProject, *, deadline: float = 60.0) -> Recording:
        """The requests that Compose would send to create every service of the project once. Changes nothing."""
        ...

    def observe(self, scope: Scope, *, deadline: float = 10.0) -> Observed:
        """One look; replicas carry `revision` "" (the loop names it). What could not be read makes it incomplete."""
        ...

    def absent(self, replicas: Collection[ReplicaId], *, deadline: float = 5.0) -> frozenset[ReplicaId]:
        """Those of them that do not exist any more: each is asked for by its id, whatever a list says.

        Raises EngineErrors where that cannot be known now.
        """
        ...

    def image_defaults(self, image: str, *, deadline: float = 5.0) -> ImageDefaults | None:
        """What the local image of that name brings; None: it is not here. Raises EngineErrors."""
        ...

    def look_around(self, stack: str, *, deadline: float = 10.0) -> Running:
        """What a scan wants to know of what runs, and of the engine. Raises Transient without an engine."""
        ...

    def image_facts(self, image: str, *, deadline: float = 5.0) -> ImageFacts | None:
        """What a local image says of itself; None where there is none of that name. Raises Transient."""
        ...

    def volume_options(self, volume: str, *, deadline: float = 5.0) -> Mapping[str, str] | None:
        """How a volume that is there is mounted: the options of its driver; None where there is none of that name.
        Raises Transient."""
        ...

    def lost_images(self, images: Collection[ImageId], *, deadline: float = 5.0) -> frozenset[ImageId]:
        """Those of them that are not here any more. Raises EngineErrors."""
        ...

    def projects(self, *, deadline: float = 10.0) -> Mapping[str, Observed]:
        """Every Compose project that has containers, with what their labels say."""
        ...

    def nudges(self) -> Iterator[NudgeAt]:
        """Endless; reconnects by itself with backoff, says CONNECTED and LOST. Ends when the engine is closed."""
        ...

    def perform(self, project: ComposeProject, steps: Sequence[Step], *, deadline: float) -> Sequence[Outcome]:
        """Do the steps in order; after one that fails the rest is Skipped. Never raises for a step."""
        ...

    def execute(self, replica: ReplicaId, command: Sequence[str], *, timeout: float, alone: bool = False) -> Execution:
        """Run a command in a container, as `docker exec`. One that outlives `timeout` goes on.

        `alone`: while it does, the same command is not begun a second time.
        """
        ...

    def logs(
        self,
        replica: ReplicaId,
        *,
        tail: int | None = None,
        follow: bool = False,
        since: float | None = None,
        opened: Opened | None = None,
    ) -> Iterator[str]:
        """The container's output, line by line. `opened` gets what ends a read that blocks, from any thread."""
        ...

    def usage(self, replicas: Collection[Replica], *, deadline: float = 5.0) -> Mapping[ReplicaId, Counters]:
        """What these have used. What cannot be had now is missing, as is what does not run; raises nothing."""
        ...

    def gateway(self, *, deadline: float = 5.0) -> str | None:
        """Where containers reach the engine's machine by the word `host-gateway`: the gateway of its default bridge.

        None: it has none. Raises EngineErrors.
        """
        ...

    def remove_networks(
        self, stack: str, *, ours_but: Collection[str] | None = None, deadline: float = 30.0
    ) -> Emptied:
        """Remove the project's networks that nobody uses.

        `ours_but`: only those that are ours, in the place of the Compose file's, and have none of these names.
        """
        ...

    def inventory(
        self, stack: str, known: Collection[ImageId], *, build_cache: bool = False, deadline: float = 60.0
    ) -> Inventory:
        """What it holds that may be of no use to the stack any more, and who uses it. Raises EngineErrors.

        `known`: images that the stack has had. Volumes are not in it.
        """
        ...

    def clear(self, item: Item, policy: CleanupPolicy, *, deadline: float = 60.0) -> int | None:
        """Remove that; the bytes that it freed (None: not known). By force nothing, and no volume.

        Raises Conflict where somebody uses it by now, or it is gone; other EngineErrors.
        """
        ...

    def close(self) -> None: ...


class Own(Protocol):
    """Containers of our own on an engine (the ingress). Calls have deadlines in seconds and raise only EngineErrors."""

    def find(self, stack: str, role: Role, *, deadline: float) -> tuple[OwnSeen, ...]:
        """Those of that role, running ones first. More than one: a replacement was interrupted."""
        ...

    def placed(self, stack: str, *, deadline: float) -> tuple[Placed, ...]:
        """Running replicas of the stack with their addresses."""
        ...

    def prepare(self, spec: OwnSpec, *, deadline: float) -> ReplicaId:
        """It exists as specified, running or not; what runs otherwise stays. A missing image is pulled. Its id."""
        ...

    def ensure(self, spec: OwnSpec, *, grace: float, deadline: float) -> None:
        """It runs as specified and is the only one of its role; an other one has `grace` seconds to end.

        Where it cannot run, the other one does.
        """
        ...

    def signal(self, container: ReplicaId, signal: str, *, deadline: float) -> None:
        """Send its first process a signal that it handles."""
        ...

    def leave(self, container: ReplicaId, networks: Sequence[str], *, deadline: float) -> None:
        """Take it off these networks; of those that are ours, whoever leaves last removes them."""
        ...

    def remove(self, stack: str, role: Role, *, grace: float, deadline: float) -> None:
        """None of that role is left."""
        ...


class NetProbe(Protocol):
    """Finds out who reaches whom by connecting from where the replicas are. Changes nothing."""

    def spots(self, stack: str, *, deadline: float) -> Sequence[Spot]:
        """The stack's running replicas on their networks, and where they listen. Raises EngineErrors."""
        ...

    def strangers(self, stack: str, *, deadline: float) -> Sequence[tuple[str, str]]:
        """Who else runs on networks of the stack: container and network. Raises EngineErrors."""
        ...

    def knock(
        self, knocks: Sequence[Knock], *, patience: float = 0.3, told: Callable[[int], None] = lambda _: None
    ) -> Mapping[Knock, Knocked]:
        """Try these, many at a time; `patience`: seconds for one. What cannot be tried is UNKNOWN, with the reason.

        `told` hears, again and again, how many more were answered. Raises nothing.
        """
        ...


def result_of(error: Exception) -> Result:
    """How a step ended that raised this; whatever is not known to last may pass."""
    match error:
        case Conflict():
            return Result.CONFLICT
        case Rejected():
            return Result.REJECTED
        case _:
            return Result.TRANSIENT
