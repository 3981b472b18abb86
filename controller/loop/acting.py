"""One wish, carried out to its end: here where the stack's lock is free, by the daemon that holds it otherwise."""

from __future__ import annotations

import dataclasses
import os
import pwd
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TypeVar

from controller.health.prober import Prober
from controller.intake.targets import Target
from controller.loop import acts
from controller.loop.auditacts import ended, generation_acts, intended, refused, wish_act
from controller.loop.auditor import caller, new_id
from controller.loop.certificate_worker import ready_certificates
from controller.loop.codec import decode, encode
from controller.loop.controller import Audience, Controller, Ways
from controller.loop.follow import Follower
from controller.loop.generation import changed, commit_generation
from controller.loop.ground import Ground, survey_of
from controller.loop.intents import IntentState, follow
from controller.loop.learneduse import LearnedUse
from controller.loop.loaded import Loaded
from controller.loop.lock import Holder, Lock, read_holder, try_lock
from controller.loop.store import Store
from controller.loop.wake import nudge
from controller.model.applied import StackResult
from controller.model.errors import ControllerError
from controller.model.generation import Cause
from controller.model.names import Instant
from controller.model.steps import Build, Result
from controller.model.wish import Wish

T = TypeVar("T")

MakeProber = Callable[[Callable[[str, str], None]], Prober | None]

_LOOK_EVERY = 0.1
"""Seconds between two looks at what a daemon does for us."""


def act(
    ground: Ground,
    pairs: Sequence[tuple[Target, Loaded]],
    wish: Wish,
    audience: Audience,
    make_prober: MakeProber,
) -> tuple[StackResult, ...]:
    """The results, one a stack, in the order given."""
    wish = dataclasses.replace(wish, who=who(), origin=caller())
    results: dict[str, StackResult] = {}
    with ExitStack() as locks:
        here: list[tuple[Target, Loaded]] = []
        for target, loaded in pairs:
            result = _lock_or_ask(ground, loaded, wish, audience, locks)
            if result is None:
                here.append((target, loaded))
            else:
                results[loaded.name] = result
        if here:
            results.update(_Local(ground, here, wish, audience, make_prober).run())
    return tuple(results[loaded.name] for _, loaded in pairs)


def _lock_or_ask(
    ground: Ground, loaded: Loaded, wish: Wish, audience: Audience, locks: ExitStack
) -> StackResult | None:
    """What came of it where another process did it; None: the lock is ours now, and so is the work."""
    result = lock_or_ask(ground, loaded.name, locks, lambda: ask(ground, loaded, wish, audience, StackResult))
    if not isinstance(result, Holder):
        return result
    message, hint = tell_holder(result)
    ground.audit.note(refused(wish_act(wish, loaded.name, new_id()), message))
    return StackResult(loaded.name, loaded.desired.generation, "locked", False, message=message, hint=hint)


def lock_or_ask(ground: Ground, stack: str, locks: ExitStack, ask: Callable[[], T | None]) -> T | Holder | None:
    """The answer of the process that keeps the stack, or who keeps it who is another user; None: we do, from now on."""
    folder = ground.folder(stack)
    while True:
        taken = try_lock(ground.lock_path(stack), folder, ground.now)
        if isinstance(taken, Lock):
            locks.enter_context(taken)
            return None
        if taken.state != str(folder):
            return taken
        result = ask()
        if result is not None:
            return result


def tell_holder(holder: Holder) -> tuple[str, str]:
    """Message and hint for who finds the stack kept by somebody else."""
    return f"the stack is kept by {holder}", f"act as {holder.user}, or end that controller"


