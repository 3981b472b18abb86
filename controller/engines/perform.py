"""Steps as calls: each may be repeated, none raises, and what became of it is said in one of four words."""

from __future__ import annotations

import threading
import time
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from controller.engines import compose, inside, labels
from controller.engines.answers import get_container, get_list
from controller.engines.base import result_of
from controller.engines.client import Client
from controller.engines.deadline import SLACK, left
from controller.engines.ensure import ambiguous_network, ensure_surroundings, lacks_network, merge_networks
from controller.engines.errors import Failure
from controller.engines.holders import Holders
from controller.engines.images import Images
from controller.engines.mending import InPlace
from controller.engines.template import Place, Request, instantiate, read_request
from controller.model.confined import carry_networks
from controller.model.desired import Template
from controller.model.errors import Conflict, EngineError, Rejected
from controller.model.names import ImageId, ReplicaId
from controller.model.project import ComposeProject, Recording, RenderedProject
from controller.model.steps import (
    Build,
    Connect,
    Create,
    Disconnect,
    Fetch,
    Limit,
    Made,
    Outcome,
    Pull,
    Remove,
    Rename,
    Restart,
    Result,
    Route,
    Start,
    Step,
    Stop,
    Withdraw,
)


@dataclass(frozen=True, slots=True)
class Recorders:
    """What performing needs of the rest of the engine: to render and to record again with the ids that exist now."""

    render: Callable[[ComposeProject], RenderedProject]
    record: Callable[[ComposeProject, RenderedProject, Mapping[str, str]], Recording]


