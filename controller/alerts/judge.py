"""From one status to the next: which symptoms have lasted, what alert each belongs to, what is over. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import NamedTuple

from controller.alerts.blame import Needs, Root, find_root
from controller.alerts.rules import AT_WILL, CHANGING, FLAP_WINDOW, Symptom, find_symptoms
from controller.model.alert import Alert, AlertPolicy, Book, Severity
from controller.model.decision import Phase
from controller.model.names import Instant
from controller.model.status import ServiceStatus, StackStatus

KEPT_CLOSED = 100
"""Resolved alerts that are remembered, for people."""

KEPT_LAPSES = 16

_READY = frozenset({Phase.READY, Phase.COMPLETED})


class Scene(NamedTuple):
    """What is judged. `speaks`: troubles of the engine are this stack's to tell; it is the first of several."""

    status: StackStatus
    needs: Needs
    policy: AlertPolicy
    speaks: bool = True


class Verdict(NamedTuple):
    """`fired` and `resolved`: what is new about the book's alerts. `wake_at`: when another look may say more."""

    book: Book
    fired: tuple[Alert, ...] = ()
    resolved: tuple[Alert, ...] = ()
    wake_at: Instant | None = None


class _Blamed(NamedTuple):
    """A symptom, the key of the alert that it belongs to, and the service at its root."""

    symptom: Symptom
    key: str
    root: str | None


@dataclass(slots=True)
class _Group:
    """All that has lasted of one trouble. `since`: when the first of it began."""

    root: str | None
    symptoms: list[Symptom] = field(default_factory=list)
    since: Instant = inf


class _Page(NamedTuple):
    """`kept`: open alerts of which something shows again, or whose service is being changed; `due`: when to look."""

    stack: str
    groups: Mapping[str, _Group]
    kept: Collection[str]
    due: Sequence[Instant]


def judge(book: Book, scene: Scene, now: Instant) -> Verdict:
    """The book as it stands now. What is not known while the engine is away neither begins nor ends."""
    if _is_blind(scene.status):
        return _judge_blind(book, scene, now)
    book = _note_lapses(book, scene.status, now)
    services = {service.name: service for service in scene.status.services}
    found = find_symptoms(scene.status, scene.policy, book.lapses)
    held = frozenset(name for name, service in services.items() if service.phase in CHANGING)
    return _settle(book, _blame(found, services, scene.needs), scene.status.name, held, now)


def _judge_blind(book: Book, scene: Scene, now: Instant) -> Verdict:
    """Only what concerns the stack as a whole is judged; the services' clocks begin anew afterwards."""
    found = [symptom for symptom in find_symptoms(scene.status, scene.policy, {}) if symptom.service is None]
    if not scene.speaks:
        found = [symptom for symptom in found if symptom.rule != "EngineUnavailable"]
    frozen = {key: alert for key, alert in book.open.items() if alert.service is not None}
    rest = replace(book, open={key: alert for key, alert in book.open.items() if key not in frozen})
    verdict = _settle(rest, _blame(found, {}, {}), scene.status.name, frozenset(), now)
    return verdict._replace(book=replace(verdict.book, open={**frozen, **verdict.book.open}))


def _is_blind(status: StackStatus) -> bool:
    return any(condition.type == "EngineUnavailable" for condition in status.conditions)


def _note_lapses(book: Book, status: StackStatus, now: Instant) -> Book:
    """Each time that a service stopped being ready for no reason of ours."""
    ready = frozenset(service.name for service in status.services if service.phase in _READY)
    lapses = {name: kept for name, at in book.lapses.items() if (kept := _recent(at, now))}
    for service in status.services:
        ours = service.phase in CHANGING | AT_WILL
        if service.name in book.ready and service.name not in ready and not ours:
            lapses[service.name] = (*lapses.get(service.name, ()), now)[-KEPT_LAPSES:]
    return book if (lapses, ready) == (book.lapses, book.ready) else replace(book, lapses=lapses, ready=ready)


def _recent(instants: tuple[Instant, ...], now: Instant) -> tuple[Instant, ...]:
    return tuple(at for at in instants if now - FLAP_WINDOW < at <= now)


