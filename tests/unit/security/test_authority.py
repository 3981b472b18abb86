"""Certificates as others see them: who is named, how long they last, and who believes them."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from controller.security.authority import Pair, Subject, issue, make_authority, names_of, uri_of
from controller.security.leaves import find_faults, read_bundle, read_facts

pytestmark = pytest.mark.unit

NOW = datetime.now(UTC).replace(microsecond=0)
"""The real one: OpenSSL looks at its own clock."""
WEEK = timedelta(days=7)
DB = Subject("shop", "db", ("database", "db.example"), 2)
AUTHORITY = make_authority("shop", NOW)
OTHER = make_authority("shop", NOW)
LEAF = issue(AUTHORITY, DB, NOW, WEEK)
WEB = issue(AUTHORITY, Subject("shop", "web"), NOW, WEEK)


def faults(leaf: Pair, bundle: bytes = AUTHORITY.certificate, at: datetime = NOW) -> tuple[str, ...]:
    return find_faults(bundle, leaf.certificate, leaf.key, names_of(DB), at)


def test_it_names_its_service_in_every_way_in_which_others_call_it() -> None:
    facts = read_facts(LEAF.certificate)
    assert facts is not None and set(facts.names) == {
        "db", "database", "db.example", "shop-db-1", "shop-db-2", "db.shop.internal", "localhost",
        "spiffe://shop.internal/service/db",
    }  # fmt: skip


def test_it_begins_a_little_before_now_and_never_outlives_its_authority() -> None:
    facts = read_facts(LEAF.certificate)
    assert facts is not None and (facts.starts_at, facts.ends_at) == (NOW - timedelta(minutes=5), NOW + WEEK)
    late = read_facts(issue(AUTHORITY, DB, NOW + timedelta(days=364), WEEK).certificate)
    above = read_facts(AUTHORITY.certificate)
    assert late is not None and above is not None and late.ends_at == above.ends_at


def test_a_key_is_kept_where_it_is_given_and_made_anew_where_it_cannot_be_used() -> None:
    assert issue(AUTHORITY, DB, NOW, WEEK, LEAF.key).key == LEAF.key
    assert issue(AUTHORITY, DB, NOW, WEEK).key != LEAF.key
    made = issue(AUTHORITY, DB, NOW, WEEK, b"torn")
    assert not faults(made)


def test_serials_are_different_and_long() -> None:
    serials = {x509.load_pem_x509_certificate(issue(AUTHORITY, DB, NOW, WEEK).certificate).serial_number for _ in "123"}
    assert len(serials) == 3 and all(serial.bit_length() > 100 for serial in serials)


def test_names_that_dns_cannot_carry_are_left_out_and_none_is_there_twice() -> None:
    found = names_of(Subject("shop", "a" * 64, ("b", "b", "", "c..d", "é"), 1))
    assert found == ("b", "localhost", uri_of("shop", "a" * 64))


def test_an_authority_signs_leaves_alone_and_none_for_an_address() -> None:
    found = x509.load_pem_x509_certificate(AUTHORITY.certificate).extensions
    basic = found.get_extension_for_class(x509.BasicConstraints)
    assert basic.critical and basic.value.ca and basic.value.path_length == 0
    assert found.get_extension_for_class(x509.NameConstraints).critical
    usage = found.get_extension_for_class(x509.KeyUsage).value
    assert usage.key_cert_sign and not usage.digital_signature
    leaf = x509.load_pem_x509_certificate(LEAF.certificate).extensions
    assert not leaf.get_extension_for_class(x509.BasicConstraints).value.ca


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"key": WEB.key}, "the key is not the certificate's"),
        ({"certificate": WEB.certificate, "key": WEB.key}, "does not name database, db"),
        ({"certificate": issue(OTHER, DB, NOW, WEEK, LEAF.key).certificate}, "no authority that is trusted"),
        ({"certificate": issue(AUTHORITY, DB, NOW - WEEK, WEEK, LEAF.key).certificate}, "it ended at"),
        ({"certificate": issue(AUTHORITY, DB, NOW + WEEK, WEEK, LEAF.key).certificate}, "it begins only at"),
        ({"certificate": b"torn"}, "cannot be read"),
        ({"key": b"torn"}, "cannot be read"),
    ],
    ids=["another's key", "another's name", "another authority", "over", "not begun", "torn", "a torn key"],
)
def test_what_others_would_refuse_is_told(changed: dict[str, bytes], said: str) -> None:
    assert any(said in fault for fault in faults(replace(LEAF, **changed))), faults(replace(LEAF, **changed))


def test_what_is_whole_has_no_fault_also_with_two_authorities() -> None:
    both = OTHER.certificate + AUTHORITY.certificate
    assert faults(LEAF) == faults(LEAF, both) == ()
    assert read_bundle(both) == (OTHER.id, AUTHORITY.id) and read_bundle(b"torn") == ()
    assert faults(LEAF, AUTHORITY.certificate, NOW + timedelta(days=366))


def test_private_keys_are_in_no_text_of_a_pair() -> None:
    assert "PRIVATE" not in repr(LEAF) and load_pem_private_key(LEAF.key, None)


# --- as OpenSSL sees them


def context(folder: Path, leaf: Pair, bundle: bytes, *, server: bool) -> ssl.SSLContext:
    chain, key = folder / "tls.crt", folder / "tls.key"
    chain.write_bytes(leaf.certificate)
    key.write_bytes(leaf.key)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    made.load_cert_chain(chain, key)
    made.load_verify_locations(cadata=bundle.decode())
    made.verify_flags |= ssl.VERIFY_X509_STRICT
    made.verify_mode = ssl.CERT_REQUIRED
    return made


@contextmanager
def shaken(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> Iterator[ssl.SSLObject]:
    """A handshake in memory, both sides to their end."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        client.wrap_bio(back, there, server_hostname=name),
        server.wrap_bio(there, back, server_side=True),
    ]
    left = list(sides)
    for _ in range(6):
        for side in tuple(left):
            try:
                side.do_handshake()
                left.remove(side)
            except ssl.SSLWantReadError:
                continue
    assert not left
    yield sides[0]


@pytest.mark.parametrize("name", ["db", "shop-db-2", "db.shop.internal", "localhost"])
def test_two_services_believe_each_other_by_each_name(name: str, tmp_path: Path) -> None:
    server = context(tmp_path, LEAF, AUTHORITY.certificate, server=True)
    client = context(tmp_path, WEB, AUTHORITY.certificate, server=False)
    with shaken(server, client, name) as seen:
        shown = seen.getpeercert()
        assert shown is not None and ("URI", "spiffe://shop.internal/service/db") in shown["subjectAltName"]


@pytest.mark.parametrize(
    ("leaf", "bundle", "name"),
    [
        (LEAF, AUTHORITY.certificate, "web"),
        (LEAF, AUTHORITY.certificate, "shop-db-3"),
        (LEAF, OTHER.certificate, "db"),
        (issue(AUTHORITY, DB, NOW - WEEK, WEEK), AUTHORITY.certificate, "db"),
        (issue(AUTHORITY, replace(DB, project="other"), NOW, WEEK), AUTHORITY.certificate, "db"),
    ],
    ids=["by a wrong name", "a replica that there is not", "another authority", "over", "of another stack"],
)
def test_others_are_refused(leaf: Pair, bundle: bytes, name: str, tmp_path: Path) -> None:
    server = context(tmp_path, leaf, AUTHORITY.certificate, server=True)
    client = context(tmp_path, WEB, bundle, server=False)
    with pytest.raises(ssl.SSLError), shaken(server, client, name):
        pass
