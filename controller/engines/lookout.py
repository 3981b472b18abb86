"""What a scan asks an engine: how a stack runs, which images it has, who else is on its networks and volumes."""

from __future__ import annotations

import json
import os
import stat
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from controller.engines import labels
from controller.engines.answers import get_container, get_list, get_object
from controller.engines.client import Client
from controller.engines.deadline import left
from controller.engines.ensure import find_at
from controller.engines.images import Images
from controller.engines.likeness import like_compose
from controller.engines.transport import Endpoint
from controller.engines.vantage import Vantage
from controller.model.errors import ControllerError, EngineError
from controller.model.running import ImageFacts, Model, Posture, Ran, Running, Stranger

_COMMANDS_FOR = 3600.0
"""Seconds back for which commands in containers are looked for; the engine keeps its last 256 events."""
_DAEMON_JSON = "/etc/docker/daemon.json"
_ROOT = ("0", "root")


class Lookout:
    """Of one engine. Safe from several threads."""

    def __init__(self, client: Client, images: Images, vantage: Vantage, endpoint: Endpoint) -> None:
        self._client, self._images, self._vantage, self._endpoint = client, images, vantage, endpoint

    def look(self, stack: str, *, deadline: float) -> Running:
        """Raises EngineErrors. What goes while it is looked at is left out."""
        ends_at = time.monotonic() + deadline
        info = self._vantage.ask(deadline=left(ends_at))
        inspects = [*self._inspects(stack, ends_at)]
        return Running(
            services=self._services(stack, inspects, info, ends_at),
            volumes=dict(self._volumes(inspects, ends_at)),
            commands=tuple(self._commands(stack, {one["Id"]: one for one in inspects}, ends_at)),
            strangers=tuple(self._strangers(stack, {one["Id"] for one in inspects}, ends_at)),
            posture=self._posture(info),
        )

    def _inspects(self, stack: str, ends_at: float) -> Iterator[dict[str, Any]]:
        query = {"filters": {"label": [f"{labels.PROJECT}={stack}"]}}
        for item in get_list(self._client, "/containers/json", query, deadline=left(ends_at)):
            if labels.SERVICE in (item.get("Labels") or {}):
                with suppress(EngineError):
                    yield get_container(self._client, item["Id"], deadline=left(ends_at))

    def _services(
        self, stack: str, inspects: Sequence[Mapping[str, Any]], info: Mapping[str, Any], ends_at: float
    ) -> Mapping[str, tuple[Model, ...]]:
        found: dict[str, list[Model]] = defaultdict(list)
        shares_groups = str(info.get("CgroupVersion") or "1") == "1"
        runtime = str(info.get("DefaultRuntime") or "runc")
        for one in inspects:
            config = one.get("Config") or {}
            brought = self._brought(str(one.get("Image") or ""), ends_at)
            model = like_compose(one, stack, brought=brought, shares_groups=shares_groups, runtime=runtime)
            service = (config.get("Labels") or {})[labels.SERVICE]
            if model not in found[service]:
                found[service].append(model)
        return {name: tuple(models) for name, models in found.items()}

    def _brought(self, image: str, ends_at: float) -> Mapping[str, Any]:
        try:
            return self._images.config(image, deadline=left(ends_at))
        except ControllerError:
            return {}

    def image(self, name: str, *, deadline: float) -> ImageFacts | None:
        """None: there is none of that name. Raises EngineErrors."""
        ends_at = time.monotonic() + deadline
        found = self._images.find(name, deadline=left(ends_at))
        if found is None:
            return None
        config = self._images.config(found, deadline=left(ends_at))
        path = f"/images/{quote(found, safe=':')}/history"
        history = get_list(self._client, path, deadline=left(ends_at))
        test = (config.get("Healthcheck") or {}).get("Test") or ["NONE"]
        made = tuple(str(line.get("CreatedBy") or "") for line in history)
        return ImageFacts(str(config.get("User") or ""), tuple(config.get("Env") or ()), made, bool(test[0] != "NONE"))

    def _volumes(self, inspects: Sequence[Mapping[str, Any]], ends_at: float) -> Iterator[tuple[str, Model]]:
        mounts = (mount for one in inspects for mount in one.get("Mounts") or () if mount.get("Type") == "volume")
        for name in sorted({str(mount.get("Name") or "") for mount in mounts} - {""}):
            with suppress(EngineError):
                if options := self.volume(name, deadline=left(ends_at)):
                    yield name, options

    def volume(self, name: str, *, deadline: float) -> Mapping[str, str] | None:
        """Options of its driver; None: there is none of that name. Raises EngineErrors."""
        found = find_at(self._client, f"/volumes/{quote(name, safe='')}", deadline)
        if found is None:
            return None
        return {str(key): str(value) for key, value in (found.get("Options") or {}).items()}

    # --- who else was, or is, there

    def _commands(self, stack: str, inspects: Mapping[str, Mapping[str, Any]], ends_at: float) -> Iterator[Ran]:
        """With rights that their containers have not: as the engine remembers them."""
        now = time.time()
        query = {
            "since": f"{now - _COMMANDS_FOR:.0f}",
            "until": f"{now + 1:.0f}",
            "filters": {"type": ["container"], "event": ["exec_create"], "label": [f"{labels.PROJECT}={stack}"]},
        }
        told: set[Ran] = set()
        for event in self._events(query, ends_at):
            actor = (event.get("Actor") or {}).get("Attributes") or {}
            container = inspects.get(str((event.get("Actor") or {}).get("ID") or ""), {})
            with suppress(EngineError):
                one = get_object(self._client, f"/exec/{actor.get('execID')}/json", "ID", deadline=left(ends_at))
                ran = find_ran(one.get("ProcessConfig") or {}, actor, container)
                if ran is not None and ran not in told:
                    told.add(ran)
                    yield ran

    def _events(self, query: Mapping[str, Any], ends_at: float) -> Iterator[dict[str, Any]]:
        try:
            with self._client.stream("GET", "/events", query, deadline=left(ends_at)) as (response, _):
                for line in response.read().splitlines():
                    with suppress(ValueError):
                        found = json.loads(line)
                        if isinstance(found, dict):
                            yield found
        except EngineError:
            return

    def _strangers(self, stack: str, ours: set[str], ends_at: float) -> Iterator[Stranger]:
        everyone = get_list(self._client, "/containers/json", deadline=left(ends_at))
        others = [one for one in everyone if one["Id"] not in ours and not _belongs(one, stack)]
        query = {"filters": {"label": [f"{labels.PROJECT}={stack}"]}}
        networks = get_list(self._client, "/networks", query, deadline=left(ends_at)) if others else []
        volumes = (
            (self._client.get("/volumes", query, deadline=left(ends_at)) or {}).get("Volumes") or () if others else ()
        )
        keys = {str(one["Name"]): str((one.get("Labels") or {}).get(labels.NETWORK) or "") for one in networks}
        kept = {str(one["Name"]): str((one.get("Labels") or {}).get(labels.VOLUME) or "") for one in volumes}
        for one in others:
            name = str((one.get("Names") or ["/?"])[0]).removeprefix("/")
            theirs = _stack_of(one)
            for network in (one.get("NetworkSettings") or {}).get("Networks") or ():
                if network in keys:
                    yield Stranger(name, "network", network, keys[network], theirs)
            for mount in one.get("Mounts") or ():
                if mount.get("Name") in kept:
                    yield Stranger(name, "volume", str(mount["Name"]), kept[str(mount["Name"])], theirs)

    # --- the engine itself

    def _posture(self, info: Mapping[str, Any]) -> Posture:
        options = " ".join(str(one) for one in info.get("SecurityOptions") or ())
        local = self._vantage.shares_machine(info)
        settings = _read_settings() if local else {}
        registries = (info.get("RegistryConfig") or {}).get("InsecureRegistryCIDRs") or ()
        return Posture(
            rootless="rootless" in options,
            userns_remap="userns" in options,
            authorised=bool((info.get("Plugins") or {}).get("Authorization")),
            live_restore=info.get("LiveRestoreEnabled"),
            no_new_privileges="no-new-privileges" in options,
            experimental=bool(info.get("ExperimentalBuild")),
            swarm=(info.get("Swarm") or {}).get("LocalNodeState") == "active",
            icc=settings.get("icc", True) if local else None,
            iptables=settings.get("iptables", True) if local else None,
            userland_proxy=settings.get("userland-proxy", True) if local else None,
            log_level=settings.get("log-level") if local else None,
            insecure_registries=tuple(one for one in registries if not str(one).startswith(("127.", "::1"))),
            plain_hosts=tuple(_plain_hosts(settings, self._endpoint.host)),
            socket_mode=_socket_mode(self._endpoint) if local else None,
            version=str(info.get("ServerVersion") or ""),
            runc=str((info.get("RuncCommit") or {}).get("ID") or "") if _is_release(info) else "",
            apparmor="apparmor" in options,
        )


