"""The loop's side of alerts: judges each stack as its status changes, and has couriers bring the news."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from controller.alerts.courier import Courier, Ways
from controller.alerts.judge import Scene, judge
from controller.alerts.notices import NOTHING_SAID, Ears, Hush, Notice, find_notices, next_notice, note_told, title_of
from controller.alerts.sinks import send
from controller.loop.controller import Controller, tell_error
from controller.loop.reconcile import Reconciler
from controller.model.alert import Alert, AlertPolicy, Book, Severity
from controller.model.channel import Channel
from controller.model.names import Instant
from controller.model.status import StackStatus

HEAR_AGAIN = 1.0
"""Seconds after which is looked whether somebody acknowledged or silenced something."""


@dataclass(slots=True)
class _Desk:
    """One stack's alerts, and what they were last judged by."""

    reconciler: Reconciler
    book: Book
    hush: Hush = NOTHING_SAID
    status: StackStatus | None = None
    policy: AlertPolicy | None = None
    wake_at: Instant | None = None


class Watchman:
    """Alerts of all stacks of one controller. Its methods belong to the loop's thread."""

    def __init__(
        self, controller: Controller, channels: Callable[[], tuple[Channel, ...]], environment: Mapping[str, str]
    ) -> None:
        self._controller = controller
        self._channels = channels
        self._environment = environment
        self._desks: dict[str, _Desk] = {}
        self._couriers: dict[Channel, Courier] = {}
        self._heard_at: Instant = 0.0
        self._unsaved: set[str] = set()

    def look(self, now: Instant) -> None:
        """After each pass, and each second: what is due is judged, and what is news goes on its way."""
        hears = not 0.0 <= now - self._heard_at < HEAR_AGAIN
        if hears:
            self._heard_at = now
        channels = self._channels()
        moved = channels != tuple(self._couriers)
        if moved:
            self._exchange(channels)
        changed = [self._look_at(name, now, hears=hears) for name in self._controller.stacks]
        if any(changed) or moved:
            self._dispatch(now)

    def close(self) -> None:
        for courier in self._couriers.values():
            courier.close()

    def _look_at(self, name: str, now: Instant, *, hears: bool) -> bool:
        """Whether there may be news."""
        desk = self._desk(name)
        status, policy = desk.reconciler.chronicle.status, desk.reconciler.loaded.alerts
        if status is None:
            return False
        hush = desk.reconciler.store.alerts.hush(now) if hears else desk.hush
        due = desk.wake_at is not None and now >= desk.wake_at
        if status is desk.status and policy == desk.policy and hush == desk.hush and not due:
            return False
        desk.status, desk.policy, desk.hush = status, policy, hush
        needs = {n: tuple(service.needs) for n, service in desk.reconciler.loaded.desired.services.items()}
        verdict = judge(desk.book, Scene(status, needs, policy, self._speaks(name)), now)
        self._tell(desk, verdict.fired, verdict.resolved, now)
        self._keep(desk, verdict.book)
        again = next_notice(verdict.book, policy, hush, now)
        desk.wake_at = min((at for at in (verdict.wake_at, again) if at is not None), default=None)
        return True

    def _desk(self, name: str) -> _Desk:
        reconciler = self._controller.stacks[name]
        desk = self._desks.get(name)
        if desk is None or desk.reconciler is not reconciler:
            desk = self._desks[name] = _Desk(reconciler, reconciler.store.alerts.load())
        return desk

    def _speaks(self, name: str) -> bool:
        """An engine that is away is told once, not by each stack."""
        return name == min(self._controller.stacks)

    def _tell(self, desk: _Desk, fired: tuple[Alert, ...], resolved: tuple[Alert, ...], now: Instant) -> None:
        say = desk.reconciler.chronicle.say
        for alert in fired:
            say(now, alert.service, "AlertFiring", title_of(alert), warning=alert.severity is not Severity.INFO)
        for alert in resolved:
            say(now, alert.service, "AlertResolved", title_of(alert))

    def _keep(self, desk: _Desk, book: Book) -> None:
        """A full disk is no reason to keep silent: what cannot be written is known until our end."""
        name = desk.reconciler.loaded.name
        changed, desk.book = book != desk.book, book
        if not changed and name not in self._unsaved:
            return
        try:
            desk.reconciler.store.alerts.save(book)
        except Exception as error:
            if name not in self._unsaved:
                self._unsaved.add(name)
                self._controller.tell(name, "AlertsNotKept", tell_error(error))
        else:
            self._unsaved.discard(name)

    # --- couriers

    def _exchange(self, channels: tuple[Channel, ...]) -> None:
        """One courier for each channel as it is now."""
        for gone in self._couriers.keys() - set(channels):
            self._couriers[gone].close()
        self._couriers = {channel: self._couriers.get(channel) or self._hire(channel) for channel in channels}

    def _hire(self, channel: Channel) -> Courier:
        name = channel.name
        ways = Ways(
            send=lambda notice: send(channel, notice.alert, self._environment),
            on_told=lambda notice: self._controller.call(lambda now: self._note_told(notice, now)),
            on_trouble=lambda why: self._controller.tell("-", "AlertNotSent", f"channel {name}: {why}; is tried again"),
        )
        return Courier(name, ways)

    def _dispatch(self, now: Instant) -> None:
        ears = {channel: Ears(channel.name, channel.min_severity) for channel in self._couriers}
        for channel, courier in self._couriers.items():
            courier.want(
                notice
                for desk in self._desks.values()
                for notice in find_notices(desk.book, desk.reconciler.loaded.alerts, [ears[channel]], desk.hush, now)
            )

    def _note_told(self, notice: Notice, now: Instant) -> None:
        desk = self._desks.get(notice.alert.stack)
        if desk is not None:
            self._keep(desk, note_told(desk.book, notice, now))
            desk.wake_at = now
