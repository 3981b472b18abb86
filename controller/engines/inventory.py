"""What one daemon holds that may be of no use to a stack any more: its answers as values, and no decision."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from controller.engines import labels
from controller.engines.answers import get_container, get_list, get_object
from controller.engines.client import Client
from controller.engines.logsizes import find_logs
from controller.engines.parse import parse_instant
from controller.engines.stocktaking import (
    add_inspect,
    has_image_mounts,
    parse_cache,
    parse_container,
    parse_image,
    parse_network,
)
from controller.engines.vantage import Vantage
from controller.model.cleanup import CacheRecord, ContainerSeen, ImageSeen, Inventory, LogSeen
from controller.model.errors import Conflict, EngineError, Transient
from controller.model.names import ImageId

_SIZES_PATIENCE = 15.0
"""Seconds that an engine may count bytes: it walks through files for that, before API 1.42 through volumes' too."""

_TYPED = (1, 42)
"""The API from which on one can ask for the sizes of one kind alone."""

_ALL_CONTAINERS: tuple[str, Mapping[str, Any]] = ("/containers/json", {"all": "1"})
_ENDED = ("created", "exited", "dead")


class Stocktaker:
    """Of one daemon. `local`: its files are on this machine. Raises only EngineErrors; may come from any thread."""

    def __init__(self, client: Client, vantage: Vantage, *, local: bool) -> None:
        self._client, self._vantage, self._local = client, vantage, local

    def take(self, stack: str, known: Collection[ImageId], *, build_cache: bool, deadline: float) -> Inventory:
        """Sizes that the engine does not tell in time are left out, and that is said."""
        return _Take(self._client, self._vantage.ahead, stack, time.monotonic() + deadline).take(
            known, build_cache=build_cache, local=self._local
        )


