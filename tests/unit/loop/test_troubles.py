"""What stands between a service and its next try after calls that failed."""

from dataclasses import replace

import pytest

from controller.loop.troubles import Troubles
from controller.model.names import Release, ReplicaId
from controller.model.steps import Connect, Limit, Outcome, Pull, Rename, Result, Withdraw
from tests.builders import NOW, create, template

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


def pulled(image: str, result: Result) -> tuple[Outcome]:
    return (Outcome(Pull("web", image, "missing"), result, "no registry"),)


def rows(troubles: Troubles) -> dict[str, tuple[str, int]]:
    """What stands between `web` and its next calls, and by image what does between it and that."""
    found = {"": troubles.get("web"), **troubles.of_fetching("web")}
    return {image: (trouble.reason, trouble.count) for image, trouble in found.items() if trouble is not None}


def test_what_fetches_an_image_has_a_row_of_its_own() -> None:
    troubles = Troubles()
    note(troubles, Result.TRANSIENT)
    troubles.note("web", pulled("web:2", Result.TRANSIENT), NOW)
    troubles.note("web", pulled("web:3", Result.TRANSIENT), NOW)
    troubles.note("web", pulled("web:3", Result.TRANSIENT), NOW)
    assert rows(troubles) == {"": ("Create", 1), "web:2": ("Pull", 1), "web:3": ("Pull", 2)}
    note(troubles, Result.DONE)
    troubles.note("web", pulled("web:2", Result.DONE), NOW)
    assert rows(troubles) == {"web:3": ("Pull", 2)}, "the late end of another one says nothing"
    troubles.forget_fetch("web", "web:3")
    assert rows(troubles) == {}


def test_conflicts_are_counted_by_row() -> None:
    troubles = Troubles()
    note(troubles, Result.CONFLICT, Result.CONFLICT)
    troubles.note("web", pulled("web:2", Result.CONFLICT), NOW)
    assert rows(troubles) == {}


def test_a_person_has_all_of_it_tried_at_once() -> None:
    troubles = Troubles()
    note(troubles, Result.TRANSIENT)
    troubles.note("web", pulled("web:2", Result.TRANSIENT), NOW)
    troubles.note("db", (Outcome(create(), Result.TRANSIENT),), NOW)
    troubles.forget(("web",))
    assert rows(troubles) == {} and troubles.get("db") is not None


LIMIT = Limit("web", ReplicaId("a"), 1, template("web"), "was set", ("HostConfig.Memory",))
CONNECT = Connect("web", ReplicaId("a"), 1, template("web"), "was taken off", ("front",))
RENAME = Rename("web", ReplicaId("a"), 1, "was renamed", "shop-web-1")


@pytest.mark.parametrize("step", [LIMIT, CONNECT, RENAME], ids=lambda step: type(step).__name__)
def test_what_is_set_back_a_third_time_is_set_by_somebody_else_too(step: Limit | Connect | Rename) -> None:
    troubles = Troubles()
    found = []
    for at in (NOW, NOW + 1, NOW + 2, NOW + 700):
        troubles.note("web", (Outcome(step, Result.DONE),), at)
        troubles.note_contest("web", (Outcome(step, Result.DONE),), at)
        found.append(troubles.get("web"))
    assert [trouble is not None for trouble in found] == [False, False, True, False], "the last after ten minutes"
    assert (found[2].reason, found[2].count) == (type(step).__name__, 3)


def test_one_repair_each_of_many_replicas_is_no_contest() -> None:
    troubles = Troubles()
    for name in "abcde":
        done = (Outcome(replace(CONNECT, replica=ReplicaId(name)), Result.DONE),)
        troubles.note_contest("web", done, NOW)
    assert troubles.get("web") is None


def test_what_we_took_ourselves_is_no_contest() -> None:
    troubles = Troubles()
    for _ in range(5):
        for step in (Withdraw("web", CONNECT.replica, 1, "goes"), CONNECT):
            troubles.note_contest("web", (Outcome(step, Result.DONE),), NOW)
    assert troubles.get("web") is None


def test_a_refusal_is_not_forgotten_for_a_contest() -> None:
    troubles = Troubles()
    batch = (Outcome(CONNECT, Result.DONE), Outcome(LIMIT, Result.REJECTED, "refused"))
    for _ in range(5):
        troubles.note("web", batch, NOW)
        troubles.note_contest("web", batch, NOW)
    found = troubles.get("web")
    assert found is not None and (found.reason, found.lasting) == ("Limit", True)


def test_what_was_not_even_tried_ends_no_trouble() -> None:
    troubles = Troubles()
    note(troubles, Result.TRANSIENT, Result.SKIPPED)
    assert rows(troubles) == {"": ("Create", 1)}
