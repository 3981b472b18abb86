"""Beside the loop: samples what stacks and machine use, tells who listens, and keeps history. Holds nothing up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from controller.loop.controller import Controller
from controller.loop.grace import Grace
from controller.loop.ground import Ground
from controller.loop.inquiry import Inquiry
from controller.loop.usagebook import UsageBook
from controller.loop.usagehistory import read_history
from controller.model.errors import ControllerError
from controller.model.metrics import MetricsPolicy
from controller.model.names import Instant
from controller.model.status import StackStatus
from controller.model.usage import Figures, HostUsage, ServiceUsage, Usage, UsageSeries
from controller.resources.judge import host_figures
from controller.resources.sampler import Sampler

HOST = "_controller"
"""The folder beside those of the stacks, whose names begin with a letter or a digit."""

_FIRST_AFTER = 1.0
"""Seconds after the first sample until there are rates."""

_LAST_PATIENCE = 2.0
"""Seconds that a sample under way is waited for at the end."""

Measured = Mapping[str, tuple[MetricsPolicy, StackStatus]]
"""By stack: how it is to be measured, and what was seen of it last."""


class Metering:
    """What all stacks of one controller use. Started, asked from any thread, closed."""

    def __init__(self, controller: Controller, ground: Ground) -> None:
        self._controller, self._ground = controller, ground
        self._inquiry = Inquiry(ground.engine, self._tell)
        self._books: dict[str, UsageBook] = {}
        self._due: dict[str, float] = {}
        self._troubled: set[str] = set()
        self._sampler: Sampler | None = None
        self._ended = threading.Event()
        self._grace = Grace(_LAST_PATIENCE)
        self._thread = threading.Thread(target=self._keep_sampling, name="metering", daemon=True)
        self.latest: Usage | None = None
        """The newest sample, swapped whole; None before the first one."""
        self.listeners: list[Callable[[Usage], None]] = []
        """Called by the metering thread after each sample, and when something is measured no more; quick."""

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Begin to end."""
        self._grace.begin()
        self._ended.set()
        self._inquiry.close()

    def close(self) -> None:
        """Also where it was never started."""
        self.stop()
        if self._thread.ident is not None:
            self._thread.join(self._grace.left)

    def history(self, stack: str | None, service: str | None, since: float) -> tuple[UsageSeries, ...]:
        """Of the last `since` seconds: of a stack's service, or of all of them; `stack` None: of the machine."""
        now = self._ground.now()
        return read_history(self._folder(stack or HOST), service, now - since, now)

    # --- the thread

    def _keep_sampling(self) -> None:
        """The second sample soon after the first: there is nothing to be seen before there are rates."""
        while not self._ended.wait(self._pause()):
            with suppress(Exception):  # whatever one sample was: there is a next one
                self._turn()
        for book in self._books.values():
            book.close()

    def _pause(self) -> float:
        """Seconds until something is due; a stack that is new by then waits no longer than that."""
        soonest = min(self._due.values(), default=time.monotonic() + _FIRST_AFTER)
        return min(_FIRST_AFTER, max(0.01, soonest - time.monotonic()))

    def _turn(self) -> None:
        stacks = self._find_stacks()
        due = self._find_due(stacks)
        if due:
            self._sample(stacks, due)
        else:
            self._drop(stacks)

    def _sample(self, stacks: Measured, due: Sequence[str]) -> None:
        custom = self._inquiry.read({name: (stacks[name][0].custom, stacks[name][1]) for name in due})
        sampled = self._open_sampler().sample({name: stacks[name][1] for name in due}, custom)
        before = _still_there(self.latest, stacks) if self.latest is not None else {}
        self._publish(replace(sampled, stacks=before | dict(sampled.stacks)))
        self._keep(sampled, {name: policy for name, (policy, _) in stacks.items()})
        for name in due:
            if has_routes(stacks[name][1]):
                self._controller.look_at(name)  # what the ingress counts is read in a pass: at rest there is none

    def _drop(self, stacks: Measured) -> None:
        """What is not measured any more is not known. The machine is measured as long as some stack is."""
        if (latest := self.latest) is None:
            return
        left = _still_there(latest, stacks)
        if left != latest.stacks:
            nothing = Usage(latest.at, HostUsage(latest.host.cores))
            self._publish(replace(latest, stacks=left) if left else nothing)

    def _publish(self, usage: Usage) -> None:
        self.latest = usage
        for listener in tuple(self.listeners):
            with suppress(Exception):
                listener(usage)

    def _find_stacks(self) -> Measured:
        """Those that are to be measured, and of which something was seen."""
        reconcilers = dict(self._controller.stacks)
        return {
            name: (one.loaded.metrics, status)
            for name, one in reconcilers.items()
            if one.loaded.metrics.enabled and (status := one.chronicle.status) is not None
        }

    def _find_due(self, stacks: Measured) -> Sequence[str]:
        """Whose time it is; of one that is new twice in a row, so that it has rates."""
        now = time.monotonic()
        for gone in self._due.keys() - stacks.keys():
            self._forget(gone)
        due = [name for name in stacks if now >= self._due.get(name, 0.0)]
        for name in due:
            interval = stacks[name][0].interval
            self._due[name] = now + (interval if name in self._due else min(_FIRST_AFTER, interval))
        return due

    def _forget(self, stack: str) -> None:
        del self._due[stack]
        self._inquiry.forget(stack)
        if self._sampler is not None:
            self._sampler.forget(stack)
        if (book := self._books.pop(stack, None)) is not None:
            book.close()

    def _open_sampler(self) -> Sampler:
        if self._sampler is None:
            self._sampler = Sampler(self._ground.engine, self._ground.now, self._ground.standing)
        return self._sampler

    # --- history

    def _keep(self, sampled: Usage, policies: Mapping[str, MetricsPolicy]) -> None:
        """Each stack's in its own folder, and the machine's; there the most that somebody asks for counts."""
        for name, services in sampled.stacks.items():
            figures = {service: one.total for service, one in services.items()}
            self._keep_one(name, replace(sampled, stacks={name: services}), figures, policies[name])
        shared = MetricsPolicy(
            interval=min(policy.interval for policy in policies.values()),
            retention=max(policy.retention for policy in policies.values()),
        )
        self._keep_one(HOST, replace(sampled, stacks={}), {"": host_figures(sampled.host)}, shared)

    def _keep_one(self, name: str, sample: Usage, figures: Mapping[str, Figures], policy: MetricsPolicy) -> None:
        """A disk that is full is told once, until it takes history again."""
        try:
            self._open_book(name, policy.retention).add(sample, figures, policy.interval)
        except ControllerError as error:
            if name not in self._troubled:
                self._troubled.add(name)
                self._controller.tell("-" if name == HOST else name, "UsageNotKept", error.message)
        else:
            self._troubled.discard(name)

    def _open_book(self, name: str, retention: float) -> UsageBook:
        book = self._books.get(name)
        if book is None or book.retention != retention:
            if book is not None:
                book.close()
            book = self._books[name] = UsageBook(self._folder(name), retention)
        return book

    def _folder(self, name: str) -> Path:
        return self._ground.folder(name)

    def _tell(self, stack: str, service: str, reason: str, message: str, warning: bool) -> None:
        def say(now: Instant) -> None:
            if (reconciler := self._controller.stacks.get(stack)) is not None:
                reconciler.chronicle.say(now, service, reason, message, warning=warning)

        self._controller.call(say)


def _still_there(usage: Usage, stacks: Measured) -> dict[str, Mapping[str, ServiceUsage]]:
    """Services that were not removed since, of stacks that are still measured."""
    return {
        stack: {one.name: services[one.name] for one in stacks[stack][1].services if one.name in services}
        for stack, services in usage.stacks.items()
        if stack in stacks
    }


def has_routes(status: StackStatus) -> bool:
    """Whether some of its replicas are behind an ingress."""
    return any(replica.route is not None for service in status.services for replica in service.replicas)
