"""Signed tokens (JWT) as RFC 8725 wants them: one algorithm, our own keys, every claim required. Pure.

PyJWT checks signatures. By itself it takes a missing `exp`, any `typ`, lists of audiences and short keys: all else is
judged here, against an instant that is given.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from controller.model.errors import ControllerError

Algorithm = Literal["HS256", "EdDSA"]
TYPE, ISSUER = "at+jwt", "controller"
LARGEST = 8192
"""Bytes of a token."""
LEEWAY = 30.0
"""Seconds by which clocks may differ."""
KID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_FORM = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
_ID = re.compile(r"[0-9a-f]{16}")
_CLAIMS = ("iss", "aud", "sub", "exp", "iat", "nbf", "jti")
_MORE = ("roles", "stacks")
_HEADER = frozenset({"alg", "typ", "kid"})
_LEAST_SECRET = 32
_EXAMPLES = ("change", "example", "your", "secretkey", "jwtsecret", "placeholder", "insecure", "password", "12345678")


class BadToken(Exception):
    """It opens nothing; the message says why, to a person, and quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class Key:
    """What signs, and checks. `secret`: 32 bytes or more; of Ed25519 the seed."""

    kid: str
    algorithm: Algorithm
    secret: bytes = field(repr=False)

    @property
    def signer(self) -> bytes | Ed25519PrivateKey:
        return self.secret if self.algorithm == "HS256" else Ed25519PrivateKey.from_private_bytes(self.secret)

    @property
    def checker(self) -> Any:
        signer = self.signer
        return signer if isinstance(signer, bytes) else signer.public_key()


@dataclass(frozen=True, slots=True)
class Ring:
    """The keys of one controller, all of one algorithm: the first one signs, all of them check."""

    audience: str
    keys: tuple[Key, ...]

    @property
    def active(self) -> Key:
        return self.keys[0]

    @property
    def algorithm(self) -> Algorithm:
        return self.active.algorithm


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says. `roles` None: those that the manifest gives its user. `stacks`: these alone; none: all."""

    id: str
    user: str
    issued: float
    expires: float
    roles: tuple[str, ...] | None = None
    stacks: tuple[str, ...] = ()


def read_secret_key(text: str) -> Key:
    """The key out of `JWT_SECRET_KEY`. Raises ControllerError where it is one that can be guessed."""
    hint = "openssl rand -base64 48"
    secret, folded = text.encode(), re.sub(r"[^a-z0-9]", "", text.lower())
    if len(secret) < _LEAST_SECRET:
        raise ControllerError(f"JWT_SECRET_KEY has {len(secret)} bytes, and needs {_LEAST_SECRET}", hint=hint)
    if len(set(text)) < 10 or any(word in folded for word in _EXAMPLES):
        raise ControllerError("JWT_SECRET_KEY is an example, or can be guessed like one", hint=hint)
    digest = hashlib.sha256(b"controller kid:" + secret).digest()
    return Key(f"hs-{base64.urlsafe_b64encode(digest)[:16].decode()}", "HS256", secret)


def sign(ring: Ring, claims: Claims) -> str:
    """The token itself, which is kept nowhere."""
    issued = int(claims.issued)
    said = {"iss": ISSUER, "aud": ring.audience, "sub": claims.user, "jti": claims.id, "iat": issued, "nbf": issued}
    said |= {"exp": int(claims.expires)}
    said |= {"roles": list(claims.roles)} if claims.roles is not None else {}
    said |= {"stacks": list(claims.stacks)} if claims.stacks else {}
    key = ring.active
    return jwt.encode(said, key.signer, algorithm=key.algorithm, headers={"typ": TYPE, "kid": key.kid})


def verify(ring: Ring, text: str, now: float) -> Claims:
    """What it says. Raises BadToken. Whether it was revoked is not known here."""
    if len(text.encode(errors="replace")) > LARGEST:
        raise BadToken(f"it is larger than {LARGEST} bytes")
    key = _find_key(ring, _read_header(text))
    options: Any = {
        "require": list(_CLAIMS),
        "enforce_minimum_key_length": True,
        **dict.fromkeys(("verify_exp", "verify_iat", "verify_nbf", "verify_aud", "verify_iss"), False),
    }
    try:
        said = jwt.decode(text, key.checker, algorithms=[ring.algorithm], options=options)
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise BadToken(f"it is no token of this controller: {type(error).__name__}") from None
    return _judge(said, ring.audience, now)


def _is_canonical(part: str) -> bool:
    """PyJWT takes padding, too, and last bits that say nothing: of two spellings of one token one is too many."""
    try:
        raw = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except binascii.Error:
        return False
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode() == part


def _read_header(text: str) -> Mapping[str, Any]:
    """As it is written, before anything of it is believed."""
    if not _FORM.fullmatch(text) or not all(map(_is_canonical, text.split("."))):
        raise BadToken("it does not have three parts in base64url")
    try:
        head = text.partition(".")[0]
        raw = base64.urlsafe_b64decode(head + "=" * (-len(head) % 4))
        header = json.loads(raw, object_pairs_hook=_once)
    except (ValueError, binascii.Error, RecursionError):
        raise BadToken("its header cannot be read") from None
    if not isinstance(header, dict):
        raise BadToken("its header is none")
    return header


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a name is there twice")
    return dict(pairs)


def _find_key(ring: Ring, header: Mapping[str, Any]) -> Key:
    """By its `kid` among our own; what would name another one (`jku`, `x5u`, `jwk`), `crit` and the like is refused."""
    if more := sorted(header.keys() - _HEADER):
        raise BadToken(f"its header has {', '.join(more)[:80]}")
    if header.get("typ") != TYPE:
        raise BadToken(f"its typ is not {TYPE}")
    if header.get("alg") != ring.algorithm:
        raise BadToken(f"its alg is not {ring.algorithm}")
    kid = header.get("kid")
    if not isinstance(kid, str) or not KID.fullmatch(kid):
        raise BadToken("its kid is none")
    found = next((key for key in ring.keys if key.kid == kid), None)
    return found or _refuse("it was signed with a key that is not, or no more, in use here")


def _judge(said: Mapping[str, Any], audience: str, now: float) -> Claims:
    if said.keys() - {*_CLAIMS, *_MORE}:
        raise BadToken("it says what no token of ours says")
    if said["iss"] != ISSUER or said["aud"] != audience:
        raise BadToken("it is for another controller")
    user, number = said["sub"], said["jti"]
    if (
        not isinstance(user, str)
        or not 0 < len(user) <= 256
        or not isinstance(number, str)
        or not _ID.fullmatch(number)
    ):
        raise BadToken("its sub or jti is none")
    issued, begins, ends = (_instant(said[name]) for name in ("iat", "nbf", "exp"))
    if ends + LEEWAY < now:
        raise BadToken("it has expired")
    if max(issued, begins) - LEEWAY > now or ends <= issued:
        raise BadToken("it is not valid yet")
    roles = _names(said["roles"]) if "roles" in said else None
    return Claims(number, user, issued, ends, roles, _names(said.get("stacks", [])))


def _instant(value: object) -> float:
    """Whole seconds: no text, no `true`, nothing that is no number."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53:
        return float(value)
    _refuse("one of its instants is none")


def _names(value: object) -> tuple[str, ...]:
    if isinstance(value, list) and all(isinstance(one, str) and one for one in value):
        return tuple(value)
    _refuse("its roles or stacks are none")


def _refuse(why: str) -> NoReturn:
    raise BadToken(why)
