"""What others ask of a stack that a daemon keeps: taken up in order, carried out, followed to the end, answered."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from controller.loop import acts
from controller.loop.acting import result_text
from controller.loop.auditacts import cleaned, ended, intended, wish_act
from controller.loop.auditor import new_id
from controller.loop.codec import encode
from controller.loop.controller import Controller, tell_error
from controller.loop.follow import Follower
from controller.loop.intents import Intent
from controller.model.applied import StackResult
from controller.model.cleanup import CleanupReport
from controller.model.errors import ControllerError
from controller.model.names import Instant
from controller.model.wish import Wish
from controller.security.audit import Act, Auditor

Key = tuple[str, int]
"""The stack, and the number of the request in its store."""

Clean = Callable[[str, Wish, Callable[[CleanupReport], None]], None]


class Requests:
    """The loop's thread takes, follows and answers; only `prepare`, which may take long, has a thread of its own.

    `prepare(stack, wish)` brings in force what the files say now. `profile`: the one where none is asked for.
    `clean` cleans up on a thread of its own, and hands what came of it to its last argument, on any thread. `audit`
    writes down who asks.
    """

    def __init__(
        self,
        controller: Controller,
        prepare: Callable[[str, Wish], None],
        profile: str | None,
        clean: Clean,
        audit: Auditor | None = None,
    ) -> None:
        self._controller = controller
        self._audit = audit
        self._acts: dict[Key, Act] = {}
        self._prepare = prepare
        self._profile = profile
        self._clean = clean
        self._preparing: set[str] = set()
        self._following: dict[Key, tuple[Wish, Follower]] = {}

    def take(self, stack: str, now: Instant) -> None:
        """All that waits, in the order in which it was asked; what is being prepared holds up what came later."""
        reconciler = self._controller.stacks[stack]
        while stack not in self._preparing and (intent := reconciler.store.intents.claim()) is not None:
            wish, key = _wish_of(intent), (stack, intent.id)
            if not self._record(key, wish):
                continue
            if wish.verb == "cleanup":
                self._clean(stack, wish, partial(self._answer_cleanup, key))
                continue
            if wish.verb != "apply" and wish.profile is None:
                self._begin(key, wish, now)
                continue
            self._preparing.add(stack)
            reconciler.ledger.change_memory(profile=wish.profile or self._profile)
            threading.Thread(target=self._make_ready, args=(key, wish), name="request", daemon=True).start()

    def _record(self, key: Key, wish: Wish) -> bool:
        """Who asks for what is on the disk before it is done; else it is not done. But for what makes room there."""
        if self._audit is None:
            return True
        act = wish_act(wish, key[0], new_id())
        try:
            (self._audit.note if wish.verb == "cleanup" else self._audit.record)(intended(act))
        except ControllerError as error:
            self._refuse(key, error)
            return False
        self._acts[key] = act
        return True

    def look(self, now: Instant) -> None:
        """Answer what has come to its end."""
        for key, (wish, follower) in tuple(self._following.items()):
            result = follower.look(now)
            if result is None:
                continue
            try:
                acts.end(follower.reconciler, wish, ok=result.ok)
            except ControllerError as error:
                result = dataclasses.replace(result, outcome="failed", ok=False, message=error.message, hint=error.hint)
            self._answer(key, result)
            del self._following[key]

    def _make_ready(self, key: Key, wish: Wish) -> None:
        failure: ControllerError | None = None
        try:
            self._prepare(key[0], wish)
        except ControllerError as error:
            failure = error
        except Exception as error:  # whoever asked waits for an answer
            failure = ControllerError(tell_error(error))
        self._controller.call(lambda now: self._go_on(key, wish, failure, now))

    def _go_on(self, key: Key, wish: Wish, failure: ControllerError | None, now: Instant) -> None:
        self._preparing.discard(key[0])
        if failure is not None:
            self._refuse(key, failure)
        else:
            self._begin(key, wish, now)
        self.take(key[0], now)

    def _begin(self, key: Key, wish: Wish, now: Instant) -> None:
        reconciler = self._controller.stacks[key[0]]
        try:
            acts.begin(reconciler, wish, now)
        except ControllerError as error:
            self._refuse(key, error)
        else:
            self._following[key] = (wish, Follower(reconciler, wish, now))

    def _refuse(self, key: Key, error: ControllerError) -> None:
        self._answer(key, StackResult(key[0], 0, "failed", False, message=error.message, hint=error.hint))

    def _answer(self, key: Key, result: StackResult) -> None:
        self._record_end(key, result.ok, result.message, result.outcome)
        self._finish(key, result.ok, result_text(result))

    def _record_end(self, key: Key, ok: bool, message: str, outcome: str) -> None:
        if self._audit is not None and (act := self._acts.pop(key, None)) is not None:
            self._audit.note(ended(act, ok=ok, message=message, outcome=outcome))

    def _finish(self, key: Key, ok: bool, result: str) -> None:
        stack, number = key
        self._controller.stacks[stack].store.intents.finish(number, exit_code=0 if ok else 1, result=result)

    def _answer_cleanup(self, key: Key, report: CleanupReport) -> None:
        self._controller.call(lambda now: self._end_cleanup(key, report))

    def _end_cleanup(self, key: Key, report: CleanupReport) -> None:
        if self._audit is not None and (act := self._acts.pop(key, None)) is not None:
            self._audit.note(cleaned(act, report))
        self._finish(key, report.ok, encode(report))


def _wish_of(intent: Intent) -> Wish:
    names = {field.name for field in dataclasses.fields(Wish)}
    given: dict[str, Any] = {name: value for name, value in intent.args.items() if name in names}
    given["services"] = tuple(given.get("services", ()))
    return Wish(**{**given, "who": intent.who})
