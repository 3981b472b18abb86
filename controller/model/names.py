"""Identifiers and the measure of time, so that signatures say what a string or a float is."""

from __future__ import annotations

from typing import NewType

Instant = float
"""Seconds since the epoch on our clock, to which engines shift theirs; `datetime` exists only at the borders."""

Revision = NewType("Revision", str)
"""What a replica was made from: a digest of its create request and of the contents that count."""

ReplicaId = NewType("ReplicaId", str)
"""The engine's id of a container. Numbers and names are for people; steps carry ids."""

ImageId = NewType("ImageId", str)

Release = NewType("Release", str)
"""A revision, with `@` and the image's id where it matters which image a tag stood for."""

FOREIGN = "foreign:"
"""Prefix of the revision of a replica that no known desired state would make as it is."""


HALF_MADE = Revision(f"{FOREIGN}half-made")
"""Of a replica whose maker died before it was whole: it never ran, and is not to run."""


def foreign_revision(config_hash: str) -> Revision:
    """The revision of a replica that we did not make and that is not current."""
    return Revision(f"{FOREIGN}{config_hash[:12]}")


def make_release(revision: Revision, image_id: ImageId | None = None) -> Release:
    """The release of that revision made from that image; without one, from whatever the image's name stands for."""
    return Release(f"{revision}@{image_id}" if image_id else revision)


def split_release(release: Release) -> tuple[Revision, ImageId | None]:
    """Its revision and its image."""
    revision, _, image_id = release.partition("@")
    return Revision(revision), ImageId(image_id) if image_id else None
