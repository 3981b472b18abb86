"""Containers of our own on one engine: made as specified, replaced where they differ, reached through Docker alone."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from controller.engines import labels
from controller.engines.answers import get_list
from controller.engines.client import Client
from controller.engines.holders import Holders
from controller.engines.pool import remove_unused
from controller.engines.pull import Puller
from controller.engines.vantage import Vantage, is_taken, owns_address
from controller.model.confined import may_be_ours
from controller.model.errors import Conflict, EngineError, Rejected, Transient
from controller.model.names import ReplicaId
from controller.model.own import OwnSeen, OwnSpec, Placed, Publish, Role

_SLACK = 10.0
"""Seconds that a stop may take beyond its grace."""

_OTHER_IMAGE = {
    Role.INGRESS: "set HAPROXY_IMAGE, in the environment or the project's .env, to an image that is here or to be had"
}


class OwnContainers:
    """Our own containers on one daemon. Every method raises only EngineErrors and may come from any thread."""

    def __init__(self, client: Client, vantage: Vantage, puller: Puller, holders: Holders) -> None:
        self._client, self._vantage, self._puller, self._holders = client, vantage, puller, holders

    def find(self, stack: str, role: Role, *, deadline: float) -> tuple[OwnSeen, ...]:
        """Those of that role, running ones first. More than one: a replacement was interrupted."""
        wanted = [f"{labels.OWN_STACK}={stack}", f"{labels.OWN_ROLE}={role}"]
        found = get_list(
            self._client, "/containers/json", {"all": "1", "filters": {"label": wanted}}, deadline=deadline
        )
        return tuple(sorted(map(_parse, found), key=lambda seen: (not seen.running, seen.name)))

    def placed(self, stack: str, *, deadline: float) -> tuple[Placed, ...]:
        """Running replicas of the stack with their addresses."""
        wanted = [f"{labels.PROJECT}={stack}", f"{labels.ONEOFF}=False"]
        found = get_list(self._client, "/containers/json", {"filters": {"label": wanted}}, deadline=deadline)
        return tuple(placed for item in found if (placed := _parse_placed(item)) is not None)

    def prepare(self, spec: OwnSpec, *, deadline: float) -> ReplicaId:
        """It exists as specified, running or not, and is on all of its networks; what runs otherwise stays. Its id.

        An image that is not here is pulled, which takes its own time beside the deadline.
        """
        ends_at = time.monotonic() + deadline
        spec = replace(spec, user=self._user(spec.user, ends_at))
        found = self.find(spec.stack, spec.role, deadline=_left(ends_at))
        right = next((seen for seen in found if seen.contents == contents(spec)), None)
        if right is None:
            right, ends_at = self._make(spec, found, ends_at)
        self._join(right, spec.networks, ends_at)
        return right.id

    def ensure(self, spec: OwnSpec, *, grace: float, deadline: float) -> None:
        """It runs as specified, on all of its networks, and is the only one of its role.

        Where its ports are another container's, the gap lasts from the stop of the old one (`grace` seconds for its
        open connections) to the start of the new one, which is made before. One that cannot start changes nothing: the
        old one serves on. Raises Transient while a host port is taken by somebody else.
        """
        made = self.prepare(spec, deadline=deadline)
        ends_at = time.monotonic() + deadline
        found = self.find(spec.stack, spec.role, deadline=_left(ends_at))
        mine = next((seen for seen in found if seen.id == made), None)
        if mine is None:
            raise Conflict(f"{spec.name} went while it was looked at")
        others = [seen for seen in found if seen.id != made]
        if not mine.running:
            try:
                _refuse_taken(spec, others)
                self._take_over(mine, others, grace, ends_at)
            except EngineError as error:
                raise self._holders.explain(error) from error.__cause__
        for other in others:
            self._retire(other, grace, _left(ends_at))
        if mine.name != spec.name:
            self._client.call("POST", f"/containers/{made}/rename", {"name": spec.name}, deadline=_left(ends_at))

    def signal(self, container: ReplicaId, signal: str, *, deadline: float) -> None:
        """Send its first process a signal that it handles."""
        self._client.call("POST", f"/containers/{container}/kill", {"signal": signal}, deadline=deadline)

    def leave(self, container: ReplicaId, networks: Sequence[str], *, deadline: float) -> None:
        """Take it off these networks; of those that are ours, whoever leaves last removes them."""
        ends_at = time.monotonic() + deadline
        for network in networks:
            path = f"/networks/{quote(network, safe='')}/disconnect"
            with suppress(Conflict):
                self._client.call("POST", path, body={"Container": container}, deadline=_left(ends_at))
            remove_unused(self._client, network, deadline=_left(ends_at))

    def remove(self, stack: str, role: Role, *, grace: float, deadline: float) -> None:
        """None of that role is left."""
        ends_at = time.monotonic() + deadline
        for seen in self.find(stack, role, deadline=deadline):
            self._retire(seen, grace, _left(ends_at))
            for network in seen.networks:
                if may_be_ours(stack, network):
                    remove_unused(self._client, network, deadline=_left(ends_at))

    def _user(self, user: str, ends_at: float) -> str:
        """Whom a rootless engine calls root is the one who runs it; every other user inside is a stranger outside."""
        return "0:0" if self._vantage.is_rootless(deadline=_left(ends_at)) else user

    def _make(self, spec: OwnSpec, found: Sequence[OwnSeen], ends_at: float) -> tuple[OwnSeen, float]:
        """The container, and until when the rest has time."""
        try:
            return self._create(spec, found, ends_at), ends_at
        except Rejected as error:
            if "no such image" not in error.message.lower():
                raise
        time_left = _left(ends_at)
        self._puller.pull(spec.image, spec.name, _OTHER_IMAGE[spec.role])
        ends_at = time.monotonic() + time_left
        return self._create(spec, [seen for seen in found if seen.running], ends_at), ends_at

    def _create(self, spec: OwnSpec, found: Sequence[OwnSeen], ends_at: float) -> OwnSeen:
        """Beside the one that runs; half-made ones of before serve nobody and go."""
        for seen in found:
            if not seen.running:
                self._retire(seen, 0.0, _left(ends_at))
        name = f"{spec.name}-next" if any(seen.running for seen in found) else spec.name
        body = create_body(spec)
        answer = self._client.call("POST", "/containers/create", {"name": name}, body, deadline=_left(ends_at))[1]
        return OwnSeen(ReplicaId(answer["Id"]), name, contents(spec), False, frozenset(spec.networks[:1]))

    def _take_over(self, mine: OwnSeen, others: Sequence[OwnSeen], grace: float, ends_at: float) -> None:
        """The host ports are free once the others have stopped: removing them can wait, and they may be needed again.

        Where none runs, whoever tried this before died in between: then one that was stopped is what served last.
        """
        serving = [other for other in others if other.running]
        try:
            for other in serving:
                self._stop(other, grace, _left(ends_at))
            self._start(mine, ends_at)
        except EngineError:
            for other in serving or others[:1]:
                with suppress(EngineError):  # it is the other error that is to be told
                    self._client.call("POST", f"/containers/{other.id}/start", deadline=_SLACK)
            raise

    def _start(self, seen: OwnSeen, ends_at: float) -> None:
        """One that was stopped while its network was made anew can never start again: the next try makes another."""
        try:
            self._client.call("POST", f"/containers/{seen.id}/start", deadline=_left(ends_at))
        except EngineError as error:
            if "network" in error.message and "not found" in error.message:
                self._retire(seen, 0.0, _left(ends_at))
                raise Conflict(f"{seen.name} was on a network that is gone; it is made anew") from error
            raise

    def _retire(self, seen: OwnSeen, grace: float, deadline: float) -> None:
        """Stop it softly and remove it."""
        ends_at = time.monotonic() + deadline
        self._stop(seen, grace, deadline)
        self._discard(seen, _left(ends_at))

    def _stop(self, seen: OwnSeen, grace: float, deadline: float) -> None:
        """What is gone or stopped already is done."""
        if seen.running:
            query = {"t": str(max(1, round(grace)))}
            with suppress(Conflict):
                path = f"/containers/{seen.id}/stop"
                self._client.call("POST", path, query, deadline=min(deadline, grace + _SLACK))

    def _discard(self, seen: OwnSeen, deadline: float) -> None:
        with suppress(Conflict):
            self._client.call("DELETE", f"/containers/{seen.id}", {"v": "0", "force": "1"}, deadline=deadline)

    def _join(self, seen: OwnSeen, networks: Sequence[str], ends_at: float) -> None:
        """The networks that it lacks. One that is gone is left out: who is on it is gone too."""
        for network in networks:
            if network in seen.networks:
                continue
            path = f"/networks/{quote(network, safe='')}/connect"
            with suppress(Conflict):
                self._client.call("POST", path, body={"Container": seen.id}, deadline=_left(ends_at))


def create_body(spec: OwnSpec) -> dict[str, Any]:
    """The create request. Only what it needs: no capability, no writable root, no socket of Docker's."""
    exposed, bound = _ports(spec.publish)
    return {
        "Image": spec.image,
        "Entrypoint": list(spec.command[:1]),
        "Cmd": list(spec.command[1:]),
        "User": spec.user,
        "StopSignal": spec.stop_signal,
        "Labels": {labels.OWN_STACK: spec.stack, labels.OWN_ROLE: str(spec.role), labels.OWN_CONTENTS: contents(spec)},
        "ExposedPorts": exposed,
        "HostConfig": {
            "Binds": [f"{bind.source}:{bind.target}:{'ro' if bind.read_only else 'rw'}" for bind in spec.binds],
            "PortBindings": bound,
            "NetworkMode": spec.networks[0],
            "ReadonlyRootfs": True,
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "Sysctls": {"net.ipv4.ip_unprivileged_port_start": "0"},
            "Memory": spec.memory,
            "PidsLimit": 128,
            "Ulimits": [{"Name": "nofile", "Soft": 16384, "Hard": 16384}],
            **_log_config(spec.logs),
            # Whoever restarts it has to look first: the addresses that it led to may be somebody else's by then.
            "RestartPolicy": {"Name": "no"},
        },
    }


