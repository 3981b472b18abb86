"""Logs that were begun, by the controller's own: one that is taken away with the note of its end is missed. Pure.

Of each segment of a stack's log a record that it has is named in the controller's own. A log is missed that has not
what it was seen to have, and of which nobody has said since that it was ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from controller.security.audit import Act, Line, Spot, Stage, Via
from controller.security.auditproof import Fault, Finding, State

BEGUN = "begun"
"""A segment of a log was begun, of stage `log`."""
END = "end-log"
"""A person says that a log was taken away lawfully. Its `through`: up to which record of the controller's log what
that says of it is of the one that was taken away."""


class Begun(NamedTuple):
    """`at`: number of the controller's record that says so; `spot`: what the log had then."""

    at: int
    spot: Spot


def begun_act(log: str, spot: Spot) -> Act:
    """That a segment of that log was begun. `log`: the name of its folder."""
    detail = {"log": log, "record": spot.seq, "mac": spot.mac}
    return Act("controller", Via.LOOP, BEGUN, "audit", log, stage=Stage.LOG, detail=detail)


def is_begun(record: Mapping[str, Any]) -> bool:
    """What strangers ask for may have any verb, but not this stage."""
    return record.get("verb") == BEGUN and record.get("stage") == Stage.LOG


def begun_logs(lines: Iterable[Line]) -> Mapping[str, tuple[Begun, ...]]:
    """By log, since it was ended last. `lines`: genuine ones of the controller's own, from the oldest."""
    found: dict[str, tuple[Begun, ...]] = {}
    for line in lines:
        data, detail = line.data, line.data.get("detail", {})
        if is_begun(data):
            spot = Spot(int(detail["record"]), str(detail["mac"]))
            found[detail["log"]] = (*found.get(detail["log"], ()), Begun(line.seq, spot))
        elif data.get("verb") == END and data.get("outcome") == "done":
            log, through = data["object"]["name"], detail.get("through", line.seq)
            if kept := tuple(one for one in found.pop(log, ()) if one.at > through):
                found[log] = kept
    return found


def find_through(begun: Iterable[Begun], first: int, mac_of: Callable[[int], str | None]) -> int | None:
    """Up to which record of the controller's log what that says is of a log that was taken away; 0: none of it is.
    None: that cannot be, since of what it says up to there the log has something now. As `find_missing`."""
    ordered = sorted(begun)
    rest = next(index for index in range(len(ordered) + 1) if not find_missing(ordered[index:], first, mac_of, ""))
    gone = ordered[:rest]
    if any(spot.seq >= first and mac_of(spot.seq) == spot.mac for _, spot in gone):
        return None
    return gone[-1].at if gone else 0


def find_missing(begun: Iterable[Begun], first: int, mac_of: Callable[[int], str | None], file: str) -> Finding | None:
    """What the log has not that it was seen to have; None: nothing. `first`: the first record that it has now, 0: it
    has none. What comes before that was pruned, or its chain tells. `mac_of`: of a record, None: there is none."""
    seen: dict[int, str] = {}
    for at, spot in begun:  # two processes may have told of them in either order
        is_other = seen.setdefault(spot.seq, spot.mac) != spot.mac
        if is_other or (spot.seq >= first and mac_of(spot.seq) != spot.mac):
            message = f"record {at} of the controller's log says that it had this, which was taken away since"
            return Finding(State.TAMPERED, Fault.REMOVED, file, 0, spot.seq, message)
    return None
