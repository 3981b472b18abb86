"""`controller run`: keeps stacks in shape until told to stop, follows their files, and does what others ask of it."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from typing import NamedTuple

from controller.intake.targets import Target
from controller.loop.acting import MakeProber, build_images, who
from controller.loop.adjusting import Adjuster
from controller.loop.alerting import Watchman
from controller.loop.auditacts import daemon_act, generation_acts
from controller.loop.auditor import caller
from controller.loop.certificate_worker import Certifying, ready_certificates
from controller.loop.cleanup_schedule import Cleaning
from controller.loop.controller import Audience, Controller, Ways
from controller.loop.generation import changed, commit_generation
from controller.loop.ground import Ground, mark_of_book, survey_of
from controller.loop.learneduse import LearnedUse
from controller.loop.loaded import Loaded
from controller.loop.lock import Lock, try_lock
from controller.loop.metering import Metering
from controller.loop.reading import READ_AGAIN, Read, Reading
from controller.loop.requests import Requests
from controller.loop.scanner import Scanning
from controller.loop.signals import Signals
from controller.loop.wake import Listener
from controller.loop.window import Beside, Rehearse, Serve, Served, Window
from controller.model.errors import ControllerError, InvalidInput, Transient
from controller.model.generation import Cause
from controller.model.names import Instant
from controller.model.status import Event
from controller.model.wish import Wish

_LAST_STEP, _LAST_READ = 6.5, 1.0
"""Seconds that the running steps, and then a reading of files, are waited for at the end: 10 s in all, the grace that
supervisors give. A stop that takes longer is seen through by the engine."""


class Api(NamedTuple):
    """How the API is served, and what it needs beside the loop."""

    serve: Serve
    rehearse: Rehearse


class Daemon:
    """The controller of all targets, with everything around it that only a long-running process has."""

    def __init__(
        self,
        ground: Ground,
        audience: Audience,
        make_prober: MakeProber,
        *,
        watch: bool,
        api: Api | None = None,
    ) -> None:
        self._ground = ground
        self._api = api
        self._served: Served | None = None
        self._audience = audience
        self._watch = watch
        learned = LearnedUse(ground.folder, ground.now)
        told = lambda: ground.told  # noqa: E731
        ways = Ways(ground.engine, ground.now, audience, make_prober, survey_of(ground), learned, told, ground.audit)
        self._controller = Controller(ways)
        self._controller.on_turn.append(self._after_turn)
        ground.audit.tell = lambda why: self._controller.tell("-", "AuditDegraded", why)
        self._reading = Reading(ground, self._controller, self._take_over, makes_tokens=api is not None)
        self.metering = Metering(self._controller, ground)
        self.metering.listeners += [Adjuster(self._controller).take, lambda usage: learned.renew(usage.stacks)]
        measured = lambda: self.metering.latest  # noqa: E731
        self.scanning = Scanning(self._controller, ground)
        found = lambda stack: self.scanning.symptoms.get(stack, ())  # noqa: E731
        environment = ground.asked.environment
        self._watchman = Watchman(self._controller, lambda: self._reading.channels, environment, measured, found)
        self._controller.on_turn.append(self._watchman.look)
        self.cleaning = Cleaning(self._controller, ground)
        profile, clean = ground.asked.profile, self.cleaning.ask
        self._requests = Requests(self._controller, self._prepare, profile, clean, ground.audit)
        self.certifying = Certifying(self._controller, ground)
        self._listeners: dict[str, Listener] = {}
        self._owned = ExitStack()
        self._readers: list[threading.Thread] = []
        self._books: dict[str, object] = {}
        """By stack: how the file of its secrets looked when its files were read last."""

    def run(self) -> int:
        """Until SIGTERM (0) or SIGINT (130); containers stay as they are."""
        ended: list[int] = []
        first: Read | None = None
        numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        with closing(Signals(numbers, lambda number: self._on_signal(number, ended))):
            try:
                first = self._reading.read_first(self._tell_absent)
                if first is not None:
                    self._begin(first)
                    self._record("run", "begun")
                    self._serve()
                    self._keep()
            finally:
                self._end()
                self._close()
                if first is not None:
                    self._record("end", "done" if ended else "failed")
                    self._ground.audit.sign("end")
        return 130 if ended and ended[0] == signal.SIGINT else 0

    def _record(self, verb: str, outcome: str) -> None:
        stacks = tuple(self._controller.stacks)
        self._ground.audit.note(daemon_act(verb, stacks, who(), caller(), outcome))

    def _close(self) -> None:
        """All begin to end at once: what each of them may take is not added up. First who reads the stores."""
        until = time.monotonic() + _LAST_STEP
        self.metering.stop()
        self.cleaning.stop()
        self.certifying.stop()
        self.scanning.stop()
        if self._served is not None:
            self._served.stop()
            self._served.close()
        self._watchman.close()
        self.metering.close()
        self.cleaning.close()
        self.certifying.close()
        self.scanning.close()
        self._controller.close(max(0.0, until - time.monotonic()))
        for reader in self._readers:
            reader.join(_LAST_READ / len(self._readers))
        self._owned.close()

    def _serve(self) -> None:
        if self._api is not None:
            beside = Beside(self.metering, self.cleaning, self.scanning, self.certifying)
            window = Window(self._controller, self._ground, beside, self._api.rehearse)
            window.said = lambda: self._reading.said
            self._served = self._api.serve(window, self._reading.serving)

    def _keep(self) -> None:
        self.metering.start()
        self.cleaning.start()
        self.certifying.start()
        self.scanning.start()
        self._begin_to("reread", self._reading.reread)
        if self._watch:
            self._begin_to("watch", self._reading.watch)
        self._controller.run()

    def _begin_to(self, name: str, read: Callable[[], None]) -> None:
        """On a thread of its own, which is waited for at the end if it could be started."""
        reader = threading.Thread(target=read, name=name, daemon=True)
        reader.start()
        self._readers.append(reader)

    def _on_signal(self, number: int, ended: list[int]) -> None:
        if number == signal.SIGHUP:
            self._reading.ask()
        else:
            ended.append(number)
            self._end()

    def _end(self) -> None:
        self._reading.end()
        self._controller.stop()

    def _tell_absent(self, why: str) -> None:
        message = f"waits for Docker: {why}"
        self._audience.event(Event(self._ground.now(), "-", None, "Warning", "EngineUnavailable", message))

    # --- stacks

    def _begin(self, read: Read) -> None:
        """Every stack that can be used; the broken ones come in when they are mended."""
        for target, loaded in read.usable:
            self._add(target, loaded)
        if not read.usable and not (self._watch and read.broken):
            raise InvalidInput(tuple(finding for item in read.broken for finding in item.findings))

    def _add(self, target: Target, loaded: Loaded) -> None:
        name = loaded.name
        folder = self._ground.folder(name)
        taken = try_lock(self._ground.lock_path(name), folder, self._ground.now)
        if not isinstance(taken, Lock):
            raise ControllerError(f"{name}: another controller keeps this stack: {taken}", hint="end that one first")
        self._owned.enter_context(taken)
        store = self._ground.store(name)
        store.intents.reopen()
        profile = self._ground.asked.profile or store.stack.load().profile
        before = store.stack.last_generation()
        cause = Cause(self._who, changed(loaded) if before else "first seen")
        ready_certificates(self._ground, loaded)
        committed = commit_generation(loaded, target, store, self._ground.now(), profile, cause)
        self._ground.audit.note(*generation_acts(committed, before.number if before else None, cause))
        self._tell_warnings(loaded)
        self._controller.add(committed, store)
        listener = Listener(folder, lambda: self._controller.call(lambda now: self._requests.take(name, now)))
        self._listeners[name] = listener
        self._owned.callback(listener.close)
        self._controller.call(lambda now: self._requests.take(name, now))

    @property
    def _who(self) -> str:
        return "run --watch" if self._watch else "run"

    def _take_over(self, target: Target, loaded: Loaded, now: Instant, cause: Cause | None) -> None:
        """What was read comes in force, unless it is so already. The loop's thread: only that one writes memory."""
        reconciler = self._controller.stacks.get(loaded.name)
        if reconciler is None:
            self._add(target, loaded)
        elif loaded.desired.digest == reconciler.loaded.desired.digest and reconciler.broken is None:
            if loaded.certified != reconciler.loaded.certified:
                ready_certificates(self._ground, loaded)
            reconciler.refresh(loaded)
        else:
            self._tell_warnings(loaded)
            cause = cause or Cause(self._who, changed(loaded, reconciler.loaded))
            profile = reconciler.ledger.memory.profile
            ready_certificates(self._ground, loaded)
            committed = commit_generation(loaded, target, reconciler.store, now, profile, cause)
            self._ground.audit.note(*generation_acts(committed, reconciler.loaded.desired.generation, cause))
            reconciler.adopt_generation(committed, now)

    def _prepare(self, stack: str, wish: Wish) -> None:
        """For a request: what the files say now is in force, its images are built if that was asked for."""
        until = self._ground.now() + wish.timeout
        while not self._reading.reload(Cause(wish.who, wish.verb)):
            if self._reading.ended.wait(READ_AGAIN) or self._ground.now() > until:
                raise Transient("the files could not be read: the engine does not answer")
        if wish.build:
            taken_over = threading.Event()
            self._controller.call(lambda now: taken_over.set())
            while not taken_over.wait(READ_AGAIN) and not self._reading.ended.is_set():
                pass
            build_images(self._ground, self._controller.stacks[stack].loaded)

    def _after_turn(self, now: Instant) -> None:
        if self._ground.audit.mend(now):
            for name in self._controller.stacks:
                self._controller.look_at(name)
        self._ground.audit.keep(now, self._controller.stacks)
        self._requests.look(now)
        self._look_at_secrets()
        for name, listener in self._listeners.items():
            if not listener.listening:
                self._requests.take(name, now)

    def _look_at_secrets(self) -> None:
        """Whoever sets one writes it down; what follows from it is read again, and is as it was for all others."""
        books: dict[str, object] = {
            name: mark_of_book(self._ground.folder(name)) for name in {*self._listeners, *self._reading.named}
        }
        if locked := [name for name, one in self._controller.stacks.items() if one.loaded.delivery.locked]:
            books |= {f"{name} locked": self._ground.keys().locked for name in locked}
        if books != self._books:
            known, self._books = self._books, books
            if any(known.get(name, mark) != mark for name, mark in books.items()):
                self._reading.ask()

    def _tell_warnings(self, loaded: Loaded) -> None:
        for finding in loaded.warnings:
            mend = f" ({finding.hint})" if finding.hint else ""
            self._controller.tell(loaded.name, "InputWarning", f"{finding}{mend}")
