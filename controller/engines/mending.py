"""What is done to a container in place: its name, its networks and the names on them, its limits."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any, assert_never
from urllib.parse import quote

from controller.engines.answers import get_container, get_object
from controller.engines.client import Client
from controller.engines.deadline import SLACK, left
from controller.engines.drift import lost_networks, misjoined, wanted_endpoints
from controller.engines.ensure import ensure_surroundings
from controller.engines.limits import find_limits, update_body
from controller.engines.names import (
    add_names,
    find_holder,
    find_lower_address,
    nameless_endpoints,
    present_endpoint,
)
from controller.engines.parse import drop_temporary_prefix
from controller.engines.pool import remove_unused
from controller.engines.template import Place, Request, instantiate, read_request
from controller.model.desired import Template
from controller.model.errors import EngineError, Rejected, Transient
from controller.model.steps import Connect, Disconnect, Limit, Made, Rename, Start, Withdraw


class InPlace:
    """Mends and withdraws on one engine. Safe from several threads. `one_at_a_time`: held while networks are made."""

    def __init__(self, client: Client, one_at_a_time: threading.Lock) -> None:
        self._client, self._one_at_a_time = client, one_at_a_time

    def perform(self, step: Rename | Connect | Disconnect | Limit | Withdraw, ends_at: float, made: list[Made]) -> None:
        """`made` is added to by what had to be made for it. Raises EngineErrors."""
        match step:
            case Rename():
                self._rename(step, ends_at)
            case Connect():
                self._connect(step, ends_at, made)
            case Disconnect():
                self._disconnect(step, ends_at)
            case Limit():
                self._limit(step, ends_at)
            case Withdraw():
                self._withdraw(step, ends_at)
            case _:
                assert_never(step)

    def _rename(self, step: Rename, ends_at: float) -> None:
        inspect = get_container(self._client, step.replica, deadline=left(ends_at))
        name = inspect["Name"].removeprefix("/")
        final = step.name or drop_temporary_prefix(name) or name
        if final != name:
            self._client.call("POST", f"/containers/{step.replica}/rename", {"name": final}, deadline=left(ends_at))

    def _connect(self, step: Connect, ends_at: float, made: list[Made]) -> None:
        """The networks themselves may have gone too. Addresses and aliases are those of the create."""
        with self._one_at_a_time:
            made += ensure_surroundings(self._client, step.template, deadline=left(ends_at))
        request = instantiate(read_request(step.template), Place(step.number))
        inspect = get_container(self._client, step.replica, deadline=left(ends_at))
        endpoints, there = wanted_endpoints(request, inspect), inspect["NetworkSettings"].get("Networks") or {}
        found = (*lost_networks(request, inspect), *dict.fromkeys(one.network for one in misjoined(request, inspect)))
        networks = [network for network in found if not step.networks or network in step.networks]
        for network in networks:
            if network in there:
                self._put_right(inspect, network, endpoints[network], ends_at)
            else:
                self.join(step.replica, network, endpoints[network], ends_at)
        if any(network in there for network in networks):
            self._refuse_unlike(request, get_container(self._client, step.replica, deadline=left(ends_at)), networks)

    def _disconnect(self, step: Disconnect, ends_at: float) -> None:
        """What is left already is left. A network of ours that nobody is on any more goes; any other stays."""
        inspect = get_container(self._client, step.replica, deadline=left(ends_at))
        there = inspect["NetworkSettings"].get("Networks") or {}
        for network in step.networks:
            if network in there:
                self._leave(step.replica, network, ends_at)
        with self._one_at_a_time:
            for network in step.networks:
                remove_unused(self._client, network, deadline=left(ends_at))

    def _put_right(self, inspect: Mapping[str, Any], network: str, wanted: Any, ends_at: float) -> None:
        """Off that network and on again, as asked; where the engine refuses that, as it was."""
        replica, there = inspect["Id"], inspect["NetworkSettings"]["Networks"][network] or {}
        seen = get_object(self._client, f"/networks/{quote(network, safe='')}", "Id", deadline=left(ends_at))
        if (held := find_holder(wanted or {}, replica, seen)) is not None:
            raise Transient(f"{held[0]} on {network} is the address of {held[1]} now")
        self._leave(replica, network, ends_at)
        ends_at = max(ends_at, time.monotonic() + SLACK)
        try:
            self.join(replica, network, add_names(wanted or {}, there, inspect), ends_at)
        except EngineError:
            with suppress(EngineError):
                self.join(replica, network, present_endpoint(there, inspect), max(ends_at, time.monotonic() + SLACK))
            raise

    def _refuse_unlike(self, request: Request, inspect: Mapping[str, Any], networks: Collection[str]) -> None:
        """Raises Rejected where the engine takes it and shows something else: the next try would end so, too."""
        if unlike := [found.path for found in misjoined(request, inspect) if found.network in networks]:
            raise Rejected(f"the engine leaves {', '.join(unlike)} as it was")

    def _limit(self, step: Limit, ends_at: float) -> None:
        """Raises Rejected where the engine takes it and leaves it, as what its kernel cannot."""
        request = read_request(step.template)
        inspect = get_container(self._client, step.replica, deadline=left(ends_at))
        body = update_body(request, inspect, step.paths)
        if not body:
            return
        self._client.call("POST", f"/containers/{step.replica}/update", body=body, deadline=left(ends_at))
        inspect = get_container(self._client, step.replica, deadline=left(ends_at))
        if left_over := [found.path for found in find_limits(request, inspect) if found.path in step.paths]:
            raise Rejected(f"the engine leaves {', '.join(left_over)} as it was set")

    def _withdraw(self, step: Withdraw, ends_at: float) -> None:
        """Raises Rejected where its connections, for which this is done, would be cut by it."""
        inspect = get_container(self._client, step.replica, deadline=left(ends_at))
        endpoints, name = nameless_endpoints(inspect), inspect["Name"].removeprefix("/")
        for network in endpoints:
            path = f"/networks/{quote(network, safe='')}"
            seen = get_object(self._client, path, "Id", deadline=left(ends_at))
            if (lower := find_lower_address(inspect, seen)) is not None:
                raise Rejected(f"{name} keeps its names to its end: on {network} it would come back as {lower}")
        for network, endpoint in endpoints.items():
            self._rejoin(step.replica, network, endpoint, ends_at)

    def _rejoin(self, replica: str, network: str, endpoint: Any, ends_at: float) -> None:
        """The second half is done also where the first has taken all the time: nobody is left off its network."""
        self._leave(replica, network, ends_at)
        self.join(replica, network, endpoint, max(ends_at, time.monotonic() + SLACK))

    def _leave(self, replica: str, network: str, ends_at: float) -> None:
        path = f"/networks/{quote(network, safe='')}/disconnect"
        self._client.call("POST", path, body={"Container": replica}, deadline=left(ends_at))

    def join(self, replica: str, network: str, endpoint: Any, ends_at: float) -> None:
        """As its create says. Raises EngineErrors."""
        body = {"Container": replica, "EndpointConfig": endpoint}
        path = f"/networks/{quote(network, safe='')}/connect"
        self._client.call("POST", path, body=body, deadline=left(ends_at))

    def join_anew(self, step: Start, template: Template, ends_at: float, made: list[Made]) -> bool:
        """Networks may be removed under what does not run, as `docker network prune` does: they are made again, and it
        joins them as at its create. Whether that changed anything. Raises EngineErrors."""
        with self._one_at_a_time:
            made += ensure_surroundings(self._client, template, deadline=left(ends_at))
        request = instantiate(read_request(template), Place(step.number))
        there = get_container(self._client, step.replica, deadline=left(ends_at))["NetworkSettings"]["Networks"]
        found = {name: end for name, end in wanted_endpoints(request).items() if self._is_lost(name, there, ends_at)}
        for name, endpoint in found.items():
            self._rejoin(step.replica, name, endpoint, ends_at)
        return bool(found)

    def _is_lost(self, network: str, there: Mapping[str, Any], ends_at: float) -> bool:
        """The one that it was on had this name, and another one has it now."""
        if network not in there:
            return False
        seen = get_object(self._client, f"/networks/{quote(network, safe='')}", "Id", deadline=left(ends_at))
        return bool(seen["Id"] != there[network].get("NetworkID"))
