"""Releases of `web`: one that was good, one that failed, and an image that a moved tag brought in vain."""

from controller.decide.aim import Around, aim
from controller.model.decision import History
from controller.model.desired import FailureAction, UpdatePolicy
from controller.model.names import ImageId, Release, Revision, make_release
from tests.builders import IMAGE, checked
from tests.unit.decide.cases import case

GOOD = make_release(Revision("v1"), IMAGE)
FAILED = History(good=GOOD, failed={Release("v2"): "it broke"}, failed_for=Revision("v2"))
OLD = checked("web", 1, "v1", priority=3)
KNOWN = {("web", Revision("v1")): OLD}
PAUSE = UpdatePolicy(failure_action=FailureAction.PAUSE)
NEW, NEWER = ImageId("sha256:new"), ImageId("sha256:newer")
MOVED = History(
    adopted_at=1.0,
    good=GOOD,
    failed={make_release(Revision("v1"), NEW): "it broke"},
    failed_for=Revision("v1"),
)
"""A tag moved to another image, which an `apply` tried in vain."""


def after_apply(*replicas, history: History = MOVED, image: ImageId | None = None, **others):
    """The service as nobody asks for its tag any more, or for this image of it."""
    want = checked("web", len(replicas), "v1", image_id=image, **others)
    return case(want, *replicas, history=history)._replace(aim=aim(want, history, Around(known=KNOWN)))
