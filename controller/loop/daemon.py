"""`controller run`: keeps stacks in shape until told to stop, follows their files, and does what others ask of it."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import NamedTuple

from controller.intake.metrics import read_metrics
from controller.intake.targets import Broken, Target, Targets
from controller.intake.watch import watch_inputs
from controller.loop.acting import MakeProber, build_images
from controller.loop.alerting import Watchman
from controller.loop.controller import Audience, Controller, Ways, tell_error
from controller.loop.generation import changed, commit_generation
from controller.loop.ground import Ground
from controller.loop.loaded import Loaded
from controller.loop.lock import Lock, try_lock
from controller.loop.metering import Metering
from controller.loop.reconcile import Reconciler
from controller.loop.requests import Requests
from controller.loop.secret import read_shared
from controller.loop.signals import Signals
from controller.loop.wake import Listener
from controller.loop.window import Rehearse, Serve, Served, Window
from controller.model.channel import Channel
from controller.model.errors import ControllerError, EngineError, InvalidInput, Transient
from controller.model.generation import Cause
from controller.model.names import Instant
from controller.model.status import Event
from controller.model.wish import Wish

_Read = tuple[Sequence[tuple[Target, Loaded]], Sequence[Broken]]

_READ_AGAIN = 2.0
"""Seconds after which is read again what needed an engine that did not answer."""

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
        self._controller = Controller(Ways(ground.engine, ground.now, audience, make_prober))
        self._controller.on_turn.append(self._after_turn)
        self._channels: tuple[Channel, ...] = ()
        self.metering = Metering(self._controller, ground)
        measured = lambda: self.metering.latest  # noqa: E731
        self._watchman = Watchman(self._controller, lambda: self._channels, ground.asked.environment, measured)
        self._controller.on_turn.append(self._watchman.look)
        self._requests = Requests(self._controller, self._prepare, ground.asked.profile)
        self._listeners: dict[str, Listener] = {}
        self._owned = ExitStack()
        self._targets = Targets()
        self._told: frozenset[tuple[str, str]] = frozenset()
        self._readers: list[threading.Thread] = []
        self._reading = threading.Lock()
        self._read_again = threading.Event()
        self._ended = threading.Event()

    def run(self) -> int:
        """Until SIGTERM (0) or SIGINT (130); containers stay as they are."""
        ended: list[int] = []
        numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        with closing(Signals(numbers, lambda number: self._on_signal(number, ended))):
            try:
                first = self._read_first()
                if first is not None:
                    self._begin(*first)
                    self._serve()
                    self._keep()
            finally:
                self._end()
                self._close()
        return 130 if ended and ended[0] == signal.SIGINT else 0

    def _close(self) -> None:
        """All begin to end at once: what each of them may take is not added up. First who reads the stores."""
        until = time.monotonic() + _LAST_STEP
        self.metering.stop()
        if self._served is not None:
            self._served.stop()
            self._served.close()
        self._watchman.close()
        self.metering.close()
        self._controller.close(max(0.0, until - time.monotonic()))
        for reader in self._readers:
            reader.join(_LAST_READ / len(self._readers))
        self._owned.close()

    def _serve(self) -> None:
        if self._api is not None:
            window = Window(self._controller, self._ground, self.metering, self._api.rehearse)
            self._served = self._api.serve(window, self._targets.serving)

    def _keep(self) -> None:
        self.metering.start()
        self._begin_to("reread", self._reread)
        if self._watch:
            self._begin_to("watch", self._watch_files)
        self._controller.run()

    def _begin_to(self, name: str, read: Callable[[], None]) -> None:
        """On a thread of its own, which is waited for at the end if it could be started."""
        reader = threading.Thread(target=read, name=name, daemon=True)
        reader.start()
        self._readers.append(reader)

    def _on_signal(self, number: int, ended: list[int]) -> None:
        if number == signal.SIGHUP:
            self._read_again.set()
        else:
            ended.append(number)
            self._end()

    def _end(self) -> None:
        self._ended.set()
        self._read_again.set()
        self._controller.stop()

    def _read_first(self) -> _Read | None:
        """A controller may be up before its engine is; None where it was told to end meanwhile."""
        from tenacity import RetryError, Retrying, retry_if_exception_type, sleep_using_event, stop_when_event_set
        from tenacity.wait import wait_exponential

        retrying = Retrying(
            retry=retry_if_exception_type(Transient),
            wait=wait_exponential(multiplier=0.5, max=10.0),
            stop=stop_when_event_set(self._ended),
            sleep=sleep_using_event(self._ended),
            before_sleep=lambda state: self._tell_absent(state.outcome) if state.attempt_number == 1 else None,
        )
        try:
            read = retrying(self._read)
        except RetryError:
            return None
        return None if self._ended.is_set() else read

    def _tell_absent(self, outcome: Future[object] | None) -> None:
        message = f"waits for Docker: {outcome.exception() if outcome is not None else 'no answer'}"
        self._audience.event(Event(self._ground.now(), "-", None, "Warning", "EngineUnavailable", message))

    # --- stacks

    def _read(self) -> _Read:
        self._ground.engine_id()  # before that nothing of it can be read
        self._targets = self._ground.targets()
        self._take_channels()
        targets = self._ground.in_profile(self._targets)
        for target in targets.stacks:
            self._make_token(target)
        return self._ground.load_all(targets)

    def _make_token(self, target: Target) -> None:
        """Before its services are read: one that mounts the token would else be made without, and anew with it."""
        if self._api is None or target.path is None:
            return
        with suppress(ControllerError, ValueError):  # told where it is to be served; where the manifest is checked
            listening = read_metrics(target.manifest, target.path.parent).listen
            if listening is not None and listening.token_file is not None:
                read_shared(listening.token_file, self._ground.asked.root)

    def _begin(self, pairs: Sequence[tuple[Target, Loaded]], broken: Sequence[Broken]) -> None:
        """Every stack that can be used; the broken ones are told, and come in when they are mended."""
        self._tell_broken(broken)
        for target, loaded in pairs:
            self._add(target, loaded)
        if not pairs and not (self._watch and broken):
            raise InvalidInput(tuple(finding for item in broken for finding in item.findings))

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
        cause = Cause(self._who, changed(loaded) if store.stack.last_generation() else "first seen")
        committed = commit_generation(loaded, target, store, self._ground.now(), profile, cause)
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
            reconciler.refresh(loaded)
        else:
            self._tell_warnings(loaded)
            cause = cause or Cause(self._who, changed(loaded))
            profile = reconciler.ledger.memory.profile
            committed = commit_generation(loaded, target, reconciler.store, now, profile, cause)
            reconciler.adopt_generation(committed, now)

    def _prepare(self, stack: str, wish: Wish) -> None:
        """For a request: what the files say now is in force, its images are built if that was asked for."""
        until = self._ground.now() + wish.timeout
        while not self.reload(Cause(wish.who, wish.verb)):
            if self._ended.wait(_READ_AGAIN) or self._ground.now() > until:
                raise Transient("the files could not be read: the engine does not answer")
        if wish.build:
            taken_over = threading.Event()
            self._controller.call(lambda now: taken_over.set())
            while not taken_over.wait(_READ_AGAIN) and not self._ended.is_set():
                pass
            build_images(self._ground, self._controller.stacks[stack].loaded)

    def _after_turn(self, now: Instant) -> None:
        self._requests.look(now)
        for name, listener in self._listeners.items():
            if not listener.listening:
                self._requests.take(name, now)

    # --- files

    def _watch_files(self) -> None:
        """The first time at once: what was saved after it was read and before the watch stood brings no event."""
        for _ in watch_inputs(self._watched, self._ended):
            self._reload_or_later()

    def _reread(self) -> None:
        """On SIGHUP, and for what could not be read for want of an engine: no event of the files will say so."""
        while self._read_again.wait() and not self._ended.is_set():
            self._read_again.clear()
            self._reload_or_later()

    def _reload_or_later(self) -> None:
        if not self.reload() and not self._ended.wait(_READ_AGAIN):
            self._read_again.set()

    def _watched(self) -> Sequence[Path]:
        """Files and folders where a change may matter: of what was asked for, and of every stack in force."""
        inputs = [path for reconciler in tuple(self._controller.stacks.values()) for path in reconciler.loaded.inputs]
        return tuple(dict.fromkeys((*self._targets.watched, *inputs)))

    def reload(self, cause: Cause | None = None) -> bool:
        """Read everything again; what is broken leaves the last good generation in force. False: not all was read.

        `cause`: who asked for it, where it was not a change of the files.
        """
        with self._reading:
            try:
                return self._read_all(cause)
            except Exception as error:  # a fault of one reading is no end of all following
                self._controller.tell("-", "ReadFailed", tell_error(error))
                return True

    def _read_all(self, cause: Cause | None) -> bool:
        self._targets = self._ground.targets(strict=False)
        self._take_channels()
        broken, present, whole = list(self._targets.broken), set(), True
        for target in self._ground.in_last_profile(self._targets).stacks:
            present.add(target.name)
            try:
                present.add(self._read_one(target, cause))
            except InvalidInput as error:
                broken.append(Broken(target.place, error.findings, target.name))
            except EngineError:  # the loop says so
                whole = False
        self._tell_broken(broken)
        self._hold_vanished(present, broken)
        return whole

    def _take_channels(self) -> None:
        """Those of a document that is broken now stay as they were; of one that is gone they go."""
        found = self._targets.channels
        if found is not None or not self._targets.broken:
            self._channels = found or ()

    def _read_one(self, target: Target, cause: Cause | None) -> str:
        """The name of the stack, which the loop will take over."""
        reconciler = self._controller.stacks.get(target.name)
        if reconciler is not None and reconciler.loaded.manifest is not None and target.path is None:
            self._controller.call(_breaker(reconciler, _tell_vanished(reconciler)))
            return target.name
        self._make_token(target)
        loaded = self._ground.load(target, reconciler.loaded.desired.services if reconciler is not None else {})
        self._controller.call(lambda now: self._take_over(target, loaded, now, cause))
        return loaded.name

    def _tell_warnings(self, loaded: Loaded) -> None:
        for finding in loaded.warnings:
            mend = f" ({finding.hint})" if finding.hint else ""
            self._controller.tell(loaded.name, "InputWarning", f"{finding}{mend}")

    def _tell_broken(self, broken: Iterable[Broken]) -> None:
        """On the stacks that they concern; once where there are none yet."""
        homeless = set()
        for item in broken:
            message = "; ".join(str(finding) for finding in item.findings)
            concerned = [r for r in tuple(self._controller.stacks.values()) if self._concerns(item, r.loaded)]
            for reconciler in concerned:
                self._controller.call(_breaker(reconciler, message))
            if not concerned:
                homeless.add((item.name or item.place, message))
        for name, message in sorted(homeless - self._told):
            self._controller.tell(name, "InvalidInput", message)
        self._told = frozenset(homeless)

    def _concerns(self, item: Broken, loaded: Loaded) -> bool:
        """By its name, or where even that could not be read, by its files."""
        if item.name in self._controller.stacks:
            return item.name == loaded.name
        files = {self._ground.asked.cwd / finding.file for finding in item.findings if finding.file}
        return not files.isdisjoint({loaded.manifest, *loaded.project.files})

    def _hold_vanished(self, present: set[str], broken: Iterable[Broken]) -> None:
        """A used manifest that disappears: the stack is held, never removed."""
        for name, reconciler in tuple(self._controller.stacks.items()):
            told = any(self._concerns(item, reconciler.loaded) for item in broken)
            if name not in present and not told:
                self._controller.call(_breaker(reconciler, _tell_vanished(reconciler)))


def _breaker(reconciler: Reconciler, message: str) -> Callable[[Instant], None]:
    def note(now: Instant) -> None:
        if reconciler.broken != message:
            reconciler.chronicle.say(now, None, "GenerationHeld", message, warning=True)
        reconciler.broken = message
        reconciler.publish(now)

    return note


def _tell_vanished(reconciler: Reconciler) -> str:
    return f"{reconciler.loaded.place} is gone; the stack stays as it is"
