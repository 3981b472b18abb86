"""What plain Compose would make of a stack that is given back, and what it would still change then. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from controller.decide.identity import Known
from controller.decide.lacking import any_lacks
from controller.decide.networks import find_way
from controller.intake.policy import resolve_replicas
from controller.loop.loaded import Loaded
from controller.model.confined import read_joining
from controller.model.desired import DesiredService, DesiredStack, Leaving, Order
from controller.model.observed import Replica, ReplicaPhase, ServiceView


def as_composed(loaded: Loaded) -> DesiredStack:
    """The stack with as many replicas as the Compose file says, each with its own ports, whatever the manifest says."""
    models = loaded.rendered.model.get("services") or {}
    services = {
        name: _as_composed(service, resolve_replicas(models[name], None))
        if name in models and service.leaving is None
        else service
        for name, service in loaded.desired.services.items()
    }
    return replace(loaded.desired, services=services)


def _as_composed(service: DesiredService, replicas: int) -> DesiredService:
    """What publishes its ports itself again can only come when the one before it has gone."""
    if service.direct is None:
        return replace(service, replicas=replicas)
    return replace(
        service,
        replicas=replicas,
        revision=service.direct.revision,
        template=service.direct.template,
        frontends=(),
        update=replace(service.update, order=Order.STOP_FIRST),
    )


def differing(desired: DesiredStack, views: Mapping[str, ServiceView], known: Known) -> frozenset[str]:
    """The services that have more or fewer containers than that, other limits, networks of ours, or some that the
    ingress has the ports of."""
    return frozenset(
        name
        for name, service in desired.services.items()
        if (service.leaving is None and _differs(service, _present(views.get(name)), known))
        or any(_is_on_ours(replica, service, known) for replica in _present(views.get(name)))
    )


def _is_on_ours(replica: Replica, service: DesiredService, known: Known) -> bool:
    """It can be led back, and is not yet. Nobody waits for one that Docker starts again and again."""
    if replica.phase is ReplicaPhase.RESTARTING:
        return False
    return bool(replica.ours) and (way := find_way(replica, service, known)) is not None and bool(way.leaves)


def _differs(service: DesiredService, present: tuple[Replica, ...], known: Known) -> bool:
    led = service.direct is not None and any(_is_led(replica, service) for replica in present)
    return led or len(present) != service.replicas or any_lacks(present, service, known)


def _is_led(replica: Replica, service: DesiredService) -> bool:
    """Its port is the ingress's; or it is to have it itself, and waits until that is free."""
    return replica.revision != service.revision or replica.phase is ReplicaPhase.CREATED


def tell_rest(desired: DesiredStack, views: Mapping[str, ServiceView]) -> Iterator[str]:
    """What `docker compose up -d` would change for reasons that a release cannot mend."""
    replaced = [name for name, service in desired.services.items() if _is_older(service, views.get(name))]
    if replaced:
        yield (
            f"{desired.name}: `docker compose up -d` will replace {', '.join(sorted(replaced))}: edited since, though"
            " in nothing that a new container is needed for"
        )
    for name, service in sorted(desired.services.items()):
        left = sorted({one for r in _present(views.get(name)) if not _is_movable(service) for one in r.ours})
        if left:
            yield f"{desired.name}: {name} stays on {', '.join(left)}: what it was made from is not known any more"
    yield from _tell_restarting(desired, views)
    started = [name for name, service in desired.services.items() if _is_down(service, views.get(name))]
    if started:
        yield f"{desired.name}: `docker compose up -d` will start {', '.join(sorted(started))}"


def _tell_restarting(desired: DesiredStack, views: Mapping[str, ServiceView]) -> Iterator[str]:
    for name, service in sorted(desired.services.items()):
        again = [r for r in _present(views.get(name)) if r.phase is ReplicaPhase.RESTARTING and _is_movable(service)]
        for replica in again:
            if replica.ours:
                yield (
                    f"{desired.name}: {replica.name} stays on {', '.join(replica.ours)}: Docker starts it again and"
                    " again, and takes it off no network meanwhile; `docker compose up -d` may replace it"
                )


def _is_movable(service: DesiredService) -> bool:
    return read_joining(service.template.body, service.template.networks).movable


def _present(view: ServiceView | None) -> tuple[Replica, ...]:
    replicas = view.replicas if view is not None else ()
    return tuple(replica for replica in replicas if replica.phase is not ReplicaPhase.REMOVING)


def _is_older(service: DesiredService, view: ServiceView | None) -> bool:
    written = service.template.config_hash
    return bool(written) and any(replica.config_hash != written for replica in _present(view))


def _is_down(service: DesiredService, view: ServiceView | None) -> bool:
    """Not what Compose itself would leave down: out of its own profile, or gone from its file."""
    if service.leaving in (Leaving.REMOVED, Leaving.ORPHANED):
        return False
    return any(replica.phase in (ReplicaPhase.EXITED, ReplicaPhase.CREATED) for replica in _present(view))
