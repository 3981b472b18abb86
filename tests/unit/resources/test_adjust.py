"""What a limit should be: one line a rule, in mebibytes and cores."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from controller.model.adjustment import Adjustment, Need
from controller.model.advice import Recommendation, Resource, Use
from controller.model.resources import AdjustMode, AdjustPolicy, Amount, Bounds, Claims, Limit
from controller.resources.adjust import NEEDED_FOR, Facts, judge, judge_killed, window_of
from controller.resources.bounds import Range, find_range

pytestmark = pytest.mark.unit

MIB = 2**20
NOW = 1_000_000.0
POLICY = AdjustPolicy(AdjustMode.APPLY, headroom=0.2, cooldown=600.0, step=0.25)
LONG = window_of(POLICY)


def used(now: float, peak: float | None = None, span: float = LONG, samples: int = 100, **more: float) -> Use:
    """MiB."""
    most = now if peak is None else peak
    fields = {"p95": most, "late": now, "grew": 0.0, **more}
    scaled = {name: value * MIB for name, value in fields.items()}
    return Use(now=now * MIB, peak=most * MIB, span=span, samples=samples, **scaled)


def cores(p95: float, now: float | None = None, span: float = LONG, late: float | None = None) -> Use:
    now = p95 if now is None else now
    return Use(now=now, p95=p95, peak=max(p95, now), late=now if late is None else late, span=span, samples=100)


def facts(
    memory: Use | None = None,
    limit: float | None = 64,
    least: float | None = 16,
    most: float | None = 256,
    *,
    present: float | None = None,
    reserved: float = 0,
    since: float | None = None,
    **others: Any,
) -> Facts:
    """Of a limit of 64 MiB that may be from 16 to 256. `present`: what was laid over it, at `since`."""
    bounds = Bounds(_mib(least), _mib(most))
    claims = Claims(Amount(int(reserved * MIB)), Limit(_mib(limit)), bounds)
    adjustment = others.pop("adjustment", None)
    if present is not None or since is not None:
        adjustment = Adjustment(Limit(_mib(limit)), Limit(_mib(present)), since)
    others.setdefault("highest", 0.0)
    return Facts("web", others.pop("policy", POLICY), claims, adjustment, memory, **others)


def _mib(value: float | None) -> int | None:
    return None if value is None else int(value * MIB)


def tell(found: tuple[Recommendation, ...]) -> str:
    """`64 → 80 (96)`: what it is to be now, and in the end; with the first word of why it is not."""
    return "; ".join(map(_tell, found)) or "-"


def _tell(one: Recommendation) -> str:
    unit = MIB if one.resource is Resource.MEMORY else 1
    present = "none" if one.present is None else f"{one.present / unit:g}"
    end = "" if one.target == one.next else f" ({one.target / unit:g})"
    obstacle = f" | {one.obstacle.split()[0]}" if one.obstacle else ""
    return f"{present} → {one.next / unit:g}{end}{obstacle}"


CASES: dict[str, tuple[Facts, str]] = {
    "nothing is known of its use": (facts(), "-"),
    "use with its room is about the limit": (facts(used(52)), "-"),
    "less than a twentieth is not worth a change": (facts(used(55)), "-"),
    "it needs some more": (facts(used(56)), "64 → 68"),
    "no more than a step at once": (facts(used(57, 80)), "64 → 80 (96)"),
    "the whole way where memory is short": (facts(used(58, 90)), "64 → 108"),
    "and as far as it will have grown by the next change": (facts(used(60, grew=20)), "64 → 96"),
    "what it grew by counts only where memory is short": (facts(used(40, 52, grew=30)), "-"),
    "where memory is short a small change is worth it": (facts(used(60), most=66), "64 → 66"),
    "no more than the most": (facts(used(60, 90), most=96), "64 → 96"),
    "no more than the most, and it has that": (facts(used(95), present=96, most=96), "-"),
    "without a most the Compose file's own limit is it": (facts(used(60), most=None), "-"),
    "what was lowered comes back to it": (facts(used(40), present=40, most=None), "40 → 48"),
    "it uses little: a step down": (facts(used(10)), "64 → 48 (16)"),
    "the last step is to the target": (facts(used(30)), "64 → 48 (36)"),
    "and then that": (facts(used(30), present=48), "48 → 36"),
    "no lower than the least": (facts(used(5), present=20), "20 → 16"),
    "without a least the Compose file's own limit is it": (facts(used(5), least=None), "-"),
    "what was raised comes back to it": (facts(used(5), present=80, least=None), "80 → 64"),
    "no lower than its reservation": (facts(used(5), reserved=50), "64 → 50"),
    "its highest use in all that time counts": (facts(used(10, 52)), "-"),
    "watched for too short a time": (facts(used(10, span=LONG / 2)), "64 → 48 (16) | watched"),
    "what it used at most is not known": (facts(used(10), highest=None), "64 → 48 (16) | what"),
    "nor need it be where more is needed": (facts(used(58), highest=None), "64 → 70"),
    "too few samples": (facts(used(10, samples=4)), "64 → 48 (16) | watched"),
    "raised after however short a time": (facts(used(58, span=0.0, samples=1)), "64 → 70"),
    "changed a moment ago": (facts(used(58), present=60, since=NOW - 599), "60 → 70 | changed"),
    "changed a cool-down ago": (facts(used(58), present=60, since=NOW - 600), "60 → 70"),
    "changed ahead of us, by a clock that was wrong": (facts(used(58), present=60, since=NOW + 601), "60 → 70"),
    "undone by a person": (
        facts(used(58), adjustment=Adjustment(Limit(64 * MIB), held_over="so")),
        "64 → 70 | undone",
    ),
    "only recommended": (
        facts(used(58), policy=replace(POLICY, mode=AdjustMode.RECOMMEND)),
        "64 → 70 | autoAdjust.mode",
    ),
    "no limit in the Compose file": (facts(used(58), None), "none → 70 | the"),
    "no bounds": (facts(used(58), 64, None, None), "64 → 70 | no"),
    "no bounds, and all is well": (facts(used(52), 64, None, None), "-"),
    "below its bounds: into them at once": (facts(used(10, span=0), 64, 128, 256), "64 → 128"),
    "above its bounds: into them at once": (facts(used(10, span=0), 512), "512 → 256"),
    "above its bounds, and it uses more than they allow": (facts(used(250), 512), "512 → 256 | it"),
    "what was laid over another limit of the file says nothing": (
        facts(used(52), adjustment=Adjustment(Limit(32 * MIB), Limit(200 * MIB))),
        "-",
    ),
    "it was killed for want of more": (
        facts(used(20), adjustment=Adjustment(Limit(64 * MIB), need=Need(164 * MIB, NOW - 60))),
        "64 → 164",
    ),
    "it is not lowered to what killed it": (
        facts(used(20), adjustment=Adjustment(Limit(64 * MIB), Limit(164 * MIB), need=Need(164 * MIB, NOW - 60))),
        "-",
    ),
    "a day later that is forgotten": (
        facts(
            used(20), adjustment=Adjustment(Limit(64 * MIB), Limit(164 * MIB), need=Need(164 * MIB, NOW - NEEDED_FOR))
        ),
        "164 → 123 (24)",
    ),
    "a step is a mebibyte at least": (facts(used(1), 8, 6, 9, policy=replace(POLICY, step=0.01)), "8 → 7 (6)"),
}


@pytest.mark.parametrize("name", CASES)
def test_memory(name: str) -> None:
    given, expected = CASES[name]
    assert tell(judge(given, NOW)) == expected


def on_cores(
    cpu: Use, limit: float | None = 1.0, least: float | None = 0.1, most: float | None = 4.0, **o: Any
) -> Facts:
    claims = Claims(limit=Limit(cpu=limit), bounds=Bounds(min_cpu=least, max_cpu=most))
    return Facts("web", POLICY, claims, None, None, cpu, o.pop("cores", 8.0))


CORES: dict[str, tuple[Facts, str]] = {
    "use with its room is about the limit": (on_cores(cores(0.8)), "-"),
    "it needs more": (on_cores(cores(0.94, late=0.5)), "1 → 1.13"),
    "a moment at its limit is no want": (on_cores(cores(0.6, 1.0, late=0.6)), "-"),
    "half of the time at its limit: more, a step at a time": (on_cores(cores(0.6, 1.0)), "1 → 1.25"),
    "no more than there are": (on_cores(cores(0.99), cores=1.0), "-"),
    "it uses little": (on_cores(cores(0.2)), "1 → 0.75 (0.24)"),
    "not below what it uses just now": (on_cores(cores(0.2, 0.8, late=0.2)), "-"),
    "of one that may use all there is nothing can be taken back": (on_cores(cores(0.2), None), "none → 0.24 | the"),
    "no bounds": (on_cores(cores(0.2), 1.0, None, None), "1 → 0.24 | no"),
}


@pytest.mark.parametrize("name", CORES)
def test_cores(name: str) -> None:
    given, expected = CORES[name]
    assert tell(judge(given, NOW)) == expected


@pytest.mark.parametrize(
    ("limit", "bounds", "reserved", "expected"),
    [
        pytest.param(64, (None, None), 0, None, id="no bounds"),
        pytest.param(None, (16, 128), 0, None, id="no limit"),
        pytest.param(64, (16, 128), 0, (16, 128), id="as given"),
        pytest.param(64, (16, None), 0, (16, 64), id="only the least"),
        pytest.param(64, (None, 128), 0, (64, 128), id="only the most"),
        pytest.param(64, (80, None), 0, (80, 80), id="a least above the limit"),
        pytest.param(64, (None, 32), 0, (32, 32), id="a most below the limit"),
        pytest.param(64, (16, 128), 32, (32, 128), id="a reservation between"),
        pytest.param(64, (16, 48), 64, (64, 64), id="a reservation above"),
        pytest.param(64, (1, 128), 0, (6, 128), id="less than Docker takes"),
    ],
)
def test_bounds(limit: Any, bounds: Any, reserved: float, expected: Any) -> None:
    given = facts(None, limit, *bounds, reserved=reserved)
    found = find_range(given.claims, Resource.MEMORY)
    assert found == (None if expected is None else Range(*(value * MIB for value in expected)))


@pytest.mark.parametrize(
    ("given", "limit", "need"),
    [
        pytest.param(facts(), 164, 164, id="a hundred more"),
        pytest.param(facts(most=128), 128, 164, id="as far as its bounds allow"),
        pytest.param(facts(present=128, most=128), 128, 228, id="no further"),
        pytest.param(facts(limit=1000, most=4000), 1200, 1200, id="a fifth more"),
        pytest.param(facts(used(90)), 190, 190, id="by what it used, where that was more"),
        pytest.param(facts(limit=1000, most=4000, policy=replace(POLICY, headroom=0.5)), 1500, 1500, id="its own room"),
        pytest.param(facts(None, 64, None, None), 164, 164, id="without bounds only what it needs is said"),
    ],
)
def test_killed_for_want_of_memory(given: Facts, limit: float, need: float) -> None:
    assert judge_killed(given, NOW) == (limit * MIB, Need(int(need * MIB), NOW))


def test_the_words_have_the_numbers() -> None:
    (one,) = judge(facts(used(60, 62, span=1800, grew=20)), NOW)
    assert one.why == "uses 60Mi, at most 62Mi in 30m, 20Mi more than a cool-down ago"
    (one,) = judge(on_cores(cores(0.2)), NOW)
    assert one.why == "uses 200m, 95% of the time at most 200m in 30m"
    need = Adjustment(Limit(64 * MIB), need=Need(164 * MIB, NOW))
    (one,) = judge(facts(used(20, span=0), adjustment=need), NOW)
    assert one.why == "uses 20Mi; was killed for want of memory, 164Mi is safe"
