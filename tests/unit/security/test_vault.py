"""Sealed contents: open only as what they are, with their key, and unchanged."""

from __future__ import annotations

import base64
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.model.errors import ControllerError
from controller.security import vault
from controller.security.vault import (
    AUTHORITY,
    SECRETS,
    Key,
    RecordDamaged,
    Ring,
    VaultLocked,
    context_of,
    is_for,
    key_of,
    make_canary,
    make_key,
    read_key,
    rewrap,
    seal,
    tag_of,
    unseal,
)

pytestmark = pytest.mark.unit

OLD, NEW = (read_key(make_key(), "here") for _ in range(2))
RING = Ring((OLD,))
BYTES = bytes((7 * number * number + 251) % 256 for number in range(31)) + b"\xff"
WORD = st.text(max_size=12)
CONTEXT = st.tuples(WORD, WORD, WORD, st.integers(1, 9)).map(lambda parts: context_of(*parts))


@pytest.mark.parametrize(
    "text",
    [
        base64.b64encode(BYTES).decode(),
        base64.urlsafe_b64encode(BYTES).decode(),
        base64.b64encode(BYTES).decode().rstrip("="),
        BYTES.hex(),
        BYTES.hex().upper(),
        f"  {BYTES.hex()}\n",
    ],
)
def test_a_key_is_read_in_base64_fernets_form_and_hex(text: str) -> None:
    assert read_key(text, "here") == Key(BYTES)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no key of 32 bytes"),
        ("changeme", "no key of 32 bytes"),
        (base64.b64encode(BYTES[:31]).decode(), "no key of 32 bytes"),
        (base64.b64encode(BYTES + b"x").decode(), "no key of 32 bytes"),
        (BYTES.hex()[:62], "no key of 32 bytes"),
        ("<BASE 64 ENCODED SECRET>", "no key of 32 bytes"),
        ("cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=", "an example"),
        (base64.b64encode(b"\0" * 32).decode(), "an example"),
        ("0123456789abcdef" * 4, "an example"),
        (bytes(range(32)).hex(), "an example"),
        (base64.b64encode(b"a passphrase of 32 letters, sure").decode(), "an example"),
    ],
)
def test_what_is_short_or_can_be_guessed_is_no_key(text: str, why: str) -> None:
    with pytest.raises(ControllerError, match=f"here: {why}") as caught:
        read_key(text, "here")
    assert caught.value.hint == "make one with: openssl rand -base64 32" and "\n" not in caught.value.message
    assert text == "" or text not in caught.value.message


@given(st.binary(max_size=200), CONTEXT)
def test_what_was_sealed_opens_as_it_was(content: bytes, context: str) -> None:
    assert unseal(RING, SECRETS, context, seal(RING, SECRETS, context, content)) == content


@given(st.lists(CONTEXT, min_size=2, max_size=6, unique=True))
def test_no_record_takes_the_place_of_another(contexts: list[str]) -> None:
    sealed = {context: seal(RING, SECRETS, context, b"value") for context in contexts}
    for there in contexts:
        for record in (sealed[other] for other in contexts if other != there):
            with pytest.raises(RecordDamaged):
                unseal(RING, SECRETS, there, record)
        with pytest.raises(RecordDamaged):
            unseal(RING, AUTHORITY, there, sealed[there])


@given(st.data())
def test_no_part_of_a_record_takes_the_place_of_anothers(data: st.DataObject) -> None:
    one, two = (seal(RING, SECRETS, context_of("stack", name, 1), b"value").split(":") for name in ("a", "b"))
    number = data.draw(st.integers(3, 4))
    one[number] = two[number]
    with pytest.raises(RecordDamaged):
        unseal(RING, SECRETS, context_of("stack", "a", 1), ":".join(one))


