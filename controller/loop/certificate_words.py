"""What is wrong with a stack's certificates, as conditions, and what came of them, for people. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from controller.loop.conditions import Told
from controller.model.certified import AuthorityState, StackCertificates
from controller.model.names import Instant
from controller.security.issuing import Kept, find_expiring
from controller.security.leaves import Facts
from controller.security.renewal import is_expiring

EXPIRING, RENEW_FAILED, NOT_SERVED = "CertificateExpiring", "CertificateRenewFailed", "CertificateNotServed"
KEY_MISSING = "EncryptionKeyMissing"
"""Why none can be issued at all."""
_OWN_SOON = 21 * 86400.0
"""Seconds before the end of the user's certificate from which on that is told: of a long life a fifth is long."""
_BEARS = 60.0
"""Seconds for which another certificate may be served before anybody is told."""
_AUTHORITY_SOON = 60 * 86400.0
"""Seconds before the end of an authority that is not being changed: that should have begun two months before."""


class Trouble(NamedTuple):
    """One service and what is wrong with it."""

    service: str
    why: str


class Own(NamedTuple):
    """The user's own certificate of the ingress: when it ends, None: there is none; why it cannot be served."""

    facts: Facts | None = None
    why: str = ""


def find_troubles(known: StackCertificates, kept: Kept, own: Own, now: Instant) -> tuple[Told, ...]:
    """Conditions that hold now; none where all is well."""
    found = (
        _tell(EXPIRING, "NotRenewed", (*_expiring(known, now), *_expiring_own(own, now))),
        _tell(RENEW_FAILED, _reason(known, own), (*_failed(known, kept), *_failed_own(own))),
        _tell(NOT_SERVED, "OldCertificate", _not_served(known, kept, now)),
    )
    return tuple(one for one in found if one is not None)


def _reason(known: StackCertificates, own: Own) -> str:
    return KEY_MISSING if known.trouble else "CannotBeServed" if own.why else "IssueFailed"


def _expiring_own(own: Own, now: Instant) -> Iterator[Trouble]:
    if own.facts is None or not is_expiring(own.facts, now) or now < own.facts.ends_at.timestamp() - _OWN_SOON:
        return
    ends_at = own.facts.ends_at
    said = "has ended" if ends_at.timestamp() <= now else f"ends at {ends_at:%Y-%m-%dT%H:%M:%SZ}"
    yield Trouble("ingress", f"its certificate {said}: renew the file")


def _failed_own(own: Own) -> Iterator[Trouble]:
    if own.why:
        yield Trouble("ingress", own.why)


def _tell(kind: str, reason: str, troubles: Iterable[Trouble]) -> Told | None:
    told = [f"{one.service}: {one.why}" if one.service else one.why for one in troubles]
    return Told(kind, reason, "; ".join(told)) if told else None


def _expiring(known: StackCertificates, now: Instant) -> Iterator[Trouble]:
    ends = {one.service: one.ends_at for one in known.certificates}
    for name in find_expiring(known, now):
        over = (ends[name] or 0.0) <= now
        yield Trouble(name, "its certificate has ended" if over else "its certificate ends soon and was not renewed")
    for one in known.authorities:
        if one.role == "issuer" and known.stage == "none" and one.ends_at - now < _AUTHORITY_SOON:
            yield Trouble("", _tell_authority(one, now))


def _tell_authority(one: AuthorityState, now: Instant) -> str:
    if one.ends_at <= now:
        return "the authority itself has ended: controller certs rotate-ca"
    return f"the authority itself ends in {(one.ends_at - now) / 86400:.0f} days: controller certs rotate-ca"


def _failed(known: StackCertificates, kept: Kept) -> Iterator[Trouble]:
    if known.trouble:
        yield Trouble("", f"no certificate can be issued: {known.trouble}")
        return
    for one in known.certificates:
        if (tries := kept.of(one.service).tries).failed:
            yield Trouble(one.service, tries.why)


def _not_served(known: StackCertificates, kept: Kept, now: Instant) -> Iterator[Trouble]:
    for one in known.certificates:
        record = kept.of(one.service)
        if record.told.failed:
            yield Trouble(one.service, record.told.why.removeprefix(f"{one.service} "))
        elif record.not_served and now - record.not_served_since >= _BEARS:
            yield Trouble(one.service, record.not_served)