class Performer:
    """Performs steps on one engine. Safe from several threads; it keeps nothing."""

    def __init__(self, client: Client, images: Images, recorders: Recorders, holders: Holders) -> None:
        self._client, self._images, self._recorders, self._holders = client, images, recorders, holders
        # The engine makes a second network of a name where two ask at once, and then starts nothing on either.
        self._one_at_a_time = threading.Lock()
        self._in_place = InPlace(client, self._one_at_a_time)

    def perform(self, project: ComposeProject, steps: Sequence[Step], *, deadline: float) -> tuple[Outcome, ...]:
        """In order, `deadline` seconds for all; after one that fails the rest is Skipped."""
        ends_at = time.monotonic() + deadline
        outcomes: list[Outcome] = []
        for step in steps:
            if outcomes and outcomes[-1].result is not Result.DONE:
                outcomes.append(Outcome(step, Result.SKIPPED, "an earlier step did not succeed"))
                continue
            outcomes.append(self._attempt(project, step, ends_at))
        return tuple(outcomes)

    def _attempt(self, project: ComposeProject, step: Step, ends_at: float) -> Outcome:
        began = time.monotonic()
        replica: ReplicaId | None = None
        made: list[Made] = []
        result, message = Result.DONE, ""
        try:
            replica = self._do(project, step, ends_at, made)
        except EngineError as error:
            error = self._holders.explain(error)
            result, message = result_of(error), " ".join(error.message.split())
            message = f"{message} ({error.hint})" if error.hint else message
        return Outcome(step, result, message, replica, time.monotonic() - began, tuple(made))

    def _do(self, project: ComposeProject, step: Step, ends_at: float, made: list[Made]) -> ReplicaId | None:
        match step:
            case Create():
                return self._create(project, step, ends_at, made)
            case Start():
                self._start(project, step, ends_at, made)
            case Stop() | Restart():
                self._end(project, step, ends_at)
            case Remove():
                self._remove(step.replica, ends_at)
            case Pull() | Build():
                self._fetch(project, step, ends_at)
            case Rename() | Connect() | Disconnect() | Limit() | Withdraw():
                self._in_place.perform(step, ends_at, made)
            case Route():
                raise Rejected(f"{step.service} is not behind an ingress")
            case _:
                assert_never(step)
        return None

    def _fetch(self, project: ComposeProject, step: Fetch, ends_at: float) -> None:
        fetch = compose.pull_service if isinstance(step, Pull) else compose.build_service
        try:
            fetch(project, self._client.endpoint, step.service, deadline=left(ends_at))
        except EngineError as error:
            if step.image in error.message:
                raise
            # a registry that refuses does not say what it refuses
            raise type(error)(f"{step.image}: {error.message}", hint=error.hint) from error
        finally:
            self._images.forget()
        if self._images.find(step.image, deadline=left(ends_at)) is None:
            raise Rejected(f"{step.image} is not here after that: the files ask for another image by now, or tag it so")

    def _create(self, project: ComposeProject, step: Create, ends_at: float, surroundings: list[Made]) -> ReplicaId:
        """Networks and volumes first, then the container, then the networks that an older API joins one by one."""
        template = self._renew(project, step)
        recorded = read_request(template)
        self._refuse_taken(recorded, step, ends_at)
        with self._one_at_a_time:
            surroundings += ensure_surroundings(self._client, template, deadline=left(ends_at))
        place = Place(step.number, step.holder, step.carry, self._find_image(recorded, step, ends_at))
        request = instantiate(recorded, place, image=step.image_id)
        query = {"name": request.name, "platform": request.platform}
        made = self._client.call("POST", "/containers/create", query, request.create, deadline=left(ends_at))[1]["Id"]
        try:
            self._complete(made, request, ends_at)
        except EngineError:
            # half a container is nobody's: it never ran
            self._remove(ReplicaId(made), max(ends_at, time.monotonic() + SLACK))
            raise
        return ReplicaId(made)

    def _find_image(self, recorded: Request, step: Create, ends_at: float) -> ImageId | None:
        return step.image_id or self._images.find(recorded.create["Image"], deadline=left(ends_at))

    def _complete(self, made: str, request: Request, ends_at: float) -> None:
        for connect in request.connects:
            self._in_place.join(made, connect["network"], connect["endpoint"], ends_at)
        for archive in request.archives:
            data = b64decode(archive["data"])
            self._client.call("PUT", f"/containers/{made}/archive", archive["query"], data, deadline=left(ends_at))

    def _renew(self, project: ComposeProject, step: Create) -> Template:
        """With the hash that Compose writes for this holder; as it was where the files have moved on."""
        owner = step.template.namespace_of
        if owner is None:
            return step.template
        if step.holder is None:
            raise Conflict(f"{step.service} shares a namespace with {owner}, which has no replica")
        rendered = self._recorders.render(project)
        fresh = self._recorders.record(project, rendered, {owner: step.holder}).templates.get(step.service)
        if fresh is None or fresh.fingerprint != step.template.fingerprint:
            return step.template
        return carry_networks(fresh, step.template)

    def _refuse_taken(self, request: Request, step: Create, ends_at: float) -> None:
        """A number is taken by any container that has it, whatever its name."""
        marks = request.create["Labels"]
        wanted = [f"{name}={marks[name]}" for name in (labels.PROJECT, labels.SERVICE)]
        wanted += [f"{labels.NUMBER}={step.number}", f"{labels.ONEOFF}=False"]
        query = {"all": "1", "filters": {"label": wanted}}
        if get_list(self._client, "/containers/json", query, deadline=left(ends_at)):
            raise Conflict(f"replica {step.number} of {step.service} exists already")

    def _start(self, project: ComposeProject, step: Start, ends_at: float, made: list[Made]) -> None:
        if step.by_compose:
            self._start_by_compose(project, step, ends_at)
            return
        try:
            self._client.call("POST", f"/containers/{step.replica}/start", deadline=left(ends_at))
        except EngineError as error:
            if "paused" in error.message.lower():
                self._unpause(step.replica, ends_at)
            elif (network := ambiguous_network(error)) is not None:
                merge_networks(self._client, network, deadline=left(ends_at))
                self._client.call("POST", f"/containers/{step.replica}/start", deadline=left(ends_at))
            elif lacks_network(error) and self._join_anew(project, step, ends_at, made):
                self._client.call("POST", f"/containers/{step.replica}/start", deadline=left(ends_at))
            else:
                raise

    def _join_anew(self, project: ComposeProject, step: Start, ends_at: float, made: list[Made]) -> bool:
        recorders = self._recorders
        templates = {} if step.template else recorders.record(project, recorders.render(project), {}).templates
        template = step.template or templates.get(step.service)
        return template is not None and self._in_place.join_anew(step, template, ends_at, made)

    def _unpause(self, replica: ReplicaId, ends_at: float) -> None:
        try:
            self._client.call("POST", f"/containers/{replica}/unpause", deadline=left(ends_at))
        except EngineError as error:
            if "is not paused" not in error.message.lower():
                raise

    def _start_by_compose(self, project: ComposeProject, step: Start, ends_at: float) -> None:
        """Compose starts what does not run of a service, scaled to what is there: nothing is made or removed."""
        state = get_container(self._client, step.replica, deadline=left(ends_at))["State"]
        if state.get("Paused"):
            self._unpause(step.replica, ends_at)  # Compose fails on paused containers
            return
        if state.get("Running"):
            return
        name = project.name or self._recorders.render(project).name
        wanted = [f"{labels.PROJECT}={name}", f"{labels.SERVICE}={step.service}", f"{labels.ONEOFF}=False"]
        query = {"all": "1", "filters": {"label": wanted}}
        there = get_list(self._client, "/containers/json", query, deadline=left(ends_at))
        compose.start_service(project, self._client.endpoint, step.service, max(1, len(there)), deadline=left(ends_at))

    def _run_hooks(self, project: ComposeProject, step: Stop, ends_at: float) -> None:
        """`pre_stop` of this replica alone: Compose would stop its siblings too. A failing hook holds nothing up."""
        service = (self._recorders.render(project).model.get("services") or {}).get(step.service) or {}
        for hook in service.get("pre_stop") or ():
            command = tuple(_unescape(word) for word in hook["command"])
            inside.execute(self._client, step.replica, command, timeout=left(ends_at), settings=_exec_settings(hook))

    def _end(self, project: ComposeProject, step: Stop | Restart, ends_at: float) -> None:
        """To stop lasts as long as the container takes, at most its grace, and some slack."""
        verb, patience = "restart", left(ends_at)
        if isinstance(step, Stop):
            if step.by_compose:
                self._run_hooks(project, step, ends_at)
            verb, patience = "stop", min(left(ends_at), step.grace + SLACK)
        query = {"t": str(max(0, round(step.grace)))}
        self._client.call("POST", f"/containers/{step.replica}/{verb}", query, deadline=patience)

    def _remove(self, replica: ReplicaId, ends_at: float) -> None:
        """Without its volumes: also an anonymous one may hold data. What is gone or going already is done."""
        try:
            self._client.call("DELETE", f"/containers/{replica}", {"v": "0", "force": "0"}, deadline=left(ends_at))
        except Conflict as error:
            gone = isinstance(error.__cause__, Failure) and error.__cause__.status == 404
            if not gone and "is already in progress" not in error.message:
                raise


def _unescape(text: str) -> str:
    """A rendered project can be rendered again: it says `$$` where `$` is meant."""
    return text.replace("$$", "$")


def _exec_settings(hook: Mapping[str, Any]) -> Mapping[str, Any]:
    given = (hook.get("environment") or {}).items()
    environment = [f"{name}={_unescape(value)}" for name, value in given if value is not None]
    return {
        "User": hook.get("user") or "",
        "Privileged": bool(hook.get("privileged")),
        "WorkingDir": hook.get("working_dir") or "",
        "Env": environment,
    }
