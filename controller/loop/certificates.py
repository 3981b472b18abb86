"""Certificates and private keys among the files that a project gives to its services: what is to be told of each."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime
from pathlib import Path

from controller.security.subject import Pem

_LARGEST = 64 * 2**10
"""Bytes of a file that is read; what is larger holds whole collections of authorities."""
_BEGIN = b"-----BEGIN "


def read_pem(path: str, now: datetime | None = None) -> Pem | None:
    """What a file of this machine says; None: it is no PEM, or cannot be read. Of several certificates the first one
    counts, which is the service's own."""
    text = _read(Path(path))
    if text is None or _BEGIN not in text:
        return None
    left, ends, bits = _certificate(text, now or datetime.now(UTC))
    has_key, key_bits = _key(text)
    if ends is None and not has_key:
        return None
    return Pem(left, ends, min((one for one in (bits, key_bits) if one), default=None), has_key)


def _read(path: Path) -> bytes | None:
    """Devices and pipes are not opened: some do something then."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST:
            return None
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    try:
        return os.read(handle, _LARGEST)
    except OSError:
        return None
    finally:
        os.close(handle)


def _certificate(text: bytes, now: datetime) -> tuple[float | None, str | None, int | None]:
    """Share of its time that is left, its last day, and the bits of its RSA key."""
    from cryptography import x509

    if b"-----BEGIN CERTIFICATE-----" not in text:
        return None, None, None
    try:
        first = x509.load_pem_x509_certificate(text[text.index(b"-----BEGIN CERTIFICATE-----") :])
        starts, ends = first.not_valid_before_utc, first.not_valid_after_utc
        bits = _bits(first.public_key())
    except Exception:  # whatever somebody wrote there
        return None, None, None
    whole = max((ends - starts).total_seconds(), 1.0)
    return (ends - now).total_seconds() / whole, ends.date().isoformat(), bits


def _key(text: bytes) -> tuple[bool, int | None]:
    """Whether there is a private key that nothing protects, and its bits where it is one of RSA."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    start = text.find(b"PRIVATE KEY-----")
    begin = text.rfind(_BEGIN, 0, start) if start >= 0 else -1
    if begin < 0:
        return False, None
    try:
        return True, _bits(load_pem_private_key(text[begin:], None))
    except Exception:  # protected by a password, or of a kind that is not known
        return False, None


def _bits(key: object) -> int | None:
    from cryptography.hazmat.primitives.asymmetric import rsa

    return key.key_size if isinstance(key, rsa.RSAPublicKey | rsa.RSAPrivateKey) else None
