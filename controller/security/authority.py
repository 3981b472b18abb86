"""The authority of one stack, and the certificates that it gives to its services. The clock is an argument.

An authority signs leaves alone (path length 0), and none for an address of the network. Each leaf may be shown by a
server and by a client, and names its service in every way in which others call it, and as
`spiffe://<project>.internal/service/<name>`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_network

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from controller.security.leaves import read_facts

BACKDATED = timedelta(minutes=5)
"""A certificate begins so long ago: clocks differ, and may be set back a little."""
AUTHORITY_LIFE = timedelta(days=365)
_LONGEST_NAME = 64
"""Characters of a common name (X.520)."""
_LONGEST_LABEL, _LONGEST_DOMAIN = 63, 253
_LABEL = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key, both PEM."""

    certificate: bytes
    key: bytes = field(repr=False)

    @property
    def id(self) -> str:
        """Of its key."""
        found = read_facts(self.certificate)
        return "" if found is None else found.key


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a leaf is for, and by which further DNS names it is called."""

    project: str
    service: str
    aliases: tuple[str, ...] = ()
    replicas: int = 1


def names_of(subject: Subject) -> tuple[str, ...]:
    """All that its certificate names, in order; what DNS could not carry is left out."""
    project, service = subject.project, subject.service
    wanted = (
        service,
        *subject.aliases,
        *(f"{project}-{service}-{number}" for number in range(1, subject.replicas + 1)),
        f"{service}.{project}.internal",
        "localhost",
    )
    return (*dict.fromkeys(filter(_is_dns, wanted)), uri_of(project, service))


def uri_of(project: str, service: str) -> str:
    """The name by which others may tell whom they speak with, whatever it is called on a network."""
    return f"spiffe://{project}.internal/service/{service}"


def _is_dns(name: str) -> bool:
    labels = name.removeprefix("*.").split(".")
    return len(name) <= _LONGEST_DOMAIN and all(len(one) <= _LONGEST_LABEL and _LABEL.fullmatch(one) for one in labels)


def make_authority(project: str, now: datetime, life: timedelta = AUTHORITY_LIFE) -> Pair:
    """A new one, with a new key."""
    key = ec.generate_private_key(ec.SECP384R1())
    name = _name(f"authority of {project}")
    own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    made = (
        _begin(name, name, key.public_key(), now, now + life)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_leaves=True), critical=True)
        .add_extension(_constraints(project), critical=True)
        .add_extension(own, critical=False)
        .sign(key, SHA256())
    )
    return Pair(made.public_bytes(Encoding.PEM), _pem(key))


def issue(authority: Pair, subject: Subject, now: datetime, life: timedelta, key: bytes | None = None) -> Pair:
    """A leaf; with that private key, or with a new one where there is none that can be used. Never outlives who signs.

    Raises ValueError where the authority's own key cannot be read.
    """
    signer = load_pem_private_key(authority.key, None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise ValueError("the authority's key is of another kind than ours")
    above = x509.load_pem_x509_certificate(authority.certificate)
    own = _load_own(key) or ec.generate_private_key(ec.SECP256R1())
    ends_at = min(now + life, above.not_valid_after_utc)
    public = own.public_key()
    made = (
        _begin(_name(subject.service), above.subject, public, now, ends_at)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_leaves=False), critical=True)
        .add_extension(_purposes(), critical=False)
        .add_extension(_alternatives(names_of(subject)), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(_signed_by(above), critical=False)
        .sign(signer, SHA256())
    )
    return Pair(made.public_bytes(Encoding.PEM), _pem(own))


def _begin(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, ends_at: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(ends_at)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:_LONGEST_NAME])])


def _usage(*, signs_leaves: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_leaves,
        key_cert_sign=signs_leaves,
        crl_sign=signs_leaves,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _purposes() -> x509.ExtendedKeyUsage:
    return x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])


def _constraints(project: str) -> x509.NameConstraints:
    """Of this stack alone, and nobody by an address: services are called by names of one word, which cannot be told
    from a domain's here."""
    return x509.NameConstraints(
        permitted_subtrees=[x509.UniformResourceIdentifier(f"{project}.internal")],
        excluded_subtrees=[x509.IPAddress(ip_network("0.0.0.0/0")), x509.IPAddress(ip_network("::/0"))],
    )


def _alternatives(names: Sequence[str]) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName(
        [x509.UniformResourceIdentifier(name) if "://" in name else x509.DNSName(name) for name in names]
    )


def _signed_by(above: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    own = above.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


def _load_own(key: bytes | None) -> ec.EllipticCurvePrivateKey | None:
    if key is None:
        return None
    try:
        found = load_pem_private_key(key, None)
    except (ValueError, TypeError):
        return None
    return found if isinstance(found, ec.EllipticCurvePrivateKey) else None


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
