"""Who reaches whom on a Docker engine, found out by connecting from where the replicas are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from controller.engines import inside, knocker, labels
from controller.engines.answers import get_container, get_list
from controller.engines.client import Client
from controller.engines.knockscript import BATCH, NOTHING_THERE, by_python, by_shell, read_script
from controller.engines.spots import Namespace, hears, make_spot, read_networks
from controller.engines.transport import Endpoint
from controller.model.confined import may_be_ours
from controller.model.errors import Conflict, EngineError
from controller.model.names import ReplicaId
from controller.model.reach import Answer, Knock, Knocked, Spot

PARALLEL = 64
_HANDS = 8
_EXEC_PATIENCE = 60.0
Told = Callable[[int], None]
_LOST = Knocked(Answer.UNKNOWN, None, "the process that tries it ended before its turn")
_ENVIRONMENT = {"PATH": os.defpath, "LANG": "C.UTF-8"}
"""Of that process: nothing of ours, in which there may be secrets."""


class DockerNetProbe:
    """Of one engine. `enters`: by the network namespaces, where they are ours to enter; else by `docker exec` alone."""

    def __init__(self, client: Client, endpoint: Endpoint, *, enters: bool = True) -> None:
        self._client = client
        self._enters = enters and endpoint.socket_path is not None and os.geteuid() == 0
        self._spaces: dict[ReplicaId, Namespace] = {}

    def spots(self, stack: str, *, deadline: float) -> tuple[Spot, ...]:
        """The stack's running replicas; `docker compose run` makes none. Raises EngineErrors."""
        wanted = [f"{labels.PROJECT}={stack}", f"{labels.ONEOFF}=False"]
        listed = get_list(self._client, "/containers/json", {"filters": {"label": wanted}}, deadline=deadline)
        networks = read_networks(get_list(self._client, "/networks", deadline=deadline))
        with ThreadPoolExecutor(_HANDS, thread_name_prefix="spots") as pool:
            found = pool.map(lambda item: self._inspect(item, deadline), listed)
            inspects = {one["Id"]: one for one in found if one is not None and _runs(one)}
            inspects |= self._owners(inspects, deadline)
            own = [one for one in inspects.values() if one["Id"] in {item["Id"] for item in listed}]
            ports = dict(zip((one["Id"] for one in own), pool.map(self._hear, own), strict=True))
        return tuple(make_spot(one, inspects, networks, ports[one["Id"]]) for one in own)

    def strangers(self, stack: str, *, deadline: float) -> tuple[tuple[str, str], ...]:
        """Running containers on the stack's own networks that are no replicas: those of `docker compose run` too."""
        networks = get_list(self._client, "/networks", deadline=deadline)
        own = {one["Name"] for one in networks if (one.get("Labels") or {}).get(labels.PROJECT) == stack}
        everyone = get_list(self._client, "/containers/json", deadline=deadline)
        found = (
            (str((one.get("Names") or ["/?"])[0]).removeprefix("/"), str(network))
            for one in everyone
            if not _belongs(one.get("Labels") or {}, stack)
            for network in (one.get("NetworkSettings") or {}).get("Networks") or ()
            if network in own or may_be_ours(stack, network)
        )
        return tuple(sorted(found))

    def _inspect(self, item: Mapping[str, Any], deadline: float) -> dict[str, Any] | None:
        try:
            return get_container(self._client, item["Id"], deadline=deadline)
        except Conflict:
            return None

    def _owners(self, inspects: Mapping[str, Mapping[str, Any]], deadline: float) -> dict[str, dict[str, Any]]:
        """Containers outside the stack whose network namespace one of it shares."""
        modes = (str(one["HostConfig"].get("NetworkMode") or "") for one in inspects.values())
        owners = {mode.removeprefix("container:") for mode in modes if mode.startswith("container:")}
        found = (self._inspect({"Id": owner}, deadline) for owner in owners - inspects.keys())
        return {one["Id"]: one for one in found if one}

    def _hear(self, inspect: Mapping[str, Any]) -> frozenset[int] | None:
        """The ports on which it listens; None: the kernel's table cannot be read."""
        space, on_host = _space(inspect), inspect["HostConfig"].get("NetworkMode") == "host"
        self._spaces[ReplicaId(inspect["Id"])] = space
        if self._enters and (heard := space.ports(on_host=on_host)) is not None:
            return heard
        if on_host:
            return None
        words = ["grep", "-h", " 0A ", "/proc/net/tcp", "/proc/net/tcp6"]
        try:
            said = inside.execute(self._client, ReplicaId(inspect["Id"]), words, timeout=5.0)
        except EngineError:
            return None
        return hears(said.output.splitlines()) if said.exit_code in (0, 1) else None

    def knock(
        self, knocks: Sequence[Knock], *, patience: float = 0.3, told: Told = lambda _: None
    ) -> Mapping[Knock, Knocked]:
        """Try each, at most 64 at a time. `told` hears how many more are answered. Raises nothing.

        Where namespaces are entered, a command is run only in containers whose namespace could not be.
        """
        if not self._enters:
            found: dict[Knock, Knocked] = {}
            for one, knocked in self._knock_by_exec(knocks, patience):
                found[one] = knocked
                told(1)
            return found
        found = dict.fromkeys(knocks, _LOST)
        barred: dict[Knock, str] = {one: "nobody has looked there" for one in knocks if one.replica not in self._spaces}
        for one, knocked, entered in self._knock_within(knocks, patience, told):
            found[one] = knocked
            if not entered:
                barred[one] = knocked.reason
        for one, knocked in self._knock_by_exec(list(barred), patience):
            found[one] = knocked._replace(aside=barred[one])
        return found

    def _knock_within(
        self, knocks: Sequence[Knock], patience: float, told: Told
    ) -> Iterator[tuple[Knock, Knocked, bool]]:
        """From a process of its own that enters one namespace after another; the last: whether it could."""
        known = [one for one in knocks if one.replica in self._spaces]
        replicas = {replica: place for place, replica in enumerate(dict.fromkeys(one.replica for one in known))}
        asked = {
            "patience": patience,
            "parallel": PARALLEL,
            "spaces": [[self._spaces[replica].pid, self._spaces[replica].container] for replica in replicas],
            "knocks": [[replicas[one.replica], one.host, one.port] for one in known],
        }
        for number, answer, seconds, reason, entered in _run_knocker(asked):
            told(1)
            yield known[number], Knocked(Answer(answer), seconds, reason), entered

    def _knock_by_exec(self, knocks: Sequence[Knock], patience: float) -> Iterator[tuple[Knock, Knocked]]:
        by_replica: dict[ReplicaId, list[Knock]] = defaultdict(list)
        for one in knocks:
            by_replica[one.replica].append(one)
        batches = [many[at : at + BATCH] for many in by_replica.values() for at in range(0, len(many), BATCH)]
        if not batches:
            return
        with ThreadPoolExecutor(_HANDS, thread_name_prefix="knock") as pool:
            for answers in pool.map(lambda batch: self._execute(batch, patience), batches):
                yield from answers

    def _execute(self, batch: Sequence[Knock], patience: float) -> Iterable[tuple[Knock, Knocked]]:
        """By python where the container has it, which is the quickest; else by its shell's tools."""
        asked = [(one.host, one.port) for one in batch]
        for words in (by_python(asked, patience), by_shell(asked)):
            try:
                said = inside.execute(self._client, batch[0].replica, words, timeout=_EXEC_PATIENCE)
            except EngineError as error:
                return [(one, Knocked(Answer.UNKNOWN, None, error.message)) for one in batch]
            if answers := read_script(said.output):
                lost = Knocked(Answer.UNKNOWN, None, "the command in it did not answer")
                return [(one, answers.get(number, lost)) for number, one in enumerate(batch)]
        return [(one, Knocked(Answer.UNKNOWN, None, NOTHING_THERE)) for one in batch]


