"""The change of a stack's authority, in four phases of which none begins before the one before is seen to be done.

    add      everybody gets the new authority into its bundle, beside the old one
    switch   once all are seen with both: leaves are issued by the new one
    outlive  once all are seen with leaves of the new one: until the last leaf of the old one has ended
    drop     the old one goes out of the bundles

Whatever may be read by a service at any moment, also by one that restarts by itself, fits what all others have read:
so a controller that dies in between goes on where it was. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

from controller.model.names import Instant


class Stage(StrEnum):
    NONE = "none"
    ADD = "add"
    SWITCH = "switch"
    OUTLIVE = "outlive"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Rotation:
    """`issuer` signs; `other`: the authority that comes (ADD), or goes (later on). `latest`: when the last leaf ends
    that was issued at all; `until`: the same of those that the old authority signed."""

    issuer: str
    other: str = ""
    stage: Stage = Stage.NONE
    since: Instant = 0.0
    latest: Instant = 0.0
    until: Instant = 0.0

    @property
    def bundle(self) -> tuple[str, ...]:
        """Whom every service is to trust; the issuer first."""
        both = self.stage not in (Stage.NONE, Stage.DROP)
        return (self.issuer, self.other) if both else (self.issuer,)

    @property
    def needed(self) -> tuple[str, ...]:
        """All that is to be kept."""
        return (self.issuer, self.other) if self.other else (self.issuer,)


class Standing(NamedTuple):
    """Whom a service is seen to trust, and whose leaf it shows; of several replicas, what all of them do."""

    trusts: frozenset[str]
    shows: str


def begin(rotation: Rotation, new: str, now: Instant) -> Rotation:
    """Raises ValueError while another change is under way."""
    if rotation.stage is not Stage.NONE:
        raise ValueError(f"the authority is being changed already ({rotation.stage})")
    return replace(rotation, other=new, stage=Stage.ADD, since=now)


def note_issued(rotation: Rotation, ends_at: Instant) -> Rotation:
    """A leaf was issued that lasts until then."""
    return replace(rotation, latest=max(rotation.latest, ends_at))


def advance(rotation: Rotation, seen: Iterable[Standing | None], now: Instant) -> Rotation:
    """The next phase, if all are seen with what the present one asks for. None: it is not known of somebody."""
    standings = list(seen)
    if rotation.stage is Stage.NONE or any(one is None for one in standings):
        return rotation
    known = [one for one in standings if one is not None]
    match rotation.stage:
        case Stage.ADD if _trust(known, rotation.bundle):
            return Rotation(rotation.other, rotation.issuer, Stage.SWITCH, now, rotation.latest, rotation.latest)
        case Stage.SWITCH if _show(known, rotation.issuer):
            return replace(rotation, stage=Stage.OUTLIVE, since=now)
        case Stage.OUTLIVE if now >= rotation.until and _show(known, rotation.issuer):
            return replace(rotation, stage=Stage.DROP, since=now)
        case Stage.DROP if all(one.trusts == frozenset(rotation.bundle) for one in known):
            return Rotation(rotation.issuer, since=now, latest=rotation.latest)
    return rotation


def _trust(standings: Iterable[Standing], bundle: tuple[str, ...]) -> bool:
    return all(one.trusts.issuperset(bundle) for one in standings)


def _show(standings: Iterable[Standing], issuer: str) -> bool:
    return all(one.shows == issuer for one in standings)
