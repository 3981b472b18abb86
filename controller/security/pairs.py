"""A certificate chain and its private key as somebody else made them: whether they fit, and as one text. Pure."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
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


class Served(NamedTuple):
    """`text`: the chain, the server's own certificate first, and its key, PEM. `mark` stands for the chain alone."""

    text: bytes
    mark: str
    facts: Facts


def read_pair(chain: bytes, key: bytes) -> Served:
    """Raises ValueError, in words, where a server could not serve them."""
    try:
        certificates = x509.load_pem_x509_certificates(chain)
    except ValueError as error:
        raise ValueError(f"the certificate cannot be read: {error}") from None
    try:
        private = load_pem_private_key(key, None)
    except TypeError:
        raise ValueError("the key is encrypted, and nobody is there to be asked for its password") from None
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError(f"the key cannot be read: {str(error).splitlines()[0]}") from None
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    if private.public_key().public_bytes(*form) != certificates[0].public_key().public_bytes(*form):
        raise ValueError("the key is not that of the first certificate of the chain")
    plain = b"".join(one.public_bytes(Encoding.PEM) for one in certificates)
    text = plain + private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Served(text, hashlib.sha256(plain).hexdigest()[:_MARK], facts_of(certificates[0]))
