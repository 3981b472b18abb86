"""Judges: whether who runs would live under a lower memory limit. Pure."""

from __future__ import annotations

from controller.model.quantities import tell_octets

ROOM = 0.95
"""Of a limit: who uses more than that would be killed by it, or is about to be."""


def find_danger(name: str, present: int | None, lower: int | None, used: int | None) -> str:
    """Why what runs of a service may be killed where `lower` bytes take the place of `present` ones.

    "": nothing speaks against it. `used`: by the replica that uses most; None: nobody knows, which is not nothing.
    """
    if lower is None or present is None or present <= lower:
        return ""
    if used is None:
        return f"what {name} uses now is not known, and its own memory limit is {tell_octets(lower)}"
    if used < lower * ROOM:
        return ""
    return f"{name} uses {tell_octets(used)} now, and its own memory limit is {tell_octets(lower)}"
