"""The real engine: Docker Compose on one Docker daemon."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence

from controller.engines import compose, inside
from controller.engines.alone import Alone
from controller.engines.base import Capabilities, Emptied, EngineInfo, Execution, NudgeAt, Opened, Scope
from controller.engines.clearing import clear
from controller.engines.client import Client
from controller.engines.ensure import remove_networks
from controller.engines.events import Listener
from controller.engines.gateway import find_gateway
from controller.engines.gauges import Gauges
from controller.engines.holders import Holders
from controller.engines.images import Images
from controller.engines.inventory import Stocktaker
from controller.engines.lookout import Lookout
from controller.engines.netprobe import DockerNetProbe
from controller.engines.observe import Observer
from controller.engines.own import OwnContainers
from controller.engines.perform import Performer, Recorders
from controller.engines.pool import remove_ours
from controller.engines.pull import Puller
from controller.engines.sightings import Sightings
from controller.engines.transport import Endpoint, resolve_endpoint
from controller.engines.vantage import Vantage
from controller.model.cleanup import Inventory, Item
from controller.model.names import ImageId, ReplicaId
from controller.model.observed import Observed, Replica
from controller.model.project import ComposeProject, ImageDefaults, Recording, RenderedProject
from controller.model.resources import CleanupPolicy
from controller.model.running import ImageFacts, Running
from controller.model.steps import Outcome, Step
from controller.model.usage import Counters

_RENDER_PATIENCE = 60.0
_KEPT_RENDERINGS = 16


class ComposeEngine:
    """The port to a Docker daemon and to Docker Compose. Every method may be called from any thread."""

    def __init__(self, endpoint: Endpoint | None = None) -> None:
        """None: the endpoint that the `docker` command would take. Raises Rejected for an unknown context."""
        self.endpoint = endpoint or resolve_endpoint(os.environ)
        self._client = Client(self.endpoint)
        self._images, self._sightings = Images(self._client), Sightings()
        self._vantage = Vantage(self._client)
        holders = Holders(self._client, self._vantage)
        self._observer = Observer(self._client, self._images, self._sightings, self._vantage, holders)
        self._gauges = Gauges(self._client, self._vantage)
        self._alone = Alone(self._client)
        recorders = Recorders(self._render_again, self._record)
        self._performer = Performer(self._client, self._images, recorders, holders)
        local = self.endpoint.socket_path is not None
        puller = Puller(self.endpoint)
        self._stocktaker = Stocktaker(self._client, self._vantage, local=local)
        self._lookout = Lookout(self._client, self._images, self._vantage, self.endpoint)
        self.own = OwnContainers(self._client, self._vantage, puller, holders) if local else None
        """Containers of ours beside the stacks: what they have of us are files and sockets of this machine."""
        self._lock = threading.Lock()
        self._renderings: tuple[tuple[ComposeProject, RenderedProject], ...] = ()
        self._listeners: set[Listener] = set()
        self._closed = False

    @property
    def netprobe(self) -> DockerNetProbe:
        return DockerNetProbe(self._client, self.endpoint)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(leads_traffic=self.own is not None)

    def info(self, *, deadline: float = 5.0) -> EngineInfo:
        api_version = self._client.api_version(deadline=deadline)
        answer = self._vantage.ask(deadline=deadline)
        shares_host = self._vantage.shares_machine(answer)
        return EngineInfo(
            id=str(answer.get("ID") or answer.get("Name") or "unknown").replace(":", "").lower(),
            name=str(answer.get("Name") or ""),
            version=str(answer.get("ServerVersion") or ""),
            api_version=api_version,
            endpoint=self.endpoint.host,
            rootless=any("rootless" in str(option) for option in answer.get("SecurityOptions") or ()),
            data_root=_find_data(str(answer.get("DockerRootDir") or "")) if shares_host else "",
            cores=_positive(answer.get("NCPU")),
            memory_total=_positive(answer.get("MemTotal")),
            shares_host=shares_host,
        )

    def compose_version(self, project: ComposeProject, *, deadline: float = 10.0) -> str:
        """The version of the Compose plugin. Needs no daemon."""
        return compose.read_version(project, self.endpoint, deadline=deadline)

    def render(self, project: ComposeProject, *, deadline: float = _RENDER_PATIENCE) -> RenderedProject:
        rendered = compose.render(project, self.endpoint, deadline=deadline)
        with self._lock:
            others = tuple(pair for pair in self._renderings if pair[0] != project)
            self._renderings = (*others[-_KEPT_RENDERINGS:], (project, rendered))
        return rendered

    def record(
        self, project: ComposeProject, rendered: RenderedProject, *, deadline: float = _RENDER_PATIENCE
    ) -> Recording:
        """Sharers of a namespace are recorded with the ids of the owners that exist now."""
        return self._record(project, rendered, {}, deadline=deadline)

    def observe(self, scope: Scope, *, deadline: float = 10.0) -> Observed:
        return self._observer.observe(scope, deadline=deadline)

    def absent(self, replicas: Collection[ReplicaId], *, deadline: float = 5.0) -> frozenset[ReplicaId]:
        return self._observer.absent(replicas, deadline=deadline)

    def image_defaults(self, image: str, *, deadline: float = 5.0) -> ImageDefaults | None:
        ends_at = time.monotonic() + deadline
        found = self._images.find(image, deadline=deadline)
        if found is None:
            return None
        config = self._images.config(found, deadline=max(0.1, ends_at - time.monotonic()))
        test = (config.get("Healthcheck") or {}).get("Test") or ["NONE"]
        return ImageDefaults(bool(test[0] != "NONE"), tuple(sorted(config.get("Volumes") or ())))

    def look_around(self, stack: str, *, deadline: float = 10.0) -> Running:
        return self._lookout.look(stack, deadline=deadline)

    def image_facts(self, image: str, *, deadline: float = 5.0) -> ImageFacts | None:
        return self._lookout.image(image, deadline=deadline)

    def volume_options(self, volume: str, *, deadline: float = 5.0) -> Mapping[str, str] | None:
        return self._lookout.volume(volume, deadline=deadline)

    def lost_images(self, images: Collection[ImageId], *, deadline: float = 5.0) -> frozenset[ImageId]:
        ends_at = time.monotonic() + deadline
        found = {image: self._images.find(image, deadline=max(0.1, ends_at - time.monotonic())) for image in images}
        return frozenset(image for image, there in found.items() if there is None)

    def projects(self, *, deadline: float = 10.0) -> Mapping[str, Observed]:
        return self._observer.projects(deadline=deadline)

    def nudges(self) -> Iterator[NudgeAt]:
        listener = Listener(self._client, self._images, self._sightings)
        with self._lock:
            if self._closed:
                return
            self._listeners.add(listener)
        try:
            yield from listener.listen()
        finally:
            listener.close()
            with self._lock:
                self._listeners.discard(listener)

    def perform(self, project: ComposeProject, steps: Sequence[Step], *, deadline: float) -> Sequence[Outcome]:
        try:
            return self._performer.perform(project, steps, deadline=deadline)
        finally:
            for step in steps:  # the event that says so may come later than the next look
                if (touched := getattr(step, "replica", None)) is not None:
                    self._sightings.say(touched)

    def execute(self, replica: ReplicaId, command: Sequence[str], *, timeout: float, alone: bool = False) -> Execution:
        if alone:
            return self._alone.execute(replica, command, timeout=timeout)
        return inside.execute(self._client, replica, command, timeout=timeout)

    def logs(
        self,
        replica: ReplicaId,
        *,
        tail: int | None = None,
        follow: bool = False,
        since: float | None = None,
        opened: Opened | None = None,
    ) -> Iterator[str]:
        theirs = None if since is None else since + self._vantage.ahead
        return inside.read_logs(self._client, replica, tail=tail, follow=follow, since=theirs, opened=opened)

    def usage(self, replicas: Collection[Replica], *, deadline: float = 5.0) -> Mapping[ReplicaId, Counters]:
        return self._gauges.read(replicas, deadline=deadline)

    def gateway(self, *, deadline: float = 5.0) -> str | None:
        return find_gateway(self._client, deadline=deadline)

    def remove_networks(
        self, stack: str, *, ours_but: Collection[str] | None = None, deadline: float = 30.0
    ) -> Emptied:
        if ours_but is None:
            return Emptied(remove_networks(self._client, stack, deadline=deadline))
        return remove_ours(self._client, stack, ours_but, deadline=deadline)

    def inventory(
        self, stack: str, known: Collection[ImageId], *, build_cache: bool = False, deadline: float = 60.0
    ) -> Inventory:
        return self._stocktaker.take(stack, known, build_cache=build_cache, deadline=deadline)

    def clear(self, item: Item, policy: CleanupPolicy, *, deadline: float = 60.0) -> int | None:
        try:
            return clear(self._client, item, policy, deadline=deadline)
        finally:
            self._images.forget()

    def close(self) -> None:
        """Ends nudges and followed logs; no thread, child or connection stays."""
        with self._lock:
            self._closed = True
            listeners = tuple(self._listeners)
        for listener in listeners:
            listener.close()
        self._client.close()
        self._observer.close()
        self._gauges.close()

    def _render_again(self, project: ComposeProject) -> RenderedProject:
        """The last rendering of that project, where this process has one."""
        with self._lock:
            found = next((rendered for known, rendered in self._renderings if known == project), None)
        return found or self.render(project)

    def _record(
        self,
        project: ComposeProject,
        rendered: RenderedProject,
        known_ids: Mapping[str, str],
        *,
        deadline: float = _RENDER_PATIENCE,
    ) -> Recording:
        from controller.engines import recorder  # its HTTP server is needed for nothing else

        ids = {**self._observer.owners(rendered.name, deadline=min(deadline, 5.0)), **known_ids}
        return recorder.record(self._client, project, rendered, ids, deadline=deadline)


def _find_data(told: str) -> str:
    """From within a container there is no such folder, though the machine is the same."""
    return told if os.path.isdir(told) else ""


def _positive(value: object) -> int | None:
    """A number that an engine which does not know leaves out, or has as 0."""
    return value if isinstance(value, int) and value > 0 else None
