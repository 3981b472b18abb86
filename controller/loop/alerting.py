"""The loop's side of alerts: judges each stack as its status changes, and has couriers bring the news."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from controller.alerts.blame import Needs
from controller.alerts.courier import Courier, Ways
from controller.alerts.judge import Scene, Watch, judge
from controller.alerts.measured import WORDS_HOLD, find_machine, find_near_limits, keep_words, strictest
from controller.alerts.notices import Hush, Notice, find_notices, next_notice, note_told, title_of
from controller.alerts.rules import Symptom
from controller.alerts.sinks import send
from controller.decide.case import soonest
from controller.loop.controller import Controller, tell_error
from controller.loop.reconcile import Reconciler
from controller.model.alert import Alert, AlertPolicy, Book, Severity
from controller.model.channel import Channel
from controller.model.desired import DesiredStack
from controller.model.names import Instant
from controller.model.resources import HostThresholds
from controller.model.status import StackStatus
from controller.model.usage import ServiceUsage, Usage

LOOK_AGAIN = 0.5
"""Seconds for which what is judged may wait where turns follow each other at once."""

HEAR_AGAIN = 1.0
"""Seconds after which is looked whether somebody acknowledged or silenced something."""


class _Basis(NamedTuple):
    """What a stack was last judged by, beside its status."""

    policy: AlertPolicy
    hush: Hush
    speaks: bool
    fault: str
    usage: Mapping[str, ServiceUsage]
    measured: tuple[Symptom, ...]
    advice: Mapping[str, str]


@dataclass(slots=True)
class _Desk:
    """One stack's alerts."""

    reconciler: Reconciler
    book: Book
    hush: Hush
    watch: Watch = field(default_factory=Watch)
    status: StackStatus | None = None
    basis: _Basis | None = None
    desired: DesiredStack | None = None
    needs: Needs = field(default_factory=dict)
    sample: Usage | None = None
    measured: tuple[Symptom, ...] = ()
    """What is wrong by that sample."""
    worded_at: Instant = float("-inf")
    looked_at: Instant = 0.0
    wake_at: Instant | None = None
    unsaved: bool = False


