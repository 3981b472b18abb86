"""What the answers of connections mean beside the declared edges: who reaches whom, and whether he may. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from controller.model.reach import Answer, By, Knock, Knocked, Pair, Spot, Verdict, Via
from controller.security.ways import Question, Route, Wanted, answer_to, find_routes, shared_networks


class _Way(NamedTuple):
    """From one replica to another: whether there is one, and by which route it is known."""

    reachable: bool | None
    route: Route | None = None
    knocked: Knocked | None = None
    cause: str = ""


def judge(question: Question, answers: Mapping[Knock, Knocked]) -> tuple[Pair, ...]:
    """What each pair comes to, in the order of services."""
    return tuple(_judge_pair(question, pair, answers) for pair in question.asked)


def _judge_pair(question: Question, pair: Wanted, answers: Mapping[Knock, Knocked]) -> Pair:
    declared = question.declares(pair.source, pair.target)
    needed = question.needs(pair.source, pair.target)
    ways = [
        (source, target, _find_way(question, pair, (source, target), answers))
        for source in question.of(pair.source)
        for target in question.of(pair.target)
    ]
    blank = Pair(pair.source, pair.target, pair.port, declared, needed, None, Verdict.UNKNOWN)
    if not ways:
        idle = next(name for name in (pair.source, pair.target) if not question.of(name))
        return _finish(question, blank, _Way(None, cause=f"no replica of {idle} runs"), "")
    source, target, way = min(ways, key=lambda found: _rank(found[2].reachable, needed=needed))
    return _finish(question, blank, way, _whose(ways, source, target))


def _rank(reachable: bool | None, *, needed: bool) -> int:
    """What decides of several replicas: of a needed way that one has none, of another that one has it."""
    order = (False, None, True) if needed else (True, None, False)
    return order.index(reachable)


def _whose(ways: Sequence[tuple[Spot, Spot, _Way]], source: Spot, target: Spot) -> str:
    """Which replicas are meant, where there are several."""
    return f"from {source.name} to {target.name}" if len(ways) > 1 else ""


def _find_way(question: Question, pair: Wanted, spots: tuple[Spot, Spot], answers: Mapping[Knock, Knocked]) -> _Way:
    source, target = spots
    if source.space == target.space:
        return _Way(True, Route(Knock(source.replica, "", 0), By.ADDRESS, Via.NAMESPACE))
    found = [(r, answer_to(answers, r.knock)) for r in find_routes(question, pair, source, target)]
    if question.needs(pair.source, pair.target):
        return _needed_way(source, target, found)
    for route, knocked in found:
        if _leads(route, knocked):
            return _Way(True, route, knocked)
    unknown = next((pair for pair in found if pair[1].answer is Answer.UNKNOWN), None)
    if unknown is not None:
        return _Way(None, *unknown, cause=unknown[1].reason)
    return _Way(False, *(found[0] if found else (None, None)))


def _leads(route: Route, knocked: Knocked) -> bool:
    """Where the machine itself refuses, no container was reached."""
    return knocked.answer is Answer.OPEN or (knocked.answer is Answer.REFUSED and route.via is Via.NETWORK)


def _needed_way(source: Spot, target: Spot, found: Sequence[tuple[Route, Knocked]]) -> _Way:
    """By name, as its programs go, where there is one; else by an address."""
    if not found:
        return _Way(False, cause=_no_way(source, target))
    named = next((one for one in found if one[0].by is By.NAME), None)
    direct = [one for one in found if one[0].by is By.ADDRESS]
    reached = next((one for one in direct if _leads(*one)), None)
    unknown = next((one for one in direct if one[1].answer is Answer.UNKNOWN), None)
    if named is not None and named[1].answer is not Answer.UNKNOWN and not _leads(*named):
        return _Way(False, *named, cause=_why_not(source, target, named, reached is not None))
    if reached is not None:
        return _Way(True, *(named if named is not None and _leads(*named) else reached))
    if unknown is not None:
        return _Way(None, *unknown, cause=unknown[1].reason)
    return _Way(False, *direct[0], cause=_why_not(source, target, direct[0], False))


def _no_way(source: Spot, target: Spot) -> str:
    nowhere = next((spot for spot in (target, source) if not spot.addresses and not spot.on_host), None)
    return f"{nowhere.name} is on no network" if nowhere is not None else "they share no network"


def _why_not(source: Spot, target: Spot, tried: tuple[Route, Knocked], by_address: bool) -> str:
    if not shared_networks(source, target) and not (source.on_host or target.on_host):
        return _no_way(source, target)
    route, knocked = tried
    if knocked.answer is Answer.NAMELESS:
        known = ", though its address answers" if by_address else ""
        return f"nobody is found there by the name {route.knock.host}{known}"
    return "no answer comes back"


def _finish(question: Question, blank: Pair, way: _Way, whose: str) -> Pair:
    """The pair with its verdict, and of one that is not as it should be with cause and mend."""
    verdict = _verdict(blank, way.reachable)
    via = way.route.via if way.route is not None else None
    cause, mend = _explain(blank, verdict, way)
    return Pair(
        blank.source,
        blank.target,
        blank.port,
        blank.declared,
        blank.needed,
        way.reachable,
        verdict,
        by=way.route.by if way.route is not None and way.reachable else None,
        via=via if way.reachable else None,
        at=_place(way.route, blank.port),
        seconds=way.knocked.seconds if way.knocked is not None else None,
        counts=_counts(question, blank, verdict),
        cause=" ".join(part for part in (cause, f"({whose})" if whose and cause else "") if part),
        mend=mend,
    )


def _verdict(pair: Pair, reachable: bool | None) -> Verdict:
    if reachable is None:
        return Verdict.UNKNOWN
    if reachable:
        return Verdict.OK if pair.declared else Verdict.UNDECLARED
    return Verdict.BLOCKED if pair.needed else Verdict.OK


def _counts(question: Question, pair: Pair, verdict: Verdict) -> bool:
    """Without a policy, whoever shares a network reaches whom he likes, and only what is needed can be amiss.

    Under it also an undeclared way that could not be tried counts: nobody knows that it is closed.
    """
    if verdict is Verdict.UNKNOWN:
        return pair.needed or question.enforced or bool(question.wanted)
    return verdict is Verdict.BLOCKED or (verdict is Verdict.UNDECLARED and question.enforced)


def _place(route: Route | None, port: int | None) -> str:
    """Without a port where that is nobody's."""
    if route is None or not route.knock.host:
        return ""
    if port is None:
        return route.knock.host
    host = f"[{route.knock.host}]" if ":" in route.knock.host else route.knock.host
    return f"{host}:{route.knock.port}"


