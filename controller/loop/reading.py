"""The files of a running controller: read when they change or somebody asks; what is broken leaves all as it is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from controller.intake.metrics import read_metrics
from controller.intake.targets import Broken, Target, Targets
from controller.intake.watch import watch_inputs
from controller.loop.auditacts import held_act
from controller.loop.controller import Controller, tell_error
from controller.loop.ground import Ground
from controller.loop.loaded import Loaded
from controller.loop.reconcile import Reconciler
from controller.loop.secret import read_shared
from controller.model.channel import Channel
from controller.model.errors import ControllerError, EngineError, InvalidInput, Transient
from controller.model.generation import Cause
from controller.model.names import Instant
from controller.model.serving import Serving

READ_AGAIN = 2.0
"""Seconds after which is read again what needed an engine that did not answer."""

TakeOver = Callable[[Target, Loaded, Instant, Cause | None], None]
"""The loop's thread: what was read comes in force. The cause: who asked for it, where the files did not change."""


class Read(NamedTuple):
    """What can be used, and what cannot."""

    usable: Sequence[tuple[Target, Loaded]]
    broken: Sequence[Broken]


class Reading:
    """One at a time, on whichever thread asks for it; until `end`."""

    def __init__(self, ground: Ground, controller: Controller, take_over: TakeOver, *, makes_tokens: bool) -> None:
        """`makes_tokens`: for scrapers, where metrics will be served."""
        self._ground, self._controller, self._take_over = ground, controller, take_over
        self._makes_tokens = makes_tokens
        self._targets = Targets()
        self._told: frozenset[tuple[str, str]] = frozenset()
        self._lock = threading.Lock()
        self._again, self._ended = threading.Event(), threading.Event()
        self.channels: tuple[Channel, ...] = ()
        """Those of the `Controller` manifest that is in force."""
        self.said = Serving()
        """What it says of the API, and of who may do what there."""

    @property
    def serving(self) -> Serving | None:
        return self._targets.serving

    @property
    def named(self) -> tuple[str, ...]:
        """The stacks of the files, those among them that cannot be used as they are."""
        return tuple(target.name for target in self._targets.stacks if target.name)

    @property
    def ended(self) -> threading.Event:
        return self._ended

    def end(self) -> None:
        """Nothing is begun any more."""
        self._ended.set()
        self._again.set()

    def ask(self) -> None:
        """Have all read again (SIGHUP)."""
        self._again.set()

    # --- at first

    def read_first(self, tell_absent: Callable[[str], None]) -> Read | None:
        """A controller may be up before its engine is; None where it was told to end meanwhile. Raises InvalidInput."""
        from tenacity import RetryError, Retrying, retry_if_exception_type, sleep_using_event, stop_when_event_set
        from tenacity.wait import wait_exponential

        def tell(outcome: Future[object] | None) -> None:
            tell_absent(str(outcome.exception()) if outcome is not None else "no answer")

        retrying = Retrying(
            retry=retry_if_exception_type(Transient),
            wait=wait_exponential(multiplier=0.5, max=10.0),
            stop=stop_when_event_set(self._ended),
            sleep=sleep_using_event(self._ended),
            before_sleep=lambda state: tell(state.outcome) if state.attempt_number == 1 else None,
        )
        try:
            read = retrying(self._read)
        except RetryError:
            return None
        if self._ended.is_set():
            return None
        self._tell_broken(read.broken, ())
        return read

    def _read(self) -> Read:
        self._ground.engine_id()  # before that nothing of it can be read
        self._targets = self._ground.targets()
        self._take_channels()
        targets = self._ground.in_profile(self._targets)
        for target in targets.stacks:
            self._make_token(target)
        return Read(*self._ground.load_all(targets))

    def _make_token(self, target: Target) -> None:
        """Before its services are read: one that mounts the token would else be made without, and anew with it."""
        if not self._makes_tokens or target.path is None:
            return
        with suppress(ControllerError, ValueError):  # told where it is to be served; where the manifest is checked
            listening = read_metrics(target.manifest, target.path.parent).listen
            if listening is not None and listening.token_file is not None:
                read_shared(listening.token_file, self._ground.asked.root)

    # --- again

    def watch(self) -> None:
        """The first time at once: what was saved after it was read and before the watch stood brings no event."""
        for _ in watch_inputs(self._watched, self._ended):
            self._reload_or_later()

    def reread(self) -> None:
        """Whenever it is asked for, and for what could not be read for want of an engine: no event of the files will
        say so."""
        while self._again.wait() and not self._ended.is_set():
            self._again.clear()
            self._reload_or_later()

    def _reload_or_later(self) -> None:
        if not self.reload() and not self._ended.wait(READ_AGAIN):
            self._again.set()

    def _watched(self) -> Sequence[Path]:
        """Files and folders where a change may matter: of what was asked for, and of every stack in force."""
        inputs = [path for _, one in self._kept() for path in one.loaded.inputs]
        return tuple(dict.fromkeys((*self._targets.watched, *inputs)))

    def _kept(self) -> Iterator[tuple[str, Reconciler]]:
        return iter(tuple(self._controller.stacks.items()))

    def reload(self, cause: Cause | None = None) -> bool:
        """Read everything again; what is broken leaves the last good generation in force. False: not all was read.

        `cause`: who asked for it, where it was not a change of the files.
        """
        with self._lock:
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
        present |= self._tell_broken(broken, present)
        self._hold_vanished(present)
        return whole

    def _take_channels(self) -> None:
        """Those of a document that is broken now stay as they were; of one that is gone they go."""
        found = self._targets.channels
        if found is not None or not self._targets.broken:
            self.channels, self.said = found or (), self._targets.serving or Serving()

    def _read_one(self, target: Target, cause: Cause | None) -> str:
        """The name of the stack, which the loop will take over."""
        reconciler = self._controller.stacks.get(target.name)
        if reconciler is not None and reconciler.loaded.manifest is not None and target.path is None:
            self._hold(reconciler, _tell_vanished(reconciler))
            return target.name
        self._make_token(target)
        loaded = self._ground.load(target, reconciler.loaded.desired.services if reconciler is not None else {})
        self._controller.call(lambda now: self._take_over(target, loaded, now, cause))
        return loaded.name

    # --- what is broken

    def _tell_broken(self, broken: Sequence[Broken], present: Collection[str]) -> set[str]:
        """On the stacks that they concern, which are returned; once where there are none yet.

        `present`: those that were read.
        """
        homeless, told = set(), set[str]()
        for item in broken:
            message = "; ".join(str(finding) for finding in item.findings)
            concerned = self._concerned(item, broken, present)
            for reconciler in concerned:
                self._hold(reconciler, message)
                told.add(reconciler.loaded.name)
            if not concerned:
                homeless.add((item.name or item.place, message))
        for name, message in sorted(homeless - self._told):
            self._controller.tell(name, "InvalidInput", message)
        self._told = frozenset(homeless)
        return told

    def _concerned(self, item: Broken, broken: Sequence[Broken], present: Collection[str]) -> list[Reconciler]:
        kept = dict(self._kept())

        def files_of(name: str) -> list[str]:
            loaded = kept[name].loaded
            return [str(path) for path in (loaded.manifest, *loaded.project.files) if path is not None]

        return [kept[name] for name in self._ground.owners(item, broken, present, kept, files_of)]

    def _hold_vanished(self, present: Collection[str]) -> None:
        """A used manifest that disappears: the stack is held, never removed."""
        for name, reconciler in self._kept():
            if name not in present:
                self._hold(reconciler, _tell_vanished(reconciler))

    def _hold(self, reconciler: Reconciler, message: str) -> None:
        """Its last good generation stays in force, and why is told."""

        def note(now: Instant) -> None:
            if reconciler.broken != message:
                self._ground.audit.note(held_act(reconciler.loaded.name, message))
                reconciler.chronicle.say(now, None, "GenerationHeld", message, warning=True)
            reconciler.broken = message
            reconciler.publish(now)

        self._controller.call(note)


def _tell_vanished(reconciler: Reconciler) -> str:
    return f"{reconciler.loaded.place} is gone; the stack stays as it is"
