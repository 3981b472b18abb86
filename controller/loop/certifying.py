"""Gives the services of one stack their certificates: makes the authority, issues, renews, changes the authority.

Every step is on the disk before the next begins, and what is mounted is a pair that fits at every moment, so that a
controller that dies goes on where it was. Whatever needs the encryption key waits for it; nothing is made in its place.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from controller.loop.certbook import CertBook, Vault
from controller.model.certified import INGRESS, Certified, StackCertificates
from controller.model.errors import ControllerError
from controller.model.names import Instant
from controller.security.authority import Pair, issue, make_authority
from controller.security.issuing import (
    Files,
    Kept,
    find_need,
    mark_of,
    standing_of,
    subject_of,
    tell_all,
    wants_change,
)
from controller.security.leaves import BUNDLE, CHAIN, KEY, read_facts
from controller.security.renewal import AT_ONCE, Need, Tries, choose
from controller.security.rotation import Rotation, Stage, Standing, advance, begin, note_issued

Wanted = Mapping[str, Certified]


class Issued(NamedTuple):
    """What one turn came to: services with a new certificate, why others have none, whether more are due at once."""

    services: tuple[str, ...] = ()
    trouble: str = ""
    more: bool = False


class Certifier:
    """Of one stack. `vault` None: there is no encryption key at hand, for the reason in `locked`."""

    def __init__(self, book: CertBook, vault: Vault | None, locked: str = "") -> None:
        self._book, self._vault, self._locked = book, vault, locked
        self._began = time.monotonic()

    def look(self, wanted: Wanted, now: Instant) -> StackCertificates:
        """What there is; changes nothing."""
        files = {name: self._book.files_of(name) for name in wanted}
        trouble = self._locked if wanted and self._vault is None else ""
        return tell_all(self._book.project, wanted, files, self._book.load(), now, trouble)

    def turn(self, wanted: Wanted, now: Instant, most: int = AT_ONCE) -> Issued:
        """Issue what is due, no more than so many, and see that everybody trusts whom they are to trust.

        Raises ControllerErrors where nothing can be read or written.
        """
        self._began = time.monotonic()
        with self._book.held():
            for name in wanted:
                self._book.prepare(name, now)
            kept = self._drop_others(self._book.load(), wanted)
            try:
                kept = self._with_authority(kept, now)
            except ControllerError as error:
                return Issued((), error.message)
            if kept.rotation is None:
                return Issued((), self._locked)
            needs = self._needs(wanted, kept, now)
            chosen = choose(needs, {name: kept.of(name).tries for name in wanted}, now, most)
            kept, done, trouble = self._issue_all(chosen, wanted, kept, now)
            self._spread(wanted, kept, now)
            return Issued(done, trouble, more=len(chosen) == most and len(needs) > most)

    def ask(self, wanted: Wanted, services: tuple[str, ...], word: str) -> tuple[str, ...]:
        """Have these, or all, renewed (`renew`) or made anew with their keys (`issue`) at the next turn."""
        names = services or tuple(sorted(wanted))

        def note(kept: Kept) -> Kept:
            for name in names:
                kept = kept.with_record(name, replace(kept.of(name), asked=word, tries=Tries()))
            return kept

        self._book.change(note)
        return names

    def begin_change(self, now: Instant) -> Rotation:
        """Begin to change the authority. Raises ControllerErrors: one change at a time, and never without the key."""
        with self._book.held():
            kept = self._book.load()
            if kept.rotation is None:
                raise ControllerError("there is no authority yet", hint="controller certs issue")
            try:
                kept = self._change_authority(kept, now)
            except ValueError as error:
                raise ControllerError(str(error), hint="controller certs list shows how far it is") from None
            assert kept.rotation is not None
            return kept.rotation

    def advance(self, wanted: Wanted, now: Instant) -> Rotation | None:
        """The next phase of a change of authority, where all are seen with what the present one asks for."""
        with self._book.held():
            kept = self._book.load()
            if kept.rotation is None:
                return None
            seen = [self._standing(kept, name, one, now) for name, one in wanted.items()]
            rotation = advance(kept.rotation, seen, now)
            if rotation != kept.rotation:
                kept = self._book.save(replace(kept, rotation=rotation))
            self._book.forget_authorities(kept)
            return rotation

    def _standing(self, kept: Kept, name: str, one: Certified, now: Instant) -> Standing:
        """Clients of the ingress are none of the stack: they have the time of one certificate to hear of a new
        authority."""
        assert kept.rotation is not None
        if name == INGRESS and kept.rotation.stage is Stage.ADD and 0.0 <= now - kept.rotation.since < one.lifetime:
            return Standing(frozenset(), "")
        return standing_of(kept, name, self._book.files_of(name))

    # --- the authority

    def _with_authority(self, kept: Kept, now: Instant) -> Kept:
        """The first one is made here; one whose time is nearly over begins to be changed."""
        if kept.rotation is None and self._vault is not None:
            made = self._make_authority(now)
            authorities = {made.id: made.certificate.decode()}
            return self._book.save(replace(kept, rotation=Rotation(made.id), authorities=authorities))
        if wants_change(kept, now) and self._vault is not None:
            return self._change_authority(kept, now)
        return kept

    def _change_authority(self, kept: Kept, now: Instant) -> Kept:
        assert kept.rotation is not None
        rotation = begin(kept.rotation, "", now)
        made = self._make_authority(now)
        authorities = {**kept.authorities, made.id: made.certificate.decode()}
        return self._book.save(replace(kept, rotation=replace(rotation, other=made.id), authorities=authorities))

    def _make_authority(self, now: Instant) -> Pair:
        if self._vault is None:
            raise ControllerError(f"no authority can be made: {self._locked}", hint="give the encryption key")
        made = make_authority(self._book.project, _moment(now))
        self._book.put_authority(made, self._vault)
        return made

    # --- leaves

    def _needs(self, wanted: Wanted, kept: Kept, now: Instant) -> dict[str, Need]:
        project, book = self._book.project, self._book
        found = {name: find_need(project, name, one, book.files_of(name), kept, now) for name, one in wanted.items()}
        return {name: need for name, need in found.items() if need is not None}

    def _issue_all(
        self, chosen: list[Need], wanted: Wanted, kept: Kept, now: Instant
    ) -> tuple[Kept, tuple[str, ...], str]:
        if not chosen:
            return kept, (), ""
        if self._vault is None:  # no failure of theirs: as soon as the key is there, they are
            return kept, (), self._locked
        assert kept.rotation is not None
        try:
            authority = self._book.open_authority(kept, kept.rotation.issuer, self._vault)
        except ControllerError as error:
            return self._note_failure(kept, chosen, error.message, now), (), error.message
        done, trouble = [], ""
        for need in chosen:
            try:
                kept = self._issue(need.service, wanted[need.service], kept, authority, now)
                done.append(need.service)
            except (ControllerError, ValueError) as error:
                trouble = error.message if isinstance(error, ControllerError) else str(error)
                kept = self._note_failure(kept, [need], trouble, now)
        return kept, tuple(done), trouble

    def _issue(self, name: str, one: Certified, kept: Kept, authority: Pair, now: Instant) -> Kept:
        """When it ends is written before anybody can have it."""
        assert kept.rotation is not None
        files, life = self._book.files_of(name), timedelta(seconds=one.lifetime)
        subject = subject_of(self._book.project, name, one)
        made = issue(authority, subject, _moment(now), life, self._key(name, kept, files))
        facts, before = read_facts(made.certificate), read_facts(files.get(CHAIN, b""))
        assert facts is not None
        rotation = note_issued(kept.rotation, facts.ends_at.timestamp())
        if rotation != kept.rotation:
            kept = self._book.save(replace(kept, rotation=rotation))
        self._deliver(name, {BUNDLE: kept.bundle, CHAIN: made.certificate, KEY: made.key}, one, kept, now)
        record = replace(
            self._book.load().of(name),
            tries=Tries(),
            asked="",
            before_ends_at=before.ends_at.timestamp() if before is not None else 0.0,
        )
        return self._book.save(self._book.load().with_record(name, record))

    def _key(self, name: str, kept: Kept, files: Files) -> bytes | None:
        """A renewal keeps the key: who reads the files one after the other never gets two that do not fit."""
        assert kept.rotation is not None
        before = read_facts(files.get(CHAIN, b""))
        changes = before is None or before.authority != kept.rotation.issuer or kept.of(name).asked == "issue"
        return None if changes else files.get(KEY)

    def _spread(self, wanted: Wanted, kept: Kept, now: Instant) -> None:
        """The authorities that are trusted now, to everybody; whose key it is may have changed, too."""
        kept = self._book.load()
        for name, one in wanted.items():
            files = self._book.files_of(name)
            if files.get(CHAIN):
                self._deliver(name, {**files, BUNDLE: kept.bundle}, one, kept, now)

    def _deliver(self, name: str, files: Files, one: Certified, kept: Kept, now: Instant) -> None:
        if self._book.deliver(name, files, one, now) or kept.of(name).delivered != mark_of(files):
            at = now + time.monotonic() - self._began  # whoever began before this may have read what was there
            kept = self._book.load()
            record = replace(kept.of(name), delivered=mark_of(files), delivered_at=at, told=Tries(), served="")
            self._book.save(kept.with_record(name, record))

    def _note_failure(self, kept: Kept, needs: list[Need], why: str, now: Instant) -> Kept:
        for need in needs:
            record = kept.of(need.service)
            kept = kept.with_record(need.service, replace(record, tries=Tries(record.tries.failed + 1, now, why)))
        return self._book.save(kept)

    def _drop_others(self, kept: Kept, wanted: Wanted) -> Kept:
        """Whose mount nobody wants any more keeps its files: containers may be there yet. What is kept of it goes."""
        if INGRESS not in wanted:
            self._book.forget_ingress()
        left = {name: record for name, record in kept.records.items() if name in wanted}
        return self._book.save(replace(kept, records=left)) if left != kept.records else kept


def _moment(now: Instant) -> datetime:
    return datetime.fromtimestamp(now, UTC)
