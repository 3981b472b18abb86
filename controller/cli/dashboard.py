"""What is served beside `run`: the API with the link that opens the dashboard, and each stack's own metrics."""

from __future__ import annotations

from collections.abc import Sequence
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
        served = [_serve_api(screen, window, serving)] if serving.enabled and api else []
        return Together((*served, Scrapers(window, discovery=serving.discovery)))

    return serve


class Together:
    """What is served side by side."""

    def __init__(self, served: Sequence[Served]) -> None:
        self._served = served

    def stop(self) -> None:
        for one in self._served:
            one.stop()

    def close(self) -> None:
        self.stop()
        for one in self._served:
            one.close()


def _serve_api(screen: Screen, window: Window, serving: Serving) -> Served:
    from controller.web.server import ApiServer

    server = ApiServer(window, serving)
    screen.invite(server.address.url, server.make_link)
    return server