def _blame(found: Iterable[Symptom], services: Mapping[str, ServiceStatus], needs: Needs) -> Iterator[_Blamed]:
    """Each symptom with its root; not those whose root has an excuse."""
    for one in found:
        name, symptom = one.service, one
        if name is None:
            yield _Blamed(symptom, symptom.rule, None)
            continue
        root = find_root(name, services, needs) if symptom.follows else Root(name)
        if root.service != name:
            symptom = one._replace(message=_tell_root(services[root.service]))
        if not root.excused:
            alone = symptom.alone and root.service == name
            yield _Blamed(symptom, f"{name}/{symptom.rule}" if alone else root.service, root.service)


def _tell_root(root: ServiceStatus) -> str:
    return f"{root.phase}: {root.message}" if root.message else f"it is {root.phase}"


def _settle(book: Book, blamed: Iterable[_Blamed], stack: str, held: frozenset[str], now: Instant) -> Verdict:
    """Run the clocks; who they have run out for is in a group."""
    pending: dict[str, Instant] = {}
    groups: dict[str, _Group] = {}
    due: list[Instant] = []
    shows: set[str] = set()
    for symptom, key, root in blamed:
        shows.add(key)
        clock = f"{symptom.rule} {symptom.service or ''} {root or ''}"
        since = pending[clock] = min(book.pending.get(clock, now), now)
        if since + symptom.after > now:
            due.append(since + symptom.after)
            continue
        group = groups.setdefault(key, _Group(root))
        group.symptoms.append(symptom)
        group.since = min(group.since, since)
    kept = {key for key, alert in book.open.items() if key in shows or alert.service in held}
    page = _Page(stack, groups, kept, due)
    return _turn(replace(book, pending=pending), page, now)


def _turn(book: Book, page: _Page, now: Instant) -> Verdict:
    groups = page.groups.items()
    open_ = {key: _update(book.open.get(key) or _begin(key, group, page.stack, now), group) for key, group in groups}
    fired = tuple(alert for key, alert in open_.items() if _is_news(book.open.get(key), alert))
    resolved: list[Alert] = []
    due = [*page.due, *(lapses[0] + FLAP_WINDOW for lapses in book.lapses.values())]
    for key, alert in book.open.items():
        if key in open_:
            continue
        quiet_since = None if key in page.kept else now if alert.quiet_since is None else min(alert.quiet_since, now)
        quiet = replace(alert, quiet_since=quiet_since)
        if quiet_since is not None and quiet_since + alert.keep <= now:
            resolved.append(replace(quiet, resolved_at=now))
            continue
        open_[key] = quiet
        due += [quiet_since + alert.keep] if quiet_since is not None else []
    closed = (*book.closed, *resolved)[-KEPT_CLOSED:]
    book = replace(book, open=open_, closed=closed)
    return Verdict(book, fired, tuple(resolved), min(due, default=None))


def _is_news(before: Alert | None, alert: Alert) -> bool:
    return before is None or before.severity.rank < alert.severity.rank


def _begin(key: str, group: _Group, stack: str, now: Instant) -> Alert:
    name = hashlib.sha256(f"{stack}\0{key}\0{now!r}".encode()).hexdigest()[:8]
    return Alert(name, stack, group.root, "", Severity.INFO, "", group.since, now)


def _update(alert: Alert, group: _Group) -> Alert:
    """It gets worse, and its words newer; better only by its end."""
    worst, symptoms = _find_worst(group), group.symptoms
    grows = worst.severity.rank >= alert.severity.rank
    named = {symptom.rule for symptom in symptoms}
    return replace(
        alert,
        rule=worst.rule if grows else alert.rule,
        severity=worst.severity if grows else alert.severity,
        message=worst.message,
        affects=tuple(sorted({*alert.affects, *(s.service for s in symptoms if s.service not in (None, group.root))})),
        also=tuple(sorted(named - {worst.rule})),
        labels={**alert.labels, **{key: text for symptom in symptoms for key, text in symptom.labels.items()}},
        channels=tuple(sorted({*alert.channels, *(name for symptom in symptoms for name in symptom.channels)})),
        keep=max(symptom.keep for symptom in symptoms),
        quiet_since=None,
    )


def _find_worst(group: _Group) -> Symptom:
    """Of the root itself, where it has any: then it is named by its own trouble."""
    own = [symptom for symptom in group.symptoms if symptom.service == group.root]
    return max(own or group.symptoms, key=lambda symptom: symptom.severity.rank)
