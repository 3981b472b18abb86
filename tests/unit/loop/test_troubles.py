"""What stands between a service and its next try after calls that failed."""

import pytest

from controller.loop.troubles import Troubles
from controller.model.names import Release
from controller.model.steps import Outcome, Result
from tests.builders import NOW, create

pytestmark = pytest.mark.unit


def note(troubles: Troubles, *results: Result) -> None:
    for result in results:
        troubles.note("web", (Outcome(create(), result, "said so"),), NOW)


def test_a_conflict_means_look_again_and_only_a_row_of_them_is_trouble() -> None:
    troubles = Troubles()
    note(troubles, Result.CONFLICT, Result.CONFLICT)
    assert troubles.get("web") is None
    note(troubles, Result.CONFLICT)
    assert troubles.get("web") is not None


def test_what_went_well_ends_the_trouble_and_the_row() -> None:
    troubles = Troubles()
    note(troubles, Result.TRANSIENT, Result.DONE, Result.CONFLICT, Result.CONFLICT)
    assert troubles.get("web") is None


def test_what_failed_after_an_instant_is_forgotten_and_what_failed_before_is_not() -> None:
    troubles = Troubles()
    note(troubles, Result.TRANSIENT)
    troubles.forget_after(NOW)
    assert troubles.get("web") is not None
    troubles.forget_after(NOW - 1)
    assert troubles.get("web") is None


def test_failures_in_a_row_are_counted() -> None:
    troubles = Troubles()
    note(troubles, Result.TRANSIENT, Result.TRANSIENT, Result.REJECTED)
    found = troubles.get("web")
    assert found is not None and (found.count, found.lasting, found.reason) == (3, True, "Create")


def test_another_release_begins_a_count_of_its_own() -> None:
    troubles = Troubles()
    for release in ("v2", "v2", "v1"):
        troubles.note("web", (Outcome(create(), Result.TRANSIENT, "said so"),), NOW, Release(release))
    found = troubles.get("web")
    assert found is not None and (found.count, found.release) == (1, "v1")
