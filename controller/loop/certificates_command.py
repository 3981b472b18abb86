"""`controller certs`: here where the stack's lock is free, by the daemon that holds it otherwise."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace

from controller.intake.findings import suggest
from controller.intake.targets import Target
from controller.loop.acting import lock_or_ask, tell_holder, who
from controller.loop.auditacts import ended, intended
from controller.loop.auditor import caller, new_id
from controller.loop.certificate_words import KEY_MISSING, RENEW_FAILED
from controller.loop.certificate_worker import book_of, certifier_of
from controller.loop.certifying import Certifier
from controller.loop.ground import Ground
from controller.loop.loaded import Loaded
from controller.loop.lock import Holder, read_holder
from controller.loop.taking import Hand, Taking
from controller.model.certified import INGRESS, CertificateAct, StackCertificates
from controller.model.errors import ControllerError
from controller.security.audit import Act, Via

RENEW, ISSUE, ROTATE = "renew", "issue", "rotate-ca"
_PATIENCE, _LOOK_EVERY = 60.0, 0.2
"""Seconds for which a daemon is waited for, and between two looks."""

Pairs = Sequence[tuple[Target, Loaded]]


def list_certificates(ground: Ground, pairs: Pairs) -> tuple[StackCertificates, ...]:
    """Of every stack, as they lie on the disk, with a look at who has read them. Raises ControllerErrors."""
    return tuple(_list(ground, loaded) for _, loaded in sorted(pairs, key=lambda pair: pair[1].name))


def _list(ground: Ground, loaded: Loaded) -> StackCertificates:
    if not loaded.certified:
        return StackCertificates(loaded.name)
    book = book_of(ground, loaded.name)
    hand = Hand(ground.engine, ground.folder(loaded.name), lambda _: None, ground.now, tells=False)
    with suppress(ControllerError):  # what is not known now is told as it was
        Taking(book, hand).turn(loaded.certified)
    return certifier_of(ground, book).look(loaded.certified, ground.now())


def act_on_certificates(ground: Ground, pairs: Pairs, verb: str, services: Sequence[str]) -> tuple[CertificateAct, ...]:
    """Have them renewed, issued anew, or their authority changed. Raises ControllerErrors for what cannot be asked.

    Whatever changes certificates by a person's word passes here.
    """
    wanted = [loaded for _, loaded in pairs if loaded.certified]
    if not wanted:
        hint = "set security.tls.mode: internal in the manifest"
        raise ControllerError("no stack here has certificates of the controller's authority", hint=hint)
    _refuse_unknown(wanted, services)
    chosen = [(one, tuple(name for name in services if name in one.certified)) for one in wanted]
    return tuple(_act(ground, one, verb, names) for one, names in chosen if names or not services)


def _refuse_unknown(wanted: Sequence[Loaded], services: Sequence[str]) -> None:
    known = sorted({name for one in wanted for name in one.certified})
    for name in services:
        if name not in known:
            raise ControllerError(
                f"no service '{name}' has a certificate", hint=suggest(name, known) or f"there are: {', '.join(known)}"
            )


def _act(ground: Ground, loaded: Loaded, verb: str, services: tuple[str, ...]) -> CertificateAct:
    """In the audit log, before and after."""
    act = Act(who(), Via.CLI, verb, "certificate", ", ".join(services), loaded.name, caller(), id=new_id())
    ground.audit.record(intended(act))
    done = _see_through(ground, loaded, verb, services)
    ground.audit.note(ended(act, ok=done.ok, message=done.message))
    return done


def _see_through(ground: Ground, loaded: Loaded, verb: str, services: tuple[str, ...]) -> CertificateAct:
    book = book_of(ground, loaded.name)
    certifier = certifier_of(ground, book)
    act = CertificateAct(loaded.name, verb)
    try:
        if verb == ROTATE:
            certifier.begin_change(ground.now())
            names = tuple(sorted(loaded.certified))
        else:
            names = certifier.ask(loaded.certified, services, verb)
    except ControllerError as error:
        return replace(act, ok=False, message=error.message, hint=error.hint)
    act = replace(act, services=names)
    with ExitStack() as locks:
        found = lock_or_ask(ground, loaded.name, locks, lambda: _follow(ground, loaded, act))
        if isinstance(found, Holder):
            message, hint = tell_holder(found)
            return replace(act, ok=False, message=message, hint=hint)
        return _act_here(ground, loaded, certifier, act) if found is None else found


def _follow(ground: Ground, loaded: Loaded, act: CertificateAct) -> CertificateAct | None:
    """What the daemon made of it; None where that ended first."""
    book, until = book_of(ground, loaded.name), time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        kept = book.load()
        records = [kept.of(name) for name in act.services]
        if not any(record.asked for record in records):
            return replace(act, message="the running controller sees it through")
        if failed := next((record.tries.why for record in records if record.tries.failed), ""):
            return replace(act, ok=False, message=failed)
        if why := _find_lack(ground, loaded.name):
            return replace(act, ok=False, message=why)
        if read_holder(ground.lock_path(loaded.name)) is None:
            return None
        time.sleep(_LOOK_EVERY)
    return replace(act, ok=False, message="the running controller has not done it yet", hint="controller certs list")


def _find_lack(ground: Ground, stack: str) -> str:
    """Why the daemon can issue none, by what it says; "": it can."""
    status = ground.store(stack).status.load()
    told = status.conditions if status is not None else ()
    return next((one.message for one in told if one.type == RENEW_FAILED and one.reason == KEY_MISSING), "")


def _act_here(ground: Ground, loaded: Loaded, certifier: Certifier, act: CertificateAct) -> CertificateAct:
    rolled: list[str] = []
    issued = certifier.turn(loaded.certified, ground.now(), len(loaded.certified))
    if issued.trouble:
        return replace(act, ok=False, message=issued.trouble, hint="controller certs list shows what there is")
    hand = Hand(ground.engine, ground.folder(loaded.name), rolled.append, ground.now)
    Taking(book_of(ground, loaded.name), hand).turn(loaded.certified)
    rotation = certifier.advance(loaded.certified, ground.now())
    message = ""
    if act.verb == ROTATE and rotation is not None:
        message = f"phase {rotation.stage}: a running controller goes on with it (controller run)"
    if not message and book_of(ground, loaded.name).load().of(INGRESS).not_served and INGRESS in act.services:
        message = "the ingress serves its new one from the next apply on, or while a controller runs"
    return replace(act, message=message, restarts=tuple(rolled))
