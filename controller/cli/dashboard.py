"""The API beside `run`, and the link that opens the dashboard."""

from __future__ import annotations

from dataclasses import replace

from controller.cli.live import Screen
from controller.loop.window import Serve, Served, Window
from controller.model.serving import Serving


def serve_for(screen: Screen, address: tuple[str, int] | None) -> Serve:
    """What `run` needs to serve. `address` of the command line wins over the manifest's."""

    def serve(window: Window, said: Serving | None) -> Served:
        serving = said or Serving()
        if address is not None:
            serving = replace(serving, host=address[0], port=address[1], enabled=True)
        if not serving.enabled:
            return _Nobody()
        from controller.web.server import ApiServer

        server = ApiServer(window, serving)
        screen.invite(f"dashboard: {server.make_link()}")
        return server

    return serve


class _Nobody:
    """Serves nothing, as the manifest says."""

    def close(self) -> None:
        return None
