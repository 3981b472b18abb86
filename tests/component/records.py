"""What a store is given to keep, and the same store in another life."""

from controller.loop.store import Store
from controller.model.observed import Replica, ReplicaPhase
from controller.model.status import Event


def reopened(store):
    """The same, as the next process has it."""
    store.close()
    return Store(store.folder, clock=lambda: 100.0)


def replica(id_, number, created_at=100.0, service="web"):
    return Replica(id_, f"p-{service}-{number}", service, number, "", ReplicaPhase.CREATED, created_at=created_at)


def event(message="m", at=100.0, service="web", reason="Started"):
    return Event(at, "rag", service, "Normal", reason, message)
