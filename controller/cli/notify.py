"""What systemd is told by a service of `Type=notify`: ready, a line of status, stopping."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence

from controller.cli.live import Screen
from controller.model.status import Event, StackStatus
from controller.render.paint import clean


class ServiceManager(Screen):
    """Passes everything on to a screen, and tells systemd, where it is there, when the first look is done."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._ready = False
        self._told = ""

    def update(self, stacks: Sequence[StackStatus]) -> None:
        self._tell(", ".join(f"{stack.name} {stack.phase}" for stack in stacks))
        self._screen.update(stacks)

    def event(self, event: Event) -> None:
        if not self._ready:
            # Up, though its engine or its files are not: systemd must not take that for a failed start.
            self._tell(clean(event.message))
        self._screen.event(event)

    def _tell(self, status: str) -> None:
        if not self._ready or status != self._told:
            first = "" if self._ready else "READY=1\n"
            self._ready, self._told = True, status
            notify(f"{first}STATUS={status}")

    def say(self, line: str) -> None:
        self._screen.say(line)

    def invite(self, address: str, make_link: Callable[[], str]) -> None:
        self._screen.invite(address, make_link)

    def close(self) -> None:
        notify("STOPPING=1")
        self._screen.close()


def notify(message: str) -> None:
    """One datagram to `$NOTIFY_SOCKET`; silent where there is none or it is gone."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    target = f"\0{address[1:]}" if address.startswith("@") else address
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.sendto(message.encode(), target)
    except OSError:
        return  # whoever asked to be told is gone; that must not stop us
