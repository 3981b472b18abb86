"""What is wrong with a stack's certificates, as conditions, and what came of them, for people. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from controller.loop.conditions import Told
from controller.model.certified import AuthorityState, StackCertificates
from controller.model.names import Instant
from controller.security.issuing import Kept, find_expiring

EXPIRING, RENEW_FAILED, NOT_SERVED = "CertificateExpiring", "CertificateRenewFailed", "CertificateNotServed"
KEY_MISSING = "EncryptionKeyMissing"
"""Why none can be issued at all."""
_BEARS = 60.0
"""Seconds for which another certificate may be served before anybody is told."""
_AUTHORITY_SOON = 60 * 86400.0
"""Seconds before the end of an authority that is not being changed: that should have begun two months before."""


class Trouble(NamedTuple):
    """One service and what is wrong with it."""

    service: str
    why: str


def find_troubles(known: StackCertificates, kept: Kept, now: Instant) -> tuple[Told, ...]:
    """Conditions that hold now; none where all is well."""
    if not known.enabled:
        return ()
    found = (
        _tell(EXPIRING, "NotRenewed", _expiring(known, now)),
        _tell(RENEW_FAILED, KEY_MISSING if known.trouble else "IssueFailed", _failed(known, kept)),
        _tell(NOT_SERVED, "OldCertificate", _not_served(known, kept, now)),
    )
    return tuple(one for one in found if one is not None)


def _tell(kind: str, reason: str, troubles: Iterator[Trouble]) -> Told | None:
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
