"""The audit logs of one engine, as the loop and the command line write them.

What a person asks for is not done where it cannot be recorded. What the loop does by itself goes on: it is counted,
told, and noted as a gap once the disk takes it.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from controller.loop.auditfiles import find_key, key_mark, known_logs, place_of
from controller.loop.auditlog import AuditLog
from controller.loop.audittail import as_log
from controller.loop.folders import folder_name
from controller.model.auditing import KEEPS_ALL, AuditPolicy
from controller.model.errors import ControllerError
from controller.model.names import Instant
from controller.security.audit import Act, Spot, Stage, act_data, stamp
from controller.security.auditbegun import begun_act
from controller.security.auditproof import GAP

MEND_AGAIN = 5.0
"""Seconds after which is tried again to write, while acts are lost."""


KEEP_EVERY = 6 * 3600.0
"""Seconds after which is looked again whether something in the logs is too old. A look takes one segment of a log at
most: a clock that is wrong for an hour costs little."""


@dataclass(slots=True)
class _Lost:
    """Acts of one log that could not be written."""

    count: int = 0
    since: Instant = 0.0
    why: str = ""


class AuditBook:
    """Safe from several threads. `policy` may be exchanged at any time: all is kept until somebody who has read the
    manifests does. `tell` hears when acts begin to be lost."""

    def __init__(self, root: Path, engine_id: Callable[[], str], now: Callable[[], Instant] = time.time) -> None:
        self._root, self._engine_id, self._now = root, engine_id, now
        self._logs: dict[str, AuditLog] = {}
        self._made_with: tuple[AuditPolicy, object] | None = None
        self._guard = threading.Lock()
        self._lost: dict[str, _Lost] = defaultdict(_Lost)
        self._tried_at: Instant = 0.0
        self._written: set[str] = set()
        self._kept_at: Instant | None = None
        self._to_keep: list[str] = []
        self.policy = KEEPS_ALL
        self.tell: Callable[[str], None] = lambda why: None

    @property
    def trouble(self) -> str | None:
        """Why acts are lost now, in a sentence; None: none are."""
        lost = tuple(self._lost.values())
        if not lost:
            return None
        count = sum(one.count for one in lost)
        return f"{count} {'act is' if count == 1 else 'acts are'} not in the audit log: {lost[0].why}"

    def record(self, *acts: Act) -> None:
        """On the disk when it returns. Raises ControllerError where it cannot be: then it must not be done."""
        if not self.policy.enabled:
            return
        for stack, records in _by_stack(acts).items():
            self._append(stack, records)

    def note(self, *acts: Act) -> None:
        """The same of what goes on all the same: what cannot be written is counted, and told. Never raises."""
        if not self.policy.enabled:
            return
        for stack, records in _by_stack(acts).items():
            try:
                self._append(stack, records)
            except Exception as error:  # whatever it was: healing goes on
                self._lose(stack, len(records), _tell(error))

    @contextmanager
    def acting(self, act: Act, *, must: bool = True) -> Iterator[None]:
        """Around what a person asks for: intent before, outcome after. Raises ControllerError, and nothing is done;
        where it need not be (`must`), it is done all the same."""
        act = replace(act, id=act.id or new_id())
        (self.record if must else self.note)(replace(act, stage=Stage.INTENT))
        try:
            yield
        except BaseException as error:
            self.note(replace(act, outcome="failed", detail={**act.detail, "error": _tell(error)}))
            raise
        self.note(replace(act, outcome="done"))

    def mend(self, now: Instant) -> bool:
        """Try again to note what was lost, now and then. Whether nothing is any more, and that is news."""
        if not self._lost or 0.0 <= now - self._tried_at < MEND_AGAIN:
            return False
        self._tried_at = now
        for stack in tuple(self._lost):
            try:
                self._append(stack, ())
            except Exception as error:
                if (lost := self._lost.get(stack)) is not None:
                    lost.why = _tell(error)
        return not self._lost

    def keep(self, now: Instant, stacks: Iterable[str]) -> None:
        """Have the logs of these stacks, and the controller's own, forget what is too old, now and then, though nobody
        writes there: one at each call, so that none takes long. Those of others are kept as others want it. What cannot
        be done is done another time. Never raises."""
        if not self.policy.enabled:
            return
        with suppress(ControllerError, OSError):
            if self._kept_at is None:  # whoever is started again and again looks no more often
                self._kept_at = now
            if not self._to_keep and not 0.0 <= now - self._kept_at < KEEP_EVERY:
                self._kept_at = now
                asked = {"", *stacks}
                self._to_keep = [one for one in known_logs(self._root, self._engine_id()) if one in asked]
            if self._to_keep:
                self._log(self._to_keep.pop()).keep()

    def sign(self, why: str) -> None:
        """Have what this process wrote signed, as far as the disk takes it."""
        for stack, log in tuple(self._logs.items()):
            try:
                if stack in self._written:
                    log.sign(why)
            except ControllerError:  # told already, by who could not write
                return

    def sign_all(self, stacks: Sequence[str], why: str) -> None:
        """Have those logs signed up to their ends. Raises ControllerError."""
        for stack in stacks:
            self._log(stack).sign(why)

    def _append(self, stack: str, records: Sequence[Mapping[str, Any]]) -> None:
        with self._guard:
            lost = self._lost.pop(stack, None)
        try:
            if lost is not None:
                said = {"lost": lost.count, "since": stamp(lost.since), "why": lost.why}
                records = [as_log(GAP, said), *records]
            unsaid = self._log(stack).append(records) if records else None
            self._written.add(stack)
        except BaseException:
            if lost is not None:
                self._put_back(stack, lost)
            raise
        if unsaid is not None and stack:
            self._tell_begun(stack, unsaid)

    def _tell_begun(self, stack: str, spot: Spot) -> None:
        """So that it is missed who takes the log away with the note of its end. After what it tells of: killed in
        between, it is told with the next record."""
        with suppress(ControllerError):
            self._log("").append([act_data(begun_act(folder_name(stack), spot))])
            self._log(stack).note_told()

    def _log(self, stack: str) -> AuditLog:
        with self._guard:
            made_with = (self.policy, key_mark(self._root))
            if made_with != self._made_with or made_with[1] is None:  # the state may be another one, or gone
                find_key(self._root)
                self._logs, self._made_with = {}, (self.policy, key_mark(self._root))
            if stack not in self._logs:
                place = place_of(self._root, self._engine_id(), stack)
                self._logs[stack] = AuditLog(place, find_key(self._root), self.policy, self._now)
            return self._logs[stack]

    def _lose(self, stack: str, count: int, why: str) -> None:
        with self._guard:
            is_first = not self._lost
            lost = self._lost[stack]
            lost.count, lost.why, lost.since = lost.count + count, why, lost.since or self._now()
        if is_first:
            self.tell(why)

    def _put_back(self, stack: str, lost: _Lost) -> None:
        """What was lost meanwhile, by another thread, is told along with it."""
        with self._guard:
            since = self._lost.get(stack)
            self._lost[stack] = _Lost(lost.count + (since.count if since is not None else 0), lost.since, lost.why)


def new_id() -> str:
    """Of an intent and its outcome."""
    return secrets.token_hex(8)


def caller() -> str:
    """From where a command comes: whoever runs it, and as what."""
    return f"uid {os.getuid()} pid {os.getpid()}"


def _by_stack(acts: Sequence[Act]) -> Mapping[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for act in acts:
        found[act.stack].append(act_data(act))
    return found


def _tell(error: BaseException) -> str:
    return error.message if isinstance(error, ControllerError) else f"{type(error).__name__}: {error}"
