"""What certificates say, as values: of one certificate, and of a folder of three files as a service reads it.

Pure, beside the parsing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509.oid import ExtensionOID

BUNDLE, CHAIN, KEY = "ca.crt", "tls.crt", "tls.key"
"""The files: all authorities that are trusted, the service's own certificate, its private key."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Of one certificate. `serial`, `authority` (whose key signed it) and `key` (its own) in hexadecimal."""

    serial: str
    starts_at: datetime
    ends_at: datetime
    names: tuple[str, ...]
    authority: str
    key: str


def read_facts(pem: bytes) -> Facts | None:
    """Of the first certificate of a file; None: it holds none that can be read."""
    try:
        return facts_of(x509.load_pem_x509_certificate(pem))
    except ValueError:
        return None


def facts_of(found: x509.Certificate) -> Facts:
    return Facts(
        serial=f"{found.serial_number:x}",
        starts_at=found.not_valid_before_utc,
        ends_at=found.not_valid_after_utc,
        names=tuple(sorted(_names(found))),
        authority=_authority(found),
        key=x509.SubjectKeyIdentifier.from_public_key(found.public_key()).digest.hex(),
    )


def read_bundle(pem: bytes) -> tuple[str, ...]:
    """The ids of the authorities in a bundle, in its order; none where it cannot be read."""
    try:
        return tuple(facts_of(one).key for one in x509.load_pem_x509_certificates(pem))
    except ValueError:
        return ()


def find_faults(bundle: bytes, chain: bytes, key: bytes, names: Sequence[str], now: datetime) -> tuple[str, ...]:
    """Why others would refuse who shows this certificate, or it could not be served; empty: it is whole."""
    try:
        leaf = x509.load_pem_x509_certificate(chain)
        authorities = x509.load_pem_x509_certificates(bundle)
        own = load_pem_private_key(key, None).public_key()
    except (ValueError, TypeError) as error:
        return (f"it cannot be read: {error}",)
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    faults = list(_of_time(leaf, now))
    if own.public_bytes(*form) != leaf.public_key().public_bytes(*form):
        faults.append("the key is not the certificate's")
    if not any(_signed(leaf, authority, now) for authority in authorities):
        faults.append("no authority that is trusted has signed it")
    if missing := sorted(set(names) - set(_names(leaf))):
        faults.append(f"it does not name {', '.join(missing)}")
    return tuple(faults)


def _of_time(leaf: x509.Certificate, now: datetime) -> Iterator[str]:
    if now < leaf.not_valid_before_utc:
        yield f"it begins only at {leaf.not_valid_before_utc:%Y-%m-%dT%H:%M:%SZ}"
    if now >= leaf.not_valid_after_utc:
        yield f"it ended at {leaf.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}"


def _signed(leaf: x509.Certificate, authority: x509.Certificate, now: datetime) -> bool:
    try:
        leaf.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return authority.not_valid_before_utc <= now < authority.not_valid_after_utc


def _names(found: x509.Certificate) -> Iterator[str]:
    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return
    yield from names.get_values_for_type(x509.DNSName)
    yield from names.get_values_for_type(x509.UniformResourceIdentifier)


def _authority(found: x509.Certificate) -> str:
    try:
        named = found.extensions.get_extension_for_oid(ExtensionOID.AUTHORITY_KEY_IDENTIFIER).value
    except x509.ExtensionNotFound:
        return ""
    assert isinstance(named, x509.AuthorityKeyIdentifier)
    return (named.key_identifier or b"").hex()
