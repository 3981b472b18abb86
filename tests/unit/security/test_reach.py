"""Who reaches whom beside the declared edges: which connections are tried, and what their answers mean."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controller.model.reach import Answer, By, HostPort, Knock, Knocked, Verdict, Via
from controller.security.reach import judge, worst_of
from controller.security.ways import MOST_PORTS, NOBODYS, plan_again, plan_knocks
from tests.builders import service
from tests.unit.security.reaching import (
    API,
    DB,
    SERVICES,
    WEB,
    joined,
    judged,
    networks_answer,
    question,
    spot,
    wanted,
)

pytestmark = pytest.mark.unit

OK, UNDECLARED, BLOCKED, UNKNOWN = Verdict.OK, Verdict.UNDECLARED, Verdict.BLOCKED, Verdict.UNKNOWN
EVERYWHERE = (HostPort("0.0.0.0", 15432, 5432),)


def test_where_networks_are_as_the_edges_are_nothing_is_wrong() -> None:
    found = judged(question(enforced=True))
    assert {(s, t): (p.reachable, p.declared, p.needed) for (s, t, _), p in found.items()} == {
        ("web", "api"): (True, True, True),
        ("web", "db"): (False, False, False),
        ("api", "web"): (True, True, False),
        ("api", "db"): (True, True, True),
        ("db", "web"): (False, False, False),
        ("db", "api"): (True, True, False),
    }
    assert {pair.verdict for pair in found.values()} == {OK} and not any(pair.counts for pair in found.values())


def test_what_is_needed_is_asked_for_by_name_and_by_each_address_and_the_rest_by_address_alone() -> None:
    knocks = plan_knocks(question())
    assert {(k.host, k.port) for k in knocks if k.replica == "web-1"} == {
        ("api", 80),
        ("10.0.0.3", 80),
        ("10.0.1.3", 80),
        ("10.0.1.4", 5432),
    }
    assert {k.host for k in knocks if k.replica == "db-1"} == {"10.0.0.2", "10.0.0.3", "10.0.1.3"}
    assert len(knocks) == len(set(knocks))


def test_one_that_listens_nowhere_is_known_by_its_refusal() -> None:
    idle = replace(DB, ports=())
    found = judged(question(WEB, API, idle, enforced=True))
    assert {key[2] for key in found if key[1] == "db"} == {None}
    assert (found["api", "db", None].reachable, found["api", "db", None].verdict) == (True, OK)
    assert found["web", "db", None].reachable is False
    assert {k.port for k in plan_knocks(question(API, idle, wanted=wanted(("api", "db"))))} == {NOBODYS}


@pytest.mark.parametrize("enforced", [True, False])
def test_an_undeclared_way_is_a_difference_only_under_the_policy(enforced: bool) -> None:
    stray = spot("db", 4, "front", "back", ports=(5432,))
    pair = judged(question(WEB, API, stray, enforced=enforced))["web", "db", 5432]
    assert (pair.verdict, pair.counts, pair.via, pair.by) == (UNDECLARED, enforced, Via.NETWORK, By.ADDRESS)
    assert pair.cause == "at 10.0.0.4:5432, on network front" and "connectsTo: [db] of web" in pair.mend


@pytest.mark.parametrize("enforced", [True, False])
def test_a_needed_way_that_is_closed_is_a_difference_always(enforced: bool) -> None:
    apart = spot("db", 4, "front", ports=(5432,))
    pair = judged(question(WEB, spot("api", 3, "back"), apart, enforced=enforced))["api", "db", 5432]
    assert (pair.verdict, pair.counts, pair.reachable, pair.by) == (BLOCKED, True, False, None)
    assert pair.cause == "they share no network" and "one network" in pair.mend


def test_silence_on_a_shared_network_points_at_a_rule_and_is_asked_again_first() -> None:
    asked = question()
    silent = {"10_0_1_4": Answer.SILENT, "db": Answer.SILENT}
    assert {k.host for k in plan_again(asked, networks_answer(asked, **silent))} == {"10.0.1.4", "db"}
    pair = judged(asked, **silent)["api", "db", 5432]
    assert (pair.verdict, pair.cause) == (BLOCKED, "no answer comes back") and "DOCKER-USER" in pair.mend


def test_silence_where_no_network_is_shared_or_nothing_is_needed_is_not_asked_again() -> None:
    asked = question(WEB, spot("api", 3, "back"), DB)
    assert plan_again(asked, networks_answer(asked)) == ()


@pytest.mark.parametrize("answer", [Answer.OPEN, Answer.REFUSED])
def test_what_came_through_between_two_networks_is_asked_again_before_it_counts(answer: Answer) -> None:
    asked = question()
    assert {k.replica for k in plan_again(asked, networks_answer(asked, **{"10_0_0_2": answer}))} == {"db-1"}


def test_a_name_that_nobody_finds_is_a_closed_way_though_the_address_answers() -> None:
    pair = judged(question(), db=Answer.NAMELESS)["api", "db", 5432]
    assert (pair.verdict, pair.counts) == (BLOCKED, True)
    assert pair.cause == "nobody is found there by the name db, though its address answers"


def test_the_way_back_may_be_closed() -> None:
    pair = judged(question(enforced=True), **{"10_0_0_2": Answer.SILENT})["api", "web", 8000]
    assert (pair.declared, pair.needed, pair.reachable, pair.verdict) == (True, False, False, OK)


def test_a_port_that_the_machine_publishes_leads_around_the_networks() -> None:
    found = judged(question(WEB, API, replace(DB, published=EVERYWHERE), enforced=True))
    pair = found["web", "db", 5432]
    assert (pair.verdict, pair.via, pair.counts, pair.at) == (UNDECLARED, Via.HOST, True, "10.0.0.1:15432")
    assert "through the machine" in pair.cause and "127.0.0.1" in pair.mend
    assert found["api", "db", 5432].via is Via.NETWORK


def test_a_refusal_of_the_machine_itself_is_no_way() -> None:
    asked = question(WEB, API, replace(DB, published=EVERYWHERE))
    pair = judged(asked, **{"10_0_0_1": Answer.REFUSED})["web", "db", 5432]
    assert (pair.reachable, pair.verdict) == (False, OK)


@pytest.mark.parametrize(
    ("host_ip", "tried"),
    [("127.0.0.1", set()), ("::1", set()), ("192.0.2.7", {"192.0.2.7"}), ("", {"10.0.0.1"}), ("::", set())],
)
def test_of_the_machines_addresses_those_are_tried_that_lead_there(host_ip: str, tried: set[str]) -> None:
    asked = question(WEB, replace(DB, published=(HostPort(host_ip, 15432, 5432),)), wanted=wanted(("web", "db")))
    assert {knock.host for knock in plan_knocks(asked) if knock.port == 15432} == tried


def test_who_is_in_one_namespace_reaches_each_other_without_trying() -> None:
    side = spot("side", 4, "back", space=DB.replica)
    asked = question(API, DB, side, services={**SERVICES, "side": service("side")}, enforced=True)
    pair = judged(asked)["side", "db", 5432]
    assert (pair.verdict, pair.via, pair.counts) == (UNDECLARED, Via.NAMESPACE, True)
    assert not [knock for knock in plan_knocks(asked) if knock.replica == side.replica and knock.port == 5432]


SHARED = {
    "c": joined("c", "front", needs=("h",)),
    "h": joined("h", "front"),
    "s": joined("s", of="h", needs=("h",)),
    "t": joined("t", of="h", needs=("h", "y")),
    "x": joined("x", "front"),
    "y": joined("y", "front"),
}


def test_who_shares_a_namespace_is_reached_and_reaches_as_its_owner() -> None:
    c, h, x, y = (spot(name, last, "front") for last, name in enumerate("chxy", 2))
    s, t = (spot(name, 3, "front", space=h.replica, ports=(81,)) for name in "st")
    found = judged(question(c, h, s, t, x, y, services=SHARED, enforced=True))
    between = {frozenset(key[:2]) for key, pair in found.items() if pair.verdict is UNDECLARED}
    assert between == {frozenset(one) for one in ("cx", "hx", "sx", "tx", "yx", "cy")}
    assert found["c", "s", 81].declared and found["s", "t", 81].declared
    off = judged(question(c, h, s, t, x, services=SHARED))
    assert off["c", "s", 81].verdict is UNDECLARED and not off["c", "s", 81].counts


def test_who_shares_a_namespace_is_found_by_its_owners_name() -> None:
    c, h = spot("c", 2, "front"), spot("h", 3, "front")
    side = spot("s", 3, "front", space=h.replica, ports=(81,))
    asked = question(c, h, side, services={**SHARED, "c": joined("c", "front", needs=("s",))})
    assert Knock(c.replica, "h", 81) in plan_knocks(asked) and not any(k.host == "s" for k in plan_knocks(asked))
    pair = judged(asked, h=Answer.NAMELESS)["c", "s", 81]
    assert (pair.verdict, pair.cause) == (BLOCKED, "nobody is found there by the name h, though its address answers")
    alone = question(c, side, services=SHARED, wanted=wanted(("c", "s")))
    assert {k.host for k in plan_knocks(alone)} == {"10.0.0.3"}


def test_one_on_the_machines_own_network_is_reached_through_the_machine() -> None:
    host = spot("db", 9, ports=(5432,), on_host=True, space="host")
    asked = question(API, host, wanted=wanted(("api", "db")))
    assert {knock.host for knock in plan_knocks(asked)} == {"10.0.0.1", "10.0.1.1"}
    reached = judge(asked, dict.fromkeys(plan_knocks(asked), Knocked(Answer.OPEN, 0.0)))
    assert (reached[0].verdict, reached[0].via) == (OK, Via.HOST)


@pytest.mark.parametrize(("enforced", "counts"), [(True, 6), (False, 2)])
def test_what_could_not_be_tried_is_unknown_and_counts_where_it_may_be_a_difference(
    enforced: bool, counts: int
) -> None:
    asked = question(enforced=enforced)
    found = judge(asked, dict.fromkeys(plan_knocks(asked), Knocked(Answer.UNKNOWN, None, "no shell in it")))
    assert {(pair.verdict, pair.reachable, pair.cause) for pair in found} == {(UNKNOWN, None, "no shell in it")}
    assert sum(pair.counts for pair in found) == counts


def test_a_knock_that_was_never_answered_is_unknown_too() -> None:
    assert {pair.verdict for pair in judge(question(), {})} == {UNKNOWN}


def test_of_replicas_the_one_decides_that_cannot_where_it_has_to_or_can_where_it_may_not() -> None:
    second = spot("db", 5, "front", number=2, ports=(5432,))
    found = judged(question(WEB, spot("api", 3, "back"), DB, second, enforced=True))
    assert (found["api", "db", 5432].verdict, found["web", "db", 5432].verdict) == (BLOCKED, UNDECLARED)
    assert found["api", "db", 5432].cause == "they share no network (from api-1 to db-2)"
    assert found["web", "db", 5432].cause == "at 10.0.0.5:5432, on network front (from web-1 to db-2)"


def test_pairs_that_are_asked_for_are_all_that_is_tried() -> None:
    asked = question(wanted=wanted(("web", "db", 9999)))
    assert set(plan_knocks(asked)) == {Knock(WEB.replica, "10.0.1.4", 9999)}
    assert [(p.source, p.target, p.port) for p in judge(asked, networks_answer(asked))] == [("web", "db", 9999)]


def test_one_that_does_not_run_is_left_out_unless_it_is_asked_for() -> None:
    assert {key[:2] for key in judged(question(WEB, API))} == {("web", "api"), ("api", "web")}
    pair = judged(question(WEB, API, wanted=wanted(("api", "db"))))["api", "db", None]
    assert (pair.verdict, pair.counts, pair.cause) == (UNKNOWN, True, "no replica of db runs")


def test_of_too_many_ports_published_ones_are_tried_first_and_it_is_said() -> None:
    many = replace(DB, ports=tuple(range(1000, 1040)), published=(HostPort("127.0.0.1", 1, 1039),))
    asked = question(API, many)
    ports = asked.ports("db")
    assert len(ports) == MOST_PORTS and 1039 in ports
    assert f"db listens on 40 ports, of which {MOST_PORTS} were tried" in tuple(asked.notes())


def test_ports_that_only_the_definition_names_are_said_to_be_so() -> None:
    assert any("on which ports db listens" in note for note in question(API, replace(DB, heard=False)).notes())


def test_the_table_shows_the_worst_port_of_a_pair() -> None:
    two = replace(DB, ports=(5432, 9187))
    asked = question(API, two)
    answers = networks_answer(asked)
    answers |= {k: Knocked(Answer.SILENT) for k in answers if k.port == 9187}
    assert worst_of(judge(asked, answers))["api", "db"].port == 9187