class _Take:
    """One look. What there is comes first, and then who uses it: nobody is overlooked who began to in between."""

    def __init__(self, client: Client, ahead: float, stack: str, ends_at: float) -> None:
        self._client, self._ahead, self._stack, self._ends_at = client, ahead, stack, ends_at
        self._gaps: list[str] = []

    def take(self, known: Collection[ImageId], *, build_cache: bool, local: bool) -> Inventory:
        images, cache = self._images_and_cache(build_cache)
        seen = tuple(self._with_past(images, known))
        networks = tuple(parse_network(one, self._ahead) for one in self._networks())
        containers, inspects = self._containers()
        return Inventory(
            stack=self._stack,
            containers=containers,
            images=seen,
            networks=networks,
            cache=cache,
            logs=self._logs(inspects) if local else (),
            gaps=tuple(self._gaps),
        )

    @property
    def _left(self) -> float:
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise Transient("Docker did not say in time what it holds")
        return left

    def _list(self, path: str, query: Mapping[str, Any], patience: float = 1e9) -> list[dict[str, Any]]:
        return get_list(self._client, path, query, deadline=min(patience, self._left))

    # --- containers and networks

    def _containers(self) -> tuple[tuple[ContainerSeen, ...], Sequence[Mapping[str, Any]]]:
        """Of all projects, those of the stack, or with images as volumes, looked into; and what the stack's showed."""
        listed = [(parse_container(item), has_image_mounts(item)) for item in self._list(*_ALL_CONTAINERS)]
        sizes = self._container_sizes()
        found, inspects = [], []
        for one, has_images in listed:
            mine = one.project == self._stack
            inspect = self._inspect(one) if mine or has_images else None
            inspects += [inspect] if inspect is not None and mine else []
            found.append(one if inspect is None else add_inspect(one, inspect, sizes.get(one.id), self._ahead))
        return tuple(found), inspects

    def _inspect(self, one: ContainerSeen) -> Mapping[str, Any] | None:
        """None where it is gone by now."""
        try:
            return get_container(self._client, one.id, deadline=self._left)
        except Conflict:
            return None

    def _container_sizes(self) -> Mapping[str, int]:
        """What those that do not run have written."""
        filters = {"label": [f"{labels.PROJECT}={self._stack}"], "status": list(_ENDED)}
        query = {"all": "1", "size": "1", "filters": filters}
        try:
            listed = self._list("/containers/json", query, _SIZES_PATIENCE)
        except EngineError as error:
            self._gaps.append(f"how much containers take is not known: {error.message}")
            return {}
        return {item["Id"]: int(item.get("SizeRw") or 0) for item in listed}

    def _networks(self) -> list[dict[str, Any]]:
        return self._list("/networks", {"filters": {"label": [f"{labels.PROJECT}={self._stack}"]}})

    def _logs(self, inspects: Sequence[Mapping[str, Any]]) -> tuple[LogSeen, ...]:
        logs, gap = find_logs(inspects)
        self._gaps += [gap] if gap else []
        return logs

    # --- images and build cache

    def _images_and_cache(self, build_cache: bool) -> tuple[list[ImageSeen], tuple[CacheRecord, ...] | None]:
        """Where an engine tells both only with everything else, it is asked once."""
        version = tuple(int(part) for part in self._client.api_version(deadline=self._left).split("."))
        usage = self._usage(version, build_cache)
        sizes = self._shared(usage) if version < _TYPED else self._ask_shared()
        listed = self._list("/images/json", {"all": "1"})
        images = [parse_image(item, sizes.get(item["Id"]), self._ahead) for item in listed]
        cache = parse_cache(usage, self._ahead) if build_cache and usage is not None else None
        return images, cache

    def _usage(self, version: tuple[int, ...], build_cache: bool) -> Mapping[str, Any] | None:
        if version >= _TYPED and not build_cache:
            return None
        query = {"type": "build-cache"} if version >= _TYPED else None
        try:
            answer = self._client.get("/system/df", query, deadline=min(_SIZES_PATIENCE, self._left))
        except EngineError as error:
            what = "what the build cache holds" if build_cache else "which layers images share"
            self._gaps.append(f"{what} is not known: {error.message}")
            return None
        return answer if isinstance(answer, dict) else None

    def _ask_shared(self) -> Mapping[str, int]:
        """Only of those that nothing was built on: the others would count as sharing with them."""
        try:
            return _shared_of(self._list("/images/json", {"shared-size": "1"}, _SIZES_PATIENCE))
        except EngineError as error:
            self._gaps.append(f"which layers images share is not known: {error.message}")
            return {}

    def _shared(self, usage: Mapping[str, Any] | None) -> Mapping[str, int]:
        return _shared_of((usage or {}).get("Images") or ())

    def _with_past(self, images: Sequence[ImageSeen], known: Collection[ImageId]) -> Iterator[ImageSeen]:
        """Whether what the stack's images were built on ever had a name: else it is a builder's in between."""
        parents = {image.id: image.parent for image in images}
        start = [image.parent for image in images if image.id in known or image.project == self._stack]
        asked = {one for image in start for one in _chain(image, parents)}
        for image in images:
            is_asked = image.id in asked and not image.names
            yield replace(image, named_before=self._is_named(image)) if is_asked else image

    def _is_named(self, image: ImageSeen) -> bool:
        try:
            found = get_object(self._client, f"/images/{quote(image.id, safe=':')}/json", "Id", deadline=self._left)
        except EngineError:
            return True
        return is_named(found)


def is_named(inspect: Mapping[str, Any]) -> bool:
    """It has, or had, a name."""
    tagged_at = parse_instant((inspect.get("Metadata") or {}).get("LastTagTime") or None)
    return bool(inspect.get("RepoTags") or inspect.get("RepoDigests") or tagged_at is not None)


def _chain(image: ImageId | None, parents: Mapping[ImageId, ImageId | None]) -> Iterator[ImageId]:
    seen: set[ImageId] = set()
    while image is not None and image in parents and image not in seen:
        seen.add(image)
        yield image
        image = parents[image]


def _shared_of(listed: Sequence[Mapping[str, Any]]) -> Mapping[str, int]:
    return {item["Id"]: item["SharedSize"] for item in listed if int(item.get("SharedSize", -1)) >= 0}
