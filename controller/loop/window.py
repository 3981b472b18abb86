"""What others may see of a running controller, and ask of it; from any thread. The loop itself is not touched."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from controller.decide.shortage import report_room
from controller.engines.base import EngineInfo
from controller.loop.advising import advise, read_measured
from controller.loop.alertbook import Posted
from controller.loop.auditor import AuditBook
from controller.loop.auditproofs import head_of
from controller.loop.auditread import Query, Read, find
from controller.loop.certificate_worker import Certifying
from controller.loop.cleanup_schedule import Cleaning
from controller.loop.controller import Controller, Passes
from controller.loop.ground import Ground
from controller.loop.intents import Intent
from controller.loop.keyturn import keys_below
from controller.loop.memory import Definitions
from controller.loop.metering import Metering
from controller.loop.reachbook import load_reach
from controller.loop.reconcile import Reconciler
from controller.loop.scanner import Scanning
from controller.loop.store import Store
from controller.loop.wake import nudge
from controller.model.advice import StackLimits
from controller.model.alert import Ack, Silence
from controller.model.cleanup import CleanupReport, Schedule
from controller.model.desired import DesiredStack
from controller.model.errors import ControllerError, Finding, Transient
from controller.model.generation import Generation
from controller.model.metrics import Listening, MetricsPolicy
from controller.model.names import Instant, ReplicaId
from controller.model.plan import Plan
from controller.model.room import RoomReport
from controller.model.secret import StackSecrets
from controller.model.serving import Serving
from controller.model.status import Event, StackStatus
from controller.model.timings import Span
from controller.model.wish import Wish

if TYPE_CHECKING:
    from controller.loop.tokenbook import Sealer
    from controller.model.certified import StackCertificates
    from controller.security.state import Scanned, SecurityState

MOST_WAITING = 100
"""Requests of one stack."""
_TURNS_WITHIN = 30.0
"""Seconds within which the loop turns, whatever one pass has to wait for; it does so each second at rest."""


class Audience(Protocol):
    """Who is told what happens. Called from the loop's thread; quick, never raises."""

    def update(self, stacks: tuple[StackStatus, ...]) -> None: ...
    def event(self, event: Event) -> None: ...


class Planned(NamedTuple):
    """What an apply would do, and what is said of the files that it would read."""

    plan: Plan
    warnings: tuple[Finding, ...] = ()


Rehearse = Callable[[str, Sequence[str]], Planned]
"""By stack and services (none: all). Raises ControllerErrors."""


class Served(Protocol):
    """An API that is being served."""

    def stop(self) -> None:
        """Begin to end."""
        ...

    def close(self) -> None:
        """Wait for that end, some seconds at most."""
        ...


Serve = Callable[["Window", Serving | None], Served]
"""Begins to serve, at once; with what the manifest says of it. Raises ControllerErrors."""


class UnknownStack(ControllerError):
    """No stack of that name is kept here."""

    @classmethod
    def among(cls, name: str, known: Iterable[str]) -> UnknownStack:
        return cls(f"no stack is called '{name}'", hint=f"known stacks: {', '.join(known) or 'none'}")


class Beside(NamedTuple):
    """What works beside the loop."""

    metering: Metering
    cleaning: Cleaning
    scanning: Scanning
    certifying: Certifying