class Watchman:
    """Alerts of all stacks of one controller. Its methods belong to the loop's thread."""

    def __init__(
        self,
        controller: Controller,
        channels: Callable[[], tuple[Channel, ...]],
        environment: Mapping[str, str],
        measured: Callable[[], Usage | None] = lambda: None,
        found: Callable[[str], tuple[Symptom, ...]] = lambda _: (),
    ) -> None:
        """`measured`: the newest sample, where there is one; `found`: what a scan of a stack tells of."""
        self._controller = controller
        self._measured, self._found = measured, found
        self._channels = channels
        self._environment = environment
        self._desks: dict[str, _Desk] = {}
        self._couriers: dict[Channel, Courier] = {}
        self._heard_at: Instant = 0.0
        self._looked_at: Instant = 0.0

    def look(self, now: Instant) -> None:
        """After each pass, and each second: what is due is judged, and what is news goes on its way."""
        if self._controller.pressed and 0.0 <= now - self._looked_at < LOOK_AGAIN:
            return
        self._looked_at = now
        hears = not 0.0 <= now - self._heard_at < HEAR_AGAIN
        if hears:
            self._heard_at = now
        channels = self._channels()
        news = channels != tuple(self._couriers)
        if news:
            self._exchange(channels)
        speaker = self._find_speaker()
        for name in self._controller.stacks:
            news |= self._look_at(name, now, hears=hears, speaks=name == speaker)
        if news:
            self._dispatch(now)

    def close(self) -> None:
        for courier in self._couriers.values():
            courier.close()

    def _look_at(self, name: str, now: Instant, *, hears: bool, speaks: bool) -> bool:
        """Whether there may be something to tell."""
        desk = self._desk(name, now)
        if hears:
            with suppress(Exception):  # a store that cannot be read says nothing new
                desk.hush = desk.reconciler.store.alerts.hush(now)
        status, policy = desk.reconciler.chronicle.status, desk.reconciler.loaded.alerts
        fault = self._controller.faults.get(name, "")
        measured = (*self._find_measured(desk, speaks=speaks), *(self._found(name) if policy.builtin else ()))
        advice = dict(desk.reconciler.limits.said)
        basis = _Basis(policy, desk.hush, speaks, fault, self._find_usage(name, policy), measured, advice)
        due = now < desk.looked_at or (desk.wake_at is not None and now >= desk.wake_at)
        desk.looked_at = now
        news = basis != desk.basis or due
        if status is None or not (news or status is not desk.status):
            return False
        scene = Scene(status, _needs(desk), policy, speaks, fault, basis.usage, measured, advice)
        verdict = judge(desk.book, desk.watch, scene, now)
        if desk.basis is None or policy != desk.basis.policy:
            self._tell_unknown(desk)
        desk.status, desk.basis, desk.watch = status, basis, verdict.watch
        news |= self._keep(desk, verdict.book)
        desk.wake_at = soonest(verdict.wake_at, next_notice(verdict.book, policy, desk.hush, now))
        self._tell(desk, verdict.fired, verdict.resolved, now)
        return news

    def _find_usage(self, stack: str, policy: AlertPolicy) -> Mapping[str, ServiceUsage]:
        """Of a stack whose rules ask for it: each sample of any other would have it judged for nothing."""
        usage = self._measured() if policy.measures else None
        return usage.stacks.get(stack, {}) if usage is not None else {}

    def _find_measured(self, desk: _Desk, *, speaks: bool) -> tuple[Symptom, ...]:
        """What is wrong by the newest sample: with services of the stack, and with the machine if it speaks of that."""
        usage, loaded = self._measured(), desk.reconciler.loaded
        if usage is None or not loaded.alerts.builtin:
            return ()
        if usage is not desk.sample:
            desk.sample, firing = usage, desk.book.open.keys()
            near = find_near_limits(usage.stacks.get(loaded.name, {}), firing)
            found = (*near, *(find_machine(usage, self._thresholds(), firing) if speaks else ()))
            if abs(usage.at - desk.worded_at) < WORDS_HOLD:
                found = keep_words(desk.measured, found)
            else:
                desk.worded_at = usage.at
            desk.measured = found
        return desk.measured

    def _thresholds(self) -> HostThresholds:
        """Of the machine: the lowest that some stack has, of those that are told of such things."""
        loaded = [reconciler.loaded for reconciler in self._controller.stacks.values()]
        return strictest(one.resources.thresholds for one in loaded if one.alerts.builtin)

    def _desk(self, name: str, now: Instant) -> _Desk:
        reconciler = self._controller.stacks[name]
        desk = self._desks.get(name)
        if desk is None or desk.reconciler is not reconciler:
            records = reconciler.store.alerts
            desk = self._desks[name] = _Desk(reconciler, records.load(), records.hush(now))
        return desk

    def _find_speaker(self) -> str | None:
        """An engine that is away is told once, not by each stack: by the first that tells of such things."""
        stacks = self._controller.stacks.items()
        return min((name for name, reconciler in stacks if reconciler.loaded.alerts.builtin), default=None)

    def _tell(self, desk: _Desk, fired: tuple[Alert, ...], resolved: tuple[Alert, ...], now: Instant) -> None:
        """As events, as far as they can be written."""
        say = desk.reconciler.chronicle.say
        with suppress(Exception):  # the loop says of the same store what is wrong with it
            for alert in fired:
                say(now, alert.service, "AlertFiring", title_of(alert), warning=alert.severity is not Severity.INFO)
            for alert in resolved:
                say(now, alert.service, "AlertResolved", title_of(alert))

    def _keep(self, desk: _Desk, book: Book) -> bool:
        """Whether it is another one. A full disk is no reason to keep silent: what cannot be written is known."""
        changed, desk.book = book != desk.book, book
        if not changed and not desk.unsaved:
            return False
        try:
            desk.reconciler.store.alerts.save(book)
        except Exception as error:
            if not desk.unsaved:
                desk.unsaved = True
                self._controller.tell(desk.reconciler.loaded.name, "AlertsNotKept", tell_error(error))
        else:
            desk.unsaved = False
        return changed

    # --- couriers

    def _exchange(self, channels: tuple[Channel, ...]) -> None:
        """One courier for each channel as it is now."""
        for gone in self._couriers.keys() - set(channels):
            self._couriers[gone].close()
        self._couriers = {channel: self._couriers.get(channel) or self._hire(channel) for channel in channels}
        for desk in self._desks.values():
            self._tell_unknown(desk)

    def _tell_unknown(self, desk: _Desk) -> None:
        """Nobody hears what is sent to a channel that there is not."""
        known, policy = {channel.name for channel in self._couriers}, desk.reconciler.loaded.alerts
        named = {*policy.channels, *(name for rule in policy.rules for name in rule.channels)}
        if unknown := sorted(named - known):
            message = f"no manifest of kind Controller has an alert channel {', '.join(unknown)}: nothing is sent there"
            self._controller.tell(desk.reconciler.loaded.name, "InputWarning", message)

    def _hire(self, channel: Channel) -> Courier:
        def take(notice: Notice) -> None:
            self._controller.call(lambda now: self._note_told(channel, notice, now))

        def complain(notice: Notice, why: str) -> None:
            message = f"channel {channel.name}: {why}; is tried again"
            self._controller.call(lambda now: self._note_trouble(notice.alert.stack, message, now))

        bring = lambda notice: send(channel, notice.alert, self._environment)  # noqa: E731
        return Courier(channel.name, Ways(bring, take, complain))

    def _dispatch(self, now: Instant) -> None:
        for channel, courier in self._couriers.items():
            courier.want(
                notice
                for desk in self._desks.values()
                for notice in find_notices(desk.book, desk.reconciler.loaded.alerts, channel, desk.hush, now)
            )

    def _note_told(self, channel: Channel, notice: Notice, now: Instant) -> None:
        if (desk := self._desks.get(notice.alert.stack)) is not None:
            self._keep(desk, note_told(desk.book, notice, now))
            again = next_notice(desk.book, desk.reconciler.loaded.alerts, desk.hush, now)
            desk.wake_at = soonest(desk.wake_at, again)
        self._dispatch(now)
        if (courier := self._couriers.get(channel)) is not None:
            courier.confirm(notice.alert.id)

    def _note_trouble(self, stack: str, message: str, now: Instant) -> None:
        if (reconciler := self._controller.stacks.get(stack)) is not None:
            reconciler.chronicle.say(now, None, "AlertNotSent", message, warning=True)


def _needs(desk: _Desk) -> Needs:
    """What each service requires, made anew only for another generation."""
    desired = desk.reconciler.loaded.desired
    if desired is not desk.desired:
        desk.desired = desired
        desk.needs = {
            name: tuple(other for other, need in service.needs.items() if need.required)
            for name, service in desired.services.items()
        }
    return desk.needs
