"""Beside the loop: keeps certificates fresh, for stacks that have any. Holds nothing up."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from controller.loop.auditacts import authority_act, certificate_act
from controller.loop.controller import Controller, tell_error
from controller.loop.grace import Grace
from controller.loop.ground import Ground
from controller.loop.ingress_pair import PairReader
from controller.loop.loaded import Loaded
from controller.loop.reconcile import Reconciler
from controller.loop.wake import nudge
from controller.model.errors import ControllerError
from controller.model.names import Instant
from controller.model.status import Event, StackStatus
from controller.model.wish import Wish

if TYPE_CHECKING:
    from controller.loop.certbook import CertBook
    from controller.loop.certificate_words import Own
    from controller.loop.certifying import Certifier
    from controller.loop.conditions import Told
    from controller.loop.taking import Taking
    from controller.model.certified import StackCertificates

_LAST_PATIENCE = 2.0
"""Seconds that a turn under way is waited for at the end."""
WHO = "certificates"
"""Who asks for replicas to be replaced, for the record."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between two looks: `open`, while something is to be seen through or more is due at once; `calm`."""

    open: float = 1.0
    calm: float = 30.0


def book_of(ground: Ground, stack: str) -> CertBook:
    from controller.loop.certbook import CertBook

    return CertBook(ground.folder(stack).resolve(), stack)


def certifier_of(ground: Ground, book: CertBook) -> Certifier:
    """With the key as it is to be had now."""
    from controller.loop.certifying import Certifier
    from controller.loop.vaulting import find_vault

    return Certifier(book, *find_vault(ground.asked.root, ground.asked.environment))


def ready_certificates(ground: Ground, loaded: Loaded) -> None:
    """Before anything of it is made: who mounts certificates finds them there. What is wrong is told by others."""
    if loaded.certified:
        with suppress(ControllerError):
            certifier = certifier_of(ground, book_of(ground, loaded.name))
            issued = certifier.turn(loaded.certified, ground.now(), len(loaded.certified))
            ground.audit.note(*(certificate_act(loaded.name, service) for service in issued.services))


@dataclass(slots=True)
class _Desk:
    """One stack. `changed_at`: of what was kept when it was looked at last."""

    stack: Reconciler
    book: CertBook
    taking: Taking
    pair: PairReader
    loaded: Loaded | None = None
    changed_at: float = -1.0
    next_at: float = 0.0
    stage: str = ""
    mark: str = ""
    """Of what the ingress was to serve when it was looked at last."""
    told: tuple[Told, ...] = ()


