"""Names of images as people write them, in one spelling. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

_HEX = re.compile(r"(sha256:)?[0-9a-f]{12,64}")


def normalise_image(name: str) -> str:
    """One spelling: without Docker Hub's prefixes, with a tag, a digest over a tag."""
    name = re.sub(r"^(docker\.io|index\.docker\.io)/", "", name)
    name = name.removeprefix("library/")
    base, at, digest = name.partition("@")
    stem, colon, tag = base.rpartition(":")
    has_tag = bool(colon) and "/" not in tag
    if at:
        return f"{stem if has_tag else base}@{digest}"
    return base if has_tag or name.startswith("sha256:") else f"{base}:latest"


def repository_of(name: str) -> str:
    """Of a normalised name: what stands before the tag or the digest."""
    if "@" in name:
        return name.partition("@")[0]
    return name.rpartition(":")[0]


def read_id(name: str) -> str | None:
    """The hexadecimal digits of an image's id, whole or its beginning; None: it is another kind of name."""
    return bare_id(name) if _HEX.fullmatch(name) else None


def bare_id(image: str) -> str:
    return image.removeprefix("sha256:")


def stands_for(names: Iterable[str], image: str) -> bool:
    """Whether one of these names, as people write them, is the id of that image or its beginning."""
    return any(bare_id(image).startswith(digits) for name in names if (digits := read_id(name)) is not None)
