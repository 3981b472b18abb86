"""From one status to the next: which symptoms have lasted, what alert each belongs to, what is over. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import inf
from typing import NamedTuple

from controller.alerts.blame import Blame, Needs, Root
from controller.alerts.rules import (
    AT_WILL,
    CHANGING,
    FLAP_WINDOW,
    KEEP,
    NO_ADVICE,
    NOT_MEASURED,
    Symptom,
    find_symptoms,
)
from controller.model.alert import TELL_FOR, Alert, AlertPolicy, Book, Severity
from controller.model.names import Instant
from controller.model.phases import Phase
from controller.model.status import ServiceStatus, StackStatus
from controller.model.usage import ServiceUsage

KEPT_CLOSED = 100
"""Resolved alerts that are remembered, for people; those whose end is still to be told beside them."""

KEEP_WITH_OTHERS = 330.0
"""Seconds for which one that others suffered from must be gone: their next try may be 300 s away."""

KEPT_LAPSES = 16

_READY = frozenset({Phase.READY, Phase.COMPLETED})


class Scene(NamedTuple):
    """What is judged. `speaks`: troubles of the engine are this stack's to tell; `fault`: why passes fail, if they do.

    `needs`: what each service requires. `usage`: what was measured of them last; `measured`: what is wrong by that.
    `advice`: what is to be said of those that were killed for want of memory.
    """

    status: StackStatus
    needs: Needs
    policy: AlertPolicy
    speaks: bool = True
    fault: str = ""
    usage: Mapping[str, ServiceUsage] = NOT_MEASURED
    measured: tuple[Symptom, ...] = ()
    advice: Mapping[str, str] = NO_ADVICE


class Clock(NamedTuple):
    """Since when a symptom shows; for how long it may be gone meanwhile, and since when it is (None: it shows)."""

    since: Instant
    gap: float = 0.0
    gone_at: Instant | None = None

    def runs(self, now: Instant) -> bool:
        """Whether a symptom that shows now is still the same trouble."""
        return self.gone_at is None or now - self.gone_at < self.gap


@dataclass(frozen=True, slots=True)
class Watch:
    """What is known from watching, and begins anew with each process: who did not look cannot say that it lasted.

    `clocks` by symptom and root; `lapses`: when each service stopped being ready, the last few; `ready`: who is.
    """

    clocks: Mapping[str, Clock] = field(default_factory=dict)
    lapses: Mapping[str, tuple[Instant, ...]] = field(default_factory=dict)
    ready: frozenset[str] = frozenset()


class Verdict(NamedTuple):
    """`fired` and `resolved`: what is new about the book's alerts. `wake_at`: when another look may say more."""

    book: Book
    watch: Watch
    fired: tuple[Alert, ...] = ()
    resolved: tuple[Alert, ...] = ()
    wake_at: Instant | None = None


class _Blamed(NamedTuple):
    """A symptom, the key of the alert that it belongs to, and the service at its root; `excused`: no alert's."""

    symptom: Symptom
    key: str
    root: str | None
    excused: bool = False


@dataclass(slots=True)
class _Page:
    """All that shows now. `matured`: by alert; `shown`: alerts of which something shows; `due`: when to look again."""

    now: Instant
    matured: dict[str, list[_Blamed]] = field(default_factory=dict)
    since: dict[str, Instant] = field(default_factory=dict)
    shown: set[str] = field(default_factory=set)
    clocks: dict[str, Clock] = field(default_factory=dict)
    due: list[Instant] = field(default_factory=list)


def judge(book: Book, watch: Watch, scene: Scene, now: Instant) -> Verdict:
    """The book as it stands now. What is not known while the engine is away neither begins nor ends."""
    if any(condition.type == "EngineUnavailable" for condition in scene.status.conditions):
        return _judge_blind(book, watch, scene, now)
    services = {service.name: service for service in scene.status.services}
    blame = Blame(services, scene.needs)
    watch = _note_lapses(watch, services, blame, now)
    found = find_symptoms(scene.status, scene.policy, watch.lapses, scene.fault, scene.usage, scene.advice)
    blamed = tuple(_blame((*found, *scene.measured), services, blame))
    page = _read(blamed, watch, now)
    page.shown |= {name for name, service in services.items() if service.phase in CHANGING}
    page.due += [lapses[0] + FLAP_WINDOW for lapses in watch.lapses.values()]
    _spare(page, book)
    return _turn(book, watch, page, scene.status.name)


