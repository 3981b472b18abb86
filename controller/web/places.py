"""How many may do something at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator
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


class Shares(Places):
    """The same, few of them for each client: no one takes them all."""

    def __init__(self, most: int, each: int, what: str) -> None:
        super().__init__(most, what)
        self._each = each
        self._shares: Counter[Hashable] = Counter()

    @contextmanager
    def held_by(self, client: Hashable) -> Iterator[None]:
        """Raises Taken where there is no room, or none for this one."""
        if self._shares[client] >= self._each:
            raise Taken(f"{self._each} of this client {self._what} already")
        with self.held():
            self._shares[client] += 1
            try:
                yield
            finally:
                self._shares[client] -= 1
                if not self._shares[client]:
                    del self._shares[client]