class Certifying:
    """Of all stacks of one controller. Started, closed."""

    def __init__(self, controller: Controller, ground: Ground, pace: Pace = Pace()) -> None:
        self._controller, self._ground, self._pace = controller, ground, pace
        self._desks: dict[str, _Desk] = {}
        self._wake, self._ended = threading.Event(), threading.Event()
        self._grace = Grace(_LAST_PATIENCE)
        self._thread = threading.Thread(target=self._keep, name="certifying", daemon=True)
        self.latest: Mapping[str, StackCertificates] = {}
        """What there was when it was looked at last, by stack, swapped whole."""

    def start(self) -> None:
        self._controller.listen(self)
        self._thread.start()

    def stop(self) -> None:
        """Begin to end."""
        self._grace.begin()
        self._ended.set()
        self._wake.set()

    def close(self) -> None:
        """Also where it was never started."""
        self.stop()
        if self._thread.ident is not None:
            self._thread.join(self._grace.left)

    def update(self, stacks: tuple[StackStatus, ...]) -> None:
        """Something is otherwise: certificates may have been asked for. Told by the loop."""
        if len(self._desks) != sum(_has_any(one.loaded) for one in tuple(self._controller.stacks.values())):
            self._wake.set()

    def event(self, event: Event) -> None:
        return None

    def look(self, stack: Reconciler) -> StackCertificates:
        """What there is, for whoever asks. Raises ControllerErrors."""
        from controller.model.certified import StackCertificates

        name, wanted = stack.loaded.name, stack.loaded.certified
        if not wanted:
            return StackCertificates(name)
        return certifier_of(self._ground, book_of(self._ground, name)).look(wanted, self._ground.now())

    # --- the thread

    def _keep(self) -> None:
        while not self._ended.is_set():
            self._wake.wait(self._pause())
            self._wake.clear()
            for name, stack in tuple(self._controller.stacks.items()):
                if not self._ended.is_set():
                    self._turn(name, stack)

    def _pause(self) -> float:
        return self._pace.open if self._desks else self._pace.calm

    def _turn(self, name: str, stack: Reconciler) -> None:
        """Whatever one turn was: there is a next one, and the stack says what is wrong."""
        if not _has_any(stack.loaded):
            if self._desks.pop(name, None) is not None:
                self._forget(name)
                self._show(stack, ())
            return
        desk = self._desk(name, stack)
        if not self._is_due(desk):
            return
        # As they are before they are read: what somebody asks for during this turn is due at the next one.
        loaded, changed_at = stack.loaded, desk.book.changed_at
        try:
            is_open = self._work(name, desk)
        except Exception as error:
            from controller.loop.conditions import Told

            is_open = False
            self._tell(desk, (Told("CertificateRenewFailed", "Failed", tell_error(error)),))
        desk.loaded, desk.changed_at = loaded, changed_at
        desk.next_at = time.monotonic() + (self._pace.open if is_open else self._pace.calm)

    def _forget(self, name: str) -> None:
        self.latest = {other: one for other, one in self.latest.items() if other != name}

    def _desk(self, name: str, stack: Reconciler) -> _Desk:
        from controller.loop.taking import Hand, Taking

        desk = self._desks.get(name)
        if desk is None or desk.stack is not stack:
            ground, book = self._ground, book_of(self._ground, name)
            hand = Hand(ground.engine, ground.folder(name), lambda service: self._roll(name, service), ground.now)
            desk = self._desks[name] = _Desk(stack, book, Taking(book, hand), PairReader(ground.folder(name)))
        return desk

    def _is_due(self, desk: _Desk) -> bool:
        """Its time has come, its files say something else, or a person asked for something."""
        news = desk.loaded is not desk.stack.loaded or desk.book.changed_at != desk.changed_at
        return news or time.monotonic() >= desk.next_at

    def _work(self, name: str, desk: _Desk) -> bool:
        """Whether there is something to be seen through."""
        from controller.loop.certificate_words import find_troubles
        from controller.model.certified import StackCertificates
        from controller.security.issuing import Kept

        wanted, known, kept = desk.stack.loaded.certified, StackCertificates(name), Kept()
        is_open = bool(wanted) and self._keep_fresh(name, desk)
        own = self._look_at_ingress(name, desk)
        if wanted:
            known, kept = self.look(desk.stack), desk.book.load()
            self.latest = {**self.latest, name: known}
        else:
            self._forget(name)
        self._tell(desk, find_troubles(known, kept, own, self._ground.now()))
        return is_open or _is_open(known)

    def _keep_fresh(self, name: str, desk: _Desk) -> bool:
        """Whether more is due at once."""
        ground, wanted = self._ground, desk.stack.loaded.certified
        certifier = certifier_of(ground, desk.book)
        issued = certifier.turn(wanted, ground.now())
        for service in issued.services:
            self._say(name, service, "CertificateIssued", "it has a new certificate")
        ground.audit.note(*(certificate_act(name, service) for service in issued.services))
        with suppress(ControllerError):  # an engine that is away is told by the loop
            for service in desk.taking.turn(wanted):
                self._say(name, service, "CertificateTakenUp", "every replica has read its new certificate")
        rotation = certifier.advance(wanted, ground.now())
        stage = str(rotation.stage) if rotation is not None else ""
        if desk.stage and stage != desk.stage:
            self._say(name, None, "AuthorityChange", f"the change of the authority: {stage}")
            ground.audit.note(authority_act(name, stage))
        desk.stage = stage
        return issued.more

    def _look_at_ingress(self, name: str, desk: _Desk) -> Own:
        """Another certificate for it is news to the loop, which may be at rest."""
        from controller.loop.certificate_words import Own

        policy = desk.stack.loaded.ingress
        if not policy.tls:
            return Own()
        served, trouble = desk.pair.read(policy)
        mark = served.mark if served is not None else ""
        if mark != desk.mark:
            desk.mark = mark
            self._controller.look_at(name)
        if policy.certificate is None:
            return Own()  # told with all others of the authority
        return Own(served.facts if served is not None else None, trouble)

    # --- telling

    def _tell(self, desk: _Desk, told: tuple[Told, ...]) -> None:
        if told != desk.told:
            desk.told = told
            self._show(desk.stack, told)

    def _show(self, stack: Reconciler, told: tuple[Told, ...]) -> None:
        def show(now: Instant) -> None:
            stack.certificate_troubles = told
            stack.publish(now)

        self._controller.call(show)

    def _say(self, name: str, service: str | None, reason: str, message: str) -> None:
        def say(now: Instant) -> None:
            if (stack := self._controller.stacks.get(name)) is not None:
                stack.chronicle.say(now, service, reason, message)

        self._controller.call(say)

    def _roll(self, name: str, service: str) -> None:
        """As if a person had asked for it: it goes its way through updates, and is followed to its end."""
        stack = self._controller.stacks[name]
        wish = Wish("rollout-restart", (service,), who=WHO)
        stack.store.intents.add(wish.verb, _plain(wish), wish.who)
        if not nudge(self._ground.folder(name)):
            self._controller.call(lambda now: None)


def _has_any(loaded: Loaded) -> bool:
    """Certificates to be kept fresh, or to be looked at."""
    return bool(loaded.certified or loaded.ingress.tls)


def _is_open(known: StackCertificates) -> bool:
    """Somebody has yet to read what is new."""
    from controller.model.certified import Seen

    waits = any(one.seen is Seen.PENDING or one.seen is Seen.OTHER for one in known.certificates)
    return waits or known.stage in ("add", "switch", "drop")


def _plain(wish: Wish) -> Mapping[str, object]:
    return dataclasses.asdict(wish)
