"""How failures are told: `{"error": {"message", "hint"}}` with the status that says whose fault it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from controller.loop.window import UnknownStack
from controller.model.errors import ControllerError, InvalidInput, Transient
from controller.render.data import findings_data
from controller.web.desk import NotFound, refuse
from controller.web.guard import Refused
from controller.web.needs import sight_of
from controller.web.places import Taken

_AGAIN = 1
"""Seconds after which there may be room again."""


def tell_failures(app: FastAPI) -> None:
    """Of every route of that application."""
    for kind, handler in _HANDLERS.items():
        app.add_exception_handler(kind, handler)


class Once:
    """Has each fault told once: who asks again and again fills nobody's screen."""

    _MOST = 100

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._told: set[str] = set()

    def __call__(self, why: str) -> None:
        if why not in self._told and len(self._told) < self._MOST:
            self._told.add(why)
            self._tell(why)


async def _not_found(request: Request, error: Exception) -> Response:
    return refuse(404, str(error), getattr(error, "hint", None))


async def _refused(request: Request, error: Exception) -> Response:
    """Who asks may not, or not now."""
    assert isinstance(error, Refused)
    request.state.why = str(error)
    answered = refuse(error.status, str(error), error.hint)
    answered.headers.update(error.headers)
    return answered


async def _taken(request: Request, error: Exception) -> Response:
    answered = refuse(503, str(error), "try again")
    answered.headers["retry-after"] = str(_AGAIN)
    return answered


async def _invalid(request: Request, error: Exception) -> Response:
    """What is wrong with a request, field by field."""
    assert isinstance(error, RequestValidationError)
    told = "; ".join(f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in error.errors()[:10])
    return refuse(422, told or "the request cannot be read", "see docs/api.md")


async def _failed(request: Request, error: Exception) -> Response:
    """What cannot be done now (503), or as it stands (409), with the places of faults in files (422)."""
    assert isinstance(error, ControllerError)
    if isinstance(error, UnknownStack):
        return refuse(404, error.message, error.hint if sight_of(request).is_whole else None)  # it names the others
    if isinstance(error, InvalidInput):
        return refuse(422, error.message, error.hint, findings=findings_data(error.findings)["errors"])
    return refuse(503 if isinstance(error, Transient) else 409, error.message, error.hint)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return refuse(error.status_code, str(error.detail))


async def _broken(request: Request, error: Exception) -> Response:
    """A fault of ours, of which the loop tells more (`Guard`)."""
    return refuse(500, f"the controller failed: {type(error).__name__}", "controller events")


_HANDLERS: dict[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
    NotFound: _not_found,
    Refused: _refused,
    Taken: _taken,
    RequestValidationError: _invalid,
    ControllerError: _failed,
    HTTPException: _http,
    Exception: _broken,
}
