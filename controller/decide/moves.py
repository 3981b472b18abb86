"""What one rule wants done: steps, what to remember, when to look again, and the words for it. Rules add up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from controller.decide.case import soonest
from controller.model.decision import Grant, Shortage
from controller.model.names import Instant, ReplicaId
from controller.model.observed import Mount
from controller.model.steps import Create, Remove, Restart, Step, Stop


class Moves(NamedTuple):
    """`asks_slot`: a start slot is wanted, `denied`: in vain. `short`: the machine has no room for some of it.

    `tries`: the highest number of restarts that is still held against a replica. `shut`: an update may not go on, for
    no fault of its own: the clock of its progress rests. `stays`: what is old stays for now, and is kept in shape.
    """

    steps: tuple[Step, ...] = ()
    wake_at: Instant | None = None
    reason: str = ""
    message: str = ""
    waits_for: str | None = None
    grants: Mapping[str, Grant] = MappingProxyType({})
    carried: tuple[tuple[Mount, ...], ...] = ()
    asks_slot: bool = False
    denied: bool = False
    tries: int = 0
    shut: bool = False
    stays: bool = False
    short: Shortage | None = None

    @property
    def rests(self) -> bool:
        """Something else is waited for."""
        return self.shut or self.denied or self.waits_for is not None


NONE = Moves()
_ENDS = (Stop, Remove)
_NOBODY: frozenset[ReplicaId] = frozenset()
WAITS_FOR_SLOT = Moves(
    reason="WaitingForSlot", message="waits for others to finish starting", asks_slot=True, denied=True
)


def add_up(parts: Iterable[Moves]) -> Moves:
    """All steps in order, the soonest wake, the first words; creates give way to everything that ends a container.

    No decision holds a create beside a remove: after our death in between, the create would take another number.
    """
    moves = [move for move in parts if move is not NONE]
    if not moves:
        return NONE
    if len(moves) == 1 and not _clashes(moves[0].steps):
        return moves[0]  # nearly always
    words = next((m for m in moves if m.reason), NONE)
    grants: dict[str, Grant] = {}
    for move in moves:
        grants.update(move.grants)
    return Moves(
        steps=_without_clash(tuple(step for m in moves for step in m.steps)),
        wake_at=soonest(*(m.wake_at for m in moves)),
        reason=words.reason,
        message=words.message,
        waits_for=next((m.waits_for for m in moves if m.waits_for), None),
        grants=grants,
        carried=tuple(mounts for m in moves for mounts in m.carried),
        asks_slot=any(m.asks_slot for m in moves),
        denied=any(m.denied for m in moves),
        tries=max((m.tries for m in moves), default=0),
        shut=any(m.shut for m in moves),
        short=next((m.short for m in moves if m.short), None),
    )


def ended_by(moves: Moves) -> frozenset[ReplicaId]:
    """The replicas that these moves stop or remove."""
    if not moves.steps:
        return _NOBODY  # nearly always
    return frozenset([step.replica for step in moves.steps if isinstance(step, _ENDS)])


def restarted_by(moves: Iterable[Moves]) -> frozenset[ReplicaId]:
    """The replicas that these moves restart."""
    return frozenset([step.replica for move in moves for step in move.steps if isinstance(step, Restart)])


def _without_clash(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    return tuple(step for step in steps if not isinstance(step, Create)) if _clashes(steps) else steps


def _clashes(steps: tuple[Step, ...]) -> bool:
    """Whether creates among these steps would have to give way."""
    return len(steps) > 1 and any(isinstance(step, _ENDS) for step in steps)