class _Local:
    """The loop in this process, until every stack has come to what was asked."""

    def __init__(
        self,
        ground: Ground,
        pairs: Sequence[tuple[Target, Loaded]],
        wish: Wish,
        audience: Audience,
        make_prober: MakeProber,
    ) -> None:
        self._ground, self._wish = ground, wish
        learned = LearnedUse(ground.folder, ground.now)
        told, audit = (lambda: ground.told), ground.audit
        self._controller = Controller(
            Ways(ground.engine, ground.now, audience, make_prober, survey_of(ground), learned, told, audit)
        )  # fmt: skip
        self._acts = {one.name: wish_act(wish, one.name, new_id()) for _, one in pairs}
        ground.audit.record(*map(intended, self._acts.values()))  # or nothing is done
        self._followers: dict[str, Follower] = {}
        self._results: dict[str, StackResult] = {}
        try:
            for target, loaded in pairs:
                self._add(target, loaded)
        except BaseException as error:
            self._record_end(error)
            raise
        self._controller.on_turn.append(self._look)

    def _add(self, target: Target, loaded: Loaded) -> None:
        store = self._ground.store(loaded.name)
        now = self._ground.now()
        store.intents.clear()  # asked of a controller that died: who still waits for it asks again
        asked = self._ground.asked.profile
        profile = asked if asked or self._wish.verb == "apply" else store.stack.load().profile
        cause = Cause(self._wish.who, "apply" if self._wish.verb == "apply" else changed(loaded))
        before = store.stack.last_generation()
        ready_certificates(self._ground, loaded)
        committed = commit_generation(loaded, target, store, now, profile, cause)
        self._ground.audit.note(*generation_acts(committed, before.number if before else None, cause))
        reconciler = self._controller.add(dataclasses.replace(committed, quiet=False), store)
        if self._wish.build:
            build_images(self._ground, committed)
        acts.begin(reconciler, self._wish, now)
        acts.narrow(reconciler, self._wish)
        self._followers[loaded.name] = Follower(reconciler, self._wish, now)

    def run(self) -> dict[str, StackResult]:
        try:
            self._controller.run(finished=lambda: len(self._results) == len(self._followers))
        finally:
            self._controller.close()
            self._record_end()
        return self._results

    def _record_end(self, error: BaseException | None = None) -> None:
        """Of whoever breaks it off, too."""
        broken_off = StackResult("", 0, "interrupted", False, message=str(error) if error is not None else "")
        for name, act in self._acts.items():
            result = self._results.get(name, broken_off)
            self._ground.audit.note(ended(act, ok=result.ok, message=result.message, outcome=result.outcome))

    def _look(self, now: Instant) -> None:
        for name, follower in self._followers.items():
            if name in self._results:
                continue
            result = follower.look(now)
            if result is not None:
                self._results[name] = result
                acts.end(follower.reconciler, self._wish, ok=result.ok)


def build_images(ground: Ground, loaded: Loaded) -> None:
    """`--build`: every image that has a `build:` is built anew, before anything is decided. Raises ControllerError.

    Not of who may not be started: why is told when that is decided.
    """
    for name, service in loaded.desired.services.items():
        if not service.builds or service.leaving is not None or name in loaded.desired.barred:
            continue
        step = Build(name, service.image, "asked for by --build")
        outcome = ground.engine.perform(loaded.project, (step,), deadline=7200.0)[0]
        if outcome.result is not Result.DONE:
            raise ControllerError(f"{loaded.name}/{name}: build failed: {outcome.message}")


def ask(ground: Ground, loaded: Loaded, wish: Wish, audience: Audience, kind: type[T]) -> T | None:
    """Ask the process that keeps the stack, and follow; None where it ended before it was done.

    `kind`: of the answer.
    """
    folder = ground.folder(loaded.name)
    store = ground.store(loaded.name)
    wish = dataclasses.replace(wish, profile=wish.profile or ground.asked.profile)
    seq = store.events.last_seq()
    number = store.intents.add(wish.verb, dataclasses.asdict(wish), wish.who)
    nudge(folder)
    lock = ground.lock_path(loaded.name)
    pause, alive = (lambda: time.sleep(_LOOK_EVERY)), (lambda: read_holder(lock) is not None)
    for intent in follow(store.intents, number, pause=pause, alive=alive):
        if intent.state is not IntentState.WAITING:
            seq = _pass_on(store, seq, audience)
        if intent.state is IntentState.DONE:
            return decode(kind, intent.result)
    return None


def _pass_on(store: Store, seq: int, audience: Audience) -> int:
    """What its keeper tells of the stack, to whoever asked here; the number of the last event."""
    for event in store.events.since(seq):
        seq = max(seq, event.seq)
        audience.event(event)
    status = store.status.load()
    if status is not None:
        audience.update((status,))
    return seq


def who() -> str:
    """The user who asks, for the record."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def result_text(result: StackResult) -> str:
    return encode(result)
