"""Removes one thing that is of no use, unless somebody has come to use it. By force nothing, and never a volume."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any
from urllib.parse import quote

from controller.engines.answers import get_list, get_object
from controller.engines.client import Client
from controller.engines.errors import Failure
from controller.engines.inventory import is_named
from controller.model.cleanup import Item, Layers, Rubbish
from controller.model.errors import Conflict, Rejected
from controller.model.images import normalise_image, repository_of
from controller.model.resources import CleanupPolicy


def clear(client: Client, item: Item, policy: CleanupPolicy, *, deadline: float) -> int | None:
    """The bytes that it freed; None: not known. Raises Conflict where it is used or gone by now, other EngineErrors."""
    match item.kind:
        case Rubbish.CONTAINER:  # its anonymous volumes stay
            client.call("DELETE", f"/containers/{item.id}", {"v": "0", "force": "0"}, deadline=deadline)
            return item.bytes
        case Rubbish.IMAGE:
            return _clear_image(client, item, time.monotonic() + deadline)
        case Rubbish.NETWORK:
            return _clear_network(client, item, deadline)
        case Rubbish.CACHE:
            return _clear_cache(client, policy, deadline)
        case Rubbish.LOG:
            raise Rejected(f"{item.name}: a log is never cut off", hint="set logging.options.max-size of its service")


def _clear_image(client: Client, item: Item, ends_at: float) -> int | None:
    """With `noprune` the engine takes nothing with it but that image: what it was built on may be needed."""
    inspect = _inspect(client, item.id, ends_at)
    tags = {normalise_image(name): str(name) for name in inspect.get("RepoTags") or ()}
    if tags.keys() != set(item.names):
        raise Conflict(f"{item.name} has other names by now: {', '.join(sorted(tags)) or 'none'}")
    if len(tags) > 1:
        _leave_one_name(client, item, tags, inspect, ends_at)
    _remove_image(client, item.id, ends_at)
    left = sum(one.bytes for one in item.along[_clear_along(client, item.along, ends_at) :])
    return None if item.bytes is None else max(0, item.bytes - left)


def _leave_one_name(
    client: Client, item: Item, tags: Mapping[str, str], inspect: Mapping[str, Any], ends_at: float
) -> None:
    """By its id the engine removes no image that has several names. All of them are ours; each is asked about anew.

    Nothing is untagged where the removal would be refused all the same. A repository's digests go with its last name.
    """
    surplus = sorted(tags)[1:]
    known = {repository_of(name) for name in tags}
    if strange := [one for one in inspect.get("RepoDigests") or () if repository_of(normalise_image(one)) not in known]:
        raise Conflict(f"{item.name} is known as {strange[0]}, too")
    query = {"all": "1", "filters": {"ancestor": [item.id]}}
    if users := get_list(client, "/containers/json", query, deadline=_left(ends_at)):
        raise Conflict(f"{str((users[0].get('Names') or ['?'])[0]).removeprefix('/')} is started from it by now")
    for name in surplus:
        if _inspect(client, tags[name], ends_at)["Id"] != item.id:
            raise Conflict(f"{name} stands for another image by now")
        _remove_image(client, tags[name], ends_at)


def _clear_along(client: Client, along: tuple[Layers, ...], ends_at: float) -> int:
    """How many of them are gone; the first that somebody has come to use, or to give a name, ends it."""
    gone = 0
    with suppress(Conflict):
        for one in along:
            if is_named(_inspect(client, one.id, ends_at)):
                break
            _remove_image(client, one.id, ends_at)
            gone += 1
    return gone


def _inspect(client: Client, image: str, ends_at: float) -> Mapping[str, Any]:
    """By its id or by a name."""
    with _gone_is_conflict():
        return get_object(client, f"/images/{quote(image, safe='/:@')}/json", "Id", deadline=_left(ends_at))


def _remove_image(client: Client, image: str, ends_at: float) -> None:
    """By its id, or one of several names that it has."""
    path = f"/images/{quote(image, safe='/:@')}"
    with _gone_is_conflict():
        client.call("DELETE", path, {"noprune": "1"}, deadline=_left(ends_at))


def _gone_is_conflict() -> AbstractContextManager[None]:
    """An image that is not here is what nobody can be started from, wherever else it is missed."""
    return _refusal_is_conflict(404)


@contextmanager
def _refusal_is_conflict(status: int) -> Iterator[None]:
    try:
        yield
    except Rejected as error:
        if isinstance(error.__cause__, Failure) and error.__cause__.status == status:
            raise Conflict(error.message) from error
        raise


def _clear_network(client: Client, item: Item, deadline: float) -> int:
    """The engine would remove it from under containers that are stopped."""
    query = {"all": "1", "filters": {"network": [item.id, item.name]}}
    if users := get_list(client, "/containers/json", query, deadline=deadline):
        raise Conflict(f"{str((users[0].get('Names') or ['?'])[0]).removeprefix('/')} is on it by now")
    with _refusal_is_conflict(403):  # it has active endpoints: somebody has come to be on it
        client.call("DELETE", f"/networks/{item.id}", deadline=deadline)
    return 0


def _clear_cache(client: Client, policy: CleanupPolicy, deadline: float) -> int | None:
    """The engine chooses, by the same rule: not used for so long, until it keeps no more than it may."""
    filters = {"until": [f"{policy.older_than:.0f}s"]}
    query = {"keep-storage": str(policy.keep_storage), "filters": filters}
    answer = client.call("POST", "/build/prune", query, deadline=deadline)[1]
    freed = answer.get("SpaceReclaimed") if isinstance(answer, dict) else None
    return freed if isinstance(freed, int) else None


def _left(ends_at: float) -> float:
    return max(0.1, ends_at - time.monotonic())
