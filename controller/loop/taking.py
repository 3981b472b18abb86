"""Sees that services read their new certificates: tells them as the manifest says, and looks at what they serve then.

A replica that began after the files were there has read them. One that was told is believed, unless a handshake shows
another certificate; then, shortly before the one that it serves ends, its service is replaced whatever it should do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from controller.engines.base import Engine, Scope
from controller.loop.certbook import CertBook
from controller.loop.handshake import Shown, see_served
from controller.model.certified import MOUNTS, Certified, TakeUp
from controller.model.errors import EngineError
from controller.model.names import Instant
from controller.model.observed import Replica, ServiceView
from controller.security.issuing import Record, mark_of, must_replace
from controller.security.leaves import CHAIN, read_facts
from controller.security.renewal import NEVER_TRIED, Tries, may_try

_CLOCKS = 0.1
"""Seconds by which what was written down may be off: the engine is on this machine, and has its clock."""
_PATIENCE = 30.0
"""Seconds for a signal, or for a command in a container."""
_ROLL_AGAIN = 1800.0
"""Seconds after which replicas that were to be replaced, and were not, are so again."""
_LOOK_AGAIN = 60.0
"""Seconds between two handshakes with one that serves what it should."""
_LOOK_SOON = 1.0
"""Seconds between two, in the first minute, with one that does not: it was told a moment ago, and may be at it."""

Roll = Callable[[str], None]
"""Have the replicas of that service replaced, as an update would."""


class Hand(NamedTuple):
    """What is needed for it. `folder`: of the stack's state; `tells` False: it only looks."""

    engine: Engine
    folder: Path
    roll: Roll
    now: Callable[[], Instant]
    tells: bool = True


