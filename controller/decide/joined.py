"""Whose networks are ours to choose, and to which a hand connected one besides. Pure."""

from __future__ import annotations

from controller.model.confined import read_joining
from controller.model.desired import DesiredService, Leaving
from controller.model.observed import Replica, ReplicaPhase

_GOING = (ReplicaPhase.DEAD, ReplicaPhase.REMOVING)


def is_moved(replica: Replica, want: DesiredService) -> bool:
    """Its networks are ours to choose, or were: what it lacks of them no hand took from it.

    An orphan stays where it is, but is led back with all others.
    """
    if replica.joined is None or not (want.confined or replica.ours):
        return False  # nearly always
    stays = want.leaving is Leaving.REMOVED or (want.leaving is Leaving.ORPHANED and want.confined is not None)
    return replica.phase not in _GOING and not stays


def strange_networks(replica: Replica, want: DesiredService) -> tuple[str, ...]:
    """Those to which a hand connected it, beside the ones that its edges ask for.

    Of another release nothing is said: that may have been on others.
    """
    if want.confined is None or not replica.joined or not is_moved(replica, want):
        return ()  # nearly always
    if replica.revision not in (want.revision, want.direct.revision if want.direct is not None else None):
        return ()
    joining = read_joining(want.template.body, want.template.networks)
    known = {*joining.replaced, *joining.kept, *replica.ours, *want.confined.replaced}
    return tuple(name for name in replica.joined if name not in known) if joining.movable else ()