def _judge_blind(book: Book, watch: Watch, scene: Scene, now: Instant) -> Verdict:
    """Only what concerns the stack as a whole is judged; the services' clocks begin anew afterwards."""
    every = (*find_symptoms(scene.status, scene.policy, {}, scene.fault), *scene.measured)
    found = [symptom for symptom in every if symptom.service is None]
    if not scene.speaks:
        found = [symptom for symptom in found if symptom.rule != "EngineUnavailable"]
    page = _read(tuple(_blame(found, {}, Blame({}, {}))), watch, now)
    page.shown |= {key for key, alert in book.open.items() if alert.service is not None}
    return _turn(book, replace(watch, lapses={}, ready=frozenset()), page, scene.status.name)


def _note_lapses(watch: Watch, services: Mapping[str, ServiceStatus], blame: Blame, now: Instant) -> Watch:
    """Each time that a service stopped being ready for no reason of ours, and for no other service's."""
    ready = frozenset(name for name, service in services.items() if service.phase in _READY)
    lapses = {name: kept for name, at in watch.lapses.items() if (kept := _recent(at, now))}
    for name in watch.ready - ready:
        fell = name in services and services[name].phase not in CHANGING | AT_WILL
        if fell and blame.root_of(name) == Root(name):
            lapses[name] = (*lapses.get(name, ()), now)[-KEPT_LAPSES:]
    return replace(watch, lapses=lapses, ready=ready)


def _recent(instants: tuple[Instant, ...], now: Instant) -> tuple[Instant, ...]:
    return tuple(at for at in instants if now - FLAP_WINDOW < at <= now)


def _blame(found: Iterable[Symptom], services: Mapping[str, ServiceStatus], blame: Blame) -> Iterator[_Blamed]:
    """Each symptom with its root."""
    for one in found:
        name, symptom = one.service, one
        if name is None:
            yield _Blamed(symptom, symptom.rule, None)
            continue
        root = blame.root_of(name) if symptom.follows else Root(name)
        if root.service != name:
            symptom = one._replace(message=_tell_root(services[root.service]))
        alone = symptom.alone and root.service == name
        yield _Blamed(symptom, f"{name}/{symptom.rule}" if alone else root.service, root.service, bool(root.excuse))


def _tell_root(root: ServiceStatus) -> str:
    return f"{root.phase}: {root.message}" if root.message else f"it is {root.phase}"


def _read(blamed: Iterable[_Blamed], watch: Watch, now: Instant) -> _Page:
    """Run the clocks; what they have run out for has matured. What moves to another root still shows for the first."""
    page = _Page(now, clocks=dict(_stop(watch.clocks, now)))
    for one in blamed:
        symptom = one.symptom
        page.shown |= {symptom.service, f"{symptom.service}/{symptom.rule}"} if symptom.service else {one.key}
        if one.excused:
            continue
        name = f"{symptom.rule} {symptom.severity} {symptom.service or ''} {one.root or ''}"
        known = watch.clocks.get(name)
        since = min(known.since, now) if known is not None and known.runs(now) else now
        page.clocks[name] = Clock(since, symptom.keep if symptom.keep > KEEP else 0.0)
        if since + symptom.after > now:
            page.due.append(since + symptom.after)
            continue
        page.matured.setdefault(one.key, []).append(one)
        page.since[one.key] = min(page.since.get(one.key, inf), since)
    return page


def _stop(clocks: Mapping[str, Clock], now: Instant) -> Iterator[tuple[str, Clock]]:
    """All of them, as they are where nothing shows any more."""
    for name, clock in clocks.items():
        stopped = clock._replace(gone_at=now if clock.gone_at is None else min(clock.gone_at, now))
        if stopped.runs(now):
            yield name, stopped


