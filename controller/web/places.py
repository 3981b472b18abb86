"""How many may do something at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class Taken(Exception):
    """Too many do this already."""


class Places:
    """Belongs to the server's thread."""

    def __init__(self, most: int, what: str) -> None:
        self._most, self._what = most, what
        self.taken = 0

    def check(self, wanted: int = 1) -> None:
        """Raises Taken where there is no room for so many more."""
        if self.taken + wanted > self._most:
            raise Taken(f"{self._most} {self._what} already")

    def take(self) -> None:
        """Raises Taken where there is no room. To be given back."""
        self.check()
        self.taken += 1

    def give_back(self) -> None:
        self.taken -= 1

    @contextmanager
    def held(self) -> Iterator[None]:
        """Raises Taken where there is no room."""
        self.take()
        try:
            yield
        finally:
            self.give_back()
