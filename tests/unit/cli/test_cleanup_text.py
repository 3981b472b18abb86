"""What a clean-up would remove, or has removed, as people and programs read it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controller.model.cleanup import CleanupReport, Done, Fate, Item, Rubbish
from controller.render.cleanup import cleanup_lines, log_hint, report_data, reports_data, total_bytes
from tests.builders import NOW

pytestmark = pytest.mark.unit

MIB = 2**20
DAY = 86400.0
RUN = Item(Rubbish.CONTAINER, "c" * 64, "shop-web-run-1", 2 * MIB, "one-off of web, exited (3)", NOW - 9 * DAY)
IMAGE = Item(Rubbish.IMAGE, "sha256:1", "web:1", 120 * MIB, "superseded image of web", NOW - 12 * DAY, at_most=True)
NETWORK = Item(Rubbish.NETWORK, "n", "shop_back", 0, "no container is on it", NOW - 20 * DAY)
CACHE = Item(Rubbish.CACHE, "build-cache", "4 of 9 records", MIB, "build cache of the whole engine", NOW - 8 * DAY)
LOG = Item(Rubbish.LOG, "l", "shop-web-1", 812 * MIB, "only told: output of web, kept without bound", removable=False)


def listed(*items: Item) -> CleanupReport:
    done = tuple(Done(item, Fate.UNUSED if item.removable else Fate.TOLD) for item in items)
    return CleanupReport("shop", done, True, NOW, older_than=7 * DAY)


def test_a_dry_run_is_a_table_with_what_it_comes_to() -> None:
    assert cleanup_lines([listed(RUN, IMAGE, NETWORK, CACHE, LOG)]) == [
        "KIND        NAME             SIZE     UNUSED   WHY",
        "container   shop-web-run-1   2Mi      9d       one-off of web, exited (3)",
        "image       web:1            ≤120Mi   12d      superseded image of web",
        "network     shop_back        0B       20d      no container is on it",
        "cache       4 of 9 records   1Mi      8d       build cache of the whole engine",
        "log         shop-web-1       812Mi    <none>   only told: output of web, kept without bound",
        "",
        "shop  would free at most 123Mi: 1 container, 1 image, 1 network and part of the build cache",
    ]


DONE = replace(
    listed(),
    dry_run=False,
    done=(
        Done(RUN, Fate.REMOVED, 2 * MIB),
        Done(IMAGE, Fate.LEFT, message="image is being used by container late"),
        Done(NETWORK, Fate.FAILED, message="too slow"),
    ),
)


def test_what_was_done_says_what_became_of_each() -> None:
    assert cleanup_lines([DONE]) == [
        "KIND        NAME             SIZE     UNUSED   OUTCOME   WHY",
        "container   shop-web-run-1   2Mi      9d       removed   one-off of web, exited (3)",
        "image       web:1            ≤120Mi   12d      left      image is being used by container late",
        "network     shop_back        0B       20d      failed    too slow",
        "",
        "shop  freed 2Mi: 1 container; 2 left",
    ]


def test_where_there_is_nothing_one_line_says_so_and_what_is_too_young() -> None:
    assert cleanup_lines([listed()]) == ["shop  nothing to remove"]
    young = replace(listed(), younger=3, younger_bytes=5 * MIB)
    assert cleanup_lines([young]) == ["shop  nothing to remove; 3 more (5Mi) unused for less than 7d"]


def test_what_takes_nothing_is_counted_and_not_weighed() -> None:
    assert cleanup_lines([listed(NETWORK)])[-1] == "shop  would remove 1 network"
    done = replace(DONE, done=(Done(NETWORK, Fate.REMOVED, 0),))
    assert cleanup_lines([done])[-1] == "shop  removed 1 network"


def test_several_stacks_and_wide() -> None:
    blog = replace(listed(IMAGE), stack="blog")
    assert cleanup_lines([listed(IMAGE), blog], wide=True) == [
        "STACK   KIND    NAME    SIZE     UNUSED   WHY                       ID",
        "shop    image   web:1   ≤120Mi   12d      superseded image of web   sha256:1",
        "blog    image   web:1   ≤120Mi   12d      superseded image of web   sha256:1",
        "",
        "shop  would free at most 120Mi: 1 image",
        "blog  would free at most 120Mi: 1 image",
    ]
    assert reports_data([listed(IMAGE), blog])["bytes"] == 120 * MIB, "what two have counts once"


def test_what_is_not_known_and_what_could_not_be_looked_at() -> None:
    odd = replace(RUN, bytes=None, name="a\x1b[1mb")
    assert cleanup_lines([listed(odd)])[1].split() == ["container", "a\\x1b[1mb", "?", "9d", *RUN.why.split()]
    assert cleanup_lines([replace(listed(), ok=False, message="no answer")]) == []


def test_logs_are_told_and_count_for_nothing() -> None:
    assert total_bytes([listed(LOG)]) == 0
    assert log_hint([listed(RUN)]) is None
    hint = log_hint([listed(LOG, replace(LOG, name="shop-db-1"))])
    assert hint is not None and "logging.options.max-size for shop-web-1 and shop-db-1" in hint


def test_the_data_has_the_stable_shape() -> None:
    data = report_data(replace(DONE, notes=("odd",), younger=1, younger_bytes=9))
    assert list(data) == [
        "stack", "dryRun", "ok", "bytes", "seconds", "olderThanSeconds", "items", "younger", "message", "notes",
    ]  # fmt: skip
    assert (data["bytes"], data["dryRun"], data["younger"]) == (2 * MIB, False, {"items": 1, "bytes": 9})
    assert data["items"][1] == {
        "kind": "image",
        "id": "sha256:1",
        "name": "web:1",
        "bytes": 120 * MIB,
        "atMost": True,
        "why": "superseded image of web",
        "unusedSince": "1969-12-20T00:16:40.000Z",
        "outcome": "left",
        "message": "image is being used by container late",
        "hint": None,
    }
