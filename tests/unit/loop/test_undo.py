"""Where an undo goes, and what it says where it can go nowhere."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from controller.loop.undo import Standing, Undo, find_return
from controller.model.decision import Attempt, History
from controller.model.errors import ControllerError
from controller.model.generation import Ending, Generation
from controller.model.names import ImageId, Release, Revision
from tests.builders import job, replica, service, template, view

pytestmark = pytest.mark.unit

CONVERGED, ROLLED_BACK, SUPERSEDED = Ending.CONVERGED, Ending.ROLLED_BACK, Ending.SUPERSEDED


def generation(number: int, releases: str, ending: Ending = CONVERGED, **fields: Any) -> Generation:
    """`web=r1@a db=r1`."""
    made = dict(pair.split("=") for pair in releases.split())
    return Generation(
        number,
        f"d{number}",
        0.0,
        ("db", "web"),
        ending=ending,
        releases={k: Release(v) for k, v in made.items()},
        **fields,
    )


def standing(revision: str, image: str = "", **memory: Any) -> Standing:
    """What is asked for, and the image of what runs of it."""
    want = service("web", revision=revision)
    shown = view(
        replica(revision=revision, image_id=ImageId(image)) if image else replica(revision="other"), image_id=image
    )
    return Standing(want, History(**memory), shown)


def undo(*generations: Generation, to: int | None = None, named: bool = False, **standings: Standing) -> Undo:
    chosen = tuple(sorted(standings))
    revisions = {release.partition("@")[0] for one in generations for release in one.releases.values()}
    kept = {
        (name, Revision(revision)): service(name, revision=revision) for name in ("db", "web") for revision in revisions
    }
    return Undo("shop", generations, standings, kept, chosen, whole=not named, to=to)


G1, G2 = generation(1, "web=r1@a db=r1@x"), generation(2, "web=r2@b db=r1@x")


@pytest.mark.parametrize(
    ("given", "number", "pins"),
    [
        pytest.param(undo(G1, G2, web=standing("r2", "b")), 1, {"web": "r1@a"}, id="the one before"),
        pytest.param(
            undo(G1, G2, generation(3, "", ROLLED_BACK), web=standing("r3", failed={"r3": "x"}, failed_for="r3")),
            2,
            {"web": "r2@b"},
            id="from one that was rolled back: what ran before it",
        ),
        pytest.param(
            undo(
                G1,
                G2,
                generation(3, "", SUPERSEDED),
                generation(4, ""),
                web=standing("r4", attempt=Attempt(Release("r4"))),
            ),
            2,
            {"web": "r2@b"},
            id="in the middle of an update: one that never came to be is passed over",
        ),
        pytest.param(
            undo(G1, G2, generation(3, ""), web=standing("r3", good="r2@b")),
            1,
            {"web": "r1@a"},
            id="files were edited that nobody applied: from what runs",
        ),
        pytest.param(
            undo(G1, generation(2, "web=r1@b db=r1@x"), web=standing("r1", "b")),
            1,
            {"web": "r1@a"},
            id="the tag has moved",
        ),
        pytest.param(
            undo(G1, G2, generation(3, "web=r1@a db=r1@x"), web=standing("r2", pinned="r1@a", pinned_over="r2")),
            2,
            {"web": "r2@b"},
            id="of an undo: forward again, on the image of then",
        ),
        pytest.param(
            undo(generation(1, "web=r1@a"), generation(2, "web=r2@b"), G2, to=1, web=standing("r2", "b")),
            1,
            {"web": "r1@a"},
            id="to a number",
        ),
        pytest.param(
            undo(G1, G2, web=standing("r2", failed={"r2": "x"}, failed_for="r2"), db=standing("r2", good="r1@x")),
            1,
            {"web": "r1@a", "db": "r1@x"},
            id="after its stack went back: also what is there already, past which it would go forward again",
        ),
        pytest.param(undo(G1, G2, to=2, web=standing("r2", "b")), 2, {}, id="to what is there already: nothing to do"),
        pytest.param(
            undo(generation(1, "web=r1@a", SUPERSEDED), G2, named=True, web=standing("r2", "b")),
            1,
            {"web": "r1@a"},
            id="of one service: it settled, though the whole never did",
        ),
    ],
)
def test_where_it_goes(given: Undo, number: int, pins: dict[str, str | None]) -> None:
    found = find_return(given)
    assert (found.generation.number, found.pins) == (number, pins)


def test_what_the_manifest_asks_for_now_is_not_pinned() -> None:
    pinned = Standing(
        service("web", revision="r2"), History(pinned=Release("r1@a"), pinned_over=Revision("r2")), view(image_id="b")
    )
    assert find_return(undo(G1, G2, G1, to=2, web=pinned)).pins == {"web": None}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        pytest.param(undo(G1, web=standing("r1", "a")), "no earlier generation converged", id="there is only one"),
        pytest.param(
            undo(generation(1, "", Ending.UNKNOWN), G2, web=standing("r2", "b")), "older version", id="an older store"
        ),
        pytest.param(
            undo(generation(1, "", Ending.UNKNOWN), G2, to=1, web=standing("r2", "b")),
            "generation 1 was kept by an older version",
            id="an older one by its number",
        ),
        pytest.param(
            undo(G1, G2, to=9, web=standing("r2", "b")), "no generation 9; kept are 1 to 2", id="no such number"
        ),
        pytest.param(
            undo(generation(1, "", ROLLED_BACK), G2, to=1, web=standing("r2", "b")),
            "never came to be (RolledBack)",
            id="one that was rolled back",
        ),
        pytest.param(
            undo(generation(1, "db=r1@x"), G2, to=1, named=True, web=standing("r2", "b")),
            "web did not settle in generation 1",
            id="a service that did not settle in it",
        ),
    ],
)
def test_where_it_cannot_go(given: Undo, said: str) -> None:
    with pytest.raises(ControllerError) as caught:
        find_return(given)
    assert said in caught.value.message and caught.value.hint == "controller rollout history"


def test_what_it_was_made_from_is_not_kept_any_more() -> None:
    given = undo(G1, G2, to=1, web=standing("r2", "b"))
    forgotten = Undo("shop", given.generations, given.standings, {}, given.chosen, to=1)
    with pytest.raises(ControllerError, match="what web was made from in generation 1 is not kept any more"):
        find_return(forgotten)


def test_files_of_then_are_not_kept() -> None:
    """The same definition with other contents: nothing can bring these back, and nothing pretends to."""
    same = {"template": template("web", "any")}
    kept = {("web", Revision(name)): service("web", revision=name, **same) for name in ("r1", "r2")}
    first, second = generation(1, "web=r1@a", contents={"web": "c1"}), generation(2, "web=r2@a", contents={"web": "c2"})
    with pytest.raises(ControllerError, match="only in files, whose contents are not kept"):
        find_return(Undo("shop", (first, second), {"web": standing("r2", "a")}, kept, ("web",)))
    kept = {("web", Revision(name)): service("web", revision=name) for name in ("r1", "r2")}
    found = find_return(Undo("shop", (first, second), {"web": standing("r2", "a")}, kept, ("web",)))
    assert found.pins == {"web": "r1@a"} and "keep their present contents" in found.notes[0]


@pytest.mark.fault("W14")
def test_an_image_that_is_not_here_any_more_is_in_the_way() -> None:
    three = (G1, G2, generation(3, "web=r3@c db=r1@x"))
    given = undo(*three, web=standing("r3", "c"))
    lost = frozenset({ImageId("b")})
    assert find_return(given).generation.number == 2
    assert find_return(replace(given, lost=lost)).generation.number == 1
    with pytest.raises(ControllerError, match=r"the image of web in generation 2 is not here any more \(b\)"):
        find_return(replace(given, to=2, lost=lost))


RAN = Standing(job("db", "r2"), History(completed=Revision("r2")), view())
UNDECLARED = Standing(service("db", revision="r2"), History(completed=Revision("r2")), view())
RUNS = Standing(job("db", "r2"), History(completed=Revision("r1")), view(replica(revision="r2")))
UNDECLARED_RUNS = Standing(
    service("db", revision="r2"), History(completed=Revision("r1")), view(replica(revision="r2"))
)


@pytest.mark.parametrize("migrate", [RAN, UNDECLARED, RUNS, UNDECLARED_RUNS])
def test_a_job_is_not_run_backwards_and_that_is_said(migrate: Standing) -> None:
    """An older migration on newer data is worse than none."""
    generations = (generation(1, "web=r1@a db=r1"), generation(2, "web=r2@b db=r2"))
    found = find_return(undo(*generations, web=standing("r2", "b"), db=migrate))
    assert found.pins == {"web": "r1@a"}
    assert found.notes == ("db is a job, which is never run backwards: what it did since generation 1 stays",)
    with pytest.raises(ControllerError, match="db is a job, which is never run backwards"):
        find_return(undo(*generations, named=True, db=migrate))


def test_a_job_of_which_nothing_differs_is_no_obstacle() -> None:
    generations = (generation(1, "web=r1@a db=r2"), generation(2, "web=r2@b db=r2"))
    assert not find_return(undo(*generations, web=standing("r2", "b"), db=RAN)).notes
