"""Local images by every name that people give them; listed once, again only after the event stream says so."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from controller.engines.answers import get_list, get_object
from controller.engines.client import Client
from controller.model.images import bare_id, normalise_image, read_id
from controller.model.names import ImageId

_OLDEST = 60.0


class Images:
    """Which image a name stands for now, and what an image says of itself. Safe from several threads."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._names: Mapping[str, ImageId] | None = None
        self._listed_at = 0.0
        self._configs: dict[str, Mapping[str, Any]] = {}

    def forget(self) -> None:
        """Tags may have moved."""
        with self._lock:
            self._names = None

    def find(self, name: str, *, deadline: float) -> ImageId | None:
        """The id of the local image of that name. Raises EngineErrors."""
        names = self._listed(deadline)
        found = names.get(normalise_image(name))
        if found is None and (digits := read_id(name)) is not None:
            found = next((image for image in names.values() if bare_id(image).startswith(digits)), None)
        return found

    def config(self, image_id: str, *, deadline: float) -> Mapping[str, Any]:
        """The `Config` of an image, which never changes for an id; empty where the image is gone."""
        with self._lock:
            found = self._configs.get(image_id)
        if found is None:
            path = f"/images/{quote(image_id, safe=':')}/json"
            found = get_object(self._client, path, "Id", deadline=deadline).get("Config") or {}
            with self._lock:
                self._configs[image_id] = found
        return found

    def _listed(self, deadline: float) -> Mapping[str, ImageId]:
        with self._lock:
            if self._names is not None and time.monotonic() - self._listed_at < _OLDEST:
                return self._names
        names = index_images(get_list(self._client, "/images/json", deadline=deadline))
        with self._lock:
            self._names, self._listed_at = names, time.monotonic()
            self._configs = {key: value for key, value in self._configs.items() if key in set(names.values())}
        return names


def index_images(listed: list[dict[str, Any]]) -> Mapping[str, ImageId]:
    """Every tag, digest and id of the list, normalised, to the id."""
    index: dict[str, ImageId] = {}
    for item in listed:
        image = ImageId(item["Id"])
        index[image] = image
        for name in (*(item.get("RepoTags") or ()), *(item.get("RepoDigests") or ())):
            if "<none>" not in name:
                index[normalise_image(name)] = image
    return index
