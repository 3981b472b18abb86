"""What a stack needs to stay and to go back, and what it is known to have had."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from controller.loop.imagebook import Seen, Sighting
from controller.loop.loaded import Loaded
from controller.loop.needs import Records, find_dormant, find_had, find_kept, find_shared, find_wanted
from controller.loop.returnable import RETURNABLE
from controller.model.cleanup import Kept, Use
from controller.model.decision import Attempt, History
from controller.model.desired import DesiredService, Leaving
from controller.model.generation import Ending, Generation
from controller.model.names import ImageId, Release, ReplicaId, Revision
from controller.model.project import ComposeProject, RenderedProject
from tests.builders import NOW, service, stack, template

pytestmark = pytest.mark.unit


def networked(name: str, revision: str, network: str, **others: Any) -> DesiredService:
    made = template(name, revision, networks=(json.dumps({"Name": network}),))
    return service(name, revision=revision, template=made, **others)


def generation(number: int, **releases: str) -> Generation:
    revisions = {name: Revision(release.partition("@")[0]) for name, release in releases.items()}
    settled = {name: Release(release) for name, release in releases.items()}
    return Generation(number, f"d{number}", NOW + number, revisions=revisions, releases=settled)


def images(kept: Kept) -> set[str]:
    return {image.removeprefix("i") for image in kept.images}


def test_the_last_revisions_keep_their_images_and_no_older_one_does() -> None:
    records = Records(generations=[generation(number, web=f"r@i{number}") for number in range(1, RETURNABLE + 4)])
    assert images(find_kept(records)) == {str(number) for number in range(4, RETURNABLE + 4)}


def test_what_an_undo_would_go_back_to_is_kept_however_long_ago_it_was() -> None:
    """A service that has not changed for long beside one that changes often; and the stack as a whole."""
    old = [
        generation(1, web="r1@i1", db="d1@i8"),
        replace(generation(2, web="r1@i2", db="d1@i8"), ending=Ending.CONVERGED),
        generation(3, web="r1@i3", db="d1@i8"),
        generation(4, web="r1@i4", db="d2@i9"),
    ]
    records = Records([*old, *(generation(number, web="r1@i4") for number in range(5, RETURNABLE + 9))])
    assert images(find_kept(records)) == {"2", "3", "4", "8", "9"}
    assert images(find_kept(Records([*old, *(generation(n, new="n@in") for n in range(5, RETURNABLE + 9))]))) >= {"3"}


def test_so_does_all_that_a_service_would_go_back_to_or_is_on_its_way_to() -> None:
    history = History(
        good=Release("r@i1"), pinned=Release("r@i2"), attempt=Attempt(Release("r@i3")), failed={Release("r@i4"): "why"}
    )
    records = Records(histories={"web": history}, settled={"web": Release("r@i5")})
    assert images(find_kept(records)) == set("12345")
    assert images(find_kept(Records(histories={"web": History(good=Release("r"))}))) == set()


def test_kept_revisions_keep_the_images_that_they_name() -> None:
    records = Records(revisions=(service(image="web:1"), service(image="web:2", image_id=ImageId("i2"))))
    kept = find_kept(records)
    assert (kept.names, images(kept)) == ({"web:1", "web:2"}, {"2"})


def test_only_what_is_in_force_and_what_it_went_back_to_keeps_its_networks() -> None:
    revisions = (
        networked("web", "old", "shop_old"),
        networked("web", "good", "shop_good"),
        networked("web", "now", "shop_now"),
        networked("gone", "r", "shop_gone", leaving=Leaving.ORPHANED),
        networked("stopped", "r", "shop_stopped", leaving=Leaving.OUT_OF_PROFILE),
    )
    generations = [generation(1, web="old"), generation(2, web="now", gone="r", stopped="r")]
    records = Records(generations, {"web": History(good=Release("good@i1"))}, revisions)
    assert find_kept(records).networks == {"shop_good", "shop_now", "shop_stopped"}


def loaded(*services: DesiredService, declared: tuple[str, ...] = (), **model: Any) -> Loaded:
    project = ComposeProject("shop", (), Path("/shop"), environment={})
    return Loaded(
        "compose.yaml", project, RenderedProject("shop", model), stack(*services), declared=frozenset(declared)
    )


def test_what_the_files_ask_for_is_kept_in_force_or_not() -> None:
    networks = {"default": {"name": "shop_default"}, "odd": None}
    web = networked("web", "v1", "shop_web", image="web:9", networks=("shop_front",))
    kept = find_wanted(loaded(web, networks=networks))
    assert (kept.names, kept.networks) == ({"web:9"}, {"shop_web", "shop_front", "shop_default"})


SIGHTINGS = {
    Sighting("tool", ImageId("i1"), "tool:1"): Seen(NOW - 90, False),
    Sighting("tool", ImageId("i2"), "tool:2"): Seen(NOW - 50, False),
    Sighting("gone", ImageId("i3"), "gone:1"): Seen(NOW - 10, False),
    Sighting("web", ImageId("i4"), "docker.io/library/web"): Seen(NOW - 70, True),
}


def test_a_service_in_another_profile_keeps_all_that_it_had_and_that_was_built_for_it() -> None:
    records = Records(sightings=SIGHTINGS)
    dormant = find_dormant(records, loaded(service("web"), declared=("web", "tool")))
    assert images(dormant) == {"1", "2"} and dormant.services == {"tool"}
    assert images(find_dormant(records, loaded(service("web"), service("tool"), declared=("web", "tool")))) == set()
    old = Records([generation(1, tool="r@i7", web="r@i8")])
    assert images(find_dormant(old, loaded(service("web"), declared=("web", "tool")))) == {"7"}, "it settled unseen"


def test_what_it_had_was_used_until_it_was_last_seen_or_until_the_next_revision() -> None:
    generations = [generation(1, web="r@i7"), generation(2, web="r@i8"), generation(3, web="r@i8")]
    had = find_had(Records(generations, sightings=SIGHTINGS, revisions=(service(image="web:5"),)), NOW + 100)
    assert had.images == {
        "i1": Use("tool", NOW - 90),
        "i2": Use("tool", NOW - 50),
        "i3": Use("gone", NOW - 10),
        "i4": Use("web", NOW + 100),
        "i7": Use("web", NOW + 2),
        "i8": Use("web", NOW + 100),
    }
    assert had.names == {"tool:1", "tool:2", "gone:1", "web:latest", "web:5"}


def test_another_stack_gets_what_it_needs_and_what_it_used_lately_and_last() -> None:
    records = Records(
        [generation(1, web="r@i9")], sightings=SIGHTINGS, revisions=(networked("web", "r", "n"),),
        replicas=frozenset({ReplicaId("c")}),
    )  # fmt: skip
    assert find_shared(records, NOW, older_than=60.0) == Kept(
        images=frozenset(map(ImageId, ("i9", "i2", "i3", "i4"))),
        names=frozenset({"web:1", "tool:2", "gone:1", "docker.io/library/web"}),
        networks=frozenset({"n"}),
    )
    assert images(find_shared(replace(records, generations=()), NOW, older_than=5.0)) == {"2", "3", "4"}
    assert images(find_shared(replace(records, generations=()), NOW + 900, older_than=5.0)) == {"2", "3", "4"}
