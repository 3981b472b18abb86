"""A server of a test's own on this machine."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress


@contextmanager
def receiving(answer: Callable[[socket.socket], object], *, most: int = 1000, at: int = 0) -> Iterator[int]:
    """One visitor after the other is answered, with what goes wrong with one left to him; its port.

    `most`: visitors that it takes; `at`: this port rather than a free one.
    """
    with closing(socket.create_server(("127.0.0.1", at))) as listening:

        def serve() -> None:
            with suppress(OSError):
                for _ in range(most):
                    visitor, _ = listening.accept()
                    with visitor, suppress(OSError):
                        answer(visitor)

        hand = threading.Thread(target=serve, daemon=True)
        hand.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            hand.join(5)
