"""Images that are not fetched ahead of need (`optimization.earlyPulls: false`): when it is their turn. Pure."""

from __future__ import annotations

from controller.decide.case import Case
from controller.decide.gates import tell_wait, unmet_need, unsettled_need
from controller.decide.moves import WAITS_FOR_SLOT, Moves


def in_turn(case: Case, fetch: Moves) -> Moves:
    """First its gate, then a start slot, which it keeps until the image is here, or could not be had."""
    fetch = fetch._replace(asks_slot=case.fetch_trouble is None)
    if case.fetching:
        return fetch._replace(steps=())
    waits_for = unmet_need(case) or (unsettled_need(case) if case.history.updating else None)
    if waits_for is not None:
        message = tell_wait(case, waits_for)
        return Moves(reason="DependencyNotReady", message=message, waits_for=waits_for, shut=True)
    return fetch if case.may_begin else WAITS_FOR_SLOT._replace(shut=True)
