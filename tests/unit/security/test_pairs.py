"""A certificate and key that somebody else made: what can be served, and why not."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from controller.security.pairs import read_pair
from tests.pairs import make_pair, pem_of

pytestmark = pytest.mark.unit


SHA1 = b"""\
-----BEGIN CERTIFICATE-----
MIIBBTCBrQIBBzAJBgcqhkjOPQQBMBAxDjAMBgNVBAMMBWFib3ZlMB4XDTI2MTEy
ODAxNDI0MVoXDTM2MTEyNTAxNDI0MVowEDEOMAwGA1UEAwwFYmVsb3cwWTATBgcq
hkjOPQIBBggqhkjOPQMBBwNCAATJpTWqotbcI9jcl++tNRMIu49IeI1kl/SByaRJ
+FhQOcwj6ZsD76wUSxmAzUSRewbOb6bl2L8YudyVi3k5lZqcMAkGByqGSM49BAED
SAAwRQIgdl/7Aab4bIc6FOQQpbgil32YBuwCFy18eNhU9iF9imkCIQC0SjyjTsED
1nxIkia7jEhVDGjxaUK68IryQP+ztog/bg==
-----END CERTIFICATE-----
"""
"""Which `openssl x509 -sha1` still makes."""
CHAIN, KEY = make_pair()
ABOVE, _ = make_pair(name="above")
RSA = rsa.generate_private_key(65537, 2048)


def test_a_pair_is_one_text_with_the_servers_own_certificate_first_and_nothing_of_what_stood_between() -> None:
    served = read_pair(b"Bag Attributes\r\n" + CHAIN.replace(b"\n", b"\r\n") + b"\nsecond\n" + ABOVE, b"hello\n" + KEY)
    assert served.text == CHAIN + ABOVE + KEY and served.facts.names == ("localhost",)
    assert read_pair(CHAIN + KEY, CHAIN + KEY).text == CHAIN + KEY, "both in one file"


def test_its_mark_is_of_the_chain() -> None:
    marks = {read_pair(chain, KEY).mark for chain in (CHAIN, b"\n" + CHAIN, CHAIN + ABOVE)}
    assert len(marks) == 2 and all(len(mark) == 16 for mark in marks)


def test_keys_of_every_form_are_served() -> None:
    chain, _ = make_pair(RSA)
    old = RSA.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    assert read_pair(chain, old).text == chain + pem_of(RSA)


@pytest.mark.parametrize(
    ("chain", "key", "said"),
    [
        (b"", KEY, "the certificate cannot be read"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", KEY, "the certificate cannot be read"),
        (CHAIN, b"", "the key cannot be read"),
        (CHAIN, CHAIN, "the key cannot be read"),
        (CHAIN, pem_of(ec.generate_private_key(ec.SECP256R1()), b"secret"), "the key is encrypted"),
        (CHAIN, pem_of(ec.generate_private_key(ec.SECP256R1())), "not that of the first certificate"),
        (ABOVE + CHAIN, KEY, "not that of the first certificate"),
        (*make_pair(rsa.generate_private_key(65537, 1024)), "1024 bits is too short"),
        (*make_pair(dsa.generate_private_key(2048)), "neither of RSA nor of an elliptic curve"),
        (CHAIN + SHA1, KEY, "signed with SHA1"),
    ],
)
def test_what_cannot_be_served_is_told(chain: bytes, key: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said) as error:
        read_pair(chain, key)
    assert "\n" not in str(error.value)
