"""Which networks that a project's containers are on are ours: what their label says, as names can be anybody's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from controller.engines import labels
from controller.engines.answers import get_list
from controller.engines.client import Client
from controller.model.confined import MARK, may_be_ours


class Marked:
    """Of one engine; asked once for each network, whose labels never change. Safe from several threads."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._ours: dict[str, bool] = {}
        """By Docker's id of the network."""

    def find(self, stack: str, inspects: Iterable[Mapping[str, Any]], *, deadline: float) -> frozenset[str]:
        """Names of those that are. Raises EngineErrors."""
        there = {pair for inspect in inspects for pair in _networks(inspect) if may_be_ours(stack, pair[0])}
        if not there:
            return frozenset()  # nearly always
        if any(found not in self._ours for _, found in there):
            return self._ask(stack, there, deadline)
        return frozenset(name for name, found in there if self._ours[found])

    def _ask(self, stack: str, there: Iterable[tuple[str, str]], deadline: float) -> frozenset[str]:
        """What has not run yet knows its networks by name alone."""
        query = {"filters": {"label": [MARK, f"{labels.PROJECT}={stack}"]}}
        listed = get_list(self._client, "/networks", query, deadline=deadline)
        ids, names = {one["Id"] for one in listed}, {one["Name"] for one in listed}
        self._ours.update((found, found in ids) for _, found in there if found)
        return frozenset(name for name, found in there if (found in ids if found else name in names))


def _networks(inspect: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Name and id of each."""
    networks = (inspect.get("NetworkSettings") or {}).get("Networks") or {}
    return ((name, str((endpoint or {}).get("NetworkID") or "")) for name, endpoint in networks.items())
