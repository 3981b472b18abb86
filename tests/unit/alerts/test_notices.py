"""Who is told what, and when: once, again while it lasts, and its end; not what somebody knows, or silenced."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controller.alerts.notices import Hush, body_of, find_notices, next_notice, note_told, title_of
from controller.model.alert import Ack, Alert, AlertPolicy, Book, Severity, Silence
from controller.model.channel import Channel
from tests.builders import NOW

pytestmark = pytest.mark.unit

OPS, LOUD = Channel("ops", min_severity=Severity.INFO), Channel("loud", min_severity=Severity.CRITICAL)
NOTHING_SAID = Hush()
POLICY = AlertPolicy(repeat=3600.0)


def alert(severity: Severity = Severity.WARNING, **others) -> Alert:
    given = {"since": NOW - 60, "fired_at": NOW, "message": "no replica is ready", **others}
    return Alert("a1", "shop", "db", "ServiceDown", severity, **given)


def book(*alerts: Alert) -> Book:
    open_ = {item.id: item for item in alerts if item.resolved_at is None}
    return Book(open=open_, closed=tuple(item for item in alerts if item.resolved_at is not None))


def told(book: Book, now: float, hush: Hush = NOTHING_SAID, policy: AlertPolicy = POLICY) -> tuple[Book, list[str]]:
    """Bring what is due; the book afterwards, and which channels heard something."""
    notices = [notice for channel in (OPS, LOUD) for notice in find_notices(book, policy, channel, hush, now)]
    for notice in notices:
        book = note_told(book, notice, now)
    return book, [notice.channel for notice in notices]


def test_each_channel_hears_once_then_again_and_then_of_the_end() -> None:
    kept, heard = told(book(alert()), NOW)
    assert heard == ["ops"], "the other one hears of nothing less than critical"
    assert told(kept, NOW + 3599)[1] == []
    assert next_notice(kept, POLICY, NOTHING_SAID, NOW + 1) == NOW + 3600
    kept, heard = told(kept, NOW + 3600)
    assert heard == ["ops"]
    (lasting,) = kept.open.values()
    over = book(replace(lasting, resolved_at=NOW + 4000))
    over, heard = told(over, NOW + 4000)
    assert heard == ["ops"]
    assert told(over, NOW + 9000)[1] == []


def test_what_gets_worse_is_told_at_once_also_to_who_heard_nothing_before() -> None:
    kept, _ = told(book(alert()), NOW)
    (item,) = kept.open.values()
    assert told(book(replace(item, severity=Severity.CRITICAL)), NOW + 1)[1] == ["ops", "loud"]


def test_the_end_of_what_nobody_heard_of_is_no_news() -> None:
    assert told(book(alert(resolved_at=NOW)), NOW)[1] == []


def test_the_end_is_tried_for_a_day() -> None:
    kept, _ = told(book(alert()), NOW)
    (item,) = kept.open.values()
    over = book(replace(item, resolved_at=NOW))
    assert told(over, NOW + 86399)[1] == ["ops"]
    assert told(over, NOW + 86401)[1] == []


def test_what_somebody_knows_is_not_repeated_unless_it_gets_worse() -> None:
    kept, _ = told(book(alert()), NOW)
    known = Hush({"a1": Ack("a1", "ada", NOW, Severity.WARNING)})
    assert told(kept, NOW + 3600, known)[1] == []
    (item,) = kept.open.values()
    assert told(book(replace(item, severity=Severity.CRITICAL)), NOW + 3600, known)[1] == ["ops", "loud"]


@pytest.mark.parametrize(
    ("silence", "hushed"),
    [
        ({}, True),
        ({"services": ("db",)}, True),
        ({"services": ("web",)}, False),
        ({"rules": ("ServiceDown",)}, True),
        ({"rules": ("Flapping",), "services": ("db",)}, False),
    ],
)
def test_silences(silence, hushed: bool) -> None:
    hush = Hush(silences=(Silence(1, NOW + 100, "ada", NOW, **silence),))
    assert told(book(alert()), NOW, hush)[1] == ([] if hushed else ["ops"])
    assert told(book(alert()), NOW + 100, hush)[1] == ["ops"], "what lasts is told when the silence is over"
    assert next_notice(book(alert()), POLICY, hush, NOW) == NOW + 100


def test_the_end_is_told_in_spite_of_a_silence() -> None:
    kept, _ = told(book(alert()), NOW)
    (item,) = kept.open.values()
    hush = Hush(silences=(Silence(1, NOW + 100, "ada", NOW),))
    assert told(book(replace(item, resolved_at=NOW)), NOW, hush)[1] == ["ops"]


@pytest.mark.parametrize(
    ("of_alert", "of_stack", "heard"),
    [((), (), ["ops"]), ((), ("other",), []), (("ops",), ("other",), ["ops"]), (("other",), ("ops",), [])],
)
def test_named_channels(of_alert, of_stack, heard: list[str]) -> None:
    assert told(book(alert(channels=of_alert)), NOW, policy=AlertPolicy(channels=of_stack))[1] == heard


def test_without_repeats() -> None:
    kept, _ = told(book(alert()), NOW)
    assert told(kept, NOW + 1e9, policy=AlertPolicy(repeat=0.0))[1] == []


def test_the_words() -> None:
    one = alert(Severity.CRITICAL, affects=("app", "web"), also=("CrashLoop",), labels={"team": "shop"})
    assert title_of(one) == "critical: shop/db: no replica is ready"
    assert body_of(one).splitlines() == [
        "rule: ServiceDown, CrashLoop",
        "affects: app, web",
        "team: shop",
        "look: controller why db -s shop",
        "known: controller alerts ack a1",
    ]
    over = replace(one, resolved_at=NOW + 30)
    assert title_of(over) == "resolved: shop/db: no replica is ready"
    assert body_of(over).splitlines()[-1] == "lasted 90 s"
