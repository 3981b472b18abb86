"""What is served beside `run`: the API with the link that opens the dashboard, and each stack's own metrics."""

from __future__ import annotations

from dataclasses import replace

from controller.cli.live import Screen
from controller.loop.window import Serve, Served, Window
from controller.model.serving import Serving


def serve_for(screen: Screen, address: tuple[str, int] | None, *, api: bool = True) -> Serve:
    """What `run` needs to serve. `address` of the command line wins over the manifest's; without `api` only metrics."""

    def serve(window: Window, said: Serving | None) -> Served:
        from controller.web.scrapers import Scrapers
        from controller.web.together import Together

        serving = said or Serving()
        if address is not None:
            serving = replace(serving, host=address[0], port=address[1], enabled=True)
        parts: list[Served] = [_serve_api(screen, window, serving)] if serving.enabled and api else []
        return Together([*parts, Scrapers(window, discovery=serving.discovery)])

    return serve


def _serve_api(screen: Screen, window: Window, serving: Serving) -> Served:
    from controller.web.server import ApiServer

    server = ApiServer(window, serving)
    screen.invite(f"dashboard: {server.make_link()}")
    return server
