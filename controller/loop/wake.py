"""A nudge from one process to another: a datagram to a socket in the stack's state folder. Losing one loses nothing."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from controller import failpoints

SOCKET = "wake.sock"


def nudge(folder: Path) -> bool:
    """Tell the process that listens in this folder to look into the store; False where nobody listens."""
    return _send(folder)


class Listener:
    """Listens in a stack's folder and calls back for each nudge, on a thread of its own, until closed.

    Where no socket can be made, `listening` is False: its owner then has to look into the store now and then.
    """

    def __init__(self, folder: Path, on_nudge: Callable[[], None]) -> None:
        self._folder = folder
        self._on_nudge = on_nudge
        self._socket = _bind(folder)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="wake", daemon=True)
        if self._socket is not None:
            self._thread.start()

    @property
    def listening(self) -> bool:
        return self._socket is not None and not self._closing.is_set()

    def close(self) -> None:
        """Stop listening. Only the holder of the stack's lock listens, so the socket's file is ours to remove."""
        if self._socket is None or self._closing.is_set():
            return
        self._closing.set()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes `recv`, which `close` does not
        self._thread.join(2.0)
        self._socket.close()
        with suppress(OSError), failpoints.around("disk.socket"):
            (self._folder / SOCKET).unlink()

    def _listen(self) -> None:
        assert self._socket is not None
        while not self._closing.is_set():
            try:
                self._socket.recv(16)
            except OSError:
                return
            if not self._closing.is_set():
                self._on_nudge()


def _bind(folder: Path) -> socket.socket | None:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        with _address(folder) as address, failpoints.around("disk.socket"):
            with suppress(FileNotFoundError):
                (folder / SOCKET).unlink()
            made.bind(address)
            os.chmod(folder / SOCKET, 0o600)
    except OSError:
        made.close()
        return None
    return made


def _send(folder: Path) -> bool:
    try:
        with _address(folder) as address, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            sender.sendto(b"look", address)
    except BlockingIOError:
        return True  # a full queue of nudges is a nudge
    except OSError:
        return False
    return True


@contextmanager
def _address(folder: Path) -> Iterator[str]:
    """The socket's path through a handle of the folder: an address holds 107 bytes only, and folders may be deeper."""
    handle = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{handle}/{SOCKET}"
    finally:
        os.close(handle)