class Taking:
    """Of one stack, for as long as its controller lives."""

    def __init__(self, book: CertBook, hand: Hand) -> None:
        self._book, self._hand = book, hand
        self._looked: dict[str, tuple[str, Instant]] = {}
        """By service, when it was seen to serve which certificate."""

    def turn(self, wanted: Mapping[str, Certified]) -> tuple[str, ...]:
        """Who has taken up a new one since the last time. Raises EngineErrors where nobody can be seen."""
        kept = self._book.load()
        open_ = {name: one for name, one in wanted.items() if self._is_open(name, one, kept.of(name))}
        if not open_:
            return ()
        seen = self._observe(frozenset(name for name, one in open_.items() if not one.ends))
        taken = []
        for name, one in sorted(open_.items()):
            before = kept.of(name)
            running = [replica for replica in seen[name].replicas if replica.running] if name in seen else []
            record = self._look(name, one, before, running)
            if record != before:
                self._keep(name, before, record)
            if record.taken != before.taken:
                taken.append(name)
        return tuple(taken)

    def _observe(self, names: frozenset[str]) -> Mapping[str, ServiceView]:
        return self._hand.engine.observe(Scope(self._book.project, only=names)).services if names else {}

    def _is_open(self, name: str, one: Certified, record: Record) -> bool:
        mark = mark_of(self._book.files_of(name))
        if not mark:
            return False
        if record.taken != mark:
            return True
        (looked, at), now = self._looked.get(name, ("", 0.0)), self._hand.now()
        is_fresh = bool(record.not_served) and 0.0 <= now - record.not_served_since < _LOOK_AGAIN
        is_old = not 0.0 <= now - at < (_LOOK_SOON if is_fresh else _LOOK_AGAIN)
        return bool(one.ports or one.ends) and (looked != mark or is_old)

    def _keep(self, name: str, before: Record, record: Record) -> None:
        """Only what was found out here: somebody else may have written of it meanwhile."""
        names = ("taken", "told", "rolled", "rolled_at", "served", "not_served", "not_served_since")
        news = {key: getattr(record, key) for key in names if getattr(record, key) != getattr(before, key)}
        self._book.change(lambda kept: kept.with_record(name, replace(kept.of(name), **news)))

    def _look(self, name: str, one: Certified, record: Record, running: list[Replica]) -> Record:
        mark, now = mark_of(self._book.files_of(name)), self._hand.now()
        if one.ends:
            return self._look_at_ends(name, one, record, mark)
        if record.taken != mark:
            behind = [one for one in running if (one.started_at or 0.0) <= record.delivered_at + _CLOCKS]
            if behind and not self._hand.tells:
                return record
            record = self._tell(name, one, record, behind, mark) if behind else _taken(record, mark)
        if record.taken == mark and one.ports:
            record = self._shake(name, one, record, running)
            self._looked[name] = (mark, now)
            if self._hand.tells and must_replace(record, one, now):
                record = self._replace(name, record, mark)
        return record

    # --- telling

    def _tell(self, name: str, one: Certified, record: Record, behind: list[Replica], mark: str) -> Record:
        now = self._hand.now()
        if one.take_up is TakeUp.ROLL:
            return self._replace(name, record, mark)
        if not may_try(record.told, now):
            return record
        why = next((why for replica in behind if (why := self._tell_one(one, replica))), "")
        if why:
            return replace(record, told=Tries(record.told.failed + 1, now, f"{name} could not be told: {why}"))
        return _taken(record, mark)

    def _tell_one(self, one: Certified, replica: Replica) -> str:
        """Why that did not work; "": it did."""
        engine = self._hand.engine
        try:
            if one.take_up is TakeUp.SIGNAL:
                if engine.own is None:
                    return "no signal can be sent there"
                engine.own.signal(replica.id, one.signal, deadline=_PATIENCE)
                return ""
            done = engine.execute(replica.id, one.command, timeout=_PATIENCE)
        except EngineError as error:
            return error.message
        return "" if done.exit_code == 0 else f"{replica.name}: {done.output.strip() or f'exit code {done.exit_code}'}"

    def _replace(self, name: str, record: Record, mark: str) -> Record:
        now = self._hand.now()
        if record.rolled == mark and 0.0 <= now - record.rolled_at < _ROLL_AGAIN:
            return record
        self._hand.roll(name)
        return replace(record, rolled=mark, rolled_at=now)

    # --- looking

    def _look_at_ends(self, name: str, one: Certified, record: Record, mark: str) -> Record:
        """Whoever serves there takes up what is new by itself: it has, once each of them shows it, or nobody serves."""
        found = {f"{host}:{port}": self._see(name, host, port) for host, port in one.ends}
        facts = read_facts(self._book.files_of(name)[CHAIN])
        serial = facts.serial if facts is not None else ""
        self._looked[name] = (mark, self._hand.now())
        there = {place: one for place, one in found.items() if one.reached and one.listens}
        if all(one.serial == serial for one in there.values()):
            return replace(_taken(record, mark), served=serial if there else "")
        return self._judge(record, there.items(), serial)

    def _see(self, name: str, address: str, port: int) -> Shown:
        return see_served(address, port, self._hand.folder / MOUNTS / name)

    def _shake(self, name: str, one: Certified, record: Record, running: Iterable[Replica]) -> Record:
        """What each replica that can be reached from here serves; of those that cannot nothing is known."""
        facts = read_facts(self._book.files_of(name)[CHAIN])
        shown = []
        for replica in running:
            if replica.address is not None:
                found = [(port, self._see(name, replica.address, port)) for port in one.ports]
                shown += [(f"{replica.name}:{port}", one) for port, one in found if one.reached]
        if facts is None or not shown:
            return replace(record, not_served="", served="")
        return self._judge(record, shown, facts.serial)

    def _judge(self, record: Record, shown: Iterable[tuple[str, Shown]], serial: str) -> Record:
        wrong = [(place, one) for place, one in shown if one.serial != serial]
        if not wrong:
            return replace(record, served=serial, not_served="", not_served_since=0.0)
        place, one = wrong[0]
        said = one.why or f"it serves certificate {one.serial[:16]}, not {serial[:16]}"
        since = record.not_served_since or self._hand.now()
        return replace(record, not_served=f"{place}: {said}", not_served_since=since)


def _taken(record: Record, mark: str) -> Record:
    return replace(record, taken=mark, told=NEVER_TRIED, not_served="", not_served_since=0.0)