class Window:
    """Reads what is published and stored; leaves intents. Raises UnknownStack for a stack that is not kept here."""

    def __init__(self, controller: Controller, ground: Ground, beside: Beside, rehearse: Rehearse) -> None:
        self._controller = controller
        self._ground = ground
        self.metering, self._cleaning, self._scanning, self._certifying = beside
        self.rehearse = rehearse
        self.said: Callable[[], Serving] = Serving
        self.began_at: Instant = ground.now()
        self._turned_at: Instant = ground.now()
        controller.on_turn.append(self._note_turn)

    def _note_turn(self, now: Instant) -> None:
        self._turned_at = now

    # --- what is

    @property
    def root(self) -> Path:
        """The folder of all state."""
        return self._ground.asked.root

    @property
    def folder(self) -> Path:
        """Of what has no stack on this engine."""
        return self._ground.folder("_controller")

    @property
    def stacks(self) -> tuple[str, ...]:
        return tuple(sorted(self._controller.stacks))

    def seals(self) -> Sealer:
        """What encrypts the keys that sign tokens."""
        from controller.loop.tokenseals import Seals  # with all that encrypts

        return Seals(self.root, self._ground.asked.environment)

    def serving(self) -> Serving:
        """What the manifest that is in force says of the API, and of who may do what there."""
        return self.said()

    def folder_of(self, stack: str) -> Path:
        """Of all that is kept of it on this engine."""
        return self._ground.folder(stack)

    def listening(self) -> Mapping[str, Listening]:
        """By stack, where those that want it are to be scraped."""
        policies = {name: one.loaded.metrics for name, one in tuple(self._controller.stacks.items())}
        return {name: policy.listen for name, policy in policies.items() if policy.listen is not None}

    def on_turn(self, listener: Callable[[Instant], None]) -> None:
        """Call this after every turn of the loop, in its thread; quick."""
        self._controller.on_turn.append(listener)

    def listen(self, audience: Audience) -> tuple[StackStatus, ...]:
        """Tell this one too from now on; what was told last."""
        return self._controller.listen(audience)

    def statuses(self) -> tuple[StackStatus, ...]:
        """What was told last, by name."""
        return self._controller.shown()

    def passes(self, stack: str) -> Passes:
        """How often the loop looked at it, and what that took."""
        return self._controller.passes.get(stack, Passes())

    def unavailable(self, stack: str) -> str | None:
        """Why nothing is known of it now; None: the engine answers."""
        return self._reconciler(stack).unavailable

    def metrics(self, stack: str) -> MetricsPolicy:
        """What it wants to have measured."""
        return self._reconciler(stack).loaded.metrics

    def room(self, stack: str) -> RoomReport:
        """What the machine has for it, who has that, and who waits."""
        return report_room(self._reconciler(stack).world, self._controller.rooms.facts)

    def not_ready(self) -> str | None:
        """Why nobody should rely on it now; None: it does its work."""
        if self._ground.now() - self._turned_at > _TURNS_WITHIN:
            return "the loop does not turn"
        away = [name for name, one in tuple(self._controller.stacks.items()) if one.unavailable is not None]
        return f"the engine does not answer: {', '.join(sorted(away))}" if away else None

    def engine(self) -> EngineInfo:
        """Raises Transient where it does not answer."""
        return self._ground.engine.info()

    def gateway(self) -> str | None:
        """Where containers reach the engine's machine. Raises EngineErrors."""
        return self._ground.engine.gateway()

    def desired(self, stack: str) -> DesiredStack:
        return self._reconciler(stack).loaded.desired

    def usually(self, stack: str, service: str) -> float | None:
        """Learned seconds to ready."""
        return self._reconciler(stack).chronicle.timings.usual(service, Span.READY)

    def events(self, stack: str, after: int = 0, service: str | None = None) -> tuple[Event, ...]:
        """Oldest first."""
        return self._store(stack).events.since(after, service=service)

    def generations(self, stack: str) -> tuple[Generation, ...]:
        """Oldest first."""
        return self._store(stack).stack.generations()

    def definitions(self, stack: str, number: int) -> Definitions:
        """What Compose rendered for that generation; may hold secrets."""
        return self._store(stack).stack.definitions(number)

    def rubbish(self, stack: str) -> CleanupReport:
        """What a clean-up would remove now. Takes as long as the engine does. Raises ControllerErrors."""
        return self._cleaning.look(self._reconciler(stack))

    def schedule(self, stack: str) -> Schedule:
        """When it is cleaned up, and was."""
        reconciler = self._reconciler(stack)
        policy, last = reconciler.loaded.resources.cleanup, reconciler.ledger.memory.cleaned_at
        return Schedule(policy.every if policy.enabled else None, last)

    def limits(self, stack: str) -> StackLimits:
        """What is said of the limits of its services, by what was measured of them."""
        reconciler, now = self._reconciler(stack), self._ground.now()
        loaded, folder = reconciler.loaded, reconciler.store.folder
        measured = read_measured(folder, stack, loaded.resources.adjust, now)
        return advise(loaded, reconciler.store.adjustments.load(), measured, now)

    def security(self, stack: str) -> SecurityState:
        """What is known of its protection: by the last scan, its files, and the last netcheck of all of it."""
        from controller.loop.secured import make_state  # only who asks for it loads the rules

        loaded = self._reconciler(stack).loaded
        reach, scanned = load_reach(self.folder_of(stack)), self._scanning.latest.get(stack)
        state = make_state(stack, loaded.desired.services, loaded.written, scanned, reach)
        keys = keys_below(self.folder_of(stack))
        audit = head_of(self._ground.asked.root, self._ground.engine_id(), stack)
        certificates = self._certifying.latest.get(stack)
        known = certificates.certificates if certificates is not None else ()
        return dataclasses.replace(state, barred=loaded.desired.kept_out, certificates=known, audit=audit, keys=keys)

    def last_certificates(self, stack: str) -> StackCertificates | None:
        """As they were when they were looked at last; None: they were not yet, or it has none."""
        return self._certifying.latest.get(stack)

    def secrets(self, stack: str) -> StackSecrets:
        """Names, versions and ages of its secrets, and who uses them. Raises ControllerError for a damaged file."""
        from controller.loop.secretdesk import seen_of  # few ask

        delivery = self._reconciler(stack).loaded.delivery
        return seen_of(self.folder_of(stack), stack, self._ground.keys(), delivery.users)

    def certificates(self, stack: str) -> StackCertificates:
        """Of its services, and their authority. Raises ControllerErrors where they cannot be read."""
        return self._certifying.look(self._reconciler(stack))

    def scanned(self, stack: str) -> tuple[Scanned | None, int | None]:
        """Its last scan, and how many services are barred; None: there was none, and nothing bars any."""
        loaded = self._reconciler(stack).loaded
        return self._scanning.latest.get(stack), None if loaded.gate is None else len(loaded.desired.kept_out)

    @property
    def audit(self) -> AuditBook:
        """Where is written down who does what."""
        return self._ground.audit

    def audited(self, query: Query, limit: int) -> list[Read]:
        """What was recorded, newest first. Raises ControllerError for a place that there is not."""
        return find(self._ground.asked.root, self._ground.engine_id(), query, limit)

    def alerts(self, stack: str) -> Posted:
        records, now = self._store(stack).alerts, self._ground.now()
        return Posted(stack, records.load(), records.hush(now))

    def logs(
        self,
        replica: ReplicaId,
        *,
        tail: int | None = None,
        follow: bool = False,
        since: Instant | None = None,
        opened: Callable[[Callable[[], None]], None] | None = None,
    ) -> Iterator[str]:
        """`opened` gets what ends a blocked read, from any thread."""
        return self._ground.engine.logs(replica, tail=tail, follow=follow, since=since, opened=opened)

    # --- what is asked

    def ask(self, stack: str, wish: Wish) -> Intent:
        """Leave an intent, as a command does that finds the stack kept; the loop takes it up.

        Raises Transient where so many wait already that nobody can mean all of them.
        """
        store = self._store(stack)
        if store.intents.waiting() >= MOST_WAITING:
            raise Transient(f"{stack}: {MOST_WAITING} requests wait already", hint="try again once some are done")
        number = store.intents.add(wish.verb, dataclasses.asdict(wish), wish.who)
        if not nudge(self._ground.folder(stack)):
            self._controller.call(lambda now: None)  # a turn, after which is looked whether somebody asks
        intent = store.intents.get(number)
        assert intent is not None
        return intent

    def intent(self, stack: str, number: int) -> Intent | None:
        return self._store(stack).intents.get(number)

    def acknowledge(self, stack: str, acks: Sequence[Ack]) -> None:
        self._store(stack).alerts.acknowledge(acks)

    def silence(self, stack: str, silence: Silence) -> Silence:
        return self._store(stack).alerts.silence(silence)

    def end_silence(self, stack: str, number: int) -> bool:
        return self._store(stack).alerts.end_silence(number)

    def tell(self, reason: str, message: str) -> None:
        """A warning that belongs to no stack."""
        with suppress(ControllerError):
            self._controller.tell("-", reason, message)

    def say(self, stack: str, reason: str, message: str, *, warning: bool = True) -> None:
        """Into the record of a stack, as long as there is one."""

        def note(now: Instant) -> None:
            if (reconciler := self._controller.stacks.get(stack)) is not None:
                reconciler.chronicle.say(now, None, reason, message, warning=warning)

        self._controller.call(note)

    def _reconciler(self, stack: str) -> Reconciler:
        found = self._controller.stacks.get(stack)
        if found is None:
            raise UnknownStack.among(stack, self.stacks)
        return found

    def _store(self, stack: str) -> Store:
        return self._reconciler(stack).store
