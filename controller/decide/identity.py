"""Which revision each observed replica is: what the store knows, what Compose's label says, what the fields show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from controller.model.desired import DesiredService
from controller.model.names import ReplicaId, Revision, foreign_revision
from controller.model.observed import Replica, ReplicaPhase, ServiceView

Known = Mapping[tuple[str, Revision], DesiredService]
"""What each service's kept revisions were made from."""


def name_revisions(view: ServiceView, want: DesiredService | None, known: Mapping[ReplicaId, Revision]) -> ServiceView:
    """The view with every replica's revision filled in. Limits and joins were compared with what is asked for now."""
    return replace(view, replicas=tuple(_named(r, revision_of(r, want, known), want) for r in view.replicas))


def _named(replica: Replica, revision: Revision, want: DesiredService | None) -> Replica:
    named = replace(replica, revision=revision)
    if not (replica.limits or replica.misjoined or replica.otherwise):
        return named  # nearly always
    if want is None or revision != want.revision:
        named = replace(named, otherwise=())
    direct = want.direct.revision if want is not None and want.direct is not None else None
    return (
        named if want is not None and revision in (want.revision, direct) else replace(named, limits=(), misjoined=())
    )


def revision_of(replica: Replica, want: DesiredService | None, known: Mapping[ReplicaId, Revision]) -> Revision:
    """Our own record first; else the label; else no field that differs from what would be made now."""
    recorded = known.get(replica.id)
    if recorded is not None:
        return recorded
    if want is None or lacks_network(replica, want):
        return foreign_revision(replica.config_hash)
    if replica.config_hash == want.template.config_hash and publishes_itself(replica, want):
        return want.direct.revision if want.direct is not None else foreign_revision(replica.config_hash)
    if replica.config_hash == want.template.config_hash or replica.drift == ():
        return want.revision
    return foreign_revision(replica.config_hash)


def made_from(replica: Replica, want: DesiredService, known: Known) -> DesiredService:
    """The definition that it was made from; of what is not known any more the present one."""
    if replica.revision == want.revision:
        return want
    return known.get((want.name, replica.revision), want)


def lacks_network(replica: Replica, want: DesiredService | None) -> bool:
    """Older engines connect a container to its second network after its create; whoever made this one did not.

    One that is on all of the Compose file's own was made whole by `docker compose create`, and is led on from there.
    """
    if replica.phase is not ReplicaPhase.CREATED or "Networks" not in (replica.drift or ()):
        return False  # nearly always
    confined = want.confined if want is not None else None
    return confined is None or not confined.own or not confined.own <= frozenset(replica.joined or ())


def publishes_itself(replica: Replica, want: DesiredService) -> bool:
    """It has, or would have, a host port that the ingress is to have."""
    led = {str(frontend.host_port) for frontend in want.frontends}
    return bool(led) and any(line.endswith("/tcp") and _host_port(line) in led for line in replica.published)


def _host_port(line: str) -> str:
    """Of `127.0.0.1:8080->80/tcp`."""
    return line.partition("->")[0].rpartition(":")[2]


def is_shut_out(replica: Replica, want: DesiredService) -> bool:
    """Its host port is the ingress's already, as after somebody's `docker compose up`: it can never start."""
    return not replica.running and replica.route is not None and publishes_itself(replica, want)


def has_revision(replica: Replica, want: DesiredService) -> bool:
    """It is of the wanted revision, or the same with its own ports where that may stay."""
    stays = want.direct is not None and want.direct.stays and replica.revision == want.direct.revision
    return replica.revision == want.revision or (stays and not is_shut_out(replica, want))


def is_current(replica: Replica, want: DesiredService, holder: ReplicaId | None) -> bool:
    """Whether it is what is wanted: its revision, its image where a moved tag counts, its namespace's owner.

    One that is the same but publishes its ports itself stays until it has to go for another reason.
    """
    if not has_revision(replica, want):
        return False
    if want.image_id is not None and replica.image_id is not None and replica.image_id != want.image_id:
        return False
    return want.namespace_of is None or holder is None or replica.namespace_of in (None, holder)
