"""After a look at the whole stack: which replicas are ours, which were taken over as they are, which are gone."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from controller.decide.identity import has_revision, lacks_network, name_revisions
from controller.decide.world import World
from controller.loop.journal import ReplicaJournal
from controller.model.desired import DesiredStack
from controller.model.names import Revision, split_release
from controller.model.observed import Observed, Replica, ReplicaPhase, ServiceView


def recognise(
    journal: ReplicaJournal,
    observed: Observed,
    views: Mapping[str, ServiceView],
    desired: DesiredStack,
    busy: Collection[str] = (),
) -> Mapping[str, ServiceView]:
    """Creates of which the end was unknown are confirmed by sight; what is current counts as known from now on.

    Otherwise a later change of contents, which no label shows, could not be told from the state at adoption. `busy`:
    services of which a step may be done meanwhile. The views, in which what is ours is called so.
    """

    def is_half(replica: Replica) -> bool:
        """A create takes several calls where files are put in, and on older engines for each network but the first."""
        want = desired.services[replica.service]
        return replica.phase is ReplicaPhase.CREATED and (want.template.filled_later or lacks_network(replica, want))

    whole = {name: view for name, view in views.items() if view.complete and name not in busy}
    seen = [replica for view in whole.values() for replica in view.replicas]
    found = journal.settle(seen, is_half, unseen=views.keys() - whole)
    known = journal.known()
    current = {
        replica.id: (replica.service, replica.number, replica.revision)
        for name, view in whole.items()
        for replica in view.replicas
        if replica.id not in known and has_revision(replica, desired.services[name])
    }
    if current:
        journal.adopt(current)
    gone = set(known) - {replica.id for view in observed.services.values() for replica in view.replicas}
    if gone:
        journal.forget(gone, before=observed.taken_at)
    if not found:
        return views
    return {name: name_revisions(view, desired.services[name], journal.known()) for name, view in views.items()}


def revisions_in_use(world: World) -> frozenset[tuple[str, Revision]]:
    """Only what is wanted, what runs and what worked last is needed to go back."""
    wanted = {(name, service.revision) for name, service in world.desired.services.items()}
    running = {(r.service, r.revision) for view in world.views.values() for r in view.replicas}
    kept = {(name, release) for name, history in world.histories.items() for release in (history.good, history.pinned)}
    kept |= set(world.settled.items())
    back = {(name, split_release(release)[0]) for name, release in kept if release is not None}
    return frozenset(wanted | running | back)
