"""The API as one ASGI application: its routes, how failures are told, and the guard in front."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from controller import __version__
from controller.loop.window import UnknownStack
from controller.model.errors import ControllerError, InvalidInput, Transient
from controller.render.data import findings_data
from controller.web.asks import asks
from controller.web.desk import Desk, NotFound, Taken, refuse
from controller.web.figures import figures
from controller.web.guard import App, Guard
from controller.web.pages import pages
from controller.web.reads import reads
from controller.web.scrapes import View, scrapes
from controller.web.streams import streams
from controller.web.watching import keep_watching


def make_app(desk: Desk, view: View) -> App:
    """What a server serves."""
    app = FastAPI(
        title="controller",
        version=__version__,
        description="Reads what the loop publishes and records intents. See docs/api.md.",
        openapi_url="/v1/openapi.json",
        docs_url=None,  # its pages come from other hosts
        redoc_url=None,
        lifespan=_live,
    )
    app.state.desk, app.state.view = desk, view
    for router in (reads, figures, scrapes, asks, streams, pages):
        app.include_router(router)
    for kind, handler in _HANDLERS.items():
        app.add_exception_handler(kind, handler)
    return Guard(app, desk.place, desk.keys)


@asynccontextmanager
async def _live(app: FastAPI) -> AsyncIterator[None]:
    desk: Desk = app.state.desk
    watching = asyncio.create_task(keep_watching(desk))
    try:
        yield
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


async def _not_found(request: Request, error: Exception) -> Response:
    return refuse(404, str(error), getattr(error, "hint", None))


async def _taken(request: Request, error: Exception) -> Response:
    return refuse(503, str(error), "try again")


async def _invalid(request: Request, error: Exception) -> Response:
    """What is wrong with a request, field by field."""
    assert isinstance(error, RequestValidationError)
    told = "; ".join(f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in error.errors()[:10])
    return refuse(422, told or "the request cannot be read", "see docs/api.md")


async def _failed(request: Request, error: Exception) -> Response:
    """What cannot be done now (503), or as it stands (409), with the places of faults in files (422)."""
    assert isinstance(error, ControllerError)
    if isinstance(error, UnknownStack):
        return refuse(404, error.message, error.hint)
    if isinstance(error, InvalidInput):
        return refuse(422, error.message, error.hint, findings=findings_data(error.findings)["errors"])
    return refuse(503 if isinstance(error, Transient) else 409, error.message, error.hint)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return refuse(error.status_code, str(error.detail))


_HANDLERS = {
    NotFound: _not_found,
    Taken: _taken,
    RequestValidationError: _invalid,
    ControllerError: _failed,
    HTTPException: _http,
}