def test_every_flipped_bit_is_refused() -> None:
    sealed = seal(RING, SECRETS, "it", b"v").encode()
    for place in range(len(sealed)):
        for bit in range(8):
            other = bytearray(sealed)
            other[place] ^= 1 << bit
            with pytest.raises((RecordDamaged, VaultLocked)):
                unseal(RING, SECRETS, "it", bytes(other).decode("latin-1"))
            if 3 <= place < 11:
                continue  # of the key's name: another key, which is not at hand
            with pytest.raises(RecordDamaged):
                unseal(RING, SECRETS, "it", bytes(other).decode("latin-1"))


@given(st.integers(0, 200))
def test_what_is_cut_off_is_refused(length: int) -> None:
    sealed = seal(RING, SECRETS, "it", b"v")
    if length < len(sealed):
        with pytest.raises(RecordDamaged):
            unseal(RING, SECRETS, "it", sealed[:length])


def test_another_key_is_told_by_name_and_by_the_canary() -> None:
    sealed = seal(RING, SECRETS, "it", b"v")
    with pytest.raises(VaultLocked, match=f"under key {OLD.id}; at hand: {NEW.id}"):
        unseal(Ring((NEW,)), SECRETS, "it", sealed)
    assert is_for(RING, make_canary(RING)) and is_for(Ring((NEW, OLD)), make_canary(RING))
    assert not is_for(Ring((NEW,)), make_canary(RING)) and not is_for(RING, "") and not is_for(RING, sealed)


def test_a_key_of_the_same_name_that_is_another_one_opens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = seal(RING, SECRETS, "it", b"v")
    monkeypatch.setattr(Key, "id", OLD.id)
    with pytest.raises(RecordDamaged):
        unseal(Ring((NEW,)), SECRETS, "it", sealed)


@given(st.binary(max_size=50), CONTEXT)
def test_under_the_next_key_it_is_the_same_and_the_old_one_is_not_needed(content: bytes, context: str) -> None:
    sealed = seal(RING, SECRETS, context, content)
    turned = rewrap(Ring((NEW, OLD)), sealed)
    assert (key_of(sealed), key_of(turned)) == (OLD.id, NEW.id)
    assert unseal(Ring((NEW,)), SECRETS, context, turned) == content
    assert rewrap(Ring((NEW, OLD)), turned) == turned


def test_nothing_is_sealed_twice_alike_and_sub_keys_differ() -> None:
    assert len({seal(RING, SECRETS, "it", b"v") for _ in range(50)}) == 50
    assert len({OLD.sub_key(use) for use in ("secrets", "ca", "audit", "canary", "tags", "id")}) == 6
    assert OLD.sub_key("ca") == Key(OLD.master).sub_key("ca")


def test_sub_keys_are_what_hkdf_says_with_the_label() -> None:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    for label in ("secrets/v1", "ca/v1", "audit/v1"):
        told = HKDF(SHA256(), 32, None, label.encode()).derive(OLD.master)
        assert OLD.sub_key(label.partition("/")[0]) == told


@given(st.binary(max_size=20), st.binary(max_size=20))
def test_a_tag_stands_for_the_content_under_one_key(one: bytes, two: bytes) -> None:
    assert (tag_of(OLD, "it", one) == tag_of(OLD, "it", two)) == (one == two)
    assert tag_of(OLD, "it", one) != tag_of(NEW, "it", one) and tag_of(OLD, "it", one) != tag_of(OLD, "other", one)


def test_a_key_is_in_no_text_of_it() -> None:
    assert OLD.master.hex() not in repr(OLD) and repr(OLD.master) not in repr(Ring((OLD,)))


@given(st.lists(WORD, min_size=1, max_size=4), st.lists(WORD, min_size=1, max_size=4))
def test_other_parts_make_another_context(one: list[str], two: list[str]) -> None:
    assert (context_of(*one) == context_of(*two)) == (one == two)


def test_random_keys_are_never_taken_for_made_up_ones() -> None:
    assert not any(vault._is_made_up(os.urandom(32)) for _ in range(2000))
