"""What a request to the engine changes, in a word: the name of the points around it (`controller.failpoints`)."""

from __future__ import annotations

import re

_WRITES = (
    ("POST", r"/containers/create", "engine.container.create"),
    ("POST", r"/containers/[^/]+/start", "engine.container.start"),
    ("POST", r"/containers/[^/]+/stop", "engine.container.stop"),
    ("POST", r"/containers/[^/]+/restart", "engine.container.restart"),
    ("POST", r"/containers/[^/]+/unpause", "engine.container.unpause"),
    ("POST", r"/containers/[^/]+/rename", "engine.container.rename"),
    ("POST", r"/containers/[^/]+/update", "engine.container.update"),
    ("POST", r"/containers/[^/]+/kill", "engine.container.kill"),
    ("POST", r"/containers/[^/]+/exec", "engine.container.exec"),
    ("PUT", r"/containers/[^/]+/archive", "engine.container.archive"),
    ("DELETE", r"/containers/[^/]+", "engine.container.remove"),
    ("POST", r"/exec/[^/]+/start", "engine.exec.start"),
    ("POST", r"/networks/create", "engine.network.create"),
    ("POST", r"/networks/[^/]+/connect", "engine.network.connect"),
    ("POST", r"/networks/[^/]+/disconnect", "engine.network.disconnect"),
    ("DELETE", r"/networks/[^/]+", "engine.network.remove"),
    ("POST", r"/volumes/create", "engine.volume.create"),
    ("DELETE", r"/images/.+", "engine.image.remove"),
    ("POST", r"/build/prune", "engine.cache.prune"),
)


def name_write(method: str, path: str) -> str | None:
    """None for what only reads, and for a write that has no name yet; a test finds the latter."""
    if method in ("GET", "HEAD"):
        return None
    return next((name for verb, shape, name in _WRITES if verb == method and re.fullmatch(shape, path)), None)
