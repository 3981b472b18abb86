"""Who needs another certificate, and what is made known of those that there are. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from controller.model.certified import (
    AuthorityState,
    CertificateState,
    Certified,
    Seen,
    StackCertificates,
)
from controller.model.names import Instant
from controller.security.authority import AUTHORITY_LIFE, Subject, names_of
from controller.security.leaves import BUNDLE, CHAIN, KEY, Facts, find_faults, read_bundle, read_facts
from controller.security.renewal import NEVER_TRIED, Need, Tries, is_due, is_expiring, renew_at
from controller.security.rotation import Rotation, Stage, Standing

_NEW_AUTHORITY = 2 / 3
"""Share of an authority's life after which it is changed."""
_LAST_RESORT = 0.1
"""Share of its life before whose end a service that serves an old certificate on is replaced, whatever it should do."""


@dataclass(frozen=True, slots=True)
class Record:
    """What is kept of one service's certificate beside its files.

    `asked`: a person wants it renewed (`renew`), or made anew with its key (`issue`). `delivered`, `taken`, `rolled`:
    marks (`mark_of`) of what lies in its folder, of what every replica has read, and of what its replicas are replaced
    for; the instants beside them say since when. `served`: the serial that every replica showed last.
    """

    tries: Tries = NEVER_TRIED
    asked: str = ""
    delivered: str = ""
    delivered_at: Instant = 0.0
    taken: str = ""
    told: Tries = NEVER_TRIED
    rolled: str = ""
    rolled_at: Instant = 0.0
    before_ends_at: Instant = 0.0
    served: str = ""
    not_served: str = ""
    not_served_since: Instant = 0.0


@dataclass(frozen=True, slots=True)
class Kept:
    """All of one stack. `authorities`: their certificates, PEM, by id."""

    rotation: Rotation | None = None
    authorities: Mapping[str, str] = field(default_factory=dict)
    records: Mapping[str, Record] = field(default_factory=dict)

    def of(self, service: str) -> Record:
        return self.records.get(service, Record())

    def with_record(self, service: str, record: Record) -> Kept:
        return replace(self, records={**self.records, service: record})

    @property
    def bundle(self) -> bytes:
        """What every service is to trust, PEM."""
        ids = self.rotation.bundle if self.rotation is not None else ()
        return "".join(self.authorities[one] for one in ids).encode()


Files = Mapping[str, bytes]
"""What lies in a service's folder."""


def mark_of(files: Files) -> str:
    """Stands for a set of files, as far as others can see it."""
    facts = read_facts(files.get(CHAIN, b""))
    return "" if facts is None else f"{facts.serial} {' '.join(read_bundle(files.get(BUNDLE, b'')))}"


def subject_of(project: str, service: str, one: Certified) -> Subject:
    return Subject(project, service, one.aliases, one.replicas)


def find_need(project: str, service: str, one: Certified, files: Files, kept: Kept, now: Instant) -> Need | None:
    """Why it has to have another certificate; None: what it has does."""
    facts = read_facts(files.get(CHAIN, b""))
    if facts is None:
        return Need(service, "there is none")
    ends_at = facts.ends_at.timestamp()
    wanted = names_of(subject_of(project, service, one))
    if kept.of(service).asked:
        return Need(service, "it was asked for", ends_at)
    if missing := sorted(set(wanted) - set(facts.names)):
        return Need(service, f"it does not name {missing[0]}", ends_at)
    if kept.rotation is not None and facts.authority != kept.rotation.issuer:
        return Need(service, "its authority is another one now", ends_at)
    if is_due(facts, now):
        return Need(service, "it is time", ends_at)
    if _is_torn(files, now):
        return Need(service, "its files do not fit each other", ends_at)
    return None


def _is_torn(files: Files, now: Instant) -> bool:
    moment = datetime.fromtimestamp(now, UTC)
    faults = find_faults(files.get(BUNDLE, b""), files.get(CHAIN, b""), files.get(KEY, b""), (), moment)
    return any("key" in fault or "read" in fault for fault in faults)


