"""Which releases of the kept generations can be gone back to. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from controller.model.generation import Ending, Generation
from controller.model.names import Release

RETURNABLE = 10
"""So many generations, the latest ones, can be gone back to: what they were made from is kept, and their images are."""


def find_returnable(generations: Sequence[Generation]) -> Iterator[tuple[str, Release]]:
    """By service, some of them more than once: all of the latest generations, and where an undo without a number goes.

    However long ago that is: each service's newest release that differs from its last one, and all of the newest
    generation that converged on anything else.
    """
    last = _newest(one.releases for one in generations)
    before = _newest(_others(one, last) for one in generations)
    yield from (*last.items(), *before.items())
    for generation in (*generations[-RETURNABLE:], *_last_whole(generations, last)):
        yield from generation.releases.items()


def _newest(releases: Iterable[Mapping[str, Release]]) -> Mapping[str, Release]:
    """By service. The releases are in the order in which they were in force."""
    return {name: release for some in releases for name, release in some.items()}


def _others(generation: Generation, last: Mapping[str, Release]) -> Mapping[str, Release]:
    return {name: release for name, release in generation.releases.items() if release != last[name]}


def _last_whole(generations: Sequence[Generation], last: Mapping[str, Release]) -> Sequence[Generation]:
    """The newest that converged on anything else; none where there is none."""
    found = [one for one in generations if one.ending is Ending.CONVERGED and _others(one, last)]
    return found[-1:]
