"""Where in the user's own files a published port is written: known by what it is, and not by its text, which may hold
variables and ranges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from controller.intake.places import Item, Places, Spot
from controller.security.reading import Keys
from controller.security.spans import Key, Published, each_port, short_port


class _Written(NamedTuple):
    item: Item
    port: Published


class _Ports(NamedTuple):
    """Of one service. `known`: the first of each; `wide`: those that stand for several."""

    known: Mapping[Key, _Written]
    wide: tuple[_Written, ...]


class PortPlaces:
    """Places of one project, ports told apart."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._services: dict[str, _Ports] = {}

    def written(self, path: Keys) -> str | None:
        """As `Places.written`."""
        return self._places.written(path)

    def ranges(self, service: str) -> tuple[Published, ...]:
        """Ports that are written as a range, of which Compose makes several."""
        return tuple(one.port for one in self._ports(service).wide if one.port.target[0] != one.port.target[1])

    def find(self, path: Keys, needle: str = "") -> Spot | None:
        """As `Places.find`; the first line of the needle of a port is that in its short form, and the last one may be
        `target`, where it is about that end."""
        if path[:1] == ("services",) and path[2:3] == ("ports",) and isinstance(path[-1], int):
            short, *keys = needle.split("\n")
            wanted = short_port(short)
            found = self._find(str(path[1]), wanted) if wanted is not None else None
            if found is not None:
                return _spot(found.item, len(path), (*keys[-1:], "published", "target"))
        return self._places.find(path, needle)

    def _find(self, service: str, wanted: Published) -> _Written | None:
        """That very one; else one that it is part of, at the same address if there is one."""
        known, wide = self._ports(service)
        if (found := known.get(wanted.key)) is not None:
            return found
        around = [one for one in wide if wanted.within(one.port)]
        return max(around, key=lambda one: one.port.key[0] == wanted.key[0], default=None)

    def _ports(self, service: str) -> _Ports:
        if service not in self._services:
            written = tuple(self._read(service))
            known = {one.port.key: one for one in reversed(written)}
            self._services[service] = _Ports(known, tuple(filter(_is_wide, written)))
        return self._services[service]

    def _read(self, service: str) -> Iterator[_Written]:
        for item in self._places.items(("services", service, "ports")):
            yield from (_Written(item, port) for port in each_port({"ports": [item.value]}))


def _is_wide(one: _Written) -> bool:
    return one.port.target[0] != one.port.target[1] or (
        one.port.host is not None and one.port.host[0] != one.port.host[1]
    )


def _spot(item: Item, depth: int, keys: tuple[str, ...]) -> Spot:
    """In the long form, where it says which port it is."""
    written = item.node.keys or {}
    key = next((written[name] for name in keys if name in written), None)
    return Spot(item.file, key.place if key is not None else item.node.place, depth)
