"""What is wanted beside a generation: moved tags, where an apply or the manifest heeds them."""

from dataclasses import replace

import pytest

from controller.loop.wanted import with_tags
from controller.model.names import ImageId
from controller.model.observed import ServiceView
from tests.builders import service, stack

pytestmark = pytest.mark.unit

VIEWS = {name: ServiceView(image_id=ImageId("sha256:new")) for name in ("plain", "follows", "unwanted")}


@pytest.mark.parametrize(
    ("everywhere", "followed"),
    [(True, {"plain", "follows"}), (False, {"follows"})],
    ids=["an apply heeds every moved tag", "otherwise only where the manifest says onImageChange"],
)
def test_moved_tags(everywhere: bool, followed: set[str]) -> None:
    desired = stack(service("plain"), replace(service("follows"), follows_tag=True), service("unseen"))
    wanted = with_tags(desired, VIEWS, everywhere=everywhere)
    assert {name for name, one in wanted.services.items() if one.image_id is not None} == followed
