"""A certificate chain and its private key as somebody else made them: whether they fit, and as one text. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from controller.security.leaves import Facts, facts_of

_MARK = 16
"""Characters that stand for a chain."""
_FEWEST_BITS = 2048


@dataclass(frozen=True, slots=True)
class Served:
    """`text`: the chain, the server's own certificate first, and its key, PEM. `mark` stands for the chain alone."""

    text: bytes = field(repr=False)
    mark: str
    facts: Facts


def read_pair(chain: bytes, key: bytes) -> Served:
    """Raises ValueError, in one line, where a server could not serve them, or would not."""
    try:
        return _read(chain, key)
    except ValueError:
        raise
    except Exception as error:  # what parsers of certificates raise has no end
        raise ValueError(f"it cannot be read: {type(error).__name__}") from None


def _read(chain: bytes, key: bytes) -> Served:
    try:
        certificates = x509.load_pem_x509_certificates(chain)
    except ValueError as error:
        raise ValueError(f"the certificate cannot be read: {_first_line(error)}") from None
    try:
        private = load_pem_private_key(key, None)
    except TypeError:
        raise ValueError("the key is encrypted, and nobody is there to be asked for its password") from None
    except ValueError as error:
        raise ValueError(f"the key cannot be read: {_first_line(error)}") from None
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    if private.public_key().public_bytes(*form) != certificates[0].public_key().public_bytes(*form):
        raise ValueError("the key is not that of the first certificate of the chain")
    for certificate in certificates:
        _refuse_weak(certificate)
    plain = b"".join(one.public_bytes(Encoding.PEM) for one in certificates)
    text = plain + private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Served(text, hashlib.sha256(plain).hexdigest()[:_MARK], facts_of(certificates[0]))


def _refuse_weak(certificate: x509.Certificate) -> None:
    """What OpenSSL does not serve at its level 2, as distributions build it: a proxy would not start with it."""
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < _FEWEST_BITS:
        raise ValueError(f"an RSA key of {key.key_size} bits is too short: {_FEWEST_BITS} are the least")
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey):
        raise ValueError("its key is neither of RSA nor of an elliptic curve")
    signs_itself = certificate.issuer == certificate.subject
    if not signs_itself and isinstance(certificate.signature_hash_algorithm, hashes.SHA1 | hashes.MD5):
        name = certificate.signature_hash_algorithm.name.upper()
        raise ValueError(f"it is signed with {name}, which nobody believes any more")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
