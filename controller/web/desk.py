"""What all routes share: the window to the loop, the feed, the keys; and how an answer is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, cast

from fastapi import Depends, Request
from fastapi.responses import Response

from controller.loop.window import Window
from controller.model.status import ServiceStatus, StackStatus
from controller.web.feed import Feed, dumps
from controller.web.guard import Place
from controller.web.keys import Keys


@dataclass(frozen=True, slots=True)
class Desk:
    window: Window
    feed: Feed
    keys: Keys
    place: Place

    def stack(self, name: str) -> StackStatus:
        """As it was published last. Raises NotFound."""
        kept = self.feed.kept.get(name)
        if kept is None:
            raise NotFound(f"no stack is called '{name}'", f"known stacks: {', '.join(self.feed.kept) or 'none'}")
        return kept.stack

    def service(self, stack: str, name: str) -> ServiceStatus:
        found = next((one for one in self.stack(stack).services if one.name == name), None)
        if found is None:
            known = ", ".join(one.name for one in self.stack(stack).services) or "none"
            raise NotFound(f"{stack} has no service '{name}'", f"its services: {known}")
        return found


class NotFound(Exception):
    """There is no such thing here."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class Taken(Exception):
    """Too many do this already."""


def _desk(request: Request) -> Desk:
    return cast(Desk, request.app.state.desk)


AtDesk = Annotated[Desk, Depends(_desk)]


def answer(data: Any, status: int = 200) -> Response:
    return Response(dumps(data), status, media_type="application/json")


def refuse(status: int, message: str, hint: str | None = None, **more: Any) -> Response:
    return answer({"error": {"message": message, "hint": hint, **more}}, status)
