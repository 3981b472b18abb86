"""What is served beside `run`: the API with the link that opens the dashboard, and each stack's own metrics."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace

from controller.cli.live import Screen
from controller.loop.window import Serve, Served, Window
from controller.model.serving import Serving


def serve_for(screen: Screen, address: tuple[str, int] | None, *, api: bool = True) -> Serve:
    """What `run` needs to serve. `address` of the command line wins over the manifest's; without `api` only metrics."""

    def serve(window: Window, said: Serving | None) -> Served:
        from controller.web.scrapers import Scrapers

        serving = said or Serving()
        if address is not None:
            serving = replace(serving, host=address[0], port=address[1], enabled=True)
        ends = ExitStack()
        if serving.enabled and api:
            ends.callback(_serve_api(screen, window, serving).close)
        ends.callback(Scrapers(window, discovery=serving.discovery).close)
        return ends

    return serve


def _serve_api(screen: Screen, window: Window, serving: Serving) -> Served:
    from controller.web.server import ApiServer

    server = ApiServer(window, serving)
    screen.invite(f"dashboard: {server.make_link()}")
    return server
