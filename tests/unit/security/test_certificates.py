"""Certificates and keys among a project's files."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from controller.loop.certificates import read_pem
from controller.loop.scanfacts import look_at_sources
from controller.security.scan import scan_project
from controller.security.subject import Project

pytestmark = pytest.mark.unit

CURVE = ec.generate_private_key(ec.SECP256R1())
WEAK = rsa.generate_private_key(65537, 1024)
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def certificate(key: Key, left: float) -> bytes:
    """One of 100 days, of whose time that share is left."""
    starts = datetime.now(UTC) - timedelta(days=100 * (1 - left))
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "shop")])
    made = x509.CertificateBuilder(name, name, key.public_key(), 7, starts, starts + timedelta(days=100))
    return made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def private(key: Key, protection: KeySerializationEncryption | None = None) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection or NoEncryption())


def found(folder: Path, content: bytes, mode: int = 0o600, where: str = "volumes") -> list[tuple[str, str]]:
    file = folder / "tls.pem"
    file.write_bytes(content)
    mounted = {"volumes": ["./tls.pem:/tls.pem:ro"]} if where == "volumes" else {}
    named = {"tls": {"file": "./tls.pem"}} if where != "volumes" else {}
    services, model = {"web": mounted}, {"services": {"web": mounted}, where: named}
    looked = look_at_sources(model, folder)
    sources = {path: one._replace(mode=mode) for path, one in looked.items()}  # tests' folders are nobody else's
    project = Project("shop", services, directory=str(folder), sources=sources, **({where: named} if named else {}))
    return [
        (str(hit.severity or rule.severity), hit.message) for rule, _, hit in scan_project(project) if rule.id == "W15"
    ]


@pytest.mark.parametrize("where", ["volumes", "secrets", "configs"])
def test_certificate_that_does_not_hold(tmp_path: Path, where: str) -> None:
    assert found(tmp_path, certificate(CURVE, 0.5), where=where) == []
    [(severity, message)] = found(tmp_path, certificate(CURVE, -0.1), where=where)
    assert severity == "high" and message.startswith("./tls.pem ended on 20")
    [(severity, message)] = found(tmp_path, certificate(CURVE, 0.1), where=where)
    assert severity == "medium" and message.endswith(": less than a fifth of its time is left")
    assert found(tmp_path, certificate(WEAK, 0.5), where=where) == [("medium", "./tls.pem has an RSA key of 1024 bits")]


@pytest.mark.parametrize(
    ("mode", "where", "told"), [(0o644, "volumes", True), (0o600, "volumes", False), (0o644, "secrets", False)]
)
def test_key_that_others_read(mode: int, where: str, told: bool) -> None:
    """Of secrets that is told by a rule of their own. Everybody may enter the folder, unlike those of pytest."""
    both = certificate(CURVE, 0.5) + private(CURVE)
    expected = [("high", "./tls.pem holds a private key, and can be read by everybody (0644)")] if told else []
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        assert found(Path(name), both, mode, where) == expected


def test_what_is_no_certificate(tmp_path: Path) -> None:
    broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    for content in (b"", b"x", broken, private(CURVE, BestAvailableEncryption(b"x")), b"-----BEGIN PRIVATE KEY-----"):
        assert found(tmp_path, content, 0o644) == []
    assert found(tmp_path, certificate(WEAK, -1) + b"x" * 65536) == []
    assert read_pem(str(tmp_path)) is None
    assert read_pem(str(tmp_path / "no")) is None
    os.mkfifo(tmp_path / "pipe")
    assert read_pem(str(tmp_path / "pipe")) is None
