"""What a stack had before a test begins."""

from __future__ import annotations

from controller.loop.store import Store
from controller.model.names import ImageId, Instant
from controller.model.observed import ServiceView
from tests.builders import replica


def had_once(store: Store, service: str, image: ImageId, at: Instant) -> None:
    """Replicas of that service were seen with this image until then, and none afterwards."""
    seen = replica(service=service, image=f"{service}:old", image_id=image)
    for replicas in ((seen,), ()):
        store.images.note({service: ServiceView(replicas)}, at, whole=False)
