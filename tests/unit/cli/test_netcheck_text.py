"""`controller netcheck`: the truth table, what is wrong, and the data."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from controller.loop.netcheck import Checked
from controller.model.reach import By, Pair, Reach, Verdict, Via
from controller.render.netcheck import Look, netcheck_data, netcheck_lines, pair_names
from controller.render.paint import ansi
from controller.security.published import Published

pytestmark = pytest.mark.unit


def pair(
    source: str, target: str, verdict: Verdict = Verdict.OK, *, reachable: bool | None = False, **more: object
) -> Pair:
    counts = more.pop("counts", verdict is not Verdict.OK)
    fields = {"port": 80, "declared": False, "needed": False, **more}
    return Pair(source, target, reachable=reachable, verdict=verdict, counts=counts, **fields)  # type: ignore[arg-type]


REACHED = pair("web", "api", reachable=True, declared=True, needed=True, by=By.NAME, via=Via.NETWORK, seconds=0.0004)
STRAY = pair("web", "db", Verdict.UNDECLARED, reachable=True, port=5432, cause="at 10.0.0.4:5432", mend="declare it")
SHUT = pair("api", "db", Verdict.BLOCKED, declared=True, needed=True, cause="they share no network", mend="join them")
LOST = pair("db", "web", Verdict.UNKNOWN, reachable=None, cause="no shell in it")
REACH = Reach(
    "shop", True, 1.0, (REACHED, STRAY, SHUT, pair("api", "web"), pair("db", "api"), LOST), ("job",), ("a note",)
)


def lines(reach: Reach = REACH, look: Look | None = None) -> list[str]:
    return netcheck_lines([Checked(reach, ())], look or Look())


def test_the_table_has_a_row_for_who_reaches_and_a_column_for_whom() -> None:
    assert lines()[:9] == [
        "shop: 6 pairs checked, networkPolicy: dependencies, 2 differences, 1 could not be checked",
        "not running, so not checked: job",
        "a note",
        "",
        "FROM \\ TO   api   db   web",
        "web         ✓     !    –",
        "api         –     ✗    ·",
        "db          ·     –    ?",
        "✓ reachable, declared   · not reachable, nor needed   ! reachable, not declared   ✗ declared, not reachable"
        "   ? not known",
    ]


def test_what_is_wrong_has_a_cause_and_a_mend() -> None:
    assert lines()[10:] == [
        "✗ api → db:80  declared, but not reachable: they share no network",
        "  hint: join them",
        "! web → db:5432  not declared, but reachable: at 10.0.0.4:5432",
        "  hint: declare it",
        "? db → web:80  could not be checked: no shell in it",
    ]


def test_ports_of_one_pair_are_one_matter() -> None:
    told = lines(replace(REACH, pairs=(SHUT, replace(SHUT, port=81))))
    assert "1 difference" in told[0]
    assert [line for line in told if "→" in line] == [
        "✗ api → db:80,81  declared, but not reachable: they share no network"
    ]


def test_without_a_policy_an_undeclared_way_is_told_once_and_no_difference() -> None:
    free = replace(STRAY, counts=False)
    around = replace(free, source="api", via=Via.HOST, cause="around the networks")
    told = lines(replace(REACH, enforced=False, pairs=(free, around), idle=(), notes=()))
    assert told[0] == "shop: 2 pairs checked, networkPolicy: off, 0 differences"
    assert told[1].startswith("2 pairs that no edge declares can be reached, by design")
    assert told[2] == "of these api reaches db around the networks"
    assert not any("hint" in line for line in told)


@pytest.mark.parametrize("width", [24, 40, 80, 120])
def test_the_table_fits_the_terminal_with_numbers_for_names_where_it_must(width: int) -> None:
    names = [f"service-{number:02}" for number in range(8)]
    pairs = tuple(pair(one, other) for one in names for other in names if one != other)
    told = lines(replace(REACH, pairs=pairs, idle=(), notes=()), Look(width=width))
    assert told[2].startswith("FROM \\ TO")
    assert all(len(line) <= max(width, 25) for line in told[2:11]), told
    assert ("service-03" in told[2]) == (width == 120)
    assert told[6].lstrip("4 ").startswith("servi")
    cells = [line.split()[-8:] for line in told[3:11]]
    assert [row.index("–") for row in cells] == list(range(8))


def test_a_terminal_of_few_signs_and_one_of_colours() -> None:
    few = lines(look=Look(signs=False))
    assert all(line.isascii() for line in few) and "web         +     !    -" in few
    assert "\x1b[31m✗\x1b[0m" in lines(look=Look(paint=ansi))[6]


def test_wide_has_a_row_for_each_port() -> None:
    told = lines(look=Look(wide=True))
    assert told[4].split() == ["FROM", "TO", "PORT", "DECLARED", "REACHABLE", "VERDICT", "WAY", "TOOK", "WHY"]
    assert told[5].split() == ["web", "api", "80", "yes", "yes", "ok", "name", "0.4", "ms"]
    assert told[7].split()[:6] == ["api", "db", "80", "yes", "no", "blocked"]


def test_the_data_has_every_key_and_no_other() -> None:
    data = netcheck_data([Checked(REACH, (Published("web", "", "80", 80),))])
    assert list(data) == [
        "stack", "policy", "at", "pairs", "differences", "unchecked", "notRunning", "notes", "published",
    ]  # fmt: skip
    assert (data["stack"], data["policy"], data["differences"], data["unchecked"]) == ("shop", "dependencies", 2, 1)
    assert data["pairs"][0] == {
        "from": "web", "to": "api", "port": 80, "declared": True, "needed": True, "reachable": True, "by": "name",
        "via": "network", "at": None, "verdict": "ok", "counts": False, "ms": 0.4, "cause": None, "mend": None,
    }  # fmt: skip
    assert data["published"] == [
        {
            "service": "web",
            "address": "0.0.0.0:80->80/tcp",
            "target": 80,
            "protocol": "tcp",
            "reachableFrom": "everyone",
        }
    ]
    json.dumps(data)


def test_the_data_of_several_stacks_and_names_that_can_be_asked_for_again() -> None:
    two = [Checked(REACH, ()), Checked(replace(REACH, stack="blog"), ())]
    assert [one["stack"] for one in netcheck_data(two)["stacks"]] == ["shop", "blog"]
    assert pair_names(two[:1]) == ["web db:5432", "api db:80", "db web:80"]


def test_names_from_elsewhere_cannot_write_to_the_terminal() -> None:
    told = lines(replace(REACH, pairs=(replace(STRAY, source="we\x1b[2J", cause="x\x1b[2J"),), idle=("\x1b[1m",)))
    assert "\x1b" not in "".join(told)


def test_of_very_much_that_is_wrong_the_rest_is_a_number() -> None:
    many = replace(REACH, pairs=tuple(replace(STRAY, source=f"s{number}") for number in range(50)))
    assert lines(many)[-1] == "and 10 more: -o wide tells them all"
    assert sum("hint:" in line for line in lines(many)) == 40
    assert sum("hint:" in line for line in lines(many, Look(wide=True))) == 50
