"""The dashboard's files. Every path that is none of them is a place in the dashboard, which reads it itself."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse, Response

from controller.web.desk import NotFound
from controller.web.needs import CheckedRoute, declare

pages = APIRouter(route_class=CheckedRoute, include_in_schema=False)

FOLDER = Path(__file__).parent / "static"
_FOR_EVER = "public, max-age=31536000, immutable"
"""Assets carry a digest of their contents in their names."""
_ABSENT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>controller</title>
<h1>controller</h1><p>This installation was built without the dashboard. The API is here: see <code>docs/api.md</code>.
<code>scripts/quickstart</code> builds the dashboard where Node.js can be had.</p></html>"""

mimetypes.add_type("text/javascript", ".js")


@pages.get("/assets/{name:path}")
@declare(None)
def asset(name: str) -> Response:
    """By its name in the folder: what is asked for never becomes a path."""
    folder = FOLDER / "assets"
    found = next((one for one in folder.iterdir() if one.name == name), None) if folder.is_dir() else None
    if found is None:
        raise NotFound("no such file")
    return FileResponse(found, headers={"Cache-Control": _FOR_EVER})


@pages.get("/{place:path}")
@declare(None)
def page(place: str) -> Response:
    if place.partition("/")[0] in ("v1", "metrics"):
        raise NotFound(f"there is no /{place}", "see docs/api.md")
    path = FOLDER / "index.html"
    if not path.is_file():
        return HTMLResponse(_ABSENT)
    return FileResponse(path, headers={"Cache-Control": "no-cache"})
