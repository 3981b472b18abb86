"""What one act of a person asks for; the same value for command line, API and a daemon that is asked from outside."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wish:
    """`services` empty: all of the stack. `timeout`: seconds without progress after which it is given up.

    `to`: the generation that an undo goes back to (None: the one before). `who` asks, for the record, through `via`
    (`cli` or `api`), from `origin`; `request`: the id under which the API's door has recorded it. `images`,
    `build_cache` and `older_than` (seconds): how a clean-up is to be, where that is other than the manifest says.
    """

    verb: str
    services: tuple[str, ...] = ()
    adopt: bool = False
    confirm: bool = False
    keep_going: bool = False
    build: bool = False
    immediately: bool = False
    everything: bool = False
    timeout: float = 600.0
    profile: str | None = None
    to: int | None = None
    images: bool | None = None
    build_cache: bool | None = None
    older_than: float | None = None
    who: str = ""
    via: str = "cli"
    origin: str = ""
    request: str = ""