def _belongs(marks: Mapping[str, str], stack: str) -> bool:
    """A replica, also one that has just come, or one of the controller's own for that stack."""
    is_replica = marks.get(labels.PROJECT) == stack and marks.get(labels.ONEOFF) == "False"
    return is_replica or marks.get(labels.OWN_STACK) == stack


def _runs(inspect: Mapping[str, Any]) -> bool:
    """One that Docker is about to start again has no address meanwhile."""
    return bool(inspect["State"].get("Running")) and not inspect["State"].get("Restarting")


def _space(inspect: Mapping[str, Any]) -> Namespace:
    return Namespace(int(inspect["State"].get("Pid") or 0), inspect["Id"])


def _run_knocker(asked: Mapping[str, Any]) -> Iterator[tuple[int, str, float | None, str, bool]]:
    """Its lines as they come. What it cannot do is missing."""
    if not asked["knocks"]:
        return
    words = [sys.executable, "-I", "-S", str(Path(knocker.__file__))]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=_ENVIRONMENT
    ) as child:
        assert child.stdin is not None and child.stdout is not None
        try:
            with suppress(BrokenPipeError):  # it has ended, and its answers are missing
                child.stdin.write(json.dumps(asked))
                child.stdin.close()
            for line in child.stdout:
                yield tuple(json.loads(line))
        finally:
            child.kill()
