"""Which images were seen on replicas: written where something is new, and remembered across processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.loop.imagebook import Seen, Sighting
from controller.loop.store import Store
from controller.model.names import ImageId
from controller.model.observed import ServiceView
from tests.builders import NOW, replica

pytestmark = pytest.mark.unit

ONE, TWO = Sighting("web", ImageId("sha256:1"), "web:1"), Sighting("web", ImageId("sha256:2"), "web:2")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def view(*images: int, complete: bool = True) -> dict[str, ServiceView]:
    replicas = tuple(
        replica(number, image=f"web:{image}", image_id=ImageId(f"sha256:{image}"))
        for number, image in enumerate(images, 1)
    )
    return {"web": ServiceView(replicas, complete=complete)}


def test_what_is_seen_is_in_use_until_a_look_no_longer_shows_it(store: Store) -> None:
    store.images.note(view(1, 1), NOW, whole=True)
    assert store.images.load() == {ONE: Seen(NOW, True)}
    store.images.note(view(1, 2), NOW + 5, whole=True)
    store.images.note(view(2), NOW + 9, whole=True)
    assert store.images.load() == {ONE: Seen(NOW + 9, False), TWO: Seen(NOW + 5, True)}
    store.images.note(view(1), NOW + 20, whole=True)
    assert store.images.load() == {ONE: Seen(NOW + 20, True), TWO: Seen(NOW + 20, False)}


def test_what_is_no_news_is_not_written(store: Store) -> None:
    store.images.note(view(1), NOW, whole=True)
    store.images.note(view(1), NOW + 100, whole=True)
    assert store.images.load() == {ONE: Seen(NOW, True)}


def test_nothing_is_over_because_half_a_look_does_not_show_it(store: Store) -> None:
    store.images.note(view(1), NOW, whole=True)
    store.images.note(view(complete=False), NOW + 5, whole=True)
    store.images.note({}, NOW + 6, whole=False)
    assert store.images.load()[ONE].in_use
    store.images.note({}, NOW + 7, whole=True)
    assert store.images.load() == {ONE: Seen(NOW + 7, False)}, "the service is no part of the stack any more"


def test_who_comes_back_takes_the_first_look_for_the_end_of_what_is_not_there(store: Store, tmp_path: Path) -> None:
    store.images.note(view(1), NOW, whole=True)
    later = Store(tmp_path)
    later.images.note(view(2), NOW + 1000, whole=True)
    assert later.images.load() == {ONE: Seen(NOW + 1000, False), TWO: Seen(NOW + 1000, True)}


def test_what_is_not_here_any_more_is_forgotten_unless_it_is_in_use(store: Store) -> None:
    store.images.note(view(1, 2), NOW, whole=True)
    store.images.note(view(2), NOW + 1, whole=True)
    store.images.forget([ONE.image, TWO.image])
    assert store.images.load().keys() == {TWO}
    store.images.note(view(1, 2), NOW + 2, whole=True)
    assert store.images.load()[ONE] == Seen(NOW + 2, True)


def test_of_what_is_in_use_no_more_the_latest_are_kept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controller.loop.imagebook.KEPT_SIGHTINGS", 2)
    for number in range(1, 6):
        store.images.note(view(number), NOW + number, whole=True)
    kept = {sighting.image: seen.in_use for sighting, seen in store.images.load().items()}
    assert kept == {"sha256:3": False, "sha256:4": False, "sha256:5": True}
    store.images.note(view(1), NOW + 9, whole=True)
    assert store.images.load()[ONE].in_use, "one that was forgotten can come back"
