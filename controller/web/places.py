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

    def check(self) -> None:
        """Raises Taken where there is no room for another one."""
        if self.taken >= self._most:
            raise Taken(f"{self._most} {self._what} already")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Raises Taken where there is no room."""
        self.check()
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1
