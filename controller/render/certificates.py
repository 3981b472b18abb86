"""Certificates of stacks, and what came of what was asked of them, as text and as data (docs/cli.md). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from controller.model.certified import CertificateAct, CertificateState, Seen, StackCertificates
from controller.render.data import timestamp
from controller.render.paint import NONE, Paint, age, clean, plain
from controller.render.text import Cell, table

_SHOWN = 16
"""Digits of a serial or an id."""
_ROLES = {Seen.SERVED: "good", Seen.TAKEN_UP: "good", Seen.PENDING: "warn", Seen.OTHER: "bad"}
_DAY = 86400.0


def stack_data(known: StackCertificates) -> dict[str, Any]:
    """One stack of `certs list -o json`; `GET /v1/stacks/{stack}/certificates`."""
    return {
        "stack": known.stack,
        "enabled": known.enabled,
        "authorities": [
            {"id": one.id, "role": one.role, "endsAt": timestamp(one.ends_at)} for one in known.authorities
        ],
        "rotation": known.stage,
        "message": known.trouble or None,
        "certificates": [_certificate_data(one) for one in known.certificates],
    }


def certificates_data(known: Sequence[StackCertificates]) -> dict[str, Any]:
    """`certs list -o json`, `certs verify -o json`."""
    return {"stacks": [stack_data(one) for one in known]}


def _certificate_data(one: CertificateState) -> dict[str, Any]:
    times = {"startsAt": one.starts_at, "endsAt": one.ends_at, "renewAt": one.renew_at}
    return {
        "service": one.service,
        "serial": one.serial or None,
        "authority": one.authority or None,
        "names": list(one.names),
        **{name: None if at is None else timestamp(at) for name, at in times.items()},
        "seen": str(one.seen),
        "faults": list(one.faults),
        "message": one.trouble or None,
    }


def certificate_lines(known: Sequence[StackCertificates], now: float, *, wide: bool, paint: Paint = plain) -> list[str]:
    """A table of all certificates, and below it what is to be known of their authorities."""
    several = len(known) > 1
    head = [*(("STACK",) if several else ()), "SERVICE", "ENDS IN", "RENEWED IN", "SEEN", "SERIAL"]
    rows = [_row(one, now, several=several, wide=wide) for of in known for one in of.certificates]
    if not rows:
        return ["no service has a certificate of the controller's authority (security.tls.mode: internal)"]
    lines = table([*head, "NAMES"] if wide else head, rows, paint=paint)
    return [*lines, *_notes(known, now, several=several)]


def _row(one: CertificateState, now: float, *, several: bool, wide: bool) -> list[str | Cell]:
    ends = NONE if one.ends_at is None else _left(one.ends_at - now)
    renewed = NONE if one.renew_at is None else _left(one.renew_at - now)
    seen = Cell(str(one.seen), _ROLES[one.seen]) if one.serial else Cell("none", "bad")
    row: list[str | Cell] = [*((one.stack,) if several else ()), one.service, ends, renewed, seen]
    row.append(one.serial[:_SHOWN] or NONE)
    return [*row, ", ".join(one.names)] if wide else row


def _left(seconds: float) -> str | Cell:
    return age(seconds) if seconds > 0 else Cell("over", "bad")


def _notes(known: Sequence[StackCertificates], now: float, *, several: bool) -> Iterator[str]:
    for of in known:
        place = f"{of.stack}: " if several else ""
        for one in of.authorities:
            days = max(0.0, one.ends_at - now) / _DAY
            yield f"{place}authority {one.id[:_SHOWN]} ({one.role}) ends in {days:.0f} days"
        if of.stage != "none":
            yield f"{place}the authority is being changed, phase: {of.stage}"
        if of.trouble:
            yield f"{place}no certificate can be issued: {clean(of.trouble)}"
        yield from (f"{place}{one.service}: {clean(one.trouble)}" for one in of.certificates if one.trouble)


def find_wrong(known: Sequence[StackCertificates]) -> list[tuple[str, str]]:
    """Stack/service, and what is wrong: what others would refuse, what is not there, what is not served."""
    found = []
    for of in known:
        for one in of.certificates:
            place = f"{of.stack}/{one.service}"
            found += [(place, fault) for fault in one.faults]
            if not one.serial:
                found.append((place, "there is no certificate"))
            elif one.seen is Seen.OTHER:
                found.append((place, one.trouble))
    return found


def acts_data(acts: Sequence[CertificateAct]) -> dict[str, Any]:
    """`certs renew -o json` and its like."""
    return {"stacks": [_act_data(act) for act in acts]}


def _act_data(act: CertificateAct) -> dict[str, Any]:
    return {
        "stack": act.stack,
        "verb": act.verb,
        "services": list(act.services),
        "ok": act.ok,
        "message": act.message or None,
    }


def act_lines(acts: Sequence[CertificateAct]) -> Iterator[str]:
    """One line for each that came to something."""
    done = {"renew": "renewed", "issue": "issued anew", "rotate-ca": "the authority is being changed"}
    for act in acts:
        if act.ok:
            said = f"; {act.message}" if act.message else ""
            what = done[act.verb] if act.verb == "rotate-ca" else f"{done[act.verb]}: {', '.join(act.services)}"
            yield f"{act.stack}: {what}{said}"