def _log_config(octets: int) -> dict[str, Any]:
    """In five files, of which the oldest goes."""
    if not octets:
        return {}
    return {"LogConfig": {"Type": "local", "Config": {"max-size": str(octets // 5), "max-file": "5"}}}


def _refuse_taken(spec: OwnSpec, others: Sequence[OwnSeen]) -> None:
    """Whoever serves is not stopped for one that cannot start. Told only where the engine's ports are ours to see."""
    serving = [other for other in others if other.running]
    if not any(owns_address(gateway) for other in serving for gateway in other.gateways):
        return
    had = {port for other in serving for port in other.ports}
    for port in sorted(spec.publish):
        if port.host_port not in had and is_taken(port.host_ip, port.host_port):
            place = f"{port.host_ip}:{port.host_port}" if port.host_ip else str(port.host_port)
            raise Transient(f"host port {place} is already in use", hint="free it, or publish another one")


def contents(spec: OwnSpec) -> str:
    """A digest of all that means another container: networks are joined, and it may take any name."""
    document = [
        *(spec.image, spec.command, spec.user, spec.stop_signal, spec.memory),
        *(sorted((port.host_ip, port.host_port, port.port) for port in spec.publish),),
        *(sorted((bind.source, bind.target, bind.read_only) for bind in spec.binds),),
        *((spec.logs,) if spec.logs else ()),
    ]
    return hashlib.sha256(json.dumps(document).encode()).hexdigest()[:16]


def _ports(publish: Sequence[Publish]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is exposed and what it is bound to."""
    bound: dict[str, list[dict[str, str]]] = {}
    for port in sorted(publish):
        binding = {"HostIp": port.host_ip, "HostPort": str(port.host_port)}
        bound.setdefault(f"{port.port}/tcp", []).append(binding)
    return {name: {} for name in bound}, bound


def _parse(item: Mapping[str, Any]) -> OwnSeen:
    networks = (item.get("NetworkSettings") or {}).get("Networks") or {}
    gateways = ((endpoint or {}).get("Gateway") for endpoint in networks.values())
    return OwnSeen(
        ReplicaId(item["Id"]),
        str((item.get("Names") or [""])[0]).removeprefix("/"),
        str((item.get("Labels") or {}).get(labels.OWN_CONTENTS, "")),
        item.get("State") == "running",
        frozenset(networks),
        frozenset(port["PublicPort"] for port in item.get("Ports") or () if port.get("PublicPort")),
        frozenset(gateway for gateway in gateways if gateway),
    )


def _parse_placed(item: Mapping[str, Any]) -> Placed | None:
    marks = item.get("Labels") or {}
    number = str(marks.get(labels.NUMBER, ""))
    if labels.SERVICE not in marks or not number.isdigit():
        return None
    networks = (item.get("NetworkSettings") or {}).get("Networks") or {}
    addresses = {
        name: address
        for name, endpoint in networks.items()
        if (address := (endpoint or {}).get("IPAddress") or (endpoint or {}).get("GlobalIPv6Address"))
    }
    return Placed(ReplicaId(item["Id"]), marks[labels.SERVICE], int(number), addresses)


def _left(ends_at: float) -> float:
    remaining = ends_at - time.monotonic()
    if remaining <= 0:
        raise Transient("no time was left for it")
    return remaining