def find_ran(process: Mapping[str, Any], actor: Mapping[str, Any], container: Mapping[str, Any]) -> Ran | None:
    """A command with rights that its container has not; None: it has none, as the engine's own health checks.
    `container`: its inspect, empty where it is gone."""
    own = str((container.get("Config") or {}).get("User") or "root") if container else ""
    rooted = _is_root(str(process.get("user") or "")) and not _is_root(own)
    privileged = bool(process.get("privileged")) and not (container.get("HostConfig") or {}).get("Privileged")
    if not privileged and not rooted:
        return None
    user = str(process.get("user") or "")
    program = str(process.get("entrypoint") or "")  # its arguments may hold secrets
    return Ran(str(actor.get(labels.SERVICE) or ""), str(actor.get("name") or ""), program, user, privileged)


def _is_root(user: str) -> bool:
    return user.split(":", maxsplit=1)[0] in _ROOT


def _belongs(one: Mapping[str, Any], stack: str) -> bool:
    marks = one.get("Labels") or {}
    return stack in (marks.get(labels.PROJECT), marks.get(labels.OWN_STACK))


def _stack_of(one: Mapping[str, Any]) -> str:
    """Whose it is by its own account; "": nobody's."""
    marks = one.get("Labels") or {}
    return str(marks.get(labels.PROJECT) or marks.get(labels.OWN_STACK) or "")


def _read_settings() -> Mapping[str, Any]:
    """What the engine's own file says; where it cannot be read, what holds without one."""
    try:
        with open(_DAEMON_JSON, encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _plain_hosts(settings: Mapping[str, Any], endpoint: str) -> Iterator[str]:
    if settings.get("tlsverify") or settings.get("tls"):
        return
    hosts = settings.get("hosts") or ()
    for host in dict.fromkeys([*(hosts if isinstance(hosts, list) else ()), endpoint]):
        if str(host).startswith("tcp://") and not os.environ.get("DOCKER_TLS_VERIFY"):
            yield str(host)


def _socket_mode(endpoint: Endpoint) -> int | None:
    if endpoint.socket_path is None:
        return None
    try:
        return stat.S_IMODE(os.stat(endpoint.socket_path).st_mode)
    except OSError:
        return None


def _is_release(info: Mapping[str, Any]) -> bool:
    return "." in str((info.get("RuncCommit") or {}).get("ID") or "")
