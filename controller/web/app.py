"""What is served, as ASGI applications: their routes, and the guard in front."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from fastapi import APIRouter, FastAPI

from controller import __version__
from controller.loop.window import Window
from controller.web.access import ApiAccess, ScrapeAccess
from controller.web.asks import asks
from controller.web.audits import Doorbook, audits
from controller.web.desk import Desk
from controller.web.failures import Once, tell_failures
from controller.web.figures import figures
from controller.web.guard import App, Guard, Place
from controller.web.issued import issued
from controller.web.logins import logins
from controller.web.pages import pages
from controller.web.reads import reads
from controller.web.scrapes import View, scrapes
from controller.web.streams import streams
from controller.web.watching import keep_watching, open_feed


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
    for router in routers():
        app.include_router(router)
    tell_failures(app)
    access = ApiAccess(desk.doors, desk.cookie, desk.window.serving, time.monotonic)
    return Guard(app, desk.place, access, _teller(desk.window), Doorbook(desk.window.audit))


def routers() -> tuple[APIRouter, ...]:
    """All routes of the API and the dashboard; each says what it needs (`needs`)."""
    return (reads, figures, scrapes, audits, asks, logins, issued, streams, pages)


def make_scrape_app(view: View, place: Place, access: ScrapeAccess) -> App:
    """What is served where one stack's metrics are scraped: these two answers and nothing else."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.state.view = view
    app.include_router(scrapes)
    tell_failures(app)
    return Guard(app, place, access, _teller(view.window))


def _teller(window: Window) -> Callable[[str], None]:
    return Once(lambda why: window.tell("RequestFailed", f"a request could not be answered: {why}"))


@asynccontextmanager
async def _live(app: FastAPI) -> AsyncIterator[None]:
    desk: Desk = app.state.desk
    await open_feed(desk)
    watching = asyncio.create_task(keep_watching(desk))
    try:
        yield
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
