"""Tokens: what is issued is taken, and each way to make a wrong one is refused (RFC 8725; RFC 7515, 7519, 9068)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import string
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from controller.model.errors import ControllerError
from controller.security.signing import BadToken, Claims, Key, Ring, read_secret_key, sign, verify

pytestmark = pytest.mark.unit

NOW = 1_800_000_000.0
SECRET = "q7Zt0mJ4vX9sLw2Rk8Bd5Nf1Hc6Py3GaQ"
ED, OLD = Key("ed-1", "EdDSA", b"\x01" * 32), Key("ed-0", "EdDSA", b"\x02" * 32)
HS = read_secret_key(SECRET)
RINGS = {"EdDSA": Ring("c1", (ED, OLD)), "HS256": Ring("c1", (HS,))}
CLAIMS = Claims("0123456789abcdef", "ada", NOW, NOW + 3600, ("operator",), ("shop",))


@pytest.fixture(params=RINGS.values(), ids=RINGS)
def ring(request: pytest.FixtureRequest) -> Ring:
    found: Ring = request.param
    return found


def part(data: object) -> str:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def header(ring: Ring, **changed: Any) -> dict[str, Any]:
    said = {"alg": ring.algorithm, "typ": "at+jwt", "kid": ring.active.kid, **changed}
    return {name: value for name, value in said.items() if value is not ...}


def payload(**changed: Any) -> dict[str, Any]:
    """A value of `...` leaves the claim out."""
    said = {"iss": "controller", "aud": "c1", "sub": "ada", "jti": "0123456789abcdef"}
    said |= {"iat": int(NOW), "nbf": int(NOW), "exp": int(NOW) + 3600, **changed}
    return {name: value for name, value in said.items() if value is not ...}


def signed(key: Key, head: object, body: object) -> str:
    """Rightly signed, whatever it says."""
    text = f"{part(head)}.{part(body)}"
    if key.algorithm == "HS256":
        return f"{text}.{part(hmac.new(key.secret, text.encode(), hashlib.sha256).digest())}"
    return f"{text}.{part(key.signer.sign(text.encode()))}"  # type: ignore[union-attr]


def test_what_is_issued_is_taken(ring: Ring) -> None:
    assert verify(ring, sign(ring, CLAIMS), NOW) == CLAIMS
    plain = Claims("0123456789abcdef", "ada", NOW, NOW + 3600)
    assert verify(ring, sign(ring, plain), NOW) == plain
    assert verify(ring, signed(ring.active, header(ring), payload()), NOW) == plain  # as the vectors are made


def test_a_key_that_has_retired_still_checks_and_one_that_was_dropped_does_not() -> None:
    text = sign(Ring("c1", (OLD,)), CLAIMS)
    assert verify(RINGS["EdDSA"], text, NOW) == CLAIMS
    with pytest.raises(BadToken, match="not, or no more, in use"):
        verify(Ring("c1", (ED,)), text, NOW)


HEADERS: dict[str, dict[str, Any]] = {
    "alg none": {"alg": "none"},
    "alg NoNe": {"alg": "NoNe"},
    "alg empty": {"alg": ""},
    "no alg": {"alg": ...},
    "alg list": {"alg": ["HS256", "EdDSA"]},
    "alg ES256": {"alg": "ES256"},
    "alg RS256": {"alg": "RS256"},
    "alg hs256": {"alg": "hs256"},
    "alg eddsa": {"alg": "eddsa"},
    "alg HS512": {"alg": "HS512"},
    "no typ": {"typ": ...},
    "typ JWT": {"typ": "JWT"},
    "refresh token": {"typ": "rt+jwt"},
    "typ AT+JWT": {"typ": "AT+JWT"},
    "typ null": {"typ": None},
    "long typ": {"typ": "application/at+jwt"},
    "no kid": {"kid": ...},
    "kid path": {"kid": "../../x"},
    "kid unknown": {"kid": "other"},
    "kid number": {"kid": 1},
    "kid empty": {"kid": ""},
    "kid long": {"kid": "x" * 65},
    "kid sql": {"kid": "x' OR '1'='1"},
    "kid line": {"kid": "ed-1\n"},
    "kid file": {"kid": "/dev/null"},
    "kid list": {"kid": ["ed-1"]},
    "crit": {"crit": ["zz"]},
    "crit known": {"crit": ["exp"]},
    "crit empty": {"crit": []},
    "b64": {"b64": False, "crit": ["b64"]},
    "jku": {"jku": "https://evil.example/keys"},
    "x5u": {"x5u": "https://evil.example/c"},
    "jwk": {"jwk": {"kty": "oct", "k": "AAAA"}},
    "x5c": {"x5c": ["AAAA"]},
    "zip": {"zip": "DEF"},
    "enc": {"enc": "A256GCM"},
    "cty": {"cty": "JWT"},
}
CLAIM = {
    **{f"no {name}": {name: ...} for name in ("iss", "aud", "sub", "exp", "iat", "nbf", "jti")},
    **{f"null {name}": {name: None} for name in ("iss", "aud", "sub", "exp", "iat", "nbf", "jti")},
    **{f"{name} text": {name: str(int(NOW))} for name in ("exp", "iat", "nbf")},
    **{f"{name} true": {name: True} for name in ("exp", "iat", "nbf")},
    **{f"{name} huge": {name: 10**400} for name in ("exp", "iat", "nbf")},
    **{f"{name} below": {name: -1} for name in ("exp", "iat", "nbf")},
    **{f"{name} broken": {name: NOW + 0.5} for name in ("exp", "iat", "nbf")},
    **{f"{name} infinite": {name: float("inf")} for name in ("exp", "iat", "nbf")},
    **{f"{name} none": {name: float("nan")} for name in ("exp", "iat", "nbf")},
    "other aud": {"aud": "c2"},
    "aud list": {"aud": ["c1"]},
    "aud lists others": {"aud": ["c1", "c2"]},
    "aud empty": {"aud": ""},
    "other iss": {"iss": "https://evil.example"},
    "iss list": {"iss": ["controller"]},
    "exp -31 s": {"exp": int(NOW) - 31, "iat": int(NOW) - 99, "nbf": int(NOW) - 99},
    "nbf +31 s": {"nbf": int(NOW) + 31},
    "iat +31 s": {"iat": int(NOW) + 31},
    "over before it begins": {"exp": int(NOW) - 1},
    "sub empty": {"sub": ""},
    "sub long": {"sub": "x" * 257},
    "sub number": {"sub": 7},
    "sub list": {"sub": ["ada"]},
    "jti empty": {"jti": ""},
    "jti path": {"jti": "../0123456789abc"},
    "jti number": {"jti": 1},
    "jti long": {"jti": "0" * 17},
    "jti line": {"jti": "0123456789abcdef\n"},
    "more": {"admin": True},
    "deep": {"roles": ["viewer"], "act": {"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": 1}}}}}}}}},
    "roles text": {"roles": "admin"},
    "roles null": {"roles": None},
    "roles numbers": {"roles": [1]},
    "roles map": {"roles": {"admin": 1}},
    "stacks text": {"stacks": "shop"},
    "stacks nested": {"stacks": [["shop"]]},
    "stacks null": {"stacks": None},
}


@pytest.mark.parametrize("changed", HEADERS.values(), ids=HEADERS)
def test_a_wrong_header_is_refused_though_it_is_signed(ring: Ring, changed: dict[str, Any]) -> None:
    with pytest.raises(BadToken):
        verify(ring, signed(ring.active, header(ring, **changed), payload()), NOW)


@pytest.mark.parametrize("changed", CLAIM.values(), ids=CLAIM)
def test_a_wrong_claim_is_refused_though_it_is_signed(ring: Ring, changed: dict[str, Any]) -> None:
    with pytest.raises(BadToken):
        verify(ring, signed(ring.active, header(ring), payload(**changed)), NOW)


@pytest.mark.parametrize("seconds", [-30, 0, 30])
def test_clocks_may_differ_by_half_a_minute(ring: Ring, seconds: int) -> None:
    text = signed(ring.active, header(ring), payload(exp=int(NOW) + 60, nbf=int(NOW) + max(0, seconds)))
    assert verify(ring, text, NOW + (90 if seconds < 0 else 0)).user == "ada"


def public_pem(key: Key) -> bytes:
    return key.checker.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)  # type: ignore[no-any-return]


def hmac_with(secret: bytes, head: dict[str, Any]) -> str:
    return signed(Key("x", "HS256", secret), head, payload())


def es256(head: dict[str, Any]) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return jwt.encode(payload(), key, algorithm="ES256", headers=head)


RAW = serialization.Encoding.Raw, serialization.PublicFormat.Raw
ED_RING, HS_RING = RINGS["EdDSA"], RINGS["HS256"]
FORGED: dict[str, tuple[Ring, Callable[[], str]]] = {
    "unsigned": (ED_RING, lambda: f"{part(header(ED_RING, alg='none'))}.{part(payload())}."),
    "no signature": (ED_RING, lambda: sign(ED_RING, CLAIMS).rpartition(".")[0] + "."),
    "public key as secret": (ED_RING, lambda: hmac_with(public_pem(ED), header(ED_RING, alg="HS256"))),
    "raw public key as secret": (
        ED_RING,
        lambda: hmac_with(ED.checker.public_bytes(*RAW), header(ED_RING, alg="HS256")),
    ),
    "public key as secret, alg kept": (ED_RING, lambda: hmac_with(public_pem(ED), header(ED_RING))),
    "another curve": (ED_RING, lambda: es256(header(ED_RING, alg="ES256"))),
    "another key, same kid": (ED_RING, lambda: signed(Key("ed-1", "EdDSA", b"\x09" * 32), header(ED_RING), payload())),
    "the other key of the ring": (ED_RING, lambda: signed(OLD, header(ED_RING), payload())),
    "changed over to a secret": (HS_RING, lambda: sign(ED_RING, CLAIMS)),
    "changed over to a key": (ED_RING, lambda: sign(HS_RING, CLAIMS)),
    "empty secret": (HS_RING, lambda: hmac_with(b"", header(HS_RING))),
    "another secret": (HS_RING, lambda: hmac_with(b"x" * 32, header(HS_RING))),
    "wider hash": (HS_RING, lambda: jwt.encode(payload(), HS.secret * 2, "HS512", {"typ": "at+jwt", "kid": HS.kid})),
    "1 MiB": (HS_RING, lambda: signed(HS, header(HS_RING), payload(pad="x" * 2**20))),
    "more than 8 KiB": (HS_RING, lambda: signed(HS, header(HS_RING), payload(pad="x" * 8192))),
    "nested": (HS_RING, lambda: signed(HS, header(HS_RING), b"[" * 5900)),
    "nested header": (HS_RING, lambda: signed(HS, b"[" * 5900, payload())),
    "a name twice": (
        HS_RING,
        lambda: signed(HS, f'{{"alg":"none",{json.dumps(header(HS_RING))[1:]}'.encode(), payload()),
    ),
    "list as header": (HS_RING, lambda: signed(HS, ["HS256"], payload())),
    "list as claims": (HS_RING, lambda: signed(HS, header(HS_RING), ["ada"])),
    "no JSON": (HS_RING, lambda: signed(HS, header(HS_RING), b"ada")),
    "five parts (JWE)": (HS_RING, lambda: f"{sign(HS_RING, CLAIMS)}.AAAA.AAAA"),
    "two parts": (HS_RING, lambda: sign(HS_RING, CLAIMS).rpartition(".")[0]),
    "nothing": (HS_RING, lambda: ""),
    "dots": (HS_RING, lambda: ".."),
    "no ASCII": (HS_RING, lambda: "ü" + sign(HS_RING, CLAIMS)),
    "spaces": (HS_RING, lambda: sign(HS_RING, CLAIMS).replace(".", ". ")),
    "line end": (HS_RING, lambda: sign(HS_RING, CLAIMS) + "\n"),
}


@pytest.mark.parametrize(("ring", "make"), FORGED.values(), ids=FORGED)
def test_a_forged_one_is_refused(ring: Ring, make: Callable[[], str]) -> None:
    with pytest.raises(BadToken):
        verify(ring, make(), NOW)


@given(st.data())
def test_no_character_can_be_another(data: st.DataObject) -> None:
    """Nor one that differs in the spare bits of base64 alone: of each token there is one spelling."""
    ring = data.draw(st.sampled_from(tuple(RINGS.values())))
    text = sign(ring, CLAIMS)
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from("AZaz09-_.!"))
    changed = text[:place] + other + text[place + 1 :]
    if changed == text:
        return
    with pytest.raises(BadToken):
        verify(ring, changed, NOW)


@pytest.mark.parametrize("ring", RINGS.values(), ids=RINGS)
def test_of_each_token_there_is_one_spelling(ring: Ring) -> None:
    text = sign(ring, CLAIMS)
    letters = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
    for spelled in (*(text[:-1] + letter for letter in letters), text + "=", text + "=="):
        if spelled != text:
            with pytest.raises(BadToken):
                verify(ring, spelled, NOW)


@given(st.text(max_size=300) | st.binary(max_size=200).map(lambda raw: f"{part(raw)}.{part(raw)}.{part(raw)}"))
def test_whatever_is_shown_is_refused_and_nothing_breaks(text: str) -> None:
    for ring in RINGS.values():
        with pytest.raises(BadToken):
            verify(ring, text, NOW)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "short",
        "x" * 31,
        SECRET[:31],
        "x" * 64,
        "0123456701234567012345670123456701234567",
        "change-me-please-0123456789abcdefghijkl",
        "CHANGE_ME_IN_PRODUCTION_0123456789abcdef",
        "your-secret-key-at-least-32-bytes-long!",
        "your_jwt_secret_key_here_0123456789abcd",
        "this-is-an-example-key-for-jwt-signing!!",
        "12345678901234567890123456789012",
        "insecure-0123456789-abcdefghijklmnopqrst",
        "My-Super-Secret-Key-0123456789-abcdefgh",
    ],
)
def test_a_secret_that_can_be_guessed_is_none(text: str) -> None:
    with pytest.raises(ControllerError, match="JWT_SECRET_KEY") as refused:
        read_secret_key(text)
    assert refused.value.hint == "openssl rand -base64 48"
    assert not text or text not in str(refused.value)


def test_keys_print_no_secret() -> None:
    assert SECRET not in repr(HS) and SECRET not in repr(HS_RING) and "\\x01" not in repr(ED)
    assert SECRET not in HS.kid and HS.kid == read_secret_key(SECRET).kid != read_secret_key(SECRET + "2").kid