def _explain(pair: Pair, verdict: Verdict, way: _Way) -> tuple[str, str]:
    match verdict:
        case Verdict.UNDECLARED:
            return _explain_undeclared(pair, way.route)
        case Verdict.BLOCKED:
            return way.cause, _mend_blocked(pair, way.cause)
        case Verdict.UNKNOWN:
            return way.cause, _mend_unknown(way.cause)
        case _:
            return "", ""


def _explain_undeclared(pair: Pair, route: Route | None) -> tuple[str, str]:
    declare = f"declare it (connectsTo: [{pair.target}] of {pair.source})"
    match route.via if route is not None else None:
        case Via.HOST:
            cause = f"around the networks, through the machine, which publishes it at {_place(route, pair.port)}"
            return cause, f"publish it at 127.0.0.1, or drop what goes there in the DOCKER-USER chain, or {declare}"
        case Via.NAMESPACE:
            return "both are in one network namespace", f"give {pair.source} a network of its own, or {declare}"
        case _:
            network = route.network if route is not None else ""
            return (
                f"at {_place(route, pair.port)}, on network {network}",
                f"take one of them off {network}, or {declare}",
            )


def _mend_blocked(pair: Pair, cause: str) -> str:
    if "share no network" in cause or "on no network" in cause:
        return f"put both on one network in the Compose file, or take {pair.target} out of what {pair.source} needs"
    if "nobody is found" in cause:
        return f"connect {pair.target} under its service's name again: controller retry {pair.target}"
    return "look for a firewall rule (iptables -S DOCKER-USER) or a network made with enable_icc=false"


def _mend_unknown(cause: str) -> str:
    if cause.startswith("no replica"):
        return "controller start"
    return "run it as root on the engine's machine, where nothing is needed in the containers" if cause else ""


def told_aside(spots: Sequence[Spot], answers: Mapping[Knock, Knocked]) -> list[str]:
    """Of each replica from which a command in it tried, why, for people."""
    names = {spot.replica: spot.name for spot in spots}
    found = {knock.replica: knocked.aside for knock, knocked in answers.items() if knocked.aside}
    return [f"from {names.get(one, one)} a command in it tried, for {why}" for one, why in found.items()]


MOST_STRANGERS = 8
"""Of whom each is named; the others are counted."""


def told_strangers(found: Sequence[tuple[str, str]]) -> list[str]:
    """Who else is on the stack's networks, and so reaches who is there, for people."""
    lines = [f"{name} is on {network} and no replica: it reaches who is there" for name, network in found]
    more = len(lines) - MOST_STRANGERS
    return [*lines[:MOST_STRANGERS], f"and {more} more"] if more > 0 else lines


# --- for the table


_WORST = (Verdict.BLOCKED, Verdict.UNDECLARED, Verdict.UNKNOWN, Verdict.OK)


def worst_of(pairs: Sequence[Pair]) -> Mapping[tuple[str, str], Pair]:
    """By source and target, the pair that tells most of all ports."""
    found: dict[tuple[str, str], list[Pair]] = defaultdict(list)
    for pair in pairs:
        found[pair.source, pair.target].append(pair)
    return {
        key: min(ports, key=lambda one: (_WORST.index(one.verdict), not one.reachable)) for key, ports in found.items()
    }
