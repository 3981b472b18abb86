"""What is laid over limits: where it holds, what becomes of a template, where a replica has its limit from."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from controller.model.adjustment import (
    KEPT_BEFORE,
    Adjustment,
    change,
    knows_cpu,
    knows_memory,
    lay_limit,
    limit_of,
    put,
    rebase,
)
from controller.model.desired import Direct
from controller.model.limited import lay_over, lay_over_all
from controller.model.names import ReplicaId, Revision
from controller.model.resources import NO_LIMIT, Claims, Limit
from tests.builders import service, stack, template

pytestmark = pytest.mark.unit

MIB = 2**20
SOME = ReplicaId("some")
OWN, MORE = Limit(64 * MIB, 0.5), Limit(80 * MIB, 0.7)


def body(**host: Any) -> str:
    return json.dumps({"create": {"HostConfig": host}}, sort_keys=True, separators=(",", ":"))


@pytest.mark.parametrize(
    ("own", "adjustment", "limit"),
    [
        pytest.param(OWN, None, OWN, id="nothing"),
        pytest.param(OWN, Adjustment(OWN, MORE), MORE, id="both"),
        pytest.param(OWN, Adjustment(OWN, Limit(80 * MIB)), Limit(80 * MIB, 0.5), id="memory alone"),
        pytest.param(OWN, Adjustment(Limit(32 * MIB, 0.5), MORE), Limit(64 * MIB, 0.7), id="the file has other memory"),
        pytest.param(Limit(64 * MIB), Adjustment(OWN, MORE), Limit(80 * MIB), id="the file limits no cores any more"),
        pytest.param(NO_LIMIT, Adjustment(NO_LIMIT, MORE), NO_LIMIT, id="what has no limit gets none"),
        pytest.param(
            Limit(cpu=0.1 + 2e-9), Adjustment(Limit(cpu=0.1), Limit(cpu=0.2)), Limit(cpu=0.2), id="a 32-bit float"
        ),
    ],
)
def test_what_holds(own: Limit, adjustment: Adjustment | None, limit: Limit) -> None:
    assert put(own, adjustment) == limit


@pytest.mark.parametrize(
    ("swap", "expected"),
    [
        pytest.param(None, None, id="Docker's: as much again"),
        pytest.param(64 * MIB, 80 * MIB, id="none"),
        pytest.param(100 * MIB, 116 * MIB, id="what it had beyond its memory"),
        pytest.param(-1, -1, id="without end"),
        pytest.param(0, 0, id="Docker's, said as 0"),
    ],
)
def test_a_template_has_the_limits_and_swap_that_goes_with_them(swap: int | None, expected: int | None) -> None:
    host: dict[str, Any] = {"Memory": 64 * MIB, "NanoCpus": 500_000_000, "PidsLimit": 5}
    text = body(**host) if swap is None else body(**host, MemorySwap=swap)
    found = json.loads(lay_limit(text, OWN, MORE))["create"]["HostConfig"]
    assert (found["Memory"], found["NanoCpus"], found.get("MemorySwap")) == (80 * MIB, 700_000_000, expected)
    assert found["PidsLimit"] == 5 and limit_of(lay_limit(text, OWN, MORE)) == MORE


def test_a_template_to_which_nothing_is_done_is_the_very_same() -> None:
    text = body(Memory=64 * MIB)
    assert lay_limit(text, OWN, OWN) is text and lay_limit("", OWN, MORE) == "" and limit_of("") == NO_LIMIT
    assert lay_limit(body(), OWN, MORE) == body(), "what it was made without cannot be taken back in place"


def test_a_service_is_laid_over_in_template_and_claims_and_stays_of_its_revision() -> None:
    given = service(template=template(body=body(Memory=64 * MIB)), claims=Claims(limit=Limit(64 * MIB)))
    direct = Direct(Revision("d"), template(body=body(Memory=64 * MIB)))
    adjustment = Adjustment(Limit(64 * MIB), Limit(80 * MIB))
    laid = lay_over(service(template=given.template, claims=given.claims, direct=direct), adjustment)
    assert laid.claims.limit == limit_of(laid.template.body) == Limit(80 * MIB) and laid.adjusted is adjustment
    assert laid.direct is not None and limit_of(laid.direct.template.body) == Limit(80 * MIB)
    assert (laid.revision, laid.template.fingerprint) == (given.revision, given.template.fingerprint)
    assert laid.template.config_hash == given.template.config_hash
    assert lay_over(given, None) is given
    both = stack(given, service("db"))
    assert lay_over_all(both, {"gone": adjustment}) is both
    assert lay_over_all(both, {"web": adjustment}).services["db"] is both.services["db"]


def test_where_a_replica_has_its_limit_from_is_known_of_the_last_changes() -> None:
    adjustment = Adjustment(OWN)
    for number in range(KEPT_BEFORE + 2):
        adjustment = change(adjustment, Limit((100 + number) * MIB), f"change {number}", float(number))
    assert len(adjustment.before) == KEPT_BEFORE and adjustment.since == KEPT_BEFORE + 1.0
    assert knows_memory(adjustment, SOME, 64 * MIB) and knows_memory(adjustment, SOME, (100 + KEPT_BEFORE + 1) * MIB)
    assert knows_memory(adjustment, SOME, (100 + KEPT_BEFORE) * MIB) and not knows_memory(adjustment, SOME, 100 * MIB)
    assert not knows_memory(adjustment, SOME, None) and not knows_cpu(adjustment, SOME, None)
    assert knows_cpu(adjustment, SOME, 0.5 + 2e-9) and not knows_cpu(adjustment, SOME, 0.6)


def test_of_who_had_what_holds_already_another_limit_is_a_hands_until_the_next_change() -> None:
    adjustment = replace(Adjustment(OWN, MORE), reached=(SOME,))
    assert not knows_memory(adjustment, SOME, 64 * MIB) and knows_memory(adjustment, ReplicaId("other"), 64 * MIB)
    assert not knows_cpu(adjustment, SOME, 0.5) and knows_memory(change(adjustment, OWN, "less"), SOME, 80 * MIB)


def test_what_is_given_back_is_known_still_and_counts_for_a_cool_down_only_where_it_is_dated() -> None:
    adjustment = change(Adjustment(OWN, MORE, 5.0), NO_LIMIT, "given back")
    assert (adjustment.limit, adjustment.since, adjustment.before) == (NO_LIMIT, 5.0, (MORE,))
    assert put(OWN, adjustment) == OWN and knows_memory(adjustment, SOME, 80 * MIB)


def test_of_a_file_that_says_otherwise_only_what_it_says_again_stays() -> None:
    adjustment = Adjustment(OWN, MORE, 5.0, "why")
    assert rebase(adjustment, OWN) is adjustment and rebase(None, OWN) == Adjustment(OWN)
    newer = Limit(128 * MIB, 0.5)
    based = rebase(adjustment, newer)
    assert based == Adjustment(newer, Limit(None, 0.7), 5.0, "why", former=((OWN, MORE),))


def test_what_held_for_another_limit_of_the_file_holds_again_on_a_way_back() -> None:
    newer, most = Limit(128 * MIB, 0.5), Limit(150 * MIB, 0.7)
    based = change(rebase(Adjustment(OWN, MORE), newer), most, "more")
    assert (put(OWN, based), put(newer, based)) == (Limit(80 * MIB, 0.7), most)
    assert knows_memory(based, SOME, 80 * MIB) and knows_memory(based, SOME, 64 * MIB)
    back = rebase(based, OWN)
    assert (back.original, back.limit, back.former) == (OWN, Limit(80 * MIB, 0.7), ((newer, most),))
    undone = change(back, NO_LIMIT, "undone")
    assert put(newer, undone) == newer, "a person's undo is of all of it"
    assert knows_memory(undone, SOME, 150 * MIB) and knows_cpu(undone, SOME, 0.7), "who has that has it from no hand"
