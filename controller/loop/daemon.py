"""`controller run`: keeps stacks in shape until told to stop, follows their files, and does what others ask of it."""

from __future__ import annotations

import dataclasses
import signal
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Any

from controller.intake.targets import Broken, Target
from controller.intake.watch import watch_inputs
from controller.loop import acts
from controller.loop.acting import MakeProber, build_images, result_text
from controller.loop.controller import Audience, Controller, Ways
from controller.loop.follow import Follower
from controller.loop.generation import commit_generation
from controller.loop.ground import Ground
from controller.loop.intents import Intent
from controller.loop.loaded import Loaded
from controller.loop.lock import Lock, try_lock
from controller.loop.reconcile import Reconciler
from controller.loop.wake import Listener
from controller.model.applied import StackResult
from controller.model.errors import ControllerError, EngineError, InvalidInput, Transient
from controller.model.names import Instant
from controller.model.status import Event
from controller.model.wish import Wish

_READ_AGAIN = 2.0
"""Seconds after which is read again what needed an engine that did not answer."""


class Daemon:
    """The controller of all targets, with everything around it that only a long-running process has."""

    def __init__(self, ground: Ground, audience: Audience, make_prober: MakeProber, *, watch: bool) -> None:
        self._ground = ground
        self._audience = audience
        self._watch = watch
        self._controller = Controller(Ways(ground.engine, ground.now, audience, make_prober))
        self._controller.on_turn.append(self._follow)
        self._following: dict[int, tuple[str, Wish, Follower]] = {}
        self._profiles: dict[str, str] = {}
        self._owned = ExitStack()
        self._reloading = threading.Lock()
        self._rereading = threading.Lock()
        self._ended = threading.Event()

    def run(self) -> int:
        """Until SIGTERM (0) or SIGINT (130); containers stay as they are."""
        ended: list[int] = []
        self._on_signals(ended)
        try:
            if self._await_engine():
                self._load_first()
                if self._watch:
                    threading.Thread(target=self._watch_files, name="watch", daemon=True).start()
                self._controller.run()
        finally:
            self._ended.set()
            self._controller.close()
            self._owned.close()
        return 130 if ended and ended[0] == signal.SIGINT else 0

    def _on_signals(self, ended: list[int]) -> None:
        def end(number: int, frame: FrameType | None) -> None:
            ended.append(number)
            self._ended.set()
            threading.Thread(target=self._controller.stop, daemon=True).start()

        def reread(number: int, frame: FrameType | None) -> None:
            threading.Thread(target=self.reload, daemon=True).start()

        signal.signal(signal.SIGTERM, end)
        signal.signal(signal.SIGINT, end)
        signal.signal(signal.SIGHUP, reread)

    def _await_engine(self) -> bool:
        """A controller may be up before its engine is; False where it was told to end meanwhile."""
        pause, told = 0.5, False
        while not self._ended.is_set():
            try:
                self._ground.engine_id()
            except Transient as error:
                if not told:
                    now = self._ground.now()
                    self._audience.event(Event(now, "-", None, "Warning", "EngineUnavailable", error.message))
                told = True
                self._ended.wait(pause)
                pause = min(2 * pause, 10.0)
            else:
                return True
        return False

    # --- files

    def _load_first(self) -> None:
        """Every stack that can be used; the broken ones are told, and come in when they are mended (CONTRACTS 2.8)."""
        targets = self._ground.targets()
        pairs, broken = self._ground.load_all(targets)
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
        committed = commit_generation(loaded, target, store, self._ground.now(), self._ground.asked.profile)
        self._tell_warnings(loaded)
        self._controller.add(committed, store)
        listener = Listener(folder, lambda: self._controller.call(lambda now: self._take_intents(name, now)))
        self._owned.callback(listener.close)
        self._controller.call(lambda now: self._take_intents(name, now))

    def _watch_files(self) -> None:
        for _ in watch_inputs(self._watched, self._ended):
            self.reload()

    def _watched(self) -> Sequence[Path]:
        """Files and folders where a change may matter: of what was asked for, and of every stack in force."""
        targets = self._ground.targets()
        inputs = [path for reconciler in tuple(self._controller.stacks.values()) for path in reconciler.loaded.inputs]
        return tuple(dict.fromkeys((*targets.watched, *inputs)))

    def reload(self) -> None:
        """Read everything again; what is broken leaves the last good generation in force."""
        with self._reloading:
            targets = self._ground.targets()
            broken = list(targets.broken)
            for target in targets.stacks:
                try:
                    self._reload_one(target)
                except InvalidInput as error:
                    broken.append(Broken(target.place, error.findings, target.name))
                except EngineError:  # the loop says so
                    self._reload_later()
            self._tell_broken(broken)
            self._hold_vanished({target.name for target in targets.stacks}, broken)

    def _reload_later(self) -> None:
        """What could not be read for want of an engine is read again: no event of the files will say so."""

        def wait() -> None:
            if not self._ended.wait(_READ_AGAIN):
                self._rereading.release()
                self.reload()

        if self._rereading.acquire(blocking=False):
            threading.Thread(target=wait, name="reread", daemon=True).start()

    def _reload_one(self, target: Target) -> None:
        profile = self._profiles.get(target.name)
        if profile is not None:
            again = self._ground.targets(profile)
            target = next((found for found in again.stacks if found.name == target.name), target)
        reconciler = self._controller.stacks.get(target.name)
        if reconciler is not None and reconciler.loaded.manifest is not None and target.path is None:
            self._controller.call(_breaker(reconciler, _tell_vanished(reconciler)))
            return
        previous = reconciler.world.desired.services if reconciler is not None else {}
        loaded = self._ground.load(target, previous)
        if reconciler is None:
            self._controller.call(lambda now: self._add(target, loaded))
            return
        if loaded.desired.digest == reconciler.loaded.desired.digest and reconciler.broken is None:
            return
        self._tell_warnings(loaded)
        store = self._ground.store(target.name)
        committed = commit_generation(loaded, target, store, self._ground.now(), profile or self._ground.asked.profile)
        self._controller.call(lambda now: reconciler.adopt_generation(committed, now))

    def _tell_warnings(self, loaded: Loaded) -> None:
        for finding in loaded.warnings:
            self._audience.event(Event(self._ground.now(), loaded.name, None, "Warning", "Unheeded", str(finding)))

    def _tell_broken(self, broken: Iterable[Broken]) -> None:
        for item in broken:
            message = "; ".join(str(finding) for finding in item.findings)
            concerned = [r for r in tuple(self._controller.stacks.values()) if self._concerns(item, r.loaded)]
            for reconciler in concerned:
                self._controller.call(_breaker(reconciler, message))
            if not concerned:
                now, name = self._ground.now(), item.name or item.place
                self._audience.event(Event(now, name, None, "Warning", "InvalidInput", message))

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

    # --- what others ask for

    def _take_intents(self, stack: str, now: Instant) -> None:
        reconciler = self._controller.stacks[stack]
        while (intent := reconciler.store.intents.claim()) is not None:
            wish = _wish_of(intent)
            try:
                self._begin(reconciler, wish, now)
            except ControllerError as error:
                failed = StackResult(stack, 0, "failed", False, message=error.message, hint=error.hint)
                reconciler.store.intents.finish(intent.id, exit_code=1, result=result_text(failed))
            else:
                self._following[intent.id] = (stack, wish, Follower(reconciler, wish, now))

    def _begin(self, reconciler: Reconciler, wish: Wish, now: Instant) -> None:
        if wish.profile is not None:
            self._profiles[reconciler.loaded.name] = wish.profile
        if wish.verb == "apply":
            self.reload()
        if wish.build:
            build_images(self._ground, reconciler.loaded)
        acts.begin(reconciler, wish, now)

    def _follow(self, now: Instant) -> None:
        for number, (stack, wish, follower) in tuple(self._following.items()):
            result = follower.look(now)
            if result is None:
                continue
            del self._following[number]
            acts.end(follower.reconciler, wish)
            store = self._controller.stacks[stack].store
            store.intents.finish(number, exit_code=0 if result.ok else 1, result=result_text(result))


def _breaker(reconciler: Reconciler, message: str) -> Callable[[Instant], None]:
    def note(now: Instant) -> None:
        if reconciler.broken != message:
            reconciler.chronicle.say(now, None, "GenerationHeld", message, warning=True)
        reconciler.broken = message
        reconciler.publish(now)

    return note


def _tell_vanished(reconciler: Reconciler) -> str:
    return f"{reconciler.loaded.place} is gone; the stack stays as it is"


def _wish_of(intent: Intent) -> Wish:
    names = {field.name for field in dataclasses.fields(Wish)}
    given: dict[str, Any] = {name: value for name, value in intent.args.items() if name in names}
    given["services"] = tuple(given.get("services", ()))
    return Wish(**given)