def _spare(page: _Page, book: Book) -> None:
    """Who suffered from another one has the time that its alert takes to settle; then it is to blame itself."""
    spared = {
        name
        for key, alert in book.open.items()
        if key not in page.shown and _quiet_since(alert, page.now) + alert.keep > page.now
        for name in alert.affects
    }
    if not spared:
        return  # nearly always
    for key, found in tuple(page.matured.items()):
        left = [one for one in found if one.root != one.symptom.service or one.root not in spared]
        page.matured[key] = left
        if not left:
            del page.matured[key]


def _turn(book: Book, watch: Watch, page: _Page, stack: str) -> Verdict:
    now, groups = page.now, page.matured.items()
    open_ = {key: _update(book.open.get(key) or _begin(key, stack, page), found) for key, found in groups}
    fired = tuple(alert for key, alert in open_.items() if _is_news(book.open.get(key), alert))
    resolved: list[Alert] = []
    for key, alert in book.open.items():
        if key in open_:
            continue
        quiet_since = None if key in page.shown else _quiet_since(alert, now)
        open_[key] = replace(alert, quiet_since=quiet_since)
        if quiet_since is not None and quiet_since + alert.keep <= now:
            resolved.append(replace(open_.pop(key), resolved_at=now))
        elif quiet_since is not None:
            page.due.append(quiet_since + alert.keep)
    closed = _keep((*book.closed, *resolved), now) if resolved else book.closed
    wake_at = min((at for at in page.due if at > now), default=None)
    return Verdict(Book(open_, closed), replace(watch, clocks=page.clocks), fired, tuple(resolved), wake_at)


def _quiet_since(alert: Alert, now: Instant) -> Instant:
    return now if alert.quiet_since is None else min(alert.quiet_since, now)


def _keep(closed: tuple[Alert, ...], now: Instant) -> tuple[Alert, ...]:
    """The last ones, and before them those whose end somebody has not been told."""
    older, last = closed[:-KEPT_CLOSED], closed[-KEPT_CLOSED:]
    return (*(alert for alert in older if _is_owed(alert, now)), *last)


def _is_owed(alert: Alert, now: Instant) -> bool:
    untold = any(not told.resolved for told in alert.told.values())
    return untold and alert.resolved_at is not None and now - alert.resolved_at < TELL_FOR


def _is_news(before: Alert | None, alert: Alert) -> bool:
    return before is None or before.severity.rank < alert.severity.rank


def _begin(key: str, stack: str, page: _Page) -> Alert:
    name = hashlib.sha256(f"{stack}\0{key}\0{page.now!r}".encode()).hexdigest()[:8]
    return Alert(name, stack, page.matured[key][0].root, "", Severity.INFO, "", page.since[key], page.now)


def _update(alert: Alert, found: list[_Blamed]) -> Alert:
    """It gets worse, and its words newer; better only by its end. Its words are the root's own, where it has any."""
    symptoms = [one.symptom for one in found]
    worst = max(symptoms, key=_rank)
    named = max((symptom for symptom in symptoms if symptom.service == alert.service), key=_rank, default=worst)
    others = {symptom.service for symptom in symptoms if symptom.service not in (None, alert.service)}
    affects = tuple(sorted({*alert.affects, *(name for name in others if name is not None)}))
    keep = max(alert.keep, KEEP_WITH_OTHERS if affects else 0.0, *(symptom.keep for symptom in symptoms))
    open_to_all = bool(alert.rule) and not alert.channels
    named_channels = {name for symptom in symptoms for name in symptom.channels}
    all_named = not open_to_all and all(symptom.channels for symptom in symptoms)
    return replace(
        alert,
        rule=named.rule,
        severity=max(alert.severity, worst.severity, key=lambda severity: severity.rank),
        message=named.message,
        affects=affects,
        also=tuple(sorted({symptom.rule for symptom in symptoms} - {named.rule})),
        labels={**alert.labels, **{key: text for symptom in symptoms for key, text in symptom.labels.items()}},
        channels=tuple(sorted({*alert.channels, *named_channels})) if all_named else (),
        keep=keep,
        quiet_since=None,
    )


def _rank(symptom: Symptom) -> int:
    return symptom.severity.rank
