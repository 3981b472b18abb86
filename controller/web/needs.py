"""What each route wants of who asks. A route that says nothing cannot be made."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from fastapi import Request
from fastapi.responses import Response
from fastapi.routing import APIRoute

from controller.web.callers import Caller
from controller.web.guard import Refused
from controller.web.sights import Sight

Handler = Callable[..., Any]
_Same = TypeVar("_Same", bound=Handler)
_NEEDS: dict[Handler, Need | None] = {}


@dataclass(frozen=True, slots=True)
class Need:
    """`verb` on `resource`, in the stack that the path names; else in every stack, or with `somewhere` in any at all:
    the answer then holds what one may see. `resource` "": a key that is good, whatever it allows.
    """

    verb: str
    resource: str
    somewhere: bool = False

    def check(self, request: Request) -> None:
        """Raises Refused."""
        if self.resource and not self.somewhere:
            require(request, self.verb, self.resource, request.path_params.get("stack"))


KEYED = Need("", "")
"""Any key will do: it tells of the machine and of oneself."""


def needs(verb: str, resource: str, *, somewhere: bool = False) -> Callable[[_Same], _Same]:
    return declare(Need(verb, resource, somewhere))


def declare(need: Need | None) -> Callable[[_Same], _Same]:
    """None: open to anybody. What the guard in front wants of a path holds all the same."""

    def note(handler: _Same) -> _Same:
        _NEEDS[handler] = need
        return handler

    return note


def need_of(handler: Handler) -> Need | None:
    """Raises LookupError where nothing was declared."""
    if handler not in _NEEDS:
        raise LookupError(f"{handler.__module__}.{handler.__name__} does not declare what it needs")
    return _NEEDS[handler]


class CheckedRoute(APIRoute):
    """Refuses before anything of the request is looked at."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        need, handle = need_of(self.endpoint), super().get_route_handler()

        async def checked(request: Request) -> Response:
            if need is not None:
                need.check(request)
            return await handle(request)

        return checked


def caller_of(request: Request) -> Caller:
    return cast(Caller, request.state.caller)


def require(request: Request, verb: str, resource: str, stack: str | None = None) -> None:
    """Raises Refused (403) with why."""
    caller = caller_of(request)
    verdict = caller.may(verb, resource, stack)
    if not verdict.allowed:
        where = f" in {stack}" if stack is not None else ""
        raise Refused(403, f"{caller.name} may not {verb} {resource}{where}: {verdict.why}", "controller access list")


def sight_of(request: Request, resource: str = "stacks") -> Sight:
    """Which stacks who asks may see."""
    return Sight(caller_of(request), resource)