def wants_change(kept: Kept, now: Instant) -> bool:
    """Its authority has so little time left that another one has to come."""
    rotation = kept.rotation
    if rotation is None or rotation.stage is not Stage.NONE:
        return False
    facts = read_facts(kept.authorities[rotation.issuer].encode())
    left = (1 - _NEW_AUTHORITY) * AUTHORITY_LIFE.total_seconds()
    return facts is not None and now >= facts.ends_at.timestamp() - left


def standing_of(kept: Kept, service: str, files: Files) -> Standing:
    """What it is seen with: of one that has not read all that lies there, nothing counts."""
    facts = read_facts(files.get(CHAIN, b""))
    if facts is None or kept.of(service).taken != mark_of(files):
        return Standing(frozenset(), "")
    return Standing(frozenset(read_bundle(files[BUNDLE])), facts.authority)


def must_replace(record: Record, one: Certified, now: Instant) -> bool:
    """It was told to read its new certificate and serves the one before, which ends soon."""
    late = record.before_ends_at - _LAST_RESORT * one.lifetime
    return bool(record.not_served) and bool(record.before_ends_at) and now >= late


# --- for people


def tell_all(
    stack: str, wanted: Mapping[str, Certified], files: Mapping[str, Files], kept: Kept, now: Instant, trouble: str = ""
) -> StackCertificates:
    """All that is known of a stack's certificates."""
    rotation = kept.rotation
    return StackCertificates(
        stack=stack,
        enabled=bool(wanted),
        stage=str(rotation.stage) if rotation is not None else str(Stage.NONE),
        authorities=tuple(_authority(one, kept, rotation) for one in rotation.needed) if rotation is not None else (),
        certificates=tuple(_tell(stack, name, wanted[name], files.get(name, {}), kept, now) for name in sorted(wanted)),
        trouble=trouble,
    )


def _authority(one: str, kept: Kept, rotation: Rotation) -> AuthorityState:
    facts = read_facts(kept.authorities[one].encode())
    coming = rotation.stage is Stage.ADD
    role = "issuer" if one == rotation.issuer else "coming" if coming else "going"
    return AuthorityState(one, role, facts.ends_at.timestamp() if facts is not None else 0.0)


def _tell(stack: str, name: str, one: Certified, files: Files, kept: Kept, now: Instant) -> CertificateState:
    facts, record = read_facts(files.get(CHAIN, b"")), kept.of(name)
    if facts is None:
        return CertificateState(stack, name, trouble=record.tries.why)
    names = names_of(subject_of(stack, name, one))
    faults = find_faults(files[BUNDLE], files[CHAIN], files.get(KEY, b""), names, datetime.fromtimestamp(now, UTC))
    return CertificateState(
        stack,
        name,
        facts.serial,
        facts.authority,
        facts.names,
        facts.starts_at.timestamp(),
        facts.ends_at.timestamp(),
        renew_at(facts),
        find_seen(facts, files, record),
        faults,
        record.tries.why or record.not_served or record.told.why,
    )


def find_seen(facts: Facts, files: Files, record: Record) -> Seen:
    if record.not_served:
        return Seen.OTHER
    if record.taken != mark_of(files):
        return Seen.PENDING
    return Seen.SERVED if record.served == facts.serial else Seen.TAKEN_UP


def find_expiring(known: StackCertificates, now: Instant) -> tuple[str, ...]:
    """Services whose certificate should have been renewed long ago."""
    return tuple(one.service for one in known.certificates if _expires(one, now))


def _expires(one: CertificateState, now: Instant) -> bool:
    if one.starts_at is None or one.ends_at is None:
        return False
    starts, ends = (datetime.fromtimestamp(at, UTC) for at in (one.starts_at, one.ends_at))
    return is_expiring(Facts(one.serial, starts, ends, (), "", ""), now)
